"""Phase-change material on a waveguide: a non-volatile transmission, in pairs for signed weights.

A cell passes T between T_max/(1 + C) and T_max, C being the contrast (T_max − T_min)/T_min; a weight is the difference
of two cells, programmed to one of 2^(bits−1) levels with a standard deviation given in shares of the range.

What a cell is crystallised by it is, over many writes, amorphised by too: a write is counted as one full swing there
and back, (e_c + e_a) 10 log₁₀(1 + C) with e_c and e_a the energies by one decibel.

Zhou et al., Nature Communications 14, 2887 (2023), doi:10.1038/s41467-023-38473-x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.optical import Curves
from analogsim.devices.weighting import Channels, Realised, Weighting
from analogsim.registry import register


@register.device("photonic-pcm")
@dataclass(frozen=True, kw_only=True)
class PhotonicPCM(Weighting):
    """Pairs of cells.

    Parameters
    ----------
    contrast : float
        C = (T_max − T_min)/T_min; > 0.
    transmission_max : float
        T_max of an amorphous cell; 0 < T_max ≤ 1.
    spread : float
        Standard deviation of a programmed transmission, in shares of the range.
    energy_per_decibel, amorphising_energy : float
        e_c and e_a, energies of crystallising and of amorphising a cell by one decibel, J.
    """

    contrast: float = quantity("(T_max − T_min)/T_min", above=0)
    transmission_max: float = quantity("greatest transmission of a cell", above=0, high=1)
    write_energy: float = quantity(
        "energy of writing one weight; without it a full swing and back", "J", low=0, default=None
    )
    spread: float = quantity("standard deviation of a programmed transmission, in ranges", low=0, ideal=0.0)
    energy_per_decibel: float = quantity("energy of crystallising a cell by one decibel", "J", low=0)
    amorphising_energy: float = quantity("energy of amorphising a cell by one decibel", "J", low=0)

    @property
    def transmission_min(self) -> float:
        """T_min."""
        return self.transmission_max / (1.0 + self.contrast)

    def _complete(self) -> None:
        super()._complete()
        if self.write_energy is None:
            self._follow("J", write_energy=self.swing_energy())

    def erase_energy(self) -> float:
        """Energy of crystallising a cell from T_max to T_min, J."""
        return self.energy_per_decibel * 10.0 * float(np.log10(1.0 + self.contrast))

    def swing_energy(self) -> float:
        """Energy of crystallising a cell from T_max to T_min and amorphising it again, J."""
        decibels = 10.0 * float(np.log10(1.0 + self.contrast))
        return (self.energy_per_decibel + self.amorphising_energy) * decibels

    def realise(
        self, relative: Array, outputs: Channels, fixed: np.random.Generator, fresh: np.random.Generator, correct: bool
    ) -> Realised:
        """Program both cells of each pair."""
        share = self.quantise(np.stack([np.maximum(relative, 0.0), np.maximum(-relative, 0.0)]))
        share = np.maximum(share + self.spread * fresh.standard_normal(share.shape), 0.0)
        span, low = self.transmission_max - self.transmission_min, self.transmission_min
        split = 1.0 / (2 * min(len(relative), self.channels))
        floor = np.full((2, len(relative), 1), low / span)
        light = (2 * low + span * share.sum(axis=0)) * split
        return Realised(share[0] + low / span, share[1] + low / span, floor, light, span * split)

    def curves(self) -> Curves:
        """Transmission over the programmed share."""
        share = self.quantise(np.linspace(0, 1, 400))
        transmitted = self.transmission_min + (self.transmission_max - self.transmission_min) * share
        return Curves(np.linspace(0, 1, 400), {"transmission": transmitted}, "amorphous share (1)", "transmission (1)")

    def words(self) -> list[str]:
        """Say how well cells are programmed."""
        return [*super().words(), f"contrast {self.contrast:.1%}, programming σ {self.spread:.2%} of the range"]
