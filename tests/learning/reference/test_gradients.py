"""Back-propagation and implicit differentiation against finite differences of the loss itself."""

import numpy as np
import pytest

from analogsim import Network, Wiring
from analogsim.errors import InputError
from analogsim.functions.losses import LOSSES
from analogsim.learning.reference import backprop, implicit
from analogsim.learning.reference.implicit_gradient import equilibrium


def problem(activation="tanh", loss="mse", output="identity", sizes=(5, 7, 6, 4), gain=0.8, seed=0):
    net = Network.random(sizes, activation, loss, seed=seed, gain=gain, output_activation=output)
    rng = np.random.default_rng(seed + 1)
    net = net.replace(biases=tuple(0.3 * rng.standard_normal(b.shape) for b in net.biases))
    return net, rng.standard_normal((9, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], 9)]


def directional(value, net, direction, step=1e-5):
    """Central difference of value(net) along a direction in weights and biases."""

    def moved(t):
        weights = tuple(w + t * d for w, (d, _) in zip(net.weights, direction, strict=True))
        return net.replace(
            weights=weights, biases=tuple(b + t * d for b, (_, d) in zip(net.biases, direction, strict=True))
        )

    return (value(moved(step)) - value(moved(-step))) / (2 * step)


def directions(net, count=4, seed=3):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield [
            (rng.standard_normal(w.shape), rng.standard_normal(b.shape))
            for w, b in zip(net.weights, net.biases, strict=True)
        ]


def along(gradient, direction):
    return sum((g * d).sum() for pair in zip(gradient, direction, strict=True) for g, d in zip(*pair, strict=True))


@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
@pytest.mark.parametrize(
    ("activation", "output"),
    [("tanh", "identity"), ("relu", "identity"), ("sigmoid", "tanh"), ("leaky-relu", "identity")],
)
def test_backprop_is_the_derivative_of_the_loss(activation, output, loss):
    net, x, y = problem(activation, loss, output)
    gradient = backprop(net, x, y)
    for direction in directions(net):
        expected = directional(lambda n: LOSSES[loss].value(n.output(x), y).mean(), net, direction)
        assert along(gradient, direction) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("lam", [0.0, 0.75, 1.0, (0.3, 0.1, 0.9)])
@pytest.mark.parametrize(
    ("activation", "loss", "output"),
    [
        ("tanh", "mse", "identity"),
        ("relu", "cross-entropy", "identity"),
        ("hard-sigmoid", "mse", "identity"),
        ("tanh", "mse", "sigmoid"),
    ],
)
def test_implicit_is_the_derivative_at_the_equilibrium(lam, activation, loss, output):
    # Small weights: at λ = 1 larger ones are multistable.
    net, x, y = problem(activation, loss, output, gain=0.3)
    wiring = [Wiring.dyadic(value) for value in (lam if isinstance(lam, tuple) else [lam] * net.layers)]
    n_out = net.sizes[-1]

    def value(n):
        rest = equilibrium(n, x, [each.recurrent_gain() for each in wiring])[:, -n_out:]
        s = np.tanh(rest) if output == "tanh" else 1 / (1 + np.exp(-rest)) if output == "sigmoid" else rest
        return LOSSES[loss].value(s, y).mean()

    gradient = implicit(net, x, y, wiring)
    for direction in directions(net):
        expected = directional(value, net, direction)
        assert along(gradient, direction) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "wiring", [Wiring.dual_propagation(0.2), Wiring.adjoint_dual_propagation(1.0), Wiring.dyadic(0.5)]
)
def test_implicit_of_a_feedforward_wiring_is_backprop(wiring):
    net, x, y = problem("relu", "cross-entropy")
    for got, want in zip(implicit(net, x, y, wiring), backprop(net, x, y), strict=True):
        np.testing.assert_array_equal(got[0], want[0])
        np.testing.assert_array_equal(got[1], want[1])


def test_a_skew_network_rests_even_with_large_weights():
    net, x, y = problem("relu", gain=3.0, sizes=(5, 30, 30, 4))
    a = equilibrium(net, x, [-1.0] * 3)
    assert np.isfinite(a).all()
    assert all(np.isfinite(w).all() for w, _ in implicit(net, x, y, Wiring.dyadic(0.0)))


def test_a_divergent_network_is_refused():
    net, x, y = problem("relu", gain=3.0, sizes=(5, 30, 30, 4))
    with pytest.raises(InputError, match="no equilibrium"):
        implicit(net, x, y, Wiring.dyadic(1.0))


def test_shapes_are_checked():
    net, x, y = problem()
    with pytest.raises(InputError, match=r"x has shape .* expected \(sample, 5\)"):
        backprop(net, x[:, :4], y)
    with pytest.raises(InputError, match="feedback"):
        backprop(net, x, y, feedback=[None, net.weights[1], None])
