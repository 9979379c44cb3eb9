"""The ideal circuit: exact weights, V = Wᵀ, τ = 1, no noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit, Deltas, checked_deltas
from analogsim.network import Network
from analogsim.registry import register


@register.circuit("ideal", "the equations without hardware")
@dataclass(frozen=True, kw_only=True)
class Ideal(Circuit):
    """The equations without hardware."""

    def _program(self, network: Network, seed: int) -> Chip:
        record = {"circuit": dict(self.record), "seed": seed, "words": self.words()}
        return Chip.ideal(network, time_unit=self.time_unit, activity_unit=self.activity_unit, record=record)

    def update(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Add the deltas exactly."""
        pairs = list(zip(chip.forward, chip.biases, checked_deltas(chip, deltas), strict=True))
        forward = tuple(w + dw for w, _, (dw, _) in pairs)
        feedback = tuple(w.T.copy() if j else None for j, w in enumerate(forward))
        return chip.rewritten(forward=forward, feedback=feedback, biases=tuple(b + db for _, b, (_, db) in pairs))

    def words(self) -> list[str]:
        """Say what is simulated."""
        return ["ideal circuit: exact weights, V = Wᵀ, equal time constants, no noise"]
