"""Updating a crossbar: its cells are programmed anew, or get pulses, or drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.pulse_counts import Strain
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Deltas, checked_deltas, child
from analogsim.circuits.crossbar.programming import Each, Held, Programmed, held_by
from analogsim.devices.base import Cells
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError

Counts = Sequence[NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class Updated(Programmed):
    """A circuit whose cells are changed through their devices."""

    def update(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Change the weights through the devices.

        Ordinary cells are all programmed anew towards the target weights plus the deltas, with fresh programming
        noise. Cells of the update families get whole pulses, the number rounded at random, from where they are.
        The neurons, the stuck cells and the pattern of the feedback error stay those of the chip.
        """
        if 0 not in chip.devices.target or "seed" not in chip.record:
            raise InputError("update: this chip was not programmed by a crossbar.")
        biases = tuple(b + db for b, (_, db) in zip(chip.biases, checked_deltas(chip, deltas), strict=True))
        if isinstance(self.device, Pulsed):
            counts = [
                np.floor(dw / self.granularity(chip, j) + rng.random(dw.shape)).astype(np.int64)
                for j, (dw, _) in enumerate(deltas)
            ]
            return self.pulse(
                chip, [np.maximum(c, 0) for c in counts], [np.maximum(-c, 0) for c in counts], biases, rng
            )
        weights = [chip.devices.target[j] + dw for j, (dw, _) in enumerate(deltas)]
        return self.hold(chip, weights, biases) if self.is_exact else self.rewrite(chip, weights, biases, rng)

    def granularity(self, chip: Chip, j: int) -> float:
        """Change of a weight of layer j+1 by one pulse of a typical cell at w = 0, or by one conductance level.

        Raises
        ------
        InputError
            If the cells have neither.
        """
        device, scale = self.device, float(chip.devices.scale[j])
        if isinstance(device, Pulsed):
            # A pulse goes to one cell of a pair; against a reference a cell's whole range counts twice.
            share = device.pulse_size() / (device.w_max - device.w_min)
            return scale * (2.0 if self.mapping == "reference" else 1.0) * share
        if device.levels:
            return scale * (1.0 if self.mapping == "one-sided" else 2.0) / (device.levels - 1)
        raise InputError("the cells have neither pulses nor levels: set device.levels, or take a device with pulses.")

    def pulse(
        self,
        chip: Chip,
        up: Counts,
        down: Counts,
        biases: Each,
        rng: np.random.Generator,
        *,
        firing: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None,
    ) -> Chip:
        """Give the weights whole pulses, for cells that are updated by pulses.

        Parameters
        ----------
        chip : Chip
        up, down : sequences of (n_{j+1}, n_j) arrays of int
            Pulses for each weight, ≥ 0, in random order. Of a pair the cells take turns: the
            first in the weight's direction, the second against it; one-way cells
            take the pulses of one direction each.
        biases : sequence of arrays
            New ones.
        rng : numpy.random.Generator
        firing : for each layer (outputs, inputs), optional
            How often their lines fired, where the pulses are an outer product; a passive array gets them in turns
            otherwise.
        """
        device, before = self.device, chip.devices
        held, strains = held_by(before), dict[int, Strain]()
        if not isinstance(device, Pulsed):
            raise InputError(f"{type(device).__name__} cells are not updated by pulses; try --device gokmen-vlasov.")

        def moved(name: str, j: int, cells: Cells) -> Held:
            if device.one_way:
                rise, fall = np.stack([up[j], down[j]]), None
            elif self.mapping == "reference":
                none = np.zeros((1, up[j].shape[1]), dtype=np.int64)
                rise, fall = np.vstack([up[j], none]), np.vstack([down[j], none])
            else:
                first, second = ((n + rng.integers(0, 2, n.shape)) // 2 for n in (up[j], down[j]))
                rise = np.stack([first, down[j] - second])
                fall = np.stack([second, up[j] - first])
            old = held[name][j]
            cells = device.fatigued(cells, old.history)
            present = device.pulse(device.leak(old.conductance, cells=cells), rise, rng, cells, against=fall)
            where = rise > 0
            if device.one_way:
                due = device.due(present)
                where |= due
                present = device.refreshed(present, rng, cells)
                # A refresh is a reset and a write.
                rise, fall = rise + due, np.broadcast_to(due, rise.shape).astype(np.int64)
            elif fall is not None:
                where |= fall > 0
            moved_by = rise, np.zeros_like(rise) if fall is None else fall
            if self.is_passive:
                lines = None if firing is None else firing[j]
                present, strains[j] = self.disturbed(old.conductance, present, *moved_by, cells, lines)
            slow = old.slow
            if slow is not None and (fresh := self.written_noise(self.age, present.shape, rng)) is not None:
                slow = np.where(where, fresh, slow)
            now = Held(present, device.written(cells, rng, where, old.noise), slow)
            if self.is_passive:
                return self.strained(old, now, cells, strains[j])
            return self.counted(old, now, cells, *moved_by) if self.counts else now

        scales = [float(before.scale[j]) for j in range(chip.layers)]
        targets = [before.target[j] + self.granularity(chip, j) * (up[j] - down[j]) for j in range(chip.layers)]
        return self.realise(chip, moved, targets, scales, biases, strains)

    def write(self, chip: Chip, weights: Each, biases: Each, rng: np.random.Generator) -> Chip:
        """Program every cell for given weights at the chip's present scales; larger weights are clipped."""
        return self.rewrite(chip, weights, biases, rng, [float(chip.devices.scale[j]) for j in range(chip.layers)])

    def later(self, chip: Chip, seconds: float, rng: np.random.Generator | None = None) -> Chip:
        """The chip so many seconds after its last write: its cells have drifted, and their 1/f noise has moved on.

        Parameters
        ----------
        chip : Chip
        seconds : float
            ≥ 0.
        rng : numpy.random.Generator, optional
            Draws how the 1/f noise moves; without it that follows from the seed of the chip and its age.
        """
        state = chip.devices
        weights = [state.target[j] for j in range(chip.layers)]
        scales = [float(state.scale[j]) for j in range(chip.layers)]
        held, age, seed = held_by(state), float(self.age + seconds), int(chip.record["seed"])
        before = self.age if state.age is None else float(state.age)

        def present(name: str, j: int, cells: Cells) -> Held:
            if j not in held[name]:
                return Held(self.wanted(weights[j], scales[j]))
            was, draw = held[name][j], rng or child(seed, "slow noise", name, j, repr(age))
            return was._replace(slow=self.later_noise(was.slow, before, age, draw))

        new = replace(self, age=age).realise(chip, present, weights, scales, chip.biases)
        return new.rewritten(devices=state.joined(new.devices))
