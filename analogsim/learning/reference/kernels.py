"""Element-wise passes of the digital trainers, fused so that a state is read and written once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analogsim.activations import LEAK
from analogsim.jit import jit

RELU = 1


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


@jit(fastmath={"nsz", "contract", "arcp"})
def add_bias(a: Any, bias: Any) -> None:
    """Add ``bias`` to every row of ``a`` in place."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += bias[j]


@jit(fastmath={"nsz", "contract", "arcp"})
def activate(a: Any, bias: Any, code: int, s: Any) -> None:
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
                s[i, j] = _f(value, code)


@jit(fastmath={"nsz", "contract", "arcp"})
def mean_state(a: Any, feedback: Any, code: int, gain: Any, mean: Any, out: Any) -> None:
    """Compute s̄ = m⁺f(a + c⁺e) + m⁻f(a − c⁻e) for the feedback e; gain is (c⁺, c⁻), mean (m⁺, m⁻)."""
    zero, up, down = a.dtype.type(0), gain[0], gain[1]
    heavy, light = mean[0], mean[1]
    for i in range(a.shape[0]):
        if code == RELU:
            for j in range(a.shape[1]):
                plus, minus = a[i, j] + up * feedback[i, j], a[i, j] - down * feedback[i, j]
                out[i, j] = heavy * (plus if plus > zero else zero) + light * (minus if minus > zero else zero)
        else:
            for j in range(a.shape[1]):
                plus, minus = a[i, j] + up * feedback[i, j], a[i, j] - down * feedback[i, j]
                out[i, j] = heavy * _f(plus, code) + light * _f(minus, code)


@jit(fastmath={"nsz", "contract", "arcp"})
def difference(a: Any, feedback: Any, code: int, gain: Any, out: Any) -> None:
    """Compute d = f(a + c⁺e) − f(a − c⁻e)."""
    zero, up, down = a.dtype.type(0), gain[0], gain[1]
    for i in range(a.shape[0]):
        if code == RELU:
            for j in range(a.shape[1]):
                plus, minus = a[i, j] + up * feedback[i, j], a[i, j] - down * feedback[i, j]
                out[i, j] = (plus if plus > zero else zero) - (minus if minus > zero else zero)
        else:
            for j in range(a.shape[1]):
                plus, minus = a[i, j] + up * feedback[i, j], a[i, j] - down * feedback[i, j]
                out[i, j] = _f(plus, code) - _f(minus, code)


@jit(fastmath={"nsz", "contract", "arcp"})
def backpropagate_relu(delta: Any, a: Any) -> None:
    """Multiply ``delta`` by the slope of ReLU at ``a``, in place."""
    zero = a.dtype.type(0)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            delta[i, j] = delta[i, j] if a[i, j] > zero else zero


@jit(fastmath={"nsz", "contract", "arcp"})
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
