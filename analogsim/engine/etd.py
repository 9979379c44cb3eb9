"""ETD3(2): an adaptive exponential Runge–Kutta pair that treats the leak −a/τ exactly.

With x = h/τ of each compartment and z(a) what it leaks towards,

    a₂ = e^{−x/2} a + (1 − e^{−x/2}) z₁
    a₃ = e^{−x} a + (1 − e^{−x})(2 z₂ − z₁)
    a′ = e^{−x} a + x[(φ₁ − 3φ₂ + 4φ₃) z₁ + (4φ₂ − 8φ₃) z₂ + (4φ₃ − φ₂) z₃],   φ at −x,

S. Cox and P. Matthews, J. Comput. Phys. 176, 430 (2002), ETD3RK. The embedded second-order result from z₁ and z₂
differs by x(4φ₃ − φ₂)(z₁ − 2z₂ + z₃). A fixed point z(a) = a is kept exactly, whatever the step.
"""

from __future__ import annotations

import numpy as np

from analogsim.engine import phi
from analogsim.engine.kernel import block, copy, state_size, target, zero
from analogsim.engine.primitives import filled, greatest, span
from analogsim.engine.recorder import (
    DONE,
    EVALUATIONS,
    RUNNING,
    SETTLED,
    STEP,
    STUCK,
    TIME,
    WRITTEN,
    at_rest,
    bury,
    fill,
    keep_dead,
    note,
)
from analogsim.engine.solvers import adaptive
from analogsim.engine.steps import accept_damped, first_step, is_last, is_lost, reject, worst_error
from analogsim.jit import compiled, inner
from analogsim.registry import register

ORDER = 3


@inner
def weights(p, h, w):
    """Rows of w, each (2, N): e^{−x/2}, e^{−x}, the weights of z₁, z₂, z₃, and of the error."""
    for c in range(2):
        for i in range(p.leak.shape[1]):
            x = h * np.float64(p.leak[c, i])
            e, one, two, three = phi.third(x)
            w[0, c, i] = np.exp(-x / 2)
            w[1, c, i] = e
            w[2, c, i] = x * (one - 3 * two + 4 * three)
            w[3, c, i] = x * (4 * two - 8 * three)
            w[4, c, i] = x * (4 * three - two)


@inner
def middle(p, w, a, z1, out):
    """Stage at h/2."""
    for layer in range(p.cum.size - 1):
        al, zl, ol = block(a, p, layer), block(z1, p, layer), block(out, p, layer)
        for c in range(2):
            e = span(w[0, c], p.cum[layer], p.cum[layer + 1] - p.cum[layer])
            for b in range(p.batch):
                x, z, y = al[c, b], zl[c, b], ol[c, b]
                for i in range(x.size):
                    y[i] = z[i] + e[i] * (x[i] - z[i])


@inner
def end(p, w, a, z1, z2, out):
    """Stage at h."""
    for layer in range(p.cum.size - 1):
        al, yl, zl, ol = block(a, p, layer), block(z1, p, layer), block(z2, p, layer), block(out, p, layer)
        for c in range(2):
            e = span(w[1, c], p.cum[layer], p.cum[layer + 1] - p.cum[layer])
            for b in range(p.batch):
                x, u, v, y = al[c, b], yl[c, b], zl[c, b], ol[c, b]
                for i in range(x.size):
                    z = v[i] + v[i] - u[i]
                    y[i] = z + e[i] * (x[i] - z)


@inner
def combine(p, w, a, z1, z2, z3, new, gap, size):
    """The step; for each sample, the largest difference from the embedded one and the largest state."""
    zero(gap)
    zero(size)
    for layer in range(p.cum.size - 1):
        al, nl, first, n = block(a, p, layer), block(new, p, layer), p.cum[layer], p.cum[layer + 1] - p.cum[layer]
        y1, y2, y3 = block(z1, p, layer), block(z2, p, layer), block(z3, p, layer)
        for c in range(2):
            e, w1 = span(w[1, c], first, n), span(w[2, c], first, n)
            w2, w3 = span(w[3, c], first, n), span(w[4, c], first, n)
            for b in range(p.batch):
                x, u, v, t, y = al[c, b], y1[c, b], y2[c, b], y3[c, b], nl[c, b]
                off, top = a.dtype.type(0), a.dtype.type(0)
                for i in range(x.size):
                    y[i] = e[i] * x[i] + w1[i] * u[i] + w2[i] * v[i] + w3[i] * t[i]
                    off = greatest(off, abs(w3[i] * (u[i] - v[i] - v[i] + t[i])))
                    top = greatest(top, abs(y[i]))
                gap[b], size[b] = greatest(gap[b], np.float64(off)), greatest(size[b], np.float64(top))


@inner
def between(p, h, theta, a, z1, z2, z3, out):
    """State at t + θh: the leak exact, z the parabola through the stages."""
    for c in range(2):
        for layer in range(p.cum.size - 1):
            al, first = block(a, p, layer), p.cum[layer]
            y1, y2, y3, ol = block(z1, p, layer), block(z2, p, layer), block(z3, p, layer), block(out, p, layer)
            for i in range(al.shape[2]):
                x = theta * h * np.float64(p.leak[c, first + i])
                e, one, two, three = phi.third(x)
                c1, c2, c3 = x * one, x * two * theta, x * three * 2 * theta * theta
                w1, w2, w3 = c1 - 3 * c2 + 2 * c3, 4 * c2 - 4 * c3, 2 * c3 - c2
                for b in range(p.batch):
                    ol[c, b, i] = e * al[c, b, i] + w1 * y1[c, b, i] + w2 * y2[c, b, i] + w3 * y3[c, b, i]


@compiled
def advance(p, a, work, rec, t_end, rtol, atol, stop, max_steps):
    """Integrate `a` in place until t_end, until every residual is below `stop`, or for `max_steps` steps.

    `work` is (6, 2·B·N) scratch whose first row holds z(a) between calls (where evaluations are counted already).
    """
    numbers = state_size(p)
    a, work = filled(a, numbers), filled(work, 6 * numbers)
    z1, z2, z3, stage, new, s = work[0], work[1], work[2], work[3], work[4], work[5]
    scratch, gap, size, w = rec.scratch[0], rec.scratch[1], rec.scratch[2], rec.weights
    if rec.tally[EVALUATIONS] == 0:
        target(p, a, s, z1)
        rec.tally[EVALUATIONS] = 1
        note(p, rec, a, z1, scratch)
    if rec.clock[STEP] == 0:
        rec.clock[STEP] = first_step(p, a, z1, rtol, atol)
    steps = 0
    while rec.clock[TIME] < t_end:
        if steps == max_steps:
            return RUNNING
        t, h = rec.clock[TIME], min(rec.clock[STEP], t_end - rec.clock[TIME])
        if is_lost(t, h):
            return STUCK
        weights(p, h, w)
        middle(p, w, a, z1, stage)
        target(p, stage, s, z2)
        end(p, w, a, z1, z2, stage)
        target(p, stage, s, z3)
        combine(p, w, a, z1, z2, z3, new, gap, size)
        rec.tally[EVALUATIONS] += 2
        error = worst_error(rec, gap, size, rtol, atol)
        steps += 1
        if error > 1:
            reject(rec, h, error, ORDER)
            continue
        last = is_last(t, h, t_end)
        keep_dead(p, rec, a, new)
        k = rec.tally[WRITTEN]
        while k < rec.times.size and (rec.times[k] <= t + h or last):
            between(p, h, min((rec.times[k] - t) / h, 1.0), a, z1, z2, z3, rec.out[k])
            keep_dead(p, rec, a, rec.out[k])
            k += 1
        rec.tally[WRITTEN] = k
        copy(new, a)
        accept_damped(rec, t, h, t_end, error, ORDER)
        if bury(p, rec, a, scratch) == 0:
            break
        target(p, a, s, z1)
        rec.tally[EVALUATIONS] += 1
        note(p, rec, a, z1, scratch)
        if stop > 0 and at_rest(p, rec, a, z1, stop, scratch):
            return SETTLED
    fill(rec, a)
    return DONE


register.solver("etd", "adaptive exponential Runge-Kutta steps of third order, with the leak exact")(
    adaptive(advance, rows=6)
)
