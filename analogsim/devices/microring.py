r"""Microring weight bank: add-drop rings tuned on and off resonance; a weight is drop minus through.

A ring with self-couplings t_1, t_2, round-trip amplitude a and round-trip phase φ drops and passes

.. math::
    T_d = \frac{(1 - t_1^2)(1 - t_2^2)\,a}{D}, \qquad T_t = 1 - \frac{(1 - t_1^2)(1 - t_2^2 a^2)}{D}, \qquad
    D = 1 - 2 t_1 t_2 a \cos φ + (t_1 t_2 a)^2 ,

and w = T_d − T_t; without loss 1/D is a Lorentzian and w = 2/(1 + (2δ/Γ)²) − 1. Light is not absorbed by a weight but
routed, so every source lights the detectors whatever the weights. The phase is set with an error, the couplings are as
fabricated; weights span the smaller of the two sides.

Standard transfer functions of add-drop rings: Bogaerts et al., Laser & Photonics Reviews 6, 47 (2012),
doi:10.1002/lpor.201100017. Weight banks: Tait et al., Sci. Rep. 7, 7430 (2017), doi:10.1038/s41598-017-07754-z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.optical import Curves
from analogsim.devices.weighting import Channels, Realised, Weighting
from analogsim.errors import InputError
from analogsim.registry import register


@register.device("microring-bank")
@dataclass(frozen=True, kw_only=True)
class MicroringBank(Weighting):
    """A ring for each weight.

    Parameters
    ----------
    coupling : float
        t of both couplers, self-coupling of the field; 0 < t < 1.
    round_trip : float
        a, amplitude that is left after one round; 0 < a ≤ 1.
    phase_error : float
        Standard deviation of the round-trip phase at each writing, rad.
    coupler_error : float
        Standard deviation of each coupler's t.
    """

    coupling: float = quantity("self-coupling of the field at both couplers", above=0, high=0.9999)
    round_trip: float = quantity("amplitude that is left after one round", above=0, high=1)
    phase_error: float = quantity("standard deviation of the round-trip phase", "rad", low=0, default=0.0, ideal=0.0)
    coupler_error: float = quantity("standard deviation of the self-coupling", low=0, high=0.1, default=0.0, ideal=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.span > 0:
            raise InputError(
                f"device.round_trip = {self.round_trip:g} with device.coupling = {self.coupling:g}: the ring loses "
                "more than it drops, so that no weight is positive. Lower the coupling or the loss."
            )

    def weight(self, phase: ArrayLike) -> Array:
        """w = T_d − T_t at a round-trip phase, rad from resonance."""
        drop, through = self.transmissions(np.asarray(phase, dtype=float), self.coupling, self.coupling)
        return drop - through

    def linewidth(self) -> float:
        """Full width at half maximum of the resonance, rad."""
        product = self.coupling**2 * self.round_trip
        return float(2.0 * np.arccos(1.0 - (1.0 - product) ** 2 / (2.0 * product)))

    def transmissions(self, phase: Array, t1: ArrayLike, t2: ArrayLike) -> tuple[Array, Array]:
        """T_d and T_t."""
        t1, t2, a = np.asarray(t1), np.asarray(t2), self.round_trip
        below = 1.0 - 2.0 * t1 * t2 * a * np.cos(phase) + (t1 * t2 * a) ** 2
        return (1 - t1**2) * (1 - t2**2) * a / below, 1.0 - (1 - t1**2) * (1 - t2**2 * a**2) / below

    @property
    def span(self) -> float:
        """Greatest |w| that both signs reach."""
        return float(min(self.weight(0.0), -self.weight(np.pi)))

    def phase_for(self, weight: ArrayLike) -> Array:
        """Round-trip phase that gives w without errors, rad in [0, π]."""
        t2, a = self.coupling**2, self.round_trip
        both = (1 - t2) * ((1 - t2) * a + 1 - t2 * a**2)
        below = both / (1.0 + np.asarray(weight, dtype=float))
        return np.arccos(np.clip((1.0 + (t2 * a) ** 2 - below) / (2.0 * t2 * a), -1.0, 1.0))

    def realise(
        self, relative: Array, outputs: Channels, fixed: np.random.Generator, fresh: np.random.Generator, correct: bool
    ) -> Realised:
        """Tune every ring."""
        phase = self.phase_for(self.quantise(relative) * self.span)
        if self.phase_error:
            phase = phase + self.phase_error * fresh.standard_normal(phase.shape)
        t1, t2 = self.coupling + self.coupler_error * fixed.standard_normal((2, *phase.shape))
        drop, through = self.transmissions(phase, np.clip(t1, 0.0, 0.9999), np.clip(t2, 0.0, 0.9999))
        share = 1.0 / min(len(relative), self.channels)
        floor = np.zeros((2, len(relative), 1))
        return Realised(drop / self.span, through / self.span, floor, (drop + through) * share, self.span * share)

    def curves(self) -> Curves:
        """Drop, through and weight over the detuning."""
        detuning = np.linspace(-5, 5, 401)
        drop, through = self.transmissions(detuning * self.linewidth(), self.coupling, self.coupling)
        shown = {"drop": drop, "through": through, "weight": drop - through}
        return Curves(detuning, shown, "detuning (linewidths)", "transmission (1)")

    def words(self) -> list[str]:
        """Say what errs."""
        said = [*super().words(), f"drop minus through of rings, weights within ±{self.span:.3g} of the light"]
        said += [f"phase error σ {self.phase_error:g} rad"] if self.phase_error else []
        return said + ([f"coupler error σ {self.coupler_error:g}"] if self.coupler_error else [])
