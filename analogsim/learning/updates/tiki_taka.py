r"""Tiki-Taka: pulse trains on a fast array, which is copied to the weights.

The pulses fall on a second, fast array A, read against its cells' symmetry points, whose columns are copied in turn to
the weights: C ← C + γ A. Cells with unlike steps up and down are pulled to their symmetry point, where both
are equal, by every pulse: trained by pulses g of their own gradient they come to rest where

.. math:: w^* : \; E[g] + (w/b)\,E|g| = 0 \quad \text{(soft bounds ±b)},

which falls short of the minimum, E[g] = 0. On A the symmetry point stands for zero, so that A rests only where
E[g] = 0, and C goes there. A reference that misses the symmetry point by e (the device's `reference_spread`, drawn
once for each cell) holds A at e, and C rests where E[g] + (e/b) E|g| = 0. The second version adds up what it reads,
H ← H + γ A, digitally between the two, and moves a weight by whole steps of H: a low-pass against the noise of reads.

Sources: Gokmen & Haensch, doi:10.3389/fnins.2020.00103; Gokmen, doi:10.3389/frai.2021.699148.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analogsim.chip.state import DeviceState
from analogsim.chip.whole import Chip
from analogsim.circuits.base import child
from analogsim.circuits.crossbar.programming import Held, histories, history_of
from analogsim.devices.base import Cells
from analogsim.devices.endurance import History
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError
from analogsim.learning.updates.base import Array, Driven, Pairs, remember
from analogsim.learning.updates.pulses import fired_by
from analogsim.registry import register


@register.update("tiki-taka", "pulse trains on a fast array that is copied to the weights column by column")
@dataclass(frozen=True)
class TikiTaka(Driven):
    """Pulse trains on a fast array that is copied to the weights column by column.

    Parameters
    ----------
    filtered : bool
        Version 2, with the digital low-pass.
    fast : float
        Learning rate of the fast array over that of the run, both in weights.
    transfer : float
        γ, share of a column of A that is added to the weights (or to H) at each copy.
    cycle : int
        Updates in which every column is copied once.
    """

    filtered: bool = False
    fast: float = 1.0
    transfer: float = 0.01
    cycle: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.circuit.is_passive:
            raise InputError(
                "Tiki-Taka's fast array is simulated with transistors alone: set circuit.selector = 'transistor', or "
                "--update pulses."
            )

    def drive(
        self, chip: Chip, pairs: Sequence[Pairs], biases: Sequence[Array], rate: float, rng: np.random.Generator
    ) -> Chip:
        """Pulse the fast arrays, then copy some of their columns."""
        device = self.circuit.device
        assert isinstance(device, Pulsed)
        seed, state = int(chip.record["seed"]), chip.devices
        turn = int(state.turn or 0)
        fast, noises, low_pass = dict[int, Array](), dict[int, Array](), dict[int, Array]()
        counted = dict[int, History | None]()
        rises, falls = [], []
        for j, layer in enumerate(pairs):
            shape, scale = chip.forward[j].shape, float(state.scale[j])
            cells, history = self._fast_cells(j, shape, seed), history_of(state, "fast", j)
            cells, rest = device.fatigued(cells, history), cells["rest"]
            # At first every cell is where it reads zero.
            held = state.fast.get(j, device.conductance(rest))
            before = state.fast_write_noise.get(j) if j in state.fast else np.zeros(shape)
            up, down, _, _ = fired_by(layer, self.fast * rate / scale / device.pulse_size(), rng)
            fast[j] = device.pulse(device.leak(held, cells=cells), up, rng, cells, against=down)
            noise = device.written(cells, rng, (up > 0) | (down > 0), before)
            if self.circuit.counts:
                now = self.circuit.counted(Held(held, before, history=history), Held(fast[j], noise), cells, up, down)
                fast[j], noise, counted[j] = now.conductance, now.noise, now.history
            columns = np.s_[:, turn % self.cycle :: self.cycle]
            seen = fast[j][columns]
            if noise is not None:
                noises[j], seen = noise, device.seen(seen, noise[columns])
            share, read = np.zeros(shape), device.weight(seen) - rest[columns]
            share[columns] = self.transfer * scale * read / self.circuit.granularity(chip, j)
            if self.filtered:
                share += state.filter.get(j, 0.0)
                counts = np.trunc(share)
                low_pass[j] = share - counts
            else:
                counts = np.floor(share + rng.random(shape))
            rises.append(np.maximum(counts, 0).astype(np.int64))
            falls.append(np.maximum(-counts, 0).astype(np.int64))
        kept = DeviceState(fast=fast, fast_write_noise=noises, filter=low_pass, turn=np.asarray(turn + 1))
        kept = kept.joined(histories("fast", counted))
        return remember(self.circuit.pulse(chip, rises, falls, biases, rng), kept)

    def _fast_cells(self, j: int, shape: tuple[int, ...], seed: int) -> Cells:
        """What is fixed about the cells of the fast array, the references that they are read against among it."""
        device = self.circuit.device
        assert isinstance(device, Pulsed)
        kept: dict[tuple[object, ...], Cells] = self.__dict__.setdefault("_drawn", {})
        if (j, shape, seed) not in kept:
            cells = device.cells(shape, child(seed, "cells", "fast", j))
            kept[j, shape, seed] = {**cells, "rest": device.reference(cells, child(seed, "cells", "reference", j))}
        return kept[j, shape, seed]


@register.update("tiki-taka-2", "the same as tiki-taka through a digital low-pass")
@dataclass(frozen=True)
class TikiTaka2(TikiTaka):
    """`TikiTaka` with the low-pass."""

    filtered: bool = True
