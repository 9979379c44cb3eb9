"""What the compiled integrators share: the record of a run, blow-up, and residuals at the accepted steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim.engine.kernel import BLOW_UP, block, copy, extent, residual
from analogsim.jit import compiled, inner

HISTORY = 512

RUNNING, DONE, STUCK, SETTLED = 0, 1, 2, 3


class Record(NamedTuple):
    """State of an integration between calls, and what it has seen."""

    clock: NDArray[np.float64]  # t, next step, previous error
    tally: NDArray[np.int64]  # outputs written, steps accepted, steps rejected, evaluations, history length, stride
    alive: NDArray[np.bool_]  # (B,) false once a sample has blown up
    blown_at: NDArray[np.float64]  # (B,) when, or inf
    times: NDArray[np.float64]
    out: NDArray[np.floating]  # (times, 2·B·N)
    history_t: NDArray[np.float64]  # (HISTORY,)
    history: NDArray[np.float64]  # (HISTORY, B) residual in units of a


def new_record(batch: int, times: NDArray[np.floating], size: int, dtype: np.dtype, step: float = 0.0) -> Record:
    """Start a record at t = 0; `step` is the first step, 0 to choose one."""
    return Record(
        clock=np.array([0.0, step, 1.0]),
        tally=np.array([0, 0, 0, 0, 0, 1]),
        alive=np.ones(batch, np.bool_),
        blown_at=np.full(batch, np.inf),
        times=np.asarray(times, float),
        out=np.zeros((len(times), size), dtype),
        history_t=np.zeros(HISTORY),
        history=np.zeros((HISTORY, batch)),
    )


@compiled
def note(p, rec, a, z, scratch):
    """Add the residual at the present time to the history; when it is full, keep every other entry."""
    tally = rec.tally
    if tally[1] % tally[5] == 0:
        residual(p, a, z, scratch)
        k = tally[4]
        rec.history_t[k] = rec.clock[0]
        copy(scratch, rec.history[k])
        tally[4] = k + 1
        if tally[4] == rec.history_t.size:
            half = rec.history_t.size // 2
            for i in range(half):
                rec.history_t[i] = rec.history_t[2 * i]
                copy(rec.history[2 * i], rec.history[i])
            tally[4] = half
            tally[5] *= 2


@compiled
def bury(p, rec, a, scratch):
    """Mark samples that have blown up; returns how many are still alive."""
    extent(p, a, scratch)
    left = 0
    for b in range(p.batch):
        if rec.alive[b] and not scratch[b] <= BLOW_UP:
            rec.alive[b] = False
            rec.blown_at[b] = rec.clock[0]
        left += rec.alive[b]
    return left


@compiled
def keep_dead(p, rec, old, new):
    """Hold the states of the samples that have blown up."""
    for b in range(p.batch):
        if not rec.alive[b]:
            for layer in range(p.cum.size - 1):
                for c in range(2):
                    copy(block(old, p, layer)[c, b], block(new, p, layer)[c, b])


@inner
def error_norm(p, rec, error, new, rtol, atol):
    """Largest over the living samples of max |error| / (atol + rtol·max |new|); NaN gives inf.

    The scale is the sample's, not the component's: a neuron that crosses zero would otherwise set the step.
    """
    gap, size = np.empty(p.batch), np.empty(p.batch)
    extent(p, error, gap)
    extent(p, new, size)
    return worst_error(rec, gap, size, rtol, atol)


@inner
def worst_error(rec, gap, size, rtol, atol):
    """`error_norm` from the largest error and the largest state of each sample."""
    worst = 0.0
    for b in range(gap.size):
        if rec.alive[b]:
            norm = gap[b] / (atol + rtol * size[b])
            if not norm <= worst:
                worst = norm if norm == norm else np.inf
    return worst


@inner
def first_step(p, a, z, rtol, atol):
    """A first step that moves no compartment by more than about one hundredth of its scale."""
    fastest = np.inf
    for layer in range(p.cum.size - 1):
        al, zl, first = block(a, p, layer), block(z, p, layer), p.cum[layer]
        for c in range(2):
            for b in range(p.batch):
                for i in range(al.shape[2]):
                    speed = abs(zl[c, b, i] - al[c, b, i]) * p.leak[c, first + i]
                    reach = atol + rtol * max(abs(al[c, b, i]), abs(zl[c, b, i]))
                    if speed > 0:
                        fastest = min(fastest, reach ** (1 / 3) * max(abs(zl[c, b, i]), 1e-12) ** (2 / 3) / speed)
    return 0.1 * fastest if fastest < np.inf else 0.1


@inner
def next_factor(error, previous, order):
    """Step factor of a PI controller, between 0.2 and 5."""
    if error == 0:
        return 5.0
    return min(5.0, max(0.2, 0.9 * error ** (-0.7 / order) * previous ** (0.4 / order)))


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
    for k in range(rec.tally[0], rec.times.size):
        copy(a, rec.out[k])
    rec.tally[0] = rec.times.size
