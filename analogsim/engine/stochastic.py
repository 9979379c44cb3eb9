"""Fixed-step solvers for white noise at the nodes: the leak and the noise of a free node are exact in both.

The equation is τ da = (z(a) − a) dt + σ √(2τ) dW, so that σ is the stationary standard deviation of a free node for
every τ and every step. With x = h/τ,

* exponential Euler–Maruyama, a′ = e^{−x} a + (1 − e^{−x}) z(a) + N: strong order one for this additive noise;
* exponential SRA, strong order 1.5: H = e^{−cx} a + (1 − e^{−cx}) z(a) + M/w₂, a′ = e^{−x} a + w₁ z(a) + w₂ z(H) + N,
  with c = ¾, w₂ = xφ₂/c, w₁ = xφ₁ − w₂. The limit x → 0 is SRA1 of A. Rößler, SIAM J. Numer. Anal. 48, 922 (2010).

N = ∫ g e^{−v/τ} dW and M = ∫ g (v/τ) e^{−v/τ} dW over the step (v counted back from its end, g = σ√(2/τ)) are Gaussian
with Var N = σ²(1 − e^{−2x}), Cov = σ²/2 (1 − e^{−2x}(1 + 2x)), Var M = σ²/2 (1 − e^{−2x}(1 + 2x + 2x²)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.engine import phi
from analogsim.engine.kernel import block, copy, state_size, target
from analogsim.engine.packing import Batch
from analogsim.engine.primitives import filled, given
from analogsim.engine.recorder import (
    ACCEPTED,
    DONE,
    EVALUATIONS,
    RUNNING,
    TIME,
    WRITTEN,
    Record,
    bury,
    keep_dead,
    note,
)
from analogsim.engine.solvers import Options, in_turns
from analogsim.jit import compiled, inner
from analogsim.registry import register

NODE = 0.75


@inner
def moments(x):
    """Standard deviation of N for σ = 1, regression of M on N, and what is left of M."""
    if x < 1e-3:
        # Series: the closed forms cancel to third order.
        n, c, m = 2 * x - 2 * x * x, x * x - 4 * x**3 / 3, 2 * x**3 / 3 - x**4
    else:
        e = np.exp(-2 * x)
        n, c, m = 1 - e, 0.5 * (1 - e * (1 + 2 * x)), 0.5 * (1 - e * (1 + 2 * x + 2 * x * x))
    return np.sqrt(n), c / n, np.sqrt(max(m - c * c / n, 0.0))


@inner
def draw(p, h, sigma, rng, order, big, small):
    """Fill N, and M if the order asks for it."""
    for layer in range(p.cum.size - 1):
        nl, ml, first = block(big, p, layer), block(small, p, layer), p.cum[layer]
        for c in range(2):
            for i in range(nl.shape[2]):
                level = sigma[c, first + i]
                if level == 0:
                    for b in range(p.batch):
                        nl[c, b, i] = 0
                        ml[c, b, i] = 0
                    continue
                spread, along, rest = moments(h * np.float64(p.leak[c, first + i]))
                for b in range(p.batch):
                    nl[c, b, i] = level * spread * rng.standard_normal()
                    if order > 1:
                        ml[c, b, i] = along * nl[c, b, i] + level * rest * rng.standard_normal()


@inner
def leap(p, h, order, a, z, big, small, stage, z2, s, new):
    """One step from a with z = z(a) and given N and M."""
    if order > 1:
        for layer in range(p.cum.size - 1):
            al, zl, ml, hl = block(a, p, layer), block(z, p, layer), block(small, p, layer), block(stage, p, layer)
            first = p.cum[layer]
            for c in range(2):
                for i in range(al.shape[2]):
                    x = h * np.float64(p.leak[c, first + i])
                    _, _, two, _ = phi.third(x)
                    e, w2 = np.exp(-NODE * x), x * two / NODE
                    for b in range(p.batch):
                        hl[c, b, i] = e * al[c, b, i] + (1 - e) * zl[c, b, i] + ml[c, b, i] / w2
        target(p, stage, s, z2)
    for layer in range(p.cum.size - 1):
        al, zl, yl, nl = block(a, p, layer), block(z, p, layer), block(z2, p, layer), block(big, p, layer)
        ol, first = block(new, p, layer), p.cum[layer]
        for c in range(2):
            for i in range(al.shape[2]):
                x = h * np.float64(p.leak[c, first + i])
                e, one, two, _ = phi.third(x)
                w2 = x * two / NODE if order > 1 else 0.0
                w1 = x * one - w2
                for b in range(p.batch):
                    late = w2 * yl[c, b, i] if order > 1 else 0.0
                    ol[c, b, i] = e * al[c, b, i] + w1 * zl[c, b, i] + late + nl[c, b, i]


@compiled
def advance(p, a, work, rec, t_end, dt, sigma, rng, order, max_steps):
    """Integrate `a` in place in steps of at most dt that meet every requested time; `work` is (7, 2·B·N)."""
    numbers = state_size(p)
    a, work, sigma = filled(a, numbers), filled(work, 7 * numbers), given(sigma, p.leak.size)
    z, new, s, big, small, stage, z2 = work[0], work[1], work[2], work[3], work[4], work[5], work[6]
    scratch, steps = rec.scratch[0], 0
    tiny = 1e-12 * max(1.0, t_end)
    while rec.tally[WRITTEN] < rec.times.size and rec.times[rec.tally[WRITTEN]] <= rec.clock[TIME] + tiny:
        copy(a, rec.out[rec.tally[WRITTEN]])
        rec.tally[WRITTEN] += 1
    while rec.clock[TIME] < t_end - tiny:
        if steps == max_steps:
            return RUNNING
        t = rec.clock[TIME]
        stop = t_end if rec.tally[WRITTEN] == rec.times.size else min(t_end, rec.times[rec.tally[WRITTEN]])
        h = dt if t + dt < stop - tiny else stop - t
        target(p, a, s, z)
        note(p, rec, a, z, scratch)
        draw(p, h, sigma, rng, order, big, small)
        leap(p, h, order, a, z, big, small, stage, z2, s, new)
        keep_dead(p, rec, a, new)
        copy(new, a)
        rec.clock[TIME] = t + h if h == dt else stop
        rec.tally[ACCEPTED] += 1
        rec.tally[EVALUATIONS] += order
        steps += 1
        left = bury(p, rec, a, scratch)
        while rec.tally[WRITTEN] < rec.times.size and rec.times[rec.tally[WRITTEN]] <= rec.clock[TIME] + tiny:
            copy(a, rec.out[rec.tally[WRITTEN]])
            rec.tally[WRITTEN] += 1
        if left == 0:
            break
    for k in range(rec.tally[WRITTEN], rec.times.size):
        copy(a, rec.out[k])
    rec.tally[WRITTEN] = rec.times.size
    return DONE


@dataclass(frozen=True)
class FixedSteps:
    """Steps of at most ``options.dt`` with white noise at the nodes of standard deviation ``options.sigma``."""

    order: int
    takes_noise: bool = True

    def __call__(self, batch: Batch, a: NDArray[np.floating], rec: Record, t_end: float, options: Options) -> int:
        """Integrate `a` in place; see `analogsim.engine.solvers.Solver`."""
        work = np.empty((7, a.size), a.dtype)
        sigma = np.zeros_like(batch.packed.leak, dtype=float) if options.sigma is None else options.sigma
        rng, dt = options.rng or np.random.default_rng(0), options.dt
        return in_turns(
            lambda n: advance(batch.packed, a, work, rec, t_end, dt, sigma, rng, self.order, n), rec, options
        )


register.solver("exponential-em", "fixed exponential Euler-Maruyama steps, for white noise at the nodes")(FixedSteps(1))
register.solver("exponential-sra", "fixed exponential steps of strong order 1.5, for white noise at the nodes")(
    FixedSteps(2)
)
