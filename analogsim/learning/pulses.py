r"""Updates by stochastic pulse trains: the two signals of the local rule stand on the rows and columns of the array.

Row i fires with probability B|d_i| and column j with A|u_j| in each of BL slots; a cell gets a pulse where both do, up
or down by the sign of d_i u_j. With A B = η/(Δ BL) the mean change of a weight is η d_i u_j as long as no probability
exceeds one. Update management chooses A/B so that the largest row and the largest column fire equally often, and as few
slots as hold the largest product (BL ≤ 31).

Tiki-Taka lets the pulses fall on a second, fast array A, read against its cells' symmetry points, and copies its
columns in turn to the weights: C ← C + γ A. A cell with unlike steps is pulled to its symmetry point by every pulse,
whatever their sum,

.. math:: w^* : \; E[g] + (w/b)\,E|g| = 0 \quad \text{(soft bounds ±b)},

so that SGD stops short of E[g] = 0. On A that point is zero, and A rests there only where E[g] = 0: C can go to it. The
second version adds a digital low-pass H ← H + γ A between the two and moves a weight when H exceeds a step.

Sources: Gokmen & Vlasov, doi:10.3389/fnins.2016.00333; update management: Gokmen, Onen & Haensch,
doi:10.3389/fnins.2017.00538; Gokmen & Haensch, doi:10.3389/fnins.2020.00103; Gokmen, doi:10.3389/frai.2021.699148.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.state import DeviceState
from analogsim.chip.whole import Chip
from analogsim.circuits.base import child
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError
from analogsim.learning.updates import Array, OnCrossbar, remember

Pairs = Sequence[tuple[Array, Array]]
LONGEST = 31
"""Slots of a pulse train."""
MAX_BLOCK = 4_000_000
"""Random numbers drawn at once."""


def trains(
    errors: Array, inputs: Array, rate: float, rng: np.random.Generator, longest: int = LONGEST
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Coincidences of the pulse trains of some samples, up and down.

    Parameters
    ----------
    errors : (sample, n) array
        d, with the sign of the wanted change.
    inputs : (sample, m) array
        u.
    rate : float
        The mean of up − down is rate · dᵀ u; ≥ 0.
    longest : int
        Most slots.

    Returns
    -------
    up, down : (n, m) arrays of int
        They do not cancel on a device: two pulses move a cell twice.
    """
    largest_d, largest_u = np.abs(errors).max(axis=1), np.abs(inputs).max(axis=1)
    used = (largest_d > 0) & (largest_u > 0)
    errors, inputs, largest_d, largest_u = errors[used], inputs[used], largest_d[used], largest_u[used]
    net, total = np.zeros((2, errors.shape[1], inputs.shape[1]), np.float32)
    if len(errors) and rate > 0:
        slots = int(np.clip(np.ceil(rate * (largest_d * largest_u).max()), 1, longest))
        amplitude, balance = np.sqrt(rate / slots), np.sqrt(largest_u / largest_d)[:, None]
        rows, columns = amplitude * balance * errors, amplitude / balance * inputs
        block = max(1, MAX_BLOCK // (slots * (errors.shape[1] + inputs.shape[1])))
        for at in range(0, len(rows), block):
            fired = []
            for wanted in (rows[at : at + block], columns[at : at + block]):
                draw = rng.random((slots, *wanted.shape), dtype=np.float32)
                hit = np.where(draw < np.abs(wanted), np.sign(wanted), 0).astype(np.float32)
                fired.append(hit.reshape(-1, wanted.shape[1]))
            net += fired[0].T @ fired[1]
            total += np.abs(fired[0]).T @ np.abs(fired[1])
    both = np.rint(np.stack([total + net, total - net]) / 2).astype(np.int64)
    return both[0], both[1]


@dataclass(frozen=True)
class Driven(OnCrossbar):
    """An update driven by the signals themselves instead of a change worked out elsewhere."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.circuit.device, Pulsed):
            raise InputError("this update needs cells that are updated by pulses: --device gokmen-vlasov, ecram, ...")

    def drive(self, chip: Chip, pairs: Sequence[Pairs], biases: Sequence[Array], rate: float, rng: Any) -> Chip:
        """Return the chip after one update.

        Parameters
        ----------
        chip : Chip
        pairs : for each layer a list of (errors (sample, n), inputs (sample, m))
            The wanted change is rate · Σ errorsᵀ inputs.
        biases : sequence of arrays
            New ones.
        rate : float
            Learning rate, in weights.
        rng : numpy.random.Generator
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Pulses(Driven):
    """Pulse trains straight on the weights."""

    def drive(self, chip: Chip, pairs: Sequence[Pairs], biases: Sequence[Array], rate: float, rng: Any) -> Chip:
        """Pulse every array with its signals."""
        counts = [_counts(layer, rate / self.circuit.granularity(chip, j), rng) for j, layer in enumerate(pairs)]
        return self.circuit.pulse(chip, [up for up, _ in counts], [down for _, down in counts], biases, rng)


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

    def drive(self, chip: Chip, pairs: Sequence[Pairs], biases: Sequence[Array], rate: float, rng: Any) -> Chip:
        """Pulse the fast arrays, then copy some of their columns."""
        device: Any = self.circuit.device
        seed, state = int(chip.record["seed"]), chip.devices
        turn = int(state.turn or 0)
        fast, low_pass = dict[int, Array](), dict[int, Array]()
        rises, falls = [], []
        for j, layer in enumerate(pairs):
            shape, scale = chip.forward[j].shape, float(state.scale[j])
            cells = self._fast_cells(j, shape, seed)
            rest = cells["rest"]
            held = state.fast.get(j, device.conductance(rest))
            up, down = _counts(layer, self.fast * rate / scale / device.pulse_size(), rng)
            held = device.pulse(device.leak(held), up, rng, cells, against=down)
            fast[j] = held
            columns = slice(turn % self.cycle, None, self.cycle)
            share = np.zeros(shape)
            read = device.weight(device.seen(held, rng))[:, columns] - rest[:, columns]
            share[:, columns] = self.transfer * scale * read / self.circuit.granularity(chip, j)
            if self.filtered:
                share += state.filter.get(j, 0.0)
                counts = np.trunc(share)
                low_pass[j] = share - counts
            else:
                counts = np.floor(share + rng.random(shape))
            rises.append(np.maximum(counts, 0).astype(np.int64))
            falls.append(np.maximum(-counts, 0).astype(np.int64))
        kept = DeviceState(fast=fast, filter=low_pass, turn=np.asarray(turn + 1))
        return remember(self.circuit.pulse(chip, rises, falls, biases, rng), kept)

    def _fast_cells(self, j: int, shape: tuple[int, ...], seed: int) -> dict[str, Array]:
        """What is fixed about the cells of the fast array, their symmetry points among it."""
        device: Any = self.circuit.device
        kept = self.__dict__.setdefault("_drawn", {})
        if (j, shape, seed) not in kept:
            cells = device.cells(shape, child(seed, "cells", "fast", j))
            kept[j, shape, seed] = {**cells, "rest": device.balance(cells)}
        return kept[j, shape, seed]


def _counts(pairs: Pairs, rate: float, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found = np.array([trains(errors, inputs, rate, rng) for errors, inputs in pairs]).sum(axis=0)
    return found[0], found[1]
