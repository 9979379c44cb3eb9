"""What reading an array in one direction amounts to."""

from __future__ import annotations

from dataclasses import dataclass

from analogsim.circuits.base import Array
from analogsim.circuits.tia import Amplifiers


@dataclass
class Read:
    """One direction of an array."""

    weights: Array
    sigma: Array | None = None
    amplifiers: Amplifiers | None = None
    offset: Array | None = None

    def add(self, error: Array, gain: float) -> None:
        """Add an error to the weights, also as the amplifiers see it."""
        self.weights = self.weights + error
        if self.amplifiers is not None:
            first = error * (1.0 + self.amplifiers.noise_gain[0] / gain)[:, None]
            weights = self.amplifiers.weights.copy()
            weights[0] += first
            self.amplifiers = Amplifiers(weights, self.amplifiers.noise_gain, self.amplifiers.delay)
