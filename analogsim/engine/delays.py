"""Transport delays: what a layer receives left its sender a time δ ago.

    τ da/dt = −a + W u(t − δ) + V v(t − δ) + …,

by exponential Euler with a ring buffer of past states; before t = 0 every state is that at t = 0. The delay is a whole
number of steps: dt is shortened until it is.
"""

from __future__ import annotations

import numpy as np

from analogsim.engine import entries
from analogsim.engine.kernel import activate_layer, block, copy, echo, pull_all, read, receive, state_size
from analogsim.engine.packing import Batch
from analogsim.engine.primitives import filled, given
from analogsim.engine.recorder import ACCEPTED, DONE, EVALUATIONS, TIME, WRITTEN, Record, bury, keep_dead, note
from analogsim.errors import number
from analogsim.jit import compiled, inner


def check(delay: float) -> None:
    """Raise unless the delay is a positive number."""
    number("delay", delay, above=0, high=1e6, words="0 < delay ≤ 1e6 units of time")


def advance(batch: Batch, a: np.ndarray, rec: Record, t_end: float, dt: float, delay: float) -> int:
    """Integrate `a` in place from t = 0; requested times are met to the nearest step."""
    lag = max(1, int(np.ceil(delay / dt - 1e-9)))
    h = delay / lag
    p = batch.packed
    past = np.empty((lag + 1, a.size), a.dtype)
    for layer in range(len(p.cum) - 1):
        entries.activate_layer(p, a, past[0], layer)
    past[:] = past[0]
    steps = int(np.ceil(t_end / h - 1e-9))
    due = np.minimum(np.rint(rec.times / h), steps).astype(np.int64)
    _march(p, a, past, rec, h, steps, due, np.empty((2, a.size), a.dtype))
    return DONE


@inner
def delayed(p, a, now, then, z):
    """z(a) with what comes from other layers taken from the states `then`; fills `now` = f(a)."""
    last = p.cum.size - 2
    copy(p.drive, z)
    for layer in range(last + 1):
        activate_layer(p, a, now, layer)
        zl = block(z, p, layer)
        if layer > 0:
            receive(p, p.forward_p, read(p, p.w, p.forward_q, then, layer - 1, layer), zl, layer)
        if p.echoed:
            echo(p, now, zl, layer)
        if layer < last:
            receive(p, p.feedback_p, read(p, p.v, p.feedback_q, then, layer + 1, layer), zl, layer)
        else:
            pull_all(p, block(now, p, last), zl)


@compiled
def _march(p, a, past, rec, h, steps, due, work):
    numbers = state_size(p)
    a, past, due, work = filled(a, numbers), filled(past, 2 * numbers), given(due, 0), filled(work, 2 * numbers)
    z, old, scratch = work[0], work[1], rec.scratch[0]
    lag = past.shape[0] - 1
    for k in range(steps + 1):
        # The slot written now is read again `lag` steps later.
        delayed(p, a, past[k % (lag + 1)], past[(k + 1) % (lag + 1)], z)
        rec.clock[TIME] = k * h
        note(p, rec, a, z, scratch)
        while rec.tally[WRITTEN] < due.size and due[rec.tally[WRITTEN]] == k:
            copy(a, rec.out[rec.tally[WRITTEN]])
            rec.tally[WRITTEN] += 1
        if k == steps:
            break
        copy(a, old)
        for layer in range(p.cum.size - 1):
            al, zl, first = block(a, p, layer), block(z, p, layer), p.cum[layer]
            for c in range(2):
                for i in range(al.shape[2]):
                    e = np.exp(-h * np.float64(p.leak[c, first + i]))
                    for b in range(p.batch):
                        al[c, b, i] = e * al[c, b, i] + (1 - e) * zl[c, b, i]
        keep_dead(p, rec, old, a)
        rec.tally[ACCEPTED] += 1
        rec.tally[EVALUATIONS] += 1
        if bury(p, rec, a, scratch) == 0:
            break
    for k in range(rec.tally[WRITTEN], due.size):
        copy(a, rec.out[k])
