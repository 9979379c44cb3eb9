"""Element-wise passes of the digital trainers, fused so that a state is read and written once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analogsim.functions.activations import RELU
from analogsim.functions.activations import value as value_of
from analogsim.jit import compiled, inner

Array = NDArray[np.floating]
Number = float | np.floating
"""Of the type of the arrays."""
FAST = {"nsz", "contract", "arcp"}
"""Liberties that vectorise the loops and keep NaN and Inf."""

f = inner(fastmath=FAST)(value_of)


@compiled(fastmath=FAST)
def add_bias(a: Array, bias: Array) -> None:
    """Compute a ← a + b."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += bias[j]


@compiled(fastmath=FAST)
def activate(a: Array, bias: Array, code: int, s: Array) -> None:
    """Compute a ← a + b and s ← f(a)."""
    zero = a.dtype.type(0)
    for i in range(a.shape[0]):
        if code == RELU:
            for j in range(a.shape[1]):
                value = a[i, j] + bias[j]
                a[i, j] = value
                s[i, j] = value if value > zero else zero
        else:
            for j in range(a.shape[1]):
                value = a[i, j] + bias[j]
                a[i, j] = value
                s[i, j] = f(code, value)


@compiled(fastmath=FAST)
def pull(a: Array, y: Array, scale: Number, out: Array) -> None:
    """Compute scale·(a − y)."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[i, j] = scale * (a[i, j] - y[i, j])


@compiled(fastmath=FAST)
def mean_state(a: Array, e: Array, code: int, gain: Array, mean: Array, s: Array, tol: Number) -> bool:
    """Compute s̄ ← m⁺f(a + c⁺e) + m⁻f(a − c⁻e); gain is (c⁺, c⁻), mean (m⁺, m⁻). True if an s̄ moved.

    Where both compartments of a ReLU are active this is a + (m⁺c⁺ − m⁻c⁻)e, and their difference (c⁺ + c⁻)e: written
    so, nothing cancels in float32 however small e is, and for DP⊤ s̄ is a itself.
    """
    zero, up, down, m, n = a.dtype.type(0), gain[0], gain[1], mean[0], mean[1]
    shift = m * up - n * down
    moved = 0
    for i in range(a.shape[0]):
        if code == RELU:
            for j in range(a.shape[1]):
                p, q = a[i, j] + up * e[i, j], a[i, j] - down * e[i, j]
                bent = m * (p if p > zero else zero) + n * (q if q > zero else zero)
                new = a[i, j] + shift * e[i, j] if (p > zero) & (q > zero) else bent
                # Counted so that NaN moves, too.
                moved += not abs(new - s[i, j]) <= tol
                s[i, j] = new
        else:
            for j in range(a.shape[1]):
                new = m * f(code, a[i, j] + up * e[i, j]) + n * f(code, a[i, j] - down * e[i, j])
                # Counted so that NaN moves, too.
                moved += not abs(new - s[i, j]) <= tol
                s[i, j] = new
    return moved > 0


@compiled(fastmath=FAST)
def difference(a: Array, e: Array, code: int, gain: Array, d: Array) -> None:
    """Compute d ← f(a + c⁺e) − f(a − c⁻e)."""
    zero, up, down = a.dtype.type(0), gain[0], gain[1]
    for i in range(a.shape[0]):
        if code == RELU:
            for j in range(a.shape[1]):
                p, q = a[i, j] + up * e[i, j], a[i, j] - down * e[i, j]
                bent = (p if p > zero else zero) - (q if q > zero else zero)
                d[i, j] = (up + down) * e[i, j] if (p > zero) & (q > zero) else bent
        else:
            for j in range(a.shape[1]):
                d[i, j] = f(code, a[i, j] + up * e[i, j]) - f(code, a[i, j] - down * e[i, j])


@compiled(fastmath=FAST)
def both(a: Array, e: Array, code: int, gain: Array, mean: Array, s: Array, d: Array) -> None:
    """Do `mean_state` and `difference` in one pass."""
    zero, up, down, m, n = a.dtype.type(0), gain[0], gain[1], mean[0], mean[1]
    shift = m * up - n * down
    for i in range(a.shape[0]):
        if code == RELU:
            for j in range(a.shape[1]):
                p, q = a[i, j] + up * e[i, j], a[i, j] - down * e[i, j]
                linear = (p > zero) & (q > zero)
                p, q = p if p > zero else zero, q if q > zero else zero
                s[i, j] = a[i, j] + shift * e[i, j] if linear else m * p + n * q
                d[i, j] = (up + down) * e[i, j] if linear else p - q
        else:
            for j in range(a.shape[1]):
                p, q = f(code, a[i, j] + up * e[i, j]), f(code, a[i, j] - down * e[i, j])
                s[i, j] = m * p + n * q
                d[i, j] = p - q


@compiled(fastmath=FAST)
def damped_relu(
    a: Array, e: Array, damp: Number, gain: Array, mean: Array, plus: Array, minus: Array, s: Array, d: Array
) -> None:
    """Move s^± to f((a ± c^±e + L s^±)/(1 + L)) for ReLU, then s̄ and d after them."""
    zero, up, down, m, n = a.dtype.type(0), gain[0], gain[1], mean[0], mean[1]
    share = a.dtype.type(1) / (a.dtype.type(1) + damp)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            p = (a[i, j] + up * e[i, j] + damp * plus[i, j]) * share
            q = (a[i, j] - down * e[i, j] + damp * minus[i, j]) * share
            p, q = p if p > zero else zero, q if q > zero else zero
            plus[i, j] = p
            minus[i, j] = q
            s[i, j] = m * p + n * q
            d[i, j] = p - q


@compiled(fastmath=FAST)
def backpropagate_relu(delta: Array, a: Array) -> None:
    """Multiply ``delta`` by the slope of ReLU at ``a``, in place."""
    zero = a.dtype.type(0)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            delta[i, j] = delta[i, j] if a[i, j] > zero else zero


@compiled(fastmath=FAST)
def adam(p: Array, g: Array, m: Array, v: Array, keep: Array, step: Number, eps: Number, decay: Number) -> None:
    """One ADAM step over flat arrays: keep = (β₁, β₂); step and eps carry the bias corrections; decay is decoupled."""
    one = p.dtype.type(1)
    b1, b2 = keep[0], keep[1]
    c1, c2 = one - b1, one - b2
    rest = one - decay
    for i in range(p.size):
        gradient = g[i]
        first = b1 * m[i] + c1 * gradient
        second = b2 * v[i] + c2 * gradient * gradient
        m[i] = first
        v[i] = second
        p[i] = rest * p[i] - step * first / (np.sqrt(second) + eps)


@compiled(fastmath=FAST)
def couple(
    a: Array,
    p: Array,
    q: Array,
    bias: Array,
    lam: Number,
    omega: Number,
    partner: int,
    code: int,
    s: Array,
    tol: Number,
) -> bool:
    """Compute a ← (1 − ω)a + ω(λp + λ̄p' + b + λq − λ̄q') and s ← f(a); p' and q' lie ``partner`` rows on. True if an
    s moved.
    """
    rest, rows = a.dtype.type(1) - lam, a.shape[0]
    moved = 0
    for i in range(rows):
        k = (i + partner) % rows
        for j in range(a.shape[1]):
            target = lam * (p[i, j] + q[i, j]) + rest * (p[k, j] - q[k, j]) + bias[j]
            new = a[i, j] + omega * (target - a[i, j])
            a[i, j] = new
            state = f(code, new)
            # Counted so that NaN moves, too.
            moved += not abs(state - s[i, j]) <= tol
            s[i, j] = state
    return moved > 0
