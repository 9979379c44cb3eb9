"""What the integrators share: the record of a run, blow-up, and residuals at the accepted steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analogsim.engine.kernel import BLOW_UP, block, copy, extent, residual
from analogsim.engine.records import Packed
from analogsim.jit import inner

HISTORY = 512

RUNNING, DONE, STUCK, SETTLED = 0, 1, 2, 3


TIME, STEP, ERROR = range(3)
"""Entries of `Record.clock`: the time reached, the next step, the error of the last."""
WRITTEN, ACCEPTED, REJECTED, EVALUATIONS, KEPT, STRIDE = range(6)
"""Entries of `Record.tally`: requested times written, steps accepted and rejected, evaluations of the right-hand side,
entries of the history, and how many steps lie between two of them."""


class Record(Packed):
    """State of an integration between calls, and what it has seen."""

    clock: NDArray[np.float64]  # (3,), by TIME, STEP, ERROR
    tally: NDArray[np.int64]  # (6,), by WRITTEN, ACCEPTED, REJECTED, EVALUATIONS, KEPT, STRIDE
    alive: NDArray[np.bool_]  # (B,) false once a sample has blown up
    blown_at: NDArray[np.float64]  # (B,) when, or inf
    times: NDArray[np.float64]
    out: NDArray[np.floating]  # (times, 2·B·N)
    history_t: NDArray[np.float64]  # (HISTORY,)
    history: NDArray[np.float64]  # (HISTORY, B) residual in units of a
    scratch: NDArray[np.float64]  # (3, B)
    weights: NDArray[np.floating]  # (6, 2, N), scratch too


def new_record(batch: int, times: NDArray[np.floating], size: int, dtype: np.dtype, step: float = 0.0) -> Record:
    """Start a record at t = 0; `step` is the first step, 0 to choose one."""
    return Record(
        clock=np.array([0.0, step, 1.0]),
        tally=np.array([0, 0, 0, 0, 0, 1]),
        alive=np.ones(batch, np.bool_),
        blown_at=np.full(batch, np.inf),
        times=np.require(times, float, ["C", "A", "W"]),
        out=np.zeros((len(times), size), dtype),
        history_t=np.zeros(HISTORY),
        history=np.zeros((HISTORY, batch)),
        scratch=np.empty((3, batch)),
        weights=np.empty((6, 2, size // (2 * batch)), dtype),
    )


@inner
def note(p, rec, a, z, scratch):
    """Add the residual at the present time to the history; when it is full, keep every other entry."""
    tally = rec.tally
    if tally[ACCEPTED] % tally[STRIDE] == 0:
        residual(p, a, z, scratch)
        k = tally[KEPT]
        rec.history_t[k] = rec.clock[TIME]
        copy(scratch, rec.history[k])
        tally[KEPT] = k + 1
        if tally[KEPT] == rec.history_t.size:
            half = rec.history_t.size // 2
            for i in range(half):
                rec.history_t[i] = rec.history_t[2 * i]
                copy(rec.history[2 * i], rec.history[i])
            tally[KEPT] = half
            tally[STRIDE] *= 2


@inner
def bury(p, rec, a, scratch):
    """Mark samples that have blown up; returns how many are still alive."""
    extent(p, a, scratch)
    left = 0
    for b in range(p.batch):
        if rec.alive[b] and not scratch[b] <= BLOW_UP:
            rec.alive[b] = False
            rec.blown_at[b] = rec.clock[TIME]
        left += rec.alive[b]
    return left


@inner
def keep_dead(p, rec, old, new):
    """Hold the states of the samples that have blown up."""
    for b in range(p.batch):
        if not rec.alive[b]:
            for layer in range(p.cum.size - 1):
                for c in range(2):
                    copy(block(old, p, layer)[c, b], block(new, p, layer)[c, b])


@inner
def at_rest(p, rec, a, z, stop, scratch):
    """Whether the residual of every living sample, z(a) being known, is at most `stop`."""
    residual(p, a, z, scratch)
    calm = True
    for b in range(p.batch):
        calm = calm and (not rec.alive[b] or scratch[b] <= stop)
    return calm


@inner
def fill(rec, a):
    """The state at the end for all requested times that are left."""
    for k in range(rec.tally[WRITTEN], rec.times.size):
        copy(a, rec.out[k])
    rec.tally[WRITTEN] = rec.times.size
