"""Layer-ordered passes towards an equilibrium, compiled.

An equilibrium is a = z(a), whatever the time constants. A pass is a list of visits to layers, carried out by one
compiled function. "up-down" recomputes, on the way up, only what layers receive from below and, on the way down, only
what they receive from above. "sor" is block successive over-relaxation in layer order, a ← (1 − ω)a + ωz.
"synchronous" is the damped iteration of the papers, a ← a + η(z(a) − a).

Where reading is linear, only the change of a signal is sent on, and silent neurons cost nothing: the mean signals of
DP and DP⊤ change only where a nudge moves a neuron across a kink. So the residual is nearly free too: it is what the
layers would receive next. A sample that has settled is left alone. The output, whose nudge depends on its own state,
is solved exactly when that is linear and by a damped inner iteration otherwise.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from analogsim.engine.kernel import (
    BLOW_UP,
    Problem,
    activate_layer,
    block,
    curve,
    drive,
    pull_sample,
    read,
    receive,
    zero,
)
from analogsim.engine.primitives import filled, given, greatest, multiply, span
from analogsim.engine.records import Packed
from analogsim.functions.activations import IDENTITY
from analogsim.functions.losses import MSE
from analogsim.functions.machine_code import activate
from analogsim.jit import compiled, inner

INNER, CLOSE = 60, 1e-10
"""Most iterations on a nonlinear output nudge within one pass, and the change at which they end."""
REACH = 8.0
"""The residual is looked at once a sweep's change is below so many tolerances."""
SPARSE, SPARSE_ONE = 0.1, 0.75
"""Share of changed signals below which rows of a matrix are added one by one; for one signal alone."""
GRAIN = 4
"""Changes below so many units of rounding are not sent."""
CLEAR = 64
"""Sweeps after which the received sums are made anew, to be rid of rounding."""
LIVE, SETTLED, LOST = 0, 1, 2


class Flow(Packed):
    """States and what each layer receives, kept between passes; packed like a state unless noted."""

    a: NDArray[np.floating]
    s: NDArray[np.floating]
    below: NDArray[np.floating]  # the constant drive included
    above: NDArray[np.floating]
    up: NDArray[np.floating]  # signals last sent to the layer above, (R, B, n) for each layer
    down: NDArray[np.floating]  # likewise to the layer below
    change: NDArray[np.float64]  # (B,) largest |Δa| of the last pass
    residual: NDArray[np.float64]  # (B,) max |z − a| when last looked at
    status: NDArray[np.int64]  # (B,) LIVE, SETTLED or LOST
    ended: NDArray[np.int64]  # (B,) the pass in which a sample settled or was lost
    rows: NDArray[np.int64]  # scratch
    work: NDArray[np.float64]  # (1,) multiply–adds done
    pairs: NDArray[np.floating]  # (3, 2), scratch


def new_flow(a: NDArray[np.floating], p: Problem) -> Flow:
    """Buffers for passes that start at `a`, which is copied."""
    s, above, up, down = np.zeros((4, a.size), a.dtype)
    rows = np.zeros(2 * p.batch + p.cum[-1] + 1, np.int64)
    status, ended = np.zeros((2, p.batch), np.int64)
    change, residual = np.zeros(p.batch), np.full(p.batch, np.inf)
    return Flow(
        a=a.copy(), s=s, below=p.drive.copy(), above=above, up=up, down=down, change=change, residual=residual,
        status=status, ended=ended, rows=rows, work=np.zeros(1), pairs=np.empty((3, 2), a.dtype),
    )  # fmt: skip


FIRE, BELOW, ABOVE, SETTLE, DAMP, PEEK, CHECK, RENEW = 1, 2, 4, 8, 16, 32, 64, 128
"""What is done at a visit to a layer, in this order:

======  ================================================================================================================
RENEW   only every `CLEAR` passes; without BELOW or ABOVE, set the received sums of all layers to zero
PEEK    only if a sample is so near its end that its residual is worth a look
FIRE    refresh s = f(a)
BELOW   refresh what the layer receives from below
ABOVE   refresh what it receives from above
SETTLE  move a to what was received; for the output, solve for the nudge exactly
DAMP    move a by an explicit damped step
CHECK   look at the residual of the whole network
======  ================================================================================================================
"""


@inner
def add_rows(row, n, matrix, at, m, out, where):
    """out = Σ_i row_i · (row i of an (n, m) matrix) over the entries that are not zero, four rows at a time."""
    count = 0
    for i in range(n):
        where[count] = i
        count += row[i] != 0
    for j in range(m):
        out[j] = 0
    k = 0
    while k + 4 <= count:
        i0, i1, i2, i3 = where[k], where[k + 1], where[k + 2], where[k + 3]
        w0, w1 = span(matrix, at + i0 * m, m), span(matrix, at + i1 * m, m)
        w2, w3 = span(matrix, at + i2 * m, m), span(matrix, at + i3 * m, m)
        r0, r1, r2, r3 = row[i0], row[i1], row[i2], row[i3]
        for j in range(m):
            out[j] += r0 * w0[j] + r1 * w1[j] + r2 * w2[j] + r3 * w3[j]
        k += 4
    while k < count:
        w0, r0 = span(matrix, at + where[k] * m, m), row[where[k]]
        for j in range(m):
            out[j] += r0 * w0[j]
        k += 1


@inner
def hear(p, f, sender, receiver):
    """Refresh what a layer receives from a neighbour, for the samples still live."""
    if sender < receiver:
        matrix, q, share, into, sent = p.w, p.forward_q, p.forward_p, f.below, f.up
    else:
        matrix, q, share, into, sent = p.v, p.feedback_q, p.feedback_p, f.above, f.down
    batch, reads = p.batch, q.shape[0]
    start, there = p.cum[sender], p.cum[receiver]
    n, m = p.cum[sender + 1] - start, p.cum[receiver + 1] - there
    if p.limited or p.converted:
        for i in range(2 * batch * there, 2 * batch * (there + m)):
            into[i] = p.drive[i] if sender < receiver else 0
        receive(p, share, read(p, matrix, q, f.s, sender, receiver), block(into, p, receiver), receiver)
        f.work[0] += batch * reads * n * m
        return
    count, moved, zero = 0, 0, f.a.dtype.type(0)
    grain = f.a.dtype.type(GRAIN * np.finfo(f.a.dtype).eps)
    for r in range(reads):
        plus, minus = span(q[r, 0], start, n), span(q[r, 1], start, n)
        for b in range(batch):
            if f.status[b] != LIVE:
                continue
            base = 2 * batch * start + b * n
            s0, s1 = span(f.s, base, n), span(f.s, base + batch * n, n)
            known, row = span(sent, 2 * batch * start + (r * batch + b) * n, n), span(p.signal, count * n, n)
            for i in range(n):
                row[i] = plus[i] * s0[i] + minus[i] * s1[i]
            if p.shaped:
                drive(curve(p, sender, receiver), row)
            changed = 0
            for i in range(n):
                step = row[i] - known[i]
                if abs(step) <= grain * abs(row[i]):
                    step = zero
                row[i] = step
                known[i] += step
                changed += step != 0
            if changed:
                f.rows[count] = r * batch + b
                count += 1
                moved += changed
    if count == 0:
        return
    at = p.at[min(sender, receiver)]
    if moved <= (SPARSE_ONE if count == 1 else SPARSE) * count * n:
        for k in range(count):
            add_rows(span(p.signal, k * n, n), n, matrix, at, m, span(p.current, k * m, m), span(f.rows, 2 * batch, n))
        f.work[0] += moved * m
    else:
        multiply(p.signal, 0, matrix, at, p.current, 0, count, n, m)
        f.work[0] += count * n * m
    for k in range(count):
        r, b = f.rows[k] // batch, f.rows[k] % batch
        got = span(p.current, k * m, m)
        for c in range(2):
            part, out = span(share[c, r], there, m), span(into, 2 * batch * there + (c * batch + b) * m, m)
            for i in range(m):
                out[i] += part[i] * got[i]


@inner
def clear(p, f):
    """Forget what was sent and received."""
    for i in range(f.a.size):
        f.below[i] = p.drive[i]
        f.above[i] = f.up[i] = f.down[i] = 0


@inner
def output(p, f, b):
    """Solve a = z − (nudge at s(a)) for the output of one sample."""
    layer = p.cum.size - 2
    al, z = block(f.a, p, layer), block(f.below, p, layer)
    n, beta = p.nudge_at, p.beta[b]
    if p.output_activation == IDENTITY and p.loss == MSE:
        for i in range(z.shape[2]):
            m0, m1 = beta * p.nudge[0, i], beta * p.nudge[1, i]
            y = p.target[b, i]
            # (1 + m₀N₀₀) a₀ + m₀N₀₁ a₁ = z₀ + m₀y, and likewise for the other compartment.
            h00, h01, h10, h11 = 1 + m0 * n[0, 0], m0 * n[0, 1], m1 * n[1, 0], 1 + m1 * n[1, 1]
            r0, r1 = z[0, b, i] + m0 * y, z[1, b, i] + m1 * y
            det = h00 * h11 - h01 * h10
            al[0, b, i] = (h11 * r0 - h01 * r1) / det
            al[1, b, i] = (h00 * r1 - h10 * r0) / det
        return
    steepest = 0.0
    for i in range(z.shape[2]):
        steepest = max(steepest, abs(p.nudge[0, i]), abs(p.nudge[1, i]))
    omega = al.dtype.type(1 / (1 + 0.5 * abs(beta) * steepest))
    for _ in range(INNER):
        for c in range(2):
            base = 2 * p.batch * p.cum[layer] + (c * p.batch + b) * z.shape[2]
            activate(p.output_activation, span(f.a, base, z.shape[2]), span(f.s, base, z.shape[2]))
        trial = nudged(p, f, b)
        gap = 0.0
        for c in range(2):
            for i in range(z.shape[2]):
                step = trial[c, b, i] - al[c, b, i]
                gap = max(gap, abs(step))
                al[c, b, i] += omega * step
        if not gap > CLOSE:
            break


@inner
def nudged(p, f, b):
    """z of the output of one sample, nudge included, from what it receives and its present states."""
    last = p.cum.size - 2
    # The output sends nothing upwards, so its place in `up` is free.
    z, u = block(f.up, p, last), block(f.below, p, last)
    for c in range(2):
        for i in range(z.shape[2]):
            z[c, b, i] = u[c, b, i]
    pull_sample(p, block(f.s, p, last), z, b)
    return z


@inner
def settle_layer(p, f, layer, omega, explicit):
    """a ← (1 − ω)a + ωz for one layer, from what it last received."""
    start = p.cum[layer]
    n = p.cum[layer + 1] - start
    for b in range(p.batch):
        if f.status[b] != LIVE:
            continue
        if layer == p.cum.size - 2:
            # The output hears nothing from above: its place there holds the old states.
            al, old = block(f.a, p, layer), block(f.above, p, layer)
            for c in range(2):
                for i in range(n):
                    old[c, b, i] = al[c, b, i]
            if explicit:
                z = nudged(p, f, b)
                for c in range(2):
                    for i in range(n):
                        al[c, b, i] = z[c, b, i]
            else:
                output(p, f, b)
            for c in range(2):
                for i in range(n):
                    step = omega * (al[c, b, i] - old[c, b, i])
                    al[c, b, i] = old[c, b, i] + step
                    f.change[b] = greatest(f.change[b], np.float64(abs(step)))
        else:
            for c in range(2):
                base = 2 * p.batch * start + (c * p.batch + b) * n
                a, u, v = span(f.a, base, n), span(f.below, base, n), span(f.above, base, n)
                worst = a.dtype.type(0)
                for i in range(n):
                    step = omega * (u[i] + v[i] - a[i])
                    a[i] += step
                    worst = greatest(worst, abs(step))
                f.change[b] = greatest(f.change[b], np.float64(worst))
    activate_layer(p, f.a, f.s, layer)


@inner
def check(p, f, tol, sweep):
    """Residual of the live samples from what all layers have received; those below the tolerance have settled."""
    last = p.cum.size - 2
    for b in range(p.batch):
        if f.status[b] != LIVE:
            continue
        found = 0.0
        for layer in range(last):
            start = p.cum[layer]
            n = p.cum[layer + 1] - start
            for c in range(2):
                base = 2 * p.batch * start + (c * p.batch + b) * n
                a, u, v = span(f.a, base, n), span(f.below, base, n), span(f.above, base, n)
                worst = a.dtype.type(0)
                for i in range(n):
                    worst = greatest(worst, abs(u[i] + v[i] - a[i]))
                found = greatest(found, np.float64(worst))
        al, z = block(f.a, p, last), nudged(p, f, b)
        for c in range(2):
            for i in range(z.shape[2]):
                found = greatest(found, np.float64(abs(z[c, b, i] - al[c, b, i])))
        f.residual[b] = found
        if found <= tol[b]:
            f.status[b], f.ended[b] = SETTLED, sweep


@compiled
def march(p, f, visits, omega, tol, trail, first, count):
    """Carry out the visits `count` times or until no sample is live; `trail[k]` gets the changes of pass k.

    Returns the number of the last pass.
    """
    tol, trail, visits = given(tol, p.batch), filled(trail, (first + count) * p.batch), given(visits, 0)
    layers = p.cum.size - 1
    for sweep in range(first, first + count):
        zero(f.change)
        near = False
        for k in range(visits.shape[0]):
            layer, what = visits[k, 0], visits[k, 1]
            if what & RENEW:
                if sweep % CLEAR:
                    continue
                if what == RENEW:
                    clear(p, f)
            if what & PEEK and not near:
                for b in range(p.batch):
                    near = near or (f.status[b] == LIVE and f.change[b] <= REACH * tol[b])
                if not near:
                    continue
            if what & FIRE:
                activate_layer(p, f.a, f.s, layer)
            if what & BELOW and layer > 0:
                hear(p, f, layer - 1, layer)
            if what & ABOVE and layer < layers - 1:
                hear(p, f, layer + 1, layer)
            if what & (SETTLE | DAMP):
                settle_layer(p, f, layer, omega, what & DAMP != 0)
            if what & CHECK:
                check(p, f, tol, sweep)
        left = 0
        for b in range(p.batch):
            trail[sweep, b] = f.change[b]
            if f.status[b] == LIVE and not f.change[b] < BLOW_UP:
                f.status[b], f.ended[b] = LOST, sweep
            left += f.status[b] == LIVE
        if left == 0:
            return sweep
    return first + count - 1


@cache
def visits(kind: str, n: int) -> NDArray[np.int64]:
    """The visits of each kind of pass through n layers."""
    up, top = range(n), range(n - 1, n)
    renew = [(top, RENEW), (up, RENEW | BELOW | ABOVE)]
    runs: dict[str, list[tuple[range, int]]] = {
        "begin": [(up, FIRE), (up, ABOVE), (up, BELOW | SETTLE)],
        "up-down": [
            *renew,
            (range(n - 2, -1, -1), ABOVE | SETTLE),
            (up, PEEK | BELOW),
            (top, PEEK | CHECK),
            (range(min(1, n - 1), n), BELOW | SETTLE),
        ],
        "sor": [*renew, (up, BELOW | ABOVE | SETTLE), (up, PEEK | ABOVE), (top, PEEK | CHECK)],
        "synchronous": [*renew, (up, BELOW | ABOVE), (top, CHECK), (up, DAMP)],
        "refresh": [(up, FIRE), (up, BELOW)],
        "check": [(up, FIRE), (up, BELOW | ABOVE), (top, CHECK)],
    }
    return np.array([(layer, what) for layers, what in runs[kind] for layer in layers], dtype=np.int64).reshape(-1, 2)


def once(p: Problem, f: Flow, kind: str) -> None:
    """One run of visits beside the passes: "begin" (one pass up from the present state), "refresh", "check"."""
    width = f.change.size
    limit = np.full(width, -1.0)
    march(p, f, visits(kind, p.cum.size - 1), f.a.dtype.type(1), limit, np.empty((1, width)), 0, 1)
