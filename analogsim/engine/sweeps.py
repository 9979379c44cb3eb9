"""Layer-ordered sweeps towards an equilibrium, compiled.

An equilibrium is a = z(a), whatever the time constants. A sweep is a list of visits to layers, carried out by one
compiled function: a function for each kind of sweep would compile all that it calls again. `up_down` re-computes, on
the way up, only what layers receive from below and, on the way down, only what they receive from above: half of the
products of a plain sweep are never done. `relaxed` is block successive over-relaxation in layer order,
a ← (1 − ω)a + ωz. `synchronous` is the damped iteration of the papers, a ← a + η(z(a) − a). The output, whose nudge
depends on its own state, is solved exactly when that is linear and by a damped inner iteration otherwise.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim.engine.kernel import (
    Problem,
    activate_layer,
    block,
    copy,
    distance,
    pull,
    read,
    receive,
    residual,
    target,
)
from analogsim.engine.primitives import greatest
from analogsim.jit import jit

INNER, CLOSE = 60, 1e-10
"""Most iterations on a nonlinear output nudge within one sweep, and the change at which they end."""


class Flow(NamedTuple):
    """What each layer receives, kept between sweeps; all packed like a state."""

    a: NDArray[np.floating]
    s: NDArray[np.floating]
    below: NDArray[np.floating]
    above: NDArray[np.floating]
    old: NDArray[np.floating]
    change: NDArray[np.float64]  # (B,) largest |Δa| of the last sweep


def new_flow(a: NDArray[np.floating], batch: int) -> Flow:
    """Buffers for sweeps that start at `a`, which is copied."""
    s, below, above, old = (np.zeros_like(a) for _ in range(4))
    return Flow(a.copy(), s, below, above, old, np.zeros(batch))


FIRE, BELOW, ABOVE, SETTLE = 1, 2, 4, 8
"""What is done at a visit: refresh s = f(a), what comes from below, what comes from above, then a itself."""


@jit
def from_below(p, f, layer):
    """Refresh what a layer receives from the layer below."""
    f.below[2 * p.batch * p.cum[layer] : 2 * p.batch * p.cum[layer + 1]] = 0
    if layer > 0:
        current = read(p, p.w, p.forward_q, f.s, layer - 1, layer)
        receive(p, p.forward_p, current, block(f.below, p, layer), layer)


@jit
def from_above(p, f, layer):
    """Refresh what a layer receives from the layer above."""
    f.above[2 * p.batch * p.cum[layer] : 2 * p.batch * p.cum[layer + 1]] = 0
    if layer < p.cum.size - 2:
        current = read(p, p.v, p.feedback_q, f.s, layer + 1, layer)
        receive(p, p.feedback_p, current, block(f.above, p, layer), layer)


@jit
def output(p, z, a, s, layer):
    """Solve a = z − (nudge at s(a)) for the output layer; `z` (2, B, n) comes in without the nudge."""
    al, sl = block(a, p, layer), block(s, p, layer)
    n = p.nudge_at
    if p.output_activation == 0 and p.loss == 0:
        for b in range(p.batch):
            beta = p.beta[b]
            for i in range(z.shape[2]):
                m0, m1 = beta * p.nudge[0, i], beta * p.nudge[1, i]
                y = p.target[b, i]
                # (1 + m₀N₀₀) a₀ + m₀N₀₁ a₁ = z₀ + m₀y, and likewise for the other compartment.
                h00, h01, h10, h11 = 1 + m0 * n[0, 0], m0 * n[0, 1], m1 * n[1, 0], 1 + m1 * n[1, 1]
                r0, r1 = z[0, b, i] + m0 * y, z[1, b, i] + m1 * y
                det = h00 * h11 - h01 * h10
                al[0, b, i] = (h11 * r0 - h01 * r1) / det
                al[1, b, i] = (h00 * r1 - h10 * r0) / det
        activate_layer(p, a, s, layer)
        return
    trial = np.empty_like(z)
    strongest, steepest = 0.0, 0.0
    for b in range(p.batch):
        strongest = max(strongest, abs(p.beta[b]))
    for i in range(z.shape[2]):
        steepest = max(steepest, abs(p.nudge[0, i]), abs(p.nudge[1, i]))
    omega = al.dtype.type(1 / (1 + 0.5 * strongest * steepest))
    for _ in range(INNER):
        activate_layer(p, a, s, layer)
        copy(z.reshape(z.size), trial.reshape(z.size))
        pull(p, sl, trial)
        gap = 0.0
        for c in range(2):
            for b in range(p.batch):
                for i in range(z.shape[2]):
                    step = trial[c, b, i] - al[c, b, i]
                    gap = max(gap, abs(step))
                    al[c, b, i] += omega * step
        if not gap > CLOSE:
            break
    activate_layer(p, a, s, layer)


@jit
def settle_layer(p, f, layer, omega):
    """a ← (1 − ω)a + ωz for one layer, from what it last received."""
    last = p.cum.size - 2
    al, ol, drive = block(f.a, p, layer), block(f.old, p, layer), block(p.drive, p, layer)
    below, above = block(f.below, p, layer), block(f.above, p, layer)
    for c in range(2):
        for b in range(p.batch):
            a, old, d, u, v = al[c, b], ol[c, b], drive[c, b], below[c, b], above[c, b]
            for i in range(a.size):
                old[i] = a[i]
                z = d[i] + u[i] + v[i]
                # At the output the drive without the nudge waits in the place of what comes from above.
                if layer == last:
                    v[i] = d[i] + u[i]
                else:
                    a[i] += omega * (z - a[i])
    if layer == last:
        output(p, above, f.a, f.s, layer)
    for c in range(2):
        for b in range(p.batch):
            a, old = al[c, b], ol[c, b]
            if layer == last and omega != 1:
                for i in range(a.size):
                    a[i] = old[i] + omega * (a[i] - old[i])
            f.change[b] = greatest(f.change[b], distance(a, old))
    activate_layer(p, f.a, f.s, layer)


@jit
def march(p, f, visits, omega):
    """Carry out a list of visits (layer, what to do); `change` is the largest |Δa| at any of them."""
    f.change[:] = 0
    for k in range(visits.shape[0]):
        layer, what = visits[k, 0], visits[k, 1]
        if what & FIRE:
            activate_layer(p, f.a, f.s, layer)
        if what & BELOW:
            from_below(p, f, layer)
        if what & ABOVE:
            from_above(p, f, layer)
        if what & SETTLE:
            settle_layer(p, f, layer, omega)


@cache
def _visits(kind: str, n: int) -> NDArray[np.int64]:
    """The visits of each kind of sweep through n layers."""
    runs: dict[str, list[tuple[range, int]]] = {
        "begin": [(range(n), FIRE), (range(n), ABOVE), (range(n), BELOW | SETTLE)],
        "up-down": [(range(n - 2, -1, -1), ABOVE | SETTLE), (range(1, n), BELOW | SETTLE)],
        "relaxed": [(range(n), BELOW | ABOVE | SETTLE)],
        "refresh": [(range(n), FIRE), (range(1, n), BELOW)],
    }
    return np.array([(layer, what) for layers, what in runs[kind] for layer in layers], dtype=np.int64).reshape(-1, 2)


def begin(p: Problem, f: Flow) -> None:
    """One pass up from the present state: fills s and all that layers receive."""
    march(p, f, _visits("begin", p.cum.size - 1), f.a.dtype.type(1))


def up_down(p: Problem, f: Flow, omega: float) -> None:
    """One sweep: down from the last hidden layer to the first, then up to the output."""
    march(p, f, _visits("up-down", p.cum.size - 1), f.a.dtype.type(omega))


def relaxed(p: Problem, f: Flow, omega: float) -> None:
    """One sweep of block SOR in layer order."""
    march(p, f, _visits("relaxed", p.cum.size - 1), f.a.dtype.type(omega))


def refresh(p: Problem, f: Flow) -> None:
    """Recompute what layers receive from below after the state was changed from outside."""
    march(p, f, _visits("refresh", p.cum.size - 1), f.a.dtype.type(1))


def synchronous(p: Problem, f: Flow, eta: float) -> None:
    """One damped step of all layers at once."""
    _damped(p, f, f.a.dtype.type(eta))


@jit
def _damped(p, f, eta):
    target(p, f.a, f.s, f.above)
    copy(f.a, f.old)
    for i in range(f.a.size):
        f.a[i] += eta * (f.above[i] - f.a[i])
    residual(p, f.a, f.old, f.change)
