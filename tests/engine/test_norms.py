"""Norms by power iteration against singular values, and the step that they allow."""

from itertools import pairwise

import numpy as np
import pytest

from analogsim.engine.norms import MARGIN, coupling_norm, largest_eigenvalue, product_norm, relaxation_factor


def chain(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, m)) / np.sqrt(m) for m, n in pairwise(sizes)]


def theta(matrices):
    bounds = np.cumsum([0, matrices[0].shape[1], *(len(m) for m in matrices)])
    whole = np.zeros((bounds[-1], bounds[-1]))
    for k, m in enumerate(matrices):
        whole[bounds[k + 1] : bounds[k + 2], bounds[k] : bounds[k + 1]] = m
    return whole


@pytest.mark.parametrize("sizes", [(12, 5), (12, 9, 5), (6, 12, 9, 5), (7, 7, 7, 7, 7)])
def test_norm_of_a_chain(sizes):
    matrices = chain(*sizes)
    t = theta(matrices)
    exact = np.linalg.norm(t - t.T, 2)
    assert coupling_norm(matrices, 400) == pytest.approx(exact, rel=1e-6)
    assert 0.9 * exact < coupling_norm(matrices) <= exact * (1 + 1e-12)
    assert coupling_norm([]) == 0


def test_layers_in_a_row_are_coupled_more_strongly_than_any_two_of_them():
    """Identities between three layers: eigenvalues of the path graph, 2 cos(π/4) = √2, where each pair has 1."""
    assert coupling_norm([np.eye(4), np.eye(4)], 200) == pytest.approx(np.sqrt(2), rel=1e-9)


def test_power_iteration_from_below():
    rng = np.random.default_rng(0)
    m = rng.standard_normal((20, 20))
    exact = np.linalg.norm(m, 2) ** 2
    found = [largest_eigenvalue(lambda v: m.T @ (m @ v), rng.standard_normal(20), steps) for steps in (3, 300)]
    assert found[0] < found[1] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("mu", [0.3, 2.0, 8.0])
def test_relaxation_factor_is_the_best_for_imaginary_eigenvalues(mu):
    """The error of a pass in layer order over the skew coupling [[0, −μ], [μ, 0]] shrinks by 1 − ω, the best."""

    def radius(omega):
        lower, upper = np.array([[1.0, 0.0], [-omega * mu, 1.0]]), np.array([[1 - omega, -omega * mu], [0, 1 - omega]])
        return np.abs(np.linalg.eigvals(np.linalg.solve(lower, upper))).max()

    best = relaxation_factor(mu / MARGIN)
    assert radius(best) == pytest.approx(1 - best, abs=1e-6)
    assert all(radius(best) < radius(w) for w in (0.9 * best, 1.1 * best))


def test_norm_of_a_product():
    a, b, c = chain(5, 7, 6, 4)
    assert product_norm([a, b, c]) == pytest.approx(np.linalg.svd(c @ b @ a, compute_uv=False)[0], rel=1e-12)
    assert np.isnan(product_norm([a, np.full_like(b, np.nan), c]))
