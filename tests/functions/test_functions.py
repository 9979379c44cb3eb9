"""Activations and losses: what is compiled is what Python says, slopes are derivatives, cards and code agree."""

import numpy as np
import pytest

from analogsim.devices.base import device
from analogsim.functions.activations import ACTIVATIONS, AOC_16, AOC_48, activation
from analogsim.functions.activations import value as value_of
from analogsim.functions.losses import LOSSES, accuracy, loss
from analogsim.functions.machine_code import activate, bend, pull, slope
from analogsim.jit import compiled, inner

POINTS = np.concatenate([np.linspace(-3, 4, 57), [-0.0, 0.0, 1.0, 2.0, np.inf, -np.inf]])
"""The kinks of every activation among them."""

value = inner(value_of)


@compiled
def run(code, a, s, d, t):
    activate(code, a, s)
    slope(code, a, d)
    for i in range(a.size):
        t[i] = value(code, a[i])


@compiled
def nudge(code, mixing, s, y, weight, beta, z):
    for c in range(2):
        pull(code, mixing, s, y, weight, beta, 1, c, z)


@compiled
def tangent(code, mixing, s, spread, weight, beta, z):
    for c in range(2):
        bend(code, mixing, s, spread, weight, beta, 1, c, z)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_compiled_activations_are_those_of_python(name, dtype):
    f, a = activation(name), POINTS[np.isfinite(POINTS)].astype(dtype)
    s, d, t = np.empty((3, a.size), dtype)
    run(f.code, a, s, d, t)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(s, f(a), rtol=8 * eps, atol=8 * eps)
    np.testing.assert_allclose(t, f(a), rtol=8 * eps, atol=8 * eps)
    np.testing.assert_allclose(d, f.derivative(a), rtol=32 * eps, atol=8 * eps)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_derivatives_and_none_is_steeper_than_told(name):
    f, h = activation(name), 1e-6
    a = np.linspace(-3, 4, 1001) + 1.234e-4  # no kink within h
    np.testing.assert_allclose(f.derivative(a), (f(a + h) - f(a - h)) / (2 * h), atol=1e-8)
    assert np.abs(f.derivative(a)).max() <= f.slope_max
    assert f.slope_max == pytest.approx(np.abs(f.derivative(np.linspace(-1, 2, 100001))).max(), rel=1e-6)


def test_codes_are_of_one_function_each():
    for table in (ACTIVATIONS, LOSSES):
        assert sorted(item.code for item in table.values()) == list(range(len(table)))


@pytest.mark.parametrize(("name", "numbers"), [("aoc-tanh-48", AOC_48), ("aoc-tanh-16", AOC_16)])
def test_measured_activations_have_the_numbers_of_their_cards(name, numbers):
    assert device(name).coefficients == numbers


def test_saturated_neurons_of_relu_are_the_silent_ones():
    a = np.array([-1.0, 0.0, 1e-9, 2.0])
    assert activation("relu").saturated(a).tolist() == [True, True, False, False]
    assert activation("tanh").saturated(np.array([2.9, 3.1])).tolist() == [False, True]  # slope 1 % at 2.993


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_and_curvatures_of_losses(name):
    rng, l = np.random.default_rng(0), loss(name)
    r, y, h = rng.standard_normal((3, 5)), np.eye(5)[[0, 2, 4]], 1e-5
    steps = h * np.eye(5)
    slopes = np.stack([(l.value(r + e, y) - l.value(r - e, y)) / (2 * h) for e in steps], axis=-1)
    np.testing.assert_allclose(l.gradient(r, y), slopes, atol=1e-9)
    hessian = np.stack([(l.gradient(r + e, y) - l.gradient(r - e, y)) / (2 * h) for e in steps], axis=-1)
    p = l.spread(r)
    formed = np.eye(5) if name == "mse" else p[:, :, None] * np.eye(5) - p[:, :, None] * p[:, None, :]
    np.testing.assert_allclose(hessian, np.broadcast_to(formed, hessian.shape), atol=1e-9)
    assert np.linalg.eigvalsh(hessian).max() <= l.curvature + 1e-9
    # The bound is reached: by two classes between which nothing decides, where the loss is not quadratic.
    even = np.array([[0.0, 0.0, -99.0, -99.0, -99.0]])
    bent = np.stack([(l.gradient(even + e, y[:1]) - l.gradient(even - e, y[:1]))[0] / (2 * h) for e in steps])
    assert np.linalg.eigvalsh(bent).max() == pytest.approx(l.curvature, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_compiled_losses_are_those_of_python(name, dtype):
    rng, l = np.random.default_rng(1), loss(name)
    s, v, start = rng.standard_normal((3, 2, 3, 7)).astype(dtype)
    weight, mixing = rng.standard_normal((2, 7)).astype(dtype), np.array([[0.3, 0.7], [0.9, -0.2]], dtype)
    y, beta, eps = np.eye(7, dtype=dtype)[[2, 4, 6]], dtype(-0.4), np.finfo(dtype).eps
    r, along = (np.einsum("cd,dbi->cbi", mixing.astype(float), x) for x in (s, v))
    z = start.copy()
    nudge(l.code, mixing, s, y, weight, beta, z)
    wanted = start - np.float64(beta) * weight[:, None] * l.gradient(r, y.astype(float))
    np.testing.assert_allclose(z[:, 1], wanted[:, 1], rtol=64 * eps, atol=64 * eps)
    np.testing.assert_array_equal(z[:, [0, 2]], start[:, [0, 2]])
    z, h = start.copy(), 1e-5
    tangent(l.code, mixing, v, l.spread(r).astype(dtype), weight, beta, z)
    bent = (l.gradient(r + h * along, y) - l.gradient(r - h * along, y)) / (2 * h)
    wanted = start - np.float64(beta) * weight[:, None] * bent
    np.testing.assert_allclose(z[:, 1], wanted[:, 1], atol=max(1e-9, 64 * eps))


def test_accuracy_is_the_share_of_right_answers():
    outputs = np.array([[1.0, 0.0], [0.2, 0.3], [5.0, 4.0], [-1.0, -2.0]])
    assert accuracy(outputs, np.array([0, 1, 1, 0])) == 0.75
