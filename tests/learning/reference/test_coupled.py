"""Block over-relaxation of the λ family against small damped steps and the equations themselves."""

import numpy as np
import pytest

from analogsim.engine.norms import coupling_norm
from analogsim.functions.activations import activation
from analogsim.learning.reference import coupled, dyadic
from analogsim.learning.reference.training import batches
from analogsim.network import Network


@pytest.fixture
def case():
    rng = np.random.default_rng(3)
    net = Network.random((12, 20, 16, 14, 5), "hard-sigmoid", seed=1, init="glorot", gain=1.5)
    return net, rng.random((6, 12)), np.eye(5)[rng.integers(5, size=6)]


@pytest.mark.parametrize("lam", [0.0, 0.25, 0.75, 1.0])
def test_gradient_is_that_of_small_damped_steps(case, lam):
    net, x, y = case
    if lam > 0.5:  # where large weights have many equilibria, and which one is found depends on the way there
        net = net.replace(weights=tuple(w / 2 for w in net.weights))
    fast = dyadic(net, x, y, lam=lam, beta=0.1, sweeps=2000, tol=1e-13)
    slow = dyadic(net, x, y, lam=lam, beta=0.1, sweeps=20000, tol=1e-14, damping=0.05, order="synchronous")
    for (w, b), (w_slow, b_slow) in zip(fast, slow, strict=True):
        np.testing.assert_allclose(w, w_slow, atol=1e-9)
        np.testing.assert_allclose(b, b_slow, atol=1e-9)


@pytest.mark.parametrize("lam", [0.0, 0.25, 1.0])
def test_rest_solves_its_equation(case, lam):
    net, x, _ = case
    a, f = coupled.rest(net, x, lam, sweeps=2000, tol=1e-13), activation(net.activation)
    s = [x, *map(f, a[:-1]), a[-1]]
    for k, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        back = (2 * lam - 1) * s[k + 2] @ net.weights[k + 1] if k + 1 < net.layers else 0
        np.testing.assert_allclose(a[k], s[k] @ w.T + b + back, atol=1e-11)


def test_relaxation_settles_where_undamped_sweeps_oscillate(case):
    net, x, y = case
    net = net.replace(weights=tuple(2 * w for w in net.weights))

    def residual(**options):
        (few, _), *_ = dyadic(net, x, y, lam=0.0, beta=0.1, sweeps=60, **options)
        (more, _), *_ = dyadic(net, x, y, lam=0.0, beta=0.1, sweeps=61, **options)
        return np.abs(few - more).max() / np.abs(more).max()

    assert residual() < 1e-4
    assert residual(damping=1.0, order="forward") > 1e-2


def test_norm_of_the_coupling(case):
    net, *_ = case
    bounds = np.cumsum((0, *net.sizes[1:]))
    theta = np.zeros((bounds[-1], bounds[-1]))
    for k, w in enumerate(net.weights[1:], start=1):
        theta[bounds[k] : bounds[k + 1], bounds[k - 1] : bounds[k]] = w
    assert coupling_norm(net.weights[1:], 200) == pytest.approx(np.linalg.norm(theta - theta.T, 2), rel=1e-3)
    assert coupled.relaxation(net, 0.5) == coupled.relaxation(net, 1.0) == 1


def test_blocks_are_contiguous_and_complete():
    found = list(batches(23, 5, np.random.default_rng(0), blocks=True))
    assert all(np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))) for rows in found)
    assert sorted(np.concatenate(found)) == list(range(23))
