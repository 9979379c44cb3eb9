"""A digital accumulator beside the array, χ ← χ + ΔW: its whole steps are written to the cells and taken off χ.

Source: Nandakumar et al., doi:10.3389/fnins.2020.00406.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.chip.state import DeviceState
from analogsim.chip.whole import Chip
from analogsim.learning.updates.base import Array, Deltas, Stepped, new_biases, remember
from analogsim.registry import register


@register.update("mixed-precision", "a digital accumulator whose whole steps are written")
@dataclass(frozen=True)
class MixedPrecision(Stepped):
    """A digital accumulator: what is too small to be written is kept, not lost."""

    def __call__(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Write the whole steps of the accumulators, towards zero."""
        counts, kept = [], dict[int, Array]()
        for j, (dw, _) in enumerate(deltas):
            chi = chip.devices.accumulator.get(j, 0.0) + dw
            grain = self.circuit.granularity(chip, j)
            counts.append(np.trunc(chi / grain))
            kept[j] = chi - grain * counts[-1]
        return remember(self.step(chip, counts, new_biases(chip, deltas), rng), DeviceState(accumulator=kept))
