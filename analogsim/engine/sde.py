"""Exponential Euler–Maruyama: the leak and the noise of a free node exact, the coupling to first order.

    a′ = e^{−h/τ} a + (1 − e^{−h/τ}) z(a) + σ √(1 − e^{−2h/τ}) ξ,   ξ ~ N(0, 1),

the exact solution of τ da = (z − a) dt + σ √(2τ) dW for constant z, so that σ is the stationary standard deviation for
every τ and every step. P. Kloeden and E. Platen, Numerical Solution of SDEs (1992), for strong orders.
"""

from __future__ import annotations

import numpy as np

from analogsim.engine.kernel import block, target
from analogsim.engine.recorder import DONE, RUNNING, bury, keep_dead, note
from analogsim.jit import jit


@jit
def leap(p, h, sigma, rng, a, z, new):
    """One step of length h from a with z(a); draws 2·B·N normals where sigma > 0."""
    for layer in range(p.cum.size - 1):
        al, zl, nl, first = block(a, p, layer), block(z, p, layer), block(new, p, layer), p.cum[layer]
        for c in range(2):
            for i in range(al.shape[2]):
                x = h * np.float64(p.leak[c, first + i])
                e = np.exp(-x)
                spread = sigma[c, first + i] * np.sqrt(-np.expm1(-2 * x))
                for b in range(p.batch):
                    kick = spread * rng.standard_normal() if spread > 0 else 0.0
                    nl[c, b, i] = e * al[c, b, i] + (1 - e) * zl[c, b, i] + kick


@jit
def advance(p, a, work, rec, t_end, dt, sigma, rng, max_steps):
    """Integrate `a` in place in steps of at most dt that meet every requested time."""
    z, new, s = work[0], work[1], work[2]
    scratch = np.empty(p.batch)
    steps = 0
    tiny = 1e-12 * max(1.0, t_end)
    while rec.tally[0] < rec.times.size and rec.times[rec.tally[0]] <= rec.clock[0] + tiny:
        rec.out[rec.tally[0]] = a
        rec.tally[0] += 1
    while rec.clock[0] < t_end - tiny:
        if steps == max_steps:
            return RUNNING
        t = rec.clock[0]
        stop = t_end if rec.tally[0] == rec.times.size else min(t_end, rec.times[rec.tally[0]])
        h = dt if t + dt < stop - tiny else stop - t
        target(p, a, s, z)
        note(p, rec, a, z, scratch)
        leap(p, h, sigma, rng, a, z, new)
        keep_dead(p, rec, a, new)
        a[:] = new
        rec.clock[0] = t + h if h == dt else stop
        rec.tally[1] += 1
        rec.tally[3] += 1
        steps += 1
        left = bury(p, rec, a, scratch)
        while rec.tally[0] < rec.times.size and rec.times[rec.tally[0]] <= rec.clock[0] + tiny:
            rec.out[rec.tally[0]] = a
            rec.tally[0] += 1
        if left == 0:
            break
    for k in range(rec.tally[0], rec.times.size):
        rec.out[k] = a
    rec.tally[0] = rec.times.size
    return DONE
