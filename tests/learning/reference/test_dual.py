"""DP and DP⊤: the cached sweeps against a literal implementation, and the limit of a small nudge."""

import numpy as np
import pytest

from analogsim import Network, Wiring
from analogsim.errors import InputError
from analogsim.learning.reference import adjoint_dual_propagation, backprop, dual_propagation, elementwise
from analogsim.learning.reference.dual import sweep
from analogsim.learning.reference.dyads import Relaxation, orders, relaxed
from analogsim.learning.reference.lifted import damped_dual_propagation
from analogsim.learning.reference.output import Nudge


def problem(activation="tanh", loss="mse", sizes=(6, 9, 8, 4), seed=0, dtype=float, gain=0.7):
    net = Network.random(sizes, activation, loss, seed=seed, gain=gain)
    rng = np.random.default_rng(seed + 1)
    net = net.replace(biases=tuple(0.3 * rng.standard_normal(b.shape) for b in net.biases)).astype(dtype)
    x, y = rng.standard_normal((20, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], 20)]
    return net, x.astype(dtype), y.astype(dtype)


def cosine(g, h):
    g, h = (np.concatenate([a.ravel() for pair in which for a in pair]) for which in (g, h))
    return g @ h / np.linalg.norm(g) / np.linalg.norm(h)


def distance(g, h):
    g, h = (np.concatenate([a.ravel() for pair in which for a in pair]) for which in (g, h))
    return np.linalg.norm(g - h) / np.linalg.norm(h)


def literal(net, x, y, wiring, beta, sweeps):
    """Every update recomputes both of its products, as published codes do."""
    last, gain, mean = net.layers - 1, np.diag(wiring.feedback).astype(x.dtype), wiring.forward[0].astype(x.dtype)
    s, d = [x], []
    for k in range(net.layers):
        a = s[k] @ net.weights[k].T + net.biases[k]
        s.append(np.maximum(a, 0) if k < last else a)
        d.append(np.zeros_like(s[-1]))
    kappa = x.dtype.type(wiring.total_nudge * beta)

    def update(k):
        a = s[k] @ net.weights[k].T + net.biases[k]
        if k == last:
            d[k] = -kappa * (a - y)
        else:
            elementwise.both(a, d[k + 1] @ net.weights[k + 1], 1, gain, mean, s[k + 1], d[k])

    for numbers in orders(net.layers, "up-down", sweeps, None):
        for k in numbers:
            update(k)
    return s, d


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_cached_sweeps_have_the_bits_of_literal_ones(alpha):
    net, x, y = problem("relu", sizes=(784, 64, 48, 32, 10), dtype=np.float32)
    wiring = Wiring.adjoint_dual_propagation(alpha)
    s, d = literal(net, x, y, wiring, 0.5, 7)
    for tol in (0.0, None):
        _, found = sweep(net, x, y, wiring, 0.5, 7, tol=tol)
        for k in range(1, net.layers):
            np.testing.assert_array_equal(found.mean[k], s[k])
        for k in range(net.layers):
            np.testing.assert_array_equal(found.difference[k], d[k])


@pytest.mark.parametrize(
    "wiring", [Wiring.dual_propagation(0.5), Wiring.dual_propagation(0.2), Wiring.adjoint_dual_propagation(0.7)]
)
@pytest.mark.parametrize(("activation", "loss"), [("relu", "mse"), ("tanh", "cross-entropy"), ("hard-sigmoid", "mse")])
def test_cached_sweeps_agree_with_the_general_relaxation(wiring, activation, loss):
    net, x, y = problem(activation, loss)
    got = relaxed(net, x, y, wiring=wiring, beta=0.3, sweeps=4)
    state = Relaxation(net, x, y, [wiring] * net.layers, 0.3)
    for numbers in orders(net.layers, "up-down", 4, None):
        state.sweep(numbers)
    assert distance(got, state.gradients()) < 1e-12


@pytest.mark.parametrize("order", ["up-down", "forward", "odd-even", "synchronous", "random"])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.8])
def test_every_order_tends_to_backprop(order, alpha):
    net, x, y = problem("tanh", "cross-entropy")
    exact = backprop(net, x, y)
    errors = []
    for beta in (1e-2, 1e-3):
        options = {"alpha": alpha, "beta": beta, "sweeps": 60, "order": order, "rng": np.random.default_rng(0)}
        for rule in (dual_propagation, adjoint_dual_propagation):
            gradient = rule(net, x, y, **options)
            assert cosine(gradient, exact) > 0.999
            errors.append(distance(gradient, exact))
    # First order in β in general, second at α = ½, for both rules.
    expected = 100 if alpha == 0.5 else 10
    for coarse, fine in zip(errors[:2], errors[2:], strict=True):
        assert coarse / fine == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_cached_damped_sweeps_agree_with_the_general_relaxation(alpha):
    net, x, y = problem("relu", gain=0.4)
    got = damped_dual_propagation(net, x, y, alpha=alpha, beta=0.3, sweeps=4)
    slow = damped_dual_propagation(net, x, y, alpha=alpha, beta=0.3, sweeps=4, tol=1e-300)
    assert distance(got, slow) < 1e-12


def test_nudge_of_a_clipped_output_solves_its_equation():
    rng = np.random.default_rng(0)
    net = Network.random((3, 4), "hard-sigmoid", seed=0, output_activation="hard-sigmoid")
    drive, y = 4 * rng.standard_normal((200, 4)), rng.random((200, 4)).round()
    for beta in (0.3, 1.9):
        nudge = Nudge(net, y, Wiring.dyadic(0.0), beta)
        for s, sign in zip(nudge(drive, drive + 1e-3), (1, -1), strict=True):
            a = drive + (1e-3 if sign < 0 else 0) - sign * beta * (s - y)
            np.testing.assert_allclose(np.clip(a / 2, 0, 1), s, atol=1e-12)
    with pytest.raises(InputError, match=r"n.β. < 2"):
        Nudge(net, y, Wiring.dyadic(0.0), 2.1)
