"""Exponential Adams 3–4: an adaptive predictor–corrector that treats the leak −a/τ exactly, one evaluation a step.

z(a) is taken as the polynomial through its last three values (predictor) and through a fourth, at the predicted state
(corrector); a leaks towards it exactly, with x = h/τ of each compartment and z = Σ_j c_j θʲ over the step,

    a(t + θh) = e^{−θx} a + θx Σ_j j! θʲ φ_{j+1}(−θx) c_j

(M. Hochbruck and A. Ostermann, BIT 51, 889 (2011), exponential multistep methods; here with variable steps and without
a second evaluation: the next step starts from z at the predicted state). The difference between the two is the error.
At loose tolerance an evaluation buys two to three times as much as with the stages of ETD3(2), but every start costs a
few small steps, so that stretches of held noise are better left to that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analogsim.engine import phi
from analogsim.engine.kernel import block, copy, state_size, target, zero
from analogsim.engine.packing import Batch
from analogsim.engine.primitives import filled, greatest, span, table
from analogsim.engine.recorder import (
    DONE,
    EVALUATIONS,
    RUNNING,
    SETTLED,
    STEP,
    STUCK,
    TIME,
    WRITTEN,
    Record,
    at_rest,
    bury,
    fill,
    keep_dead,
    note,
)
from analogsim.engine.solvers import Options, in_turns
from analogsim.engine.steps import accept, allowed, first_step, is_last, is_lost, reject, worst_error
from analogsim.jit import compiled, inner
from analogsim.registry import register

NODES = 3
PAST = 6 + NODES + (NODES + 1) ** 2
LARGEST = 3.0
"""The step grows by no more than this factor: beyond it the polynomials through past steps are of no use."""


@inner
def polynomials(theta, count, c):
    """Columns of c: coefficients of the Lagrange polynomials of the nodes and, last, of that of θ = 1 added to them."""
    for j in range(NODES + 1):
        zero(c[j])
    for i in range(count + 1):
        column, at = (i, theta[i]) if i < count else (NODES, 1.0)
        c[0, column] = 1
        degree = 0
        for k in range(count):
            if k != i:
                for j in range(degree + 1, 0, -1):
                    c[j, column] = (c[j - 1, column] - theta[k] * c[j, column]) / (at - theta[k])
                c[0, column] *= -theta[k] / (at - theta[k])
                degree += 1


@inner
def weights(p, h, theta, c, w):
    """Rows of w, each (2, N): the weights of the z at the nodes, of the correction, and e^{−θx}."""
    for s in range(2):
        for i in range(p.leak.shape[1]):
            x = theta * h * np.float64(p.leak[s, i])
            e, one, two, three, four = phi.fourth(x)
            f0, f1, f2, f3 = x * one, x * two * theta, x * three * 2 * theta**2, x * four * 6 * theta**3
            for k in range(NODES + 1):
                w[k, s, i] = f0 * c[0, k] + f1 * c[1, k] + f2 * c[2, k] + f3 * c[3, k]
            w[NODES + 1, s, i] = e


@inner
def predict(p, w, a, z0, z1, z2, gap, out):
    """State from the polynomial through the nodes plus the correction `gap`."""
    for layer in range(p.cum.size - 1):
        al, gl, ol = block(a, p, layer), block(gap, p, layer), block(out, p, layer)
        y0, y1, y2 = block(z0, p, layer), block(z1, p, layer), block(z2, p, layer)
        first, n = p.cum[layer], p.cum[layer + 1] - p.cum[layer]
        for c in range(2):
            w0, w1, w2 = span(w[0, c], first, n), span(w[1, c], first, n), span(w[2, c], first, n)
            w3, e = span(w[3, c], first, n), span(w[4, c], first, n)
            for b in range(p.batch):
                x, u, v, t, g, y = al[c, b], y0[c, b], y1[c, b], y2[c, b], gl[c, b], ol[c, b]
                for i in range(x.size):
                    y[i] = e[i] * x[i] + w0[i] * u[i] + w1[i] * v[i] + w2[i] * t[i] + w3[i] * g[i]


@inner
def correct(p, w, ahead, z0, z1, z2, new, z, out, off, size):
    """Correct `new` in place and put z less its extrapolation in `out`; the largest change and state by sample."""
    zero(off)
    zero(size)
    l0, l1, l2 = ahead
    for layer in range(p.cum.size - 1):
        nl, zl, ol = block(new, p, layer), block(z, p, layer), block(out, p, layer)
        y0, y1, y2 = block(z0, p, layer), block(z1, p, layer), block(z2, p, layer)
        for c in range(2):
            w3 = span(w[3, c], p.cum[layer], p.cum[layer + 1] - p.cum[layer])
            for b in range(p.batch):
                x, u, v, t, q, g = nl[c, b], y0[c, b], y1[c, b], y2[c, b], zl[c, b], ol[c, b]
                worst, top = new.dtype.type(0), new.dtype.type(0)
                for i in range(x.size):
                    g[i] = q[i] - l0 * u[i] - l1 * v[i] - l2 * t[i]
                    step = w3[i] * g[i]
                    x[i] += step
                    worst, top = greatest(worst, abs(step)), greatest(top, abs(x[i]))
                off[b], size[b] = greatest(off[b], np.float64(worst)), greatest(size[b], np.float64(top))


@compiled
def advance(p, a, work, past, rec, t_end, rtol, atol, stop, max_steps):
    """Integrate `a` in place; as `etd.advance`, with `work` of (7, 2·B·N), zeros at first.

    Its first four rows hold z at the nodes, the place of the newest being ``past[4]`` of ``past[5]``, at the times
    ``past[:4]``; the rest of `past` is scratch.
    """
    numbers = state_size(p)
    a, work, past = filled(a, numbers), filled(work, 7 * numbers), filled(past, PAST)
    new, gap, s = work[4], work[5], work[6]
    theta, c = span(past, 6, NODES), table(past, 6 + NODES, NODES + 1, NODES + 1)
    scratch, off, size, w = rec.scratch[0], rec.scratch[1], rec.scratch[2], rec.weights
    if rec.tally[EVALUATIONS] == 0:
        target(p, a, s, work[0])
        rec.tally[EVALUATIONS] = 1
        past[0], past[4], past[5] = rec.clock[TIME], 0, 1
        note(p, rec, a, work[0], scratch)
    if rec.clock[STEP] == 0:
        rec.clock[STEP] = first_step(p, a, work[int(past[4])], rtol, atol)
    steps = 0
    while rec.clock[TIME] < t_end:
        if steps == max_steps:
            return RUNNING
        t, h = rec.clock[TIME], min(rec.clock[STEP], t_end - rec.clock[TIME])
        if is_lost(t, h):
            return STUCK
        newest, count = int(past[4]), int(past[5])
        z0, z1, z2 = work[newest], work[(newest + 3) % 4], work[(newest + 2) % 4]
        z = work[(newest + 1) % 4]
        for k in range(count):
            theta[k] = (past[(newest + 4 - k) % 4] - t) / h
        polynomials(theta, count, c)
        weights(p, h, 1.0, c, w)
        for i in range(a.size):
            gap[i] = 0
        predict(p, w, a, z0, z1, z2, gap, new)
        target(p, new, s, z)
        ahead = (
            a.dtype.type(c[0, 0] + c[1, 0] + c[2, 0] + c[3, 0]),
            a.dtype.type(c[0, 1] + c[1, 1] + c[2, 1] + c[3, 1]),
            a.dtype.type(c[0, 2] + c[1, 2] + c[2, 2] + c[3, 2]),
        )
        correct(p, w, ahead, z0, z1, z2, new, z, gap, off, size)
        rec.tally[EVALUATIONS] += 1
        error = worst_error(rec, off, size, rtol, atol)
        steps += 1
        if error > 1:
            reject(rec, h, error, count + 1)
            continue
        last = is_last(t, h, t_end)
        keep_dead(p, rec, a, new)
        k = rec.tally[WRITTEN]
        while k < rec.times.size and (rec.times[k] <= t + h or last):
            weights(p, h, min((rec.times[k] - t) / h, 1.0), c, w)
            predict(p, w, a, z0, z1, z2, gap, rec.out[k])
            keep_dead(p, rec, a, rec.out[k])
            k += 1
        rec.tally[WRITTEN] = k
        copy(new, a)
        accept(rec, t, h, t_end, min(LARGEST, allowed(max(error, 1e-8), count + 1)))
        past[4], past[5] = (newest + 1) % 4, min(count + 1, NODES)
        past[(newest + 1) % 4] = rec.clock[TIME]
        if bury(p, rec, a, scratch) == 0:
            break
        note(p, rec, a, z, scratch)
        if stop > 0 and at_rest(p, rec, a, z, stop, scratch):
            return SETTLED
    fill(rec, a)
    return DONE


@register.solver("adams", "adaptive multistep predictor and corrector, with the leak exact; fastest without noise")
def multistep(batch: Batch, a: NDArray[np.floating], rec: Record, t_end: float, options: Options) -> int:
    """Integrate `a` in place; see `analogsim.engine.solvers.Solver`."""
    work, past = np.zeros((7, a.size), a.dtype), np.zeros(PAST)
    rec.tally[EVALUATIONS] = 0
    rtol, atol, stop = options.rtol, options.atol, options.stop
    return in_turns(lambda n: advance(batch.packed, a, work, past, rec, t_end, rtol, atol, stop, n), rec, options)
