"""The φ functions of exponential integrators at −x, φ₀ = e^{−x} and φ_k = (1/(k−1)! − φ_{k−1})/x, to rounding.

φ_k is ∫₀¹ e^{−(1−θ)x} θ^{k−1}/(k−1)! dθ: what a compartment that leaks over x = h/τ takes of a drive that grows as
θ^{k−1}. The recurrence cancels for small x; there the highest comes from its series Σ_j (−x)^j/(j + k)!, and the
recurrence, which is stable downwards, gives the others. One for each number of functions that a step needs, since their
cost shows in the steps of small networks.

M. Hochbruck and A. Ostermann, Acta Numerica 19, 209 (2010), 10.1017/S0962492910000048.
"""

from __future__ import annotations

import numpy as np

from analogsim.jit import inner

Array = np.ndarray


@inner
def third(x):
    """(e^{−x}, φ₁, φ₂, φ₃) at −x, for x ≥ 0."""
    if x > 0.5:
        e = np.exp(-x)
        one = -np.expm1(-x) / x
        two = (1 - one) / x
        return e, one, two, (0.5 - two) / x
    term, three = 1.0 / 6, 0.0
    for k in range(4, 18):
        three += term
        term *= -x / k
    two = 0.5 - x * three
    one = 1 - x * two
    return 1 - x * one, one, two, three


@inner
def fourth(x):
    """(e^{−x}, φ₁, φ₂, φ₃, φ₄) at −x, for x ≥ 0."""
    if x > 1:
        e = np.exp(-x)
        one = -np.expm1(-x) / x
        two = (1 - one) / x
        three = (0.5 - two) / x
        return e, one, two, three, (1.0 / 6 - three) / x
    term, four = 1.0 / 24, 0.0
    for k in range(5, 24):
        four += term
        term *= -x / k
    three = 1.0 / 6 - x * four
    two = 0.5 - x * three
    one = 1 - x * two
    return 1 - x * one, one, two, three, four


def arrays(x: Array) -> tuple[Array, Array, Array, Array]:
    """(e^{−x}, φ₁, φ₂, φ₃) at −x of a real or complex array, for Re x ≥ 0."""
    e = np.exp(-x)
    small = np.abs(x) < 0.5
    safe = np.where(small, 1.0, x)
    one = -np.expm1(-safe) / safe
    two = (1 - one) / safe
    three = (0.5 - two) / safe
    if small.any():
        near = x[small]
        series, term = np.zeros_like(near), np.full_like(near, 1.0 / 6)
        for k in range(4, 18):
            series += term
            term = term * -near / k
        three[small] = series
        two[small] = 0.5 - near * series
        one[small] = 1 - near * two[small]
    return e, one, two, three
