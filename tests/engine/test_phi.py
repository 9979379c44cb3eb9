"""The φ functions against their series in exact fractions, and against closed forms of many digits."""

from fractions import Fraction
from math import factorial

import numpy as np
import pytest

from analogsim.engine import phi
from analogsim.jit import compiled


@compiled
def third(x):
    return phi.third(x)


@compiled
def fourth(x):
    return phi.fourth(x)


def exact(order: int, x: float) -> float:
    """φ_order(−x) = Σ_j (−x)^j/(j + order)! in fractions, until the terms are below 1e-40."""
    z, total, term, j = -Fraction(x), Fraction(0), Fraction(1, factorial(order)), 0
    while abs(term) > Fraction(1, 10**40):
        total += term
        j += 1
        term = term * z / (j + order)
    return float(total)


NEAR = (0.0, 1e-300, 1e-12, 1e-5, 0.1, 0.49999, 0.5, 0.50001, 0.99999, 1.0, 1.00001, 2.0, 7.0, 20.0)
"""Zero, and both sides of where series and recurrence meet."""


@pytest.mark.parametrize("x", NEAR)
def test_phi_functions_agree_with_exact_fractions(x):
    wanted = [exact(k, x) for k in range(5)]
    np.testing.assert_allclose(third(x), wanted[:4], rtol=2e-14)
    np.testing.assert_allclose(fourth(x), wanted, rtol=6e-14)
    np.testing.assert_allclose([v[0] for v in phi.arrays(np.array([x]))], wanted[:4], rtol=2e-14)


@pytest.mark.parametrize("x", [1e2, 1e6, 1e300])
def test_phi_functions_of_large_arguments_are_their_limits(x):
    """φ_k → 1/((k − 1)! x), with the next term of the recurrence."""
    e, one, two, three, four = fourth(x)
    assert e == np.exp(-x)
    np.testing.assert_allclose([one, two], [1 / x, (1 - 1 / x) / x], rtol=1e-15)
    np.testing.assert_allclose([three, four], [(0.5 - two) / x, (1 / 6 - three) / x], rtol=1e-15)
    np.testing.assert_allclose(third(x), [e, one, two, three], rtol=1e-15)
    np.testing.assert_allclose([v[0] for v in phi.arrays(np.array([x]))], [e, one, two, three], rtol=1e-15)


def test_phi_functions_of_complex_arguments_obey_their_recurrence():
    x = np.array([0.3 + 0.2j, 0.01 - 0.4j, 1.0 + 5.0j, 1e-9j])
    e, one, two, three = phi.arrays(x)
    np.testing.assert_allclose(e, np.exp(-x), rtol=1e-15)
    for low, high, first in ((e, one, 1.0), (one, two, 1.0), (two, three, 0.5)):
        np.testing.assert_allclose(high * x, first - low, atol=1e-15)
    # φ₃(−x) = ∫ e^{−(1−θ)x} θ²/2 dθ over 0 … 1, by Gauss and Legendre.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    theta = (nodes + 1) / 2
    found = (np.exp(-(1 - theta) * x[:, None]) * theta**2 / 2) @ (weights / 2)
    np.testing.assert_allclose(three, found, rtol=1e-13)
