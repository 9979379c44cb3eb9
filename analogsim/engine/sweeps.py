"""Layer-ordered sweeps towards an equilibrium, compiled.

An equilibrium is a = z(a), whatever the time constants. `up_down` re-computes, on the way up, only what layers receive
from below and, on the way down, only what they receive from above: half of the products of a plain sweep are never
done. `relaxed` is block successive over-relaxation in layer order, a ← (1 − ω)a + ωz. `synchronous` is the damped
iteration of the papers, a ← a + η(z(a) − a). The output, whose nudge depends on its own state, is solved exactly when
that is linear and by a damped inner iteration otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim.engine.kernel import activate_layer, block, pull, read, receive, target
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


@jit
def from_below(p, f, layer):
    """Refresh what a layer receives from the layer below."""
    zl = block(f.below, p, layer)
    zl[:] = 0
    if layer > 0:
        receive(p, p.forward_p, read(p, p.w, p.forward_q, f.s, layer - 1, layer), zl, layer)


@jit
def from_above(p, f, layer):
    """Refresh what a layer receives from the layer above."""
    zl = block(f.above, p, layer)
    zl[:] = 0
    if layer < p.cum.size - 2:
        receive(p, p.feedback_p, read(p, p.v, p.feedback_q, f.s, layer + 1, layer), zl, layer)


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
    omega = al.dtype.type(1 / (1 + 0.5 * np.abs(p.beta).max() * np.abs(p.nudge).max()))
    for _ in range(INNER):
        activate_layer(p, a, s, layer)
        trial[:] = z
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
    al, drive = block(f.a, p, layer), block(p.drive, p, layer)
    below, above = block(f.below, p, layer), block(f.above, p, layer)
    if layer == last:
        z = below + drive
        if omega == 1:
            output(p, z, f.a, f.s, layer)
            return
        old = al.copy()
        output(p, z, f.a, f.s, layer)
        for c in range(2):
            for b in range(p.batch):
                for i in range(al.shape[2]):
                    al[c, b, i] = old[c, b, i] + omega * (al[c, b, i] - old[c, b, i])
    else:
        for c in range(2):
            for b in range(p.batch):
                for i in range(al.shape[2]):
                    z = drive[c, b, i] + below[c, b, i] + above[c, b, i]
                    al[c, b, i] += omega * (z - al[c, b, i])
    activate_layer(p, f.a, f.s, layer)


@jit
def _measure(p, f):
    """Largest change of each sample since `old`."""
    f.change[:] = 0
    for layer in range(p.cum.size - 1):
        al, ol = block(f.a, p, layer), block(f.old, p, layer)
        for c in range(2):
            for b in range(p.batch):
                worst = f.change[b]
                for i in range(al.shape[2]):
                    gap = abs(al[c, b, i] - ol[c, b, i])
                    worst = gap if not gap <= worst else worst
                f.change[b] = worst


@jit
def begin(p, f):
    """One pass up from the present state: fills s and all that layers receive."""
    last = p.cum.size - 2
    for layer in range(last + 1):
        activate_layer(p, f.a, f.s, layer)
    for layer in range(last):
        from_above(p, f, layer)
    for layer in range(last + 1):
        from_below(p, f, layer)
        settle_layer(p, f, layer, f.a.dtype.type(1))


@jit
def up_down(p, f, omega):
    """One sweep: down from the last hidden layer to the first, then up to the output."""
    last = p.cum.size - 2
    f.old[:] = f.a
    for layer in range(last - 1, -1, -1):
        from_above(p, f, layer)
        settle_layer(p, f, layer, omega)
    for layer in range(1, last + 1):
        from_below(p, f, layer)
        settle_layer(p, f, layer, omega)
    _measure(p, f)


@jit
def relaxed(p, f, omega):
    """One sweep of block SOR in layer order."""
    last = p.cum.size - 2
    f.old[:] = f.a
    for layer in range(last + 1):
        if layer > 0:
            from_below(p, f, layer)
        if layer < last:
            from_above(p, f, layer)
        settle_layer(p, f, layer, omega)
    _measure(p, f)


@jit
def synchronous(p, f, eta):
    """One damped step of all layers at once."""
    f.old[:] = f.a
    target(p, f.a, f.s, f.above)
    for i in range(f.a.size):
        f.a[i] += eta * (f.above[i] - f.a[i])
    _measure(p, f)


@jit
def refresh(p, f):
    """Recompute what layers receive from below after the state was changed from outside."""
    last = p.cum.size - 2
    for layer in range(last + 1):
        activate_layer(p, f.a, f.s, layer)
    for layer in range(1, last + 1):
        from_below(p, f, layer)
