"""Element-wise passes of the digital trainers, fused so that a state is read and written once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analogsim.activations import LEAK
from analogsim.jit import jit

RELU = 1
FAST = {"nsz", "contract", "arcp"}
"""Liberties that vectorise the loops and keep NaN and Inf."""


@jit(inline="always")
def _f(a: Any, code: int) -> Any:
    if code == 1:
        return max(a, a * 0)
    if code == 2:
        return a if a > 0 else a * LEAK
    if code == 3:
        return min(max(a * 0.5, a * 0), a * 0 + 1)
    if code == 4:
        return math.tanh(a)
    if code == 5:
        return 1 / (1 + math.exp(-a))
    return a


@jit(fastmath=FAST)
def add_bias(a: Any, bias: Any) -> None:
    """Compute a ← a + b; arrays here are feature-major, (n, sample)."""
    for j in range(a.shape[0]):
        for i in range(a.shape[1]):
            a[j, i] += bias[j]


@jit(fastmath=FAST)
def activate(a: Any, bias: Any, code: int, s: Any) -> None:
    """Compute a ← a + b and s ← f(a)."""
    zero = a.dtype.type(0)
    for j in range(a.shape[0]):
        b = bias[j]
        if code == RELU:
            for i in range(a.shape[1]):
                value = a[j, i] + b
                a[j, i] = value
                s[j, i] = value if value > zero else zero
        else:
            for i in range(a.shape[1]):
                value = a[j, i] + b
                a[j, i] = value
                s[j, i] = _f(value, code)


@jit(fastmath=FAST)
def pull(a: Any, y: Any, scale: Any, out: Any) -> None:
    """Compute scale·(a − y) with y sample-major."""
    for j in range(a.shape[0]):
        for i in range(a.shape[1]):
            out[j, i] = scale * (a[j, i] - y[i, j])


@jit(fastmath=FAST)
def mean_state(a: Any, e: Any, code: int, gain: Any, mean: Any, s: Any) -> Any:
    """Compute s̄ ← m⁺f(a + c⁺e) + m⁻f(a − c⁻e); gain is (c⁺, c⁻), mean (m⁺, m⁻). True if a bit of s̄ changed.

    Where both compartments of a ReLU are active this is a + (m⁺c⁺ − m⁻c⁻)e, and their difference (c⁺ + c⁻)e: written
    so, nothing cancels in float32 however small e is, and for DP⊤ s̄ is a itself.
    """
    zero, up, down, m, n = a.dtype.type(0), gain[0], gain[1], mean[0], mean[1]
    shift = m * up - n * down
    changed = 0
    for j in range(a.shape[0]):
        if code == RELU:
            for i in range(a.shape[1]):
                p, q = a[j, i] + up * e[j, i], a[j, i] - down * e[j, i]
                bent = m * (p if p > zero else zero) + n * (q if q > zero else zero)
                new = a[j, i] + shift * e[j, i] if (p > zero) & (q > zero) else bent
                changed += new != s[j, i]
                s[j, i] = new
        else:
            for i in range(a.shape[1]):
                new = m * _f(a[j, i] + up * e[j, i], code) + n * _f(a[j, i] - down * e[j, i], code)
                changed += new != s[j, i]
                s[j, i] = new
    return changed > 0


@jit(fastmath=FAST)
def difference(a: Any, e: Any, code: int, gain: Any, d: Any) -> None:
    """Compute d ← f(a + c⁺e) − f(a − c⁻e)."""
    zero, up, down = a.dtype.type(0), gain[0], gain[1]
    for j in range(a.shape[0]):
        if code == RELU:
            for i in range(a.shape[1]):
                p, q = a[j, i] + up * e[j, i], a[j, i] - down * e[j, i]
                bent = (p if p > zero else zero) - (q if q > zero else zero)
                d[j, i] = (up + down) * e[j, i] if (p > zero) & (q > zero) else bent
        else:
            for i in range(a.shape[1]):
                d[j, i] = _f(a[j, i] + up * e[j, i], code) - _f(a[j, i] - down * e[j, i], code)


@jit(fastmath=FAST)
def both(a: Any, e: Any, code: int, gain: Any, mean: Any, s: Any, d: Any) -> None:
    """Do `mean_state` and `difference` in one pass."""
    zero, up, down, m, n = a.dtype.type(0), gain[0], gain[1], mean[0], mean[1]
    shift = m * up - n * down
    for j in range(a.shape[0]):
        if code == RELU:
            for i in range(a.shape[1]):
                p, q = a[j, i] + up * e[j, i], a[j, i] - down * e[j, i]
                linear = (p > zero) & (q > zero)
                p, q = p if p > zero else zero, q if q > zero else zero
                s[j, i] = a[j, i] + shift * e[j, i] if linear else m * p + n * q
                d[j, i] = (up + down) * e[j, i] if linear else p - q
        else:
            for i in range(a.shape[1]):
                p, q = _f(a[j, i] + up * e[j, i], code), _f(a[j, i] - down * e[j, i], code)
                s[j, i] = m * p + n * q
                d[j, i] = p - q


@jit(fastmath=FAST)
def backpropagate_relu(delta: Any, a: Any) -> None:
    """Multiply ``delta`` by the slope of ReLU at ``a``, in place."""
    zero = a.dtype.type(0)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            delta[i, j] = delta[i, j] if a[i, j] > zero else zero


@jit(fastmath=FAST)
def adam(p: Any, g: Any, m: Any, v: Any, keep: Any, step: Any, eps: Any, decay: Any) -> None:
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
