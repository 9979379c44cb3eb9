"""Adaptive steps, once for all integrators: how long the first is, how wrong one was, and how long the next may be.

A step's error is the largest of all samples, each against its own size, so that the worst sample sets the step. Above
one the step is made again, shorter; a step is never longer than `GROW` times or shorter than `SHRINK` times the last,
and aims at `AIM` of what the error allows.
"""

from __future__ import annotations

import numpy as np

from analogsim.engine.kernel import block, extent
from analogsim.engine.recorder import ACCEPTED, ERROR, REJECTED, STEP, TIME
from analogsim.jit import inner

AIM, SHRINK, GROW = 0.9, 0.2, 5.0
TINY = 1e-14
"""A step of this share of the time reached is lost in rounding: the integration is stuck."""


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
def is_lost(t, h):
    """Whether a step h from the time t is lost in rounding."""
    return h < TINY * max(abs(t), 1e-3)


@inner
def is_last(t, h, t_end):
    """Whether a step h from the time t reaches the end, but for rounding."""
    return t + h >= t_end * (1 - TINY)


@inner
def error_norm(p, rec, error, new, gap, size, rtol, atol):
    """`worst_error` of packed arrays; `gap` and `size` are (B,) scratch."""
    extent(p, error, gap)
    extent(p, new, size)
    return worst_error(rec, gap, size, rtol, atol)


@inner
def worst_error(rec, gap, size, rtol, atol):
    """Largest over the living samples of max |error| / (atol + rtol·max |new|); NaN gives inf.

    `gap` and `size` are (B,), the largest error and state of each sample. The scale is the sample's, not the
    component's: a neuron that crosses zero would otherwise set the step.
    """
    worst = 0.0
    for b in range(gap.size):
        if rec.alive[b]:
            norm = gap[b] / (atol + rtol * size[b])
            if not norm <= worst:
                worst = norm if norm == norm else np.inf
    return worst


@inner
def allowed(error, order):
    """Step factor that the last error alone allows, for a method whose error grows as h^order."""
    return AIM * error ** (-1.0 / order)


@inner
def damped(error, previous, order):
    """Step factor of a PI controller, which also looks at the error before, within the bounds.

    K. Gustafsson, ACM Trans. Math. Softw. 17, 533 (1991), 10.1145/210232.210242.
    """
    if error == 0:
        return GROW
    return min(GROW, max(SHRINK, AIM * error ** (-0.7 / order) * previous ** (0.4 / order)))


@inner
def reject(rec, h, error, order):
    """Make the step again, shorter."""
    rec.tally[REJECTED] += 1
    rec.clock[STEP] = h * max(SHRINK, allowed(error, order)) if error < np.inf else SHRINK * h


@inner
def accept(rec, t, h, t_end, factor):
    """Advance the time by h and scale the step; one that was cut short to meet a time says nothing about a longer."""
    rec.tally[ACCEPTED] += 1
    rec.clock[TIME] = t_end if is_last(t, h, t_end) else t + h
    if h >= rec.clock[STEP] or factor < 1:
        rec.clock[STEP] = h * factor


@inner
def accept_damped(rec, t, h, t_end, error, order):
    """`accept` with the factor of `damped`; keeps the error for the next."""
    factor = damped(error, rec.clock[ERROR], order)
    rec.clock[ERROR] = max(error, 1e-4)
    accept(rec, t, h, t_end, factor)
