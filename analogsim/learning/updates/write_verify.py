"""Digital weights, written to the cells in a closed loop: write, read, correct, until they are near."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analogsim.chip.state import DeviceState
from analogsim.chip.whole import Chip
from analogsim.devices.pulsed import Pulsed
from analogsim.learning.updates.base import Deltas, OnCrossbar, new_biases, remember
from analogsim.registry import register

ATTEMPTS = 10
"""Writes that a cell may get at an update."""


@register.update("write-verify", "digital weights, written in a closed loop of reads")
@dataclass(frozen=True)
class WriteVerify(OnCrossbar):
    """Digital weights, written in a closed loop at every update."""

    def __call__(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Write, read and correct, at most `ATTEMPTS` times."""
        state, biases, circuit = chip.devices, new_biases(chip, deltas), self.circuit
        wanted = [state.digital.get(j, state.target[j]) + dw for j, (dw, _) in enumerate(deltas)]
        kept = DeviceState(digital=dict(enumerate(wanted)))
        if not isinstance(circuit.device, Pulsed):
            device = replace(circuit.device, verify_attempts=max(ATTEMPTS, circuit.device.verify_attempts))
            return remember(replace(circuit, device=device).write(chip, wanted, biases, rng), kept)
        for _ in range(ATTEMPTS):
            counts = [np.rint((w - chip.forward[j]) / circuit.granularity(chip, j)) for j, w in enumerate(wanted)]
            if not any(count.any() for count in counts):
                break
            chip = self.step(chip, counts, biases, rng)
        return remember(chip.replace(biases=tuple(biases)), kept)
