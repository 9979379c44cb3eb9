"""When the reads of a crossbar are noisy, and which part of its cells' 1/f noise is part of the weights.

Cells whose read noise is 1/f noise (`analogsim.devices.slow_noise`) have most of it at frequencies that no sample sees
change. That part is drawn when a cell is written and added to its conductance, so that both directions of the reads,
the wires and the learning see it; it moves on with the age of the chip. The rest is noise of the reads, of which a
share is held while a sample lasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.cards import choice, quantity
from analogsim.chip.noise_levels import CORRELATIONS, READ_MODES, ReadClock
from analogsim.circuits.base import Array
from analogsim.circuits.crossbar.tiling import Tiled
from analogsim.devices import slow_noise


@dataclass(frozen=True, kw_only=True)
class Reads(Tiled):
    """A circuit whose arrays are read on a clock.

    Parameters
    ----------
    read_mode, read_period, read_correlation
        The read clock; see `analogsim.chip.noise_levels.ReadClock`.
    sample_time : float
        Time constants that a sample takes, over which a share of the 1/f noise is held.
    noise_batch : int
        Samples in a row over which the slow share of the 1/f noise stands still.
    """

    read_mode: str = choice("how long a draw of the read noise holds", READ_MODES, default="per-read")
    read_period: float = quantity("period (or correlation time) of the read noise, in time constants", above=0)
    read_correlation: str = choice("draw of the two compartments", CORRELATIONS, default="common")
    sample_time: float = quantity("time constants of a sample, for the speed of 1/f noise", above=0, default=20.0)
    noise_batch: int = quantity(
        "samples over which slow 1/f noise stands still", low=1, high=10**9, whole=True, default=50
    )

    def flicker(self, seconds: float) -> tuple[slow_noise.Band, slow_noise.Shares] | None:
        """Band of the cells' 1/f noise at an age, and how it is shared out; None if there is none."""
        band = None if self.noise is not None else self.device.flicker_band(seconds)
        if band is None:
            return None
        return band, slow_noise.shares(band, self.sample_time * self.time_unit, self.noise_batch, self._average())

    def _average(self) -> float:
        """Variance that the mean over a sample leaves of noise on the read clock, in units of its own."""
        x = self.read_period / self.sample_time
        if self.read_mode == "ou":
            return float(2 * x * (1 + x * np.expm1(-1 / x)))
        return min(x, 1.0) if self.read_mode == "per-read" else 1.0

    def read_clock(self, seconds: float) -> ReadClock:
        """The read clock of a chip at an age."""
        found = self.flicker(seconds)
        held = 0.0 if found is None else found[1].held / (found[1].held + found[1].fast)
        return ReadClock(self.read_mode, self.read_period, self.read_correlation, held)

    def written_noise(self, seconds: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array | None:
        """The slow 1/f noise of cells that are written now and read at an age; None if they have none."""
        found = self.flicker(seconds)
        # A generator of its own: what is written does not depend on whether cells are noisy.
        return None if found is None else slow_noise.begun(found[1].slow, shape, rng.spawn(1)[0])

    def later_noise(self, held: Array | None, before: float, after: float, rng: np.random.Generator) -> Array | None:
        """The slow 1/f noise of cells at another age."""
        old, new = self.flicker(before), self.flicker(after)
        if held is None or old is None or new is None or before == after:
            return held
        ends = (old[0], old[1].slow), (new[0], new[1].slow)
        return slow_noise.moved(held, *ends, after - before, rng)

    def with_slow_noise(self, cells: Array, sigma: Array, held: Array | None, seconds: float) -> tuple[Array, Array]:
        """Conductances with their slow 1/f noise, never negative, and the noise that is left to the reads, both S.

        Parameters
        ----------
        cells, sigma : arrays
            Conductances at an age and their noise of one read, S.
        held : (K, …) array, optional
            Slow noise of the cells; without any, all of it is left to the reads.
        seconds : float
            Their age.
        """
        found = self.flicker(seconds)
        if held is None or found is None:
            return cells, sigma
        unit = sigma / np.sqrt(sum(found[1]))
        return np.maximum(cells + unit * held.sum(axis=0), 0.0), sigma * np.sqrt(found[1].changing)
