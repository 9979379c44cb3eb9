"""Rounding without memory: what is on the array plus the change, in whole levels or pulses.

Rounded to the nearest, a change below half a step is lost, however often it is asked for; rounded up with the
probability of the remainder, the mean is right and the variance is up to a quarter of a squared step at each update.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.chip.whole import Chip
from analogsim.learning.updates.base import Deltas, Stepped, new_biases
from analogsim.registry import register


@register.update(
    "nearest", "what is on the array plus the change, rounded to the nearest level or pulse, without memory"
)
@dataclass(frozen=True)
class Rounded(Stepped):
    """Rounds every change to whole steps.

    Parameters
    ----------
    at_random : bool
        Round up with the probability of the remainder, instead of to the nearest.
    """

    at_random: bool = False

    def __call__(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Round every change to whole steps."""
        wanted = [dw / self.circuit.granularity(chip, j) for j, (dw, _) in enumerate(deltas)]
        counts = [np.floor(n + rng.random(n.shape)) if self.at_random else np.rint(n) for n in wanted]
        return self.step(chip, counts, new_biases(chip, deltas), rng)


@register.update("stochastic", "the same as nearest, rounded at random so that the mean is right")
@dataclass(frozen=True)
class Stochastic(Rounded):
    """`Rounded` at random."""

    at_random: bool = True
