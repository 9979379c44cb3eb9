"""The Dormand–Prince 5(4) pair, fused: for equal time constants, where treating the leak exactly gains little.

J. Dormand and P. Prince, J. Comput. Appl. Math. 6, 19 (1980), with the fourth-order interpolant of L. Shampine (1986);
the coefficients are those of scipy's RK45, so that the two differ in speed and error norm only.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import RK45

from analogsim.engine.kernel import block, copy, rate, state_size
from analogsim.engine.primitives import filled
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
from analogsim.engine.steps import accept_damped, error_norm, first_step, is_last, is_lost, reject
from analogsim.jit import compiled, inner
from analogsim.registry import register

ORDER = 5
STAGES = 7

# Rows of A, then B as the seventh stage (first same as last); E = B − B̂; P of the interpolant, powers 1 to 4.
_A = np.zeros((7, 6))
_A[1:6, :5] = RK45.A[1:, :5]
_A[6, :] = RK45.B
_E = np.array(RK45.E)
_P = np.array(RK45.P)


@compiled
def advance(p, a, work, rec, t_end, rtol, atol, stop, max_steps):
    """Integrate `a` in place; as `etd.advance`, with `work` of (11, 2·B·N) whose first row is da/dt between calls."""
    numbers = state_size(p)
    a, work = filled(a, numbers), filled(work, 11 * numbers)
    stage, new, s, shadow = work[7], work[8], work[9], work[10]
    scratch, gap, size = rec.scratch[0], rec.scratch[1], rec.scratch[2]
    if rec.tally[EVALUATIONS] == 0:
        rate(p, a, s, work[0])
        rec.tally[EVALUATIONS] = 1
        aim(p, a, work[0], shadow)
        note(p, rec, a, shadow, scratch)
    if rec.clock[STEP] == 0:
        aim(p, a, work[0], shadow)
        rec.clock[STEP] = first_step(p, a, shadow, rtol, atol)
    steps = 0
    while rec.clock[TIME] < t_end:
        if steps == max_steps:
            return RUNNING
        t, h = rec.clock[TIME], min(rec.clock[STEP], t_end - rec.clock[TIME])
        if is_lost(t, h):
            return STUCK
        for i in range(1, STAGES):
            weigh(a, work, h, i, new if i == 6 else stage)
            rate(p, new if i == 6 else stage, s, work[i])
        rec.tally[EVALUATIONS] += 6
        for j in range(a.size):
            total = _E[0] * work[0, j]
            for i in range(1, STAGES):
                total += _E[i] * work[i, j]
            stage[j] = h * total
        error = error_norm(p, rec, stage, new, gap, size, rtol, atol)
        steps += 1
        if error > 1:
            reject(rec, h, error, ORDER)
            continue
        last = is_last(t, h, t_end)
        keep_dead(p, rec, a, new)
        k = rec.tally[WRITTEN]
        while k < rec.times.size and (rec.times[k] <= t + h or last):
            between(a, work, h, min((rec.times[k] - t) / h, 1.0), rec.out[k])
            keep_dead(p, rec, a, rec.out[k])
            k += 1
        rec.tally[WRITTEN] = k
        copy(new, a)
        copy(work[6], work[0])
        accept_damped(rec, t, h, t_end, error, ORDER)
        if bury(p, rec, a, scratch) == 0:
            break
        aim(p, a, work[0], shadow)
        note(p, rec, a, shadow, scratch)
        if stop > 0 and at_rest(p, rec, a, shadow, stop, scratch):
            return SETTLED
    fill(rec, a)
    return DONE


@inner
def weigh(a, work, h, stage, out):
    """out = a + h Σ_i A[stage, i] k_i, in one pass."""
    c0, c1, c2 = a.dtype.type(h * _A[stage, 0]), a.dtype.type(h * _A[stage, 1]), a.dtype.type(h * _A[stage, 2])
    c3, c4, c5 = a.dtype.type(h * _A[stage, 3]), a.dtype.type(h * _A[stage, 4]), a.dtype.type(h * _A[stage, 5])
    if stage == 1:
        for j in range(a.size):
            out[j] = a[j] + c0 * work[0, j]
    elif stage == 2:
        for j in range(a.size):
            out[j] = a[j] + c0 * work[0, j] + c1 * work[1, j]
    elif stage == 3:
        for j in range(a.size):
            out[j] = a[j] + c0 * work[0, j] + c1 * work[1, j] + c2 * work[2, j]
    elif stage == 4:
        for j in range(a.size):
            out[j] = a[j] + c0 * work[0, j] + c1 * work[1, j] + c2 * work[2, j] + c3 * work[3, j]
    else:
        for j in range(a.size):
            out[j] = a[j] + c0 * work[0, j] + c1 * work[1, j] + c2 * work[2, j] + c3 * work[3, j] + c4 * work[4, j]
        if stage == 6:
            for j in range(a.size):
                out[j] += c5 * work[5, j]


@inner
def between(a, work, h, theta, out):
    """State at t + θh from the interpolant."""
    copy(a, out)
    for i in range(STAGES):
        weight, power = 0.0, theta
        for k in range(4):
            weight += h * _P[i, k] * power
            power *= theta
        w = a.dtype.type(weight)
        if w != 0:
            for j in range(a.size):
                out[j] += w * work[i, j]


@inner
def aim(p, a, slope, z):
    """z = a + τ da/dt, what `recorder` takes residuals from."""
    for layer in range(p.cum.size - 1):
        al, kl, zl, first = block(a, p, layer), block(slope, p, layer), block(z, p, layer), p.cum[layer]
        for c in range(2):
            for b in range(p.batch):
                for i in range(al.shape[2]):
                    zl[c, b, i] = al[c, b, i] + kl[c, b, i] / p.leak[c, first + i]


register.solver("dp5", "adaptive explicit Runge-Kutta steps of fifth order")(adaptive(advance, rows=11))
