r"""Updates by stochastic pulse trains: the two signals of the local rule stand on the rows and columns of the array.

Row i fires with probability B|d_i| and column j with A|u_j| in each of BL slots; a cell gets a pulse where both do, up
or down by the sign of d_i u_j. With A B = η/(Δ BL) the mean change of a weight is η d_i u_j as long as no probability
exceeds one. Update management chooses A/B so that the largest row and the largest column fire equally often, and as few
slots as hold the largest product (BL ≤ 31).

Sources: Gokmen & Vlasov, doi:10.3389/fnins.2016.00333; update management: Gokmen, Onen & Haensch,
doi:10.3389/fnins.2017.00538.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.learning.updates.base import Array, Driven, Pairs
from analogsim.registry import register

LONGEST = 31
"""Slots of a pulse train."""
MAX_BLOCK = 4_000_000
"""Random numbers drawn at once."""


Counts = NDArray[np.int64]


def trains(
    errors: Array, inputs: Array, rate: float, rng: np.random.Generator, longest: int = LONGEST
) -> tuple[Counts, Counts]:
    """Coincidences of the pulse trains of some samples, up and down.

    Parameters
    ----------
    errors, inputs, rate, rng, longest
        As of `fired`.
    """
    up, down, _, _ = fired(errors, inputs, rate, rng, longest)
    return up, down


def fired(
    errors: Array, inputs: Array, rate: float, rng: np.random.Generator, longest: int = LONGEST
) -> tuple[Counts, Counts, Counts, Counts]:
    """Coincidences of the pulse trains of some samples, up and down, and how often each row and each column fires.

    Parameters
    ----------
    errors : (sample, n) array
        d, with the sign of the wanted change.
    inputs : (sample, m) array
        u.
    rate : float
        The mean of up − down is rate · dᵀ u; ≥ 0.
    rng : numpy.random.Generator
    longest : int
        Most slots.

    Returns
    -------
    up, down : (n, m) arrays of int
        They do not cancel on a device: two pulses move a cell twice.
    rows, columns : (n,) and (m,) arrays of int
        Slots in which each line fires.
    """
    largest_d, largest_u = np.abs(errors).max(axis=1), np.abs(inputs).max(axis=1)
    used = (largest_d > 0) & (largest_u > 0)
    errors, inputs, largest_d, largest_u = errors[used], inputs[used], largest_d[used], largest_u[used]
    net, total = np.zeros((2, errors.shape[1], inputs.shape[1]), np.float32)
    lines = [np.zeros(errors.shape[1], np.int64), np.zeros(inputs.shape[1], np.int64)]
    if len(errors) and rate > 0:
        slots = int(np.clip(np.ceil(rate * (largest_d * largest_u).max()), 1, longest))
        amplitude, balance = np.sqrt(rate / slots), np.sqrt(largest_u / largest_d)[:, None]
        rows, columns = amplitude * balance * errors, amplitude / balance * inputs
        block = max(1, MAX_BLOCK // (slots * (errors.shape[1] + inputs.shape[1])))
        for at in range(0, len(rows), block):
            hits = []
            for wanted, line in zip((rows[at : at + block], columns[at : at + block]), lines, strict=True):
                draw = rng.random((slots, *wanted.shape), dtype=np.float32)
                hit = np.where(draw < np.abs(wanted), np.sign(wanted), 0).astype(np.float32)
                hits.append(hit.reshape(-1, wanted.shape[1]))
                line += np.count_nonzero(hits[-1], axis=0)
            net += hits[0].T @ hits[1]
            total += np.abs(hits[0]).T @ np.abs(hits[1])
    both = np.rint(np.stack([total + net, total - net]) / 2).astype(np.int64)
    return both[0], both[1], lines[0], lines[1]


@register.update("pulses", "stochastic pulse trains of the two local signals, with update management")
@dataclass(frozen=True)
class Pulses(Driven):
    """Pulse trains straight on the weights."""

    def drive(
        self, chip: Chip, pairs: Sequence[Pairs], biases: Sequence[Array], rate: float, rng: np.random.Generator
    ) -> Chip:
        """Pulse every array with its signals."""
        counts = [fired_by(layer, rate / self.circuit.granularity(chip, j), rng) for j, layer in enumerate(pairs)]
        up, down, rows, columns = zip(*counts, strict=True)
        return self.circuit.pulse(chip, up, down, biases, rng, firing=list(zip(rows, columns, strict=True)))


def fired_by(pairs: Pairs, rate: float, rng: np.random.Generator) -> tuple[Counts, Counts, Counts, Counts]:
    """What `fired` says, summed over pairs of signals; the mean of up − down is rate · Σ dᵀu."""
    every = [fired(errors, inputs, rate, rng) for errors, inputs in pairs]
    up, down, rows, columns = (np.array(one).sum(axis=0) for one in zip(*every, strict=True))
    return up, down, rows, columns
