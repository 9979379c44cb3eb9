"""Objectives: the propositions over random convex problems, the closed forms, and gradients of rules as derivatives."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analogsim import Network
from analogsim.errors import InputError
from analogsim.functions.activations import activation
from analogsim.learning import reference as ref
from analogsim.learning.reference import contrastive, objectives, targets
from analogsim.learning.reference.dyads import Relaxation, orders
from analogsim.learning.reference.lifted import lpom_states
from analogsim.learning.reference.objectives import Convex
from analogsim.wiring import Wiring

SHARES = st.floats(0.0, 1.0)


def logistic(a, b):
    """Σ log(1 + exp(A s + b)): convex, positive, of bounded curvature."""
    return Convex(
        lambda s: float(np.logaddexp(0, a @ s + b).sum()),
        lambda s: a.T @ (1 / (1 + np.exp(-a @ s - b))),
        lambda s: (a.T * (lambda p: p * (1 - p))(1 / (1 + np.exp(-a @ s - b)))) @ a,
    )


@st.composite
def problems(draw):
    """A positive convex loss with curvature ≤ 1, a strongly convex energy with ν ≥ 2, so that β < 2 is within reach."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 4))
    root = rng.standard_normal((n, n))
    energy = objectives.quadratic(2 * np.eye(n) + root @ root.T, rng.standard_normal(n))
    if draw(st.booleans()):
        a = rng.standard_normal((3, n))
        return logistic(2 * a / np.linalg.norm(a, 2), rng.standard_normal(3)), energy, n, 2.0
    h = rng.standard_normal((n, n))
    h = h @ h.T / np.linalg.norm(h, 2) ** 2
    target = rng.standard_normal(n)
    loss = Convex(lambda s: float((s - target) @ h @ (s - target) / 2), lambda s: h @ (s - target), lambda s: h)
    return loss, energy, n, 2.0


@settings(max_examples=40, deadline=None)
@given(problems(), SHARES, SHARES, st.floats(0.05, 1.8), st.floats(0.05, 1.8))
def test_proposition_4_1(problem, one, other, b, c):
    loss, energy, n, _ = problem
    j = partial(objectives.arovr, loss, energy, start=np.zeros(n))
    low, high = sorted((one, other))
    # (a) with the inequality that holds: more of α, less adversarial, a smaller objective.
    assert j(high, b) <= j(low, b) + 1e-9
    # (b), for ℓ ≥ 0.
    small, large = sorted((b, c))
    assert small * j(one, small) <= large * j(one, large) + 1e-9
    # AROVR bounds SPROVR from above, ℓ being convex.
    assert objectives.sprovr(loss, energy, one, b, np.zeros(n)) <= j(one, b) + 1e-8


@settings(max_examples=40, deadline=None)
@given(problems(), st.floats(0.01, 1.0), st.floats(0.05, 1.8), st.floats(0.01, 0.99))
def test_proposition_4_2(problem, climb, beta, share):
    loss, energy, n, _ = problem
    # ᾱβ = ᾱ'β' with β' < β.
    smaller = beta * (climb + share * (1 - climb))
    j = partial(objectives.arovr, loss, energy, start=np.zeros(n))
    assert j(1 - climb, beta) <= j(1 - climb * beta / smaller, smaller) + 1e-9


@settings(max_examples=40, deadline=None)
@given(problems(), st.floats(0.01, 5.0))
def test_bilevel_proposition_3(problem, beta):
    loss, energy, n, strong = problem
    best = objectives.minimiser([(1.0, energy)], np.zeros(n))
    surrogate = objectives.contrastive_surrogate(loss, energy, beta, np.zeros(n))
    slack = beta / (2 * strong) * np.sum(loss.gradient(best) ** 2)
    assert surrogate - 1e-9 <= loss.value(best) <= surrogate + slack + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), SHARES)
def test_closed_forms_of_appendix_g(seed, alpha):
    rng = np.random.default_rng(seed)
    h, f = (
        m @ m.T / 3 + shift * np.eye(3) for m, shift in zip(rng.standard_normal((2, 3, 3)), (0.0, 10.0), strict=True)
    )
    b, c = rng.standard_normal((2, 3))

    def arovr_difference(drive):
        plus = np.linalg.solve(f + alpha * h, drive - c - alpha * b)
        return plus - np.linalg.solve(f - (1 - alpha) * h, drive - c + (1 - alpha) * b)

    def sprovr_difference(drive):
        # The two stationarity conditions, Eq. 68, as one linear system in (y⁺, y⁻).
        top = np.hstack((alpha * alpha * h + f, alpha * (1 - alpha) * h))
        bottom = np.hstack((alpha * (1 - alpha) * h, (1 - alpha) ** 2 * h - f))
        both = np.linalg.solve(
            np.vstack((top, bottom)), np.concatenate((drive - c - alpha * b, c - drive - (1 - alpha) * b))
        )
        return both[:3] - both[3:]

    for difference, gain in ((arovr_difference, objectives.arovr_gain), (sprovr_difference, objectives.sprovr_gain)):
        columns = np.array([difference(e) - difference(np.zeros(3)) for e in np.eye(3)]).T
        np.testing.assert_allclose(gain(h, f, alpha), columns, atol=1e-10)
    # H_F = I and H_ℓ = βI: Eqs. 63 and 73; SPROVR is the smaller signal.
    beta, eye = 0.4, np.eye(1)
    first, second = objectives.arovr_gain(beta * eye, eye, alpha), objectives.sprovr_gain(beta * eye, eye, alpha)
    assert first[0, 0] == pytest.approx(-beta / ((1 + alpha * beta) * (1 - (1 - alpha) * beta)))
    assert second[0, 0] == pytest.approx(-beta / (1 + (2 * alpha - 1) * beta))
    assert abs(second[0, 0]) <= abs(first[0, 0]) + 1e-15


@pytest.mark.parametrize("name", objectives.CONJUGATE)
def test_conjugate_pairs(name):
    a = np.linspace(-4, 4, 41)
    s = activation(name)(a)
    # Fenchel-Young holds with equality at s = f(a), and ∇G* = f.
    np.testing.assert_allclose(objectives.resting(name, s) + objectives.conjugate(name, a), s * a, atol=1e-12)
    slope = (objectives.conjugate(name, a + 0.01 + 1e-6) - objectives.conjugate(name, a + 0.01 - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, activation(name)(a + 0.01), atol=1e-8)


def test_a_measured_activation_has_no_resting_energy():
    with pytest.raises(InputError, match="aoc-tanh"):
        objectives.resting("aoc-tanh", np.zeros(3))


def problem(activation="tanh", loss="mse", sizes=(5, 7, 6, 4), seed=0, gain=0.5):
    net = Network.random(sizes, activation, loss, seed=seed, gain=gain)
    rng = np.random.default_rng(seed + 1)
    net = net.replace(biases=tuple(0.3 * rng.standard_normal(b.shape) for b in net.biases))
    return net, rng.standard_normal((9, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], 9)]


TIGHT = {"sweeps": 4000, "tol": 1e-15}


def saddle(net, x, y, alpha, beta):
    state = Relaxation(net, x, y, [Wiring.dual_propagation(alpha)] * net.layers, beta)
    for numbers in orders(net.layers, "up-down", 4000, None):
        if state.sweep(numbers) < 1e-15:
            break
    return [s[0] for s in state.s], [s[1] for s in state.s]


def dp_value(net, x, y, alpha, beta):
    return objectives.dp(net, x, y, *saddle(net, x, y, alpha, beta), alpha, beta)


def lpom_value(net, x, y, beta):
    return objectives.locally_contrastive(net, x, y, lpom_states(net, x, y, beta, **TIGHT), beta)


def chl_value(net, x, y, beta, convex):
    free, clamped = contrastive.states(net, x, y, beta, convex=convex, **TIGHT)
    return objectives.globally_contrastive(net, x, y, clamped, free, beta, "proximal" if convex else "fenchel")


DERIVATIVES = {
    "dp(1/2)": (partial(dp_value, alpha=0.5, beta=0.5), partial(ref.dual_propagation, alpha=0.5, beta=0.5, **TIGHT)),
    "dp(0.8)": (partial(dp_value, alpha=0.8, beta=0.5), partial(ref.dual_propagation, alpha=0.8, beta=0.5, **TIGHT)),
    "lpom": (partial(lpom_value, beta=0.5), partial(ref.lpom, beta=0.5, **TIGHT)),
    "lpom by layer": (
        partial(lpom_value, beta=(0.2, 0.3, 0.5)), partial(ref.lpom, beta=(0.2, 0.3, 0.5), **TIGHT)
    ),
    "chl": (
        partial(chl_value, beta=(0.5, 0.4, 0.3), convex=False),
        partial(ref.contrastive_hebbian, beta=(0.5, 0.4, 0.3), **TIGHT),
    ),
    "convex chl": (
        partial(chl_value, beta=(0.5, 0.4, 0.3), convex=True),
        partial(ref.contrastive_hebbian, beta=(0.5, 0.4, 0.3), convex=True, **TIGHT),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("activation", "loss"), [("tanh", "mse"), ("relu", "mse"), ("sigmoid", "cross-entropy")])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_rules_follow_their_objectives_at_any_nudge(name, activation, loss):
    value, rule = DERIVATIVES[name]
    net, x, y = problem(activation, loss)
    gradient, rng, step = rule(net, x, y), np.random.default_rng(2), 1e-5
    for _ in range(3):
        direction = [
            (rng.standard_normal(w.shape), rng.standard_normal(b.shape))
            for w, b in zip(net.weights, net.biases, strict=True)
        ]
        moved = [
            net.replace(
                weights=tuple(w + t * d for w, (d, _) in zip(net.weights, direction, strict=True)),
                biases=tuple(b + t * d for b, (_, d) in zip(net.biases, direction, strict=True)),
            )
            for t in (step, -step)
        ]
        expected = (value(moved[0], x, y) - value(moved[1], x, y)) / (2 * step)
        got = sum((g * d).sum() for pair in zip(gradient, direction, strict=True) for g, d in zip(*pair, strict=True))
        assert got == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_surrogates_bound_the_loss_from_below_and_meet_it():
    net, x, y = problem()
    loss = float((((net.output(x) - y) ** 2).sum(1) / 2).mean())
    gaps = [loss - lpom_value(net, x, y, beta) for beta in (0.01, 0.001)]
    assert 0 < gaps[1] < gaps[0]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.1)
    # The quadratic penalty is no smaller than zero, and zero at a forward pass.
    states = [np.tanh(a) if k < 2 else a for k, a in enumerate(net.forward(x))]
    assert objectives.locally_contrastive(net, x, y, states, 0.1, "quadratic") == pytest.approx(loss)
    assert objectives.locally_contrastive(net, x, y, states, 0.1, "fenchel") == pytest.approx(loss)


def test_fenchel_objective_and_remark_2():
    net, x, y = problem("relu")
    beta = 0.3
    free, target = targets.states(net, x, y, beta)
    # With the states held, the terms Ẽ_k(z̄_k, z*_{k−1}) alone have the gradient of the rule.
    gradient = ref.fenchel(net, x, y, beta=beta)
    for k in range(3):
        below = x if k == 0 else free[k - 1]
        direction = np.random.default_rng(k).standard_normal(net.weights[k].shape)

        def value(w, k=k, below=below):
            a = below @ w.T + net.biases[k]
            name = "relu" if k < 2 else "identity"
            return ((objectives.conjugate(name, a) - target[k] * a).sum(1)).mean() / beta

        step = 1e-5 * direction
        expected = (value(net.weights[k] + step) - value(net.weights[k] - step)) / 2e-5
        assert (gradient[k][0] * direction).sum() == pytest.approx(expected, rel=1e-6, abs=1e-9)
    loss = float((((free[-1] - y) ** 2).sum(1) / 2).mean())
    assert objectives.fenchel_bp(net, x, y, free, free, beta) == pytest.approx(loss)


def test_adjoint_objective_is_stationary_at_the_fixed_point_of_a_small_nudge():
    # Eq. 18 assumes f locally linear: at small β the fixed point is stationary in all states to second order.
    net, x, y = problem("tanh")
    alpha, gaps = 0.3, []
    for beta in (1e-1, 1e-2):
        state = Relaxation(net, x, y, [Wiring.adjoint_dual_propagation(alpha)] * 3, beta)
        for numbers in orders(3, "up-down", 400, None):
            state.sweep(numbers)
        plus, minus = [s[0] for s in state.s], [s[1] for s in state.s]
        rng, worst = np.random.default_rng(0), 0.0
        for side in (plus, minus):
            for k in range(3):
                keep, direction = side[k], rng.standard_normal(side[k].shape)
                values = []
                for t in (1e-4, -1e-4):
                    side[k] = keep + t * direction
                    values.append(objectives.dpt(net, x, y, plus, minus, alpha, beta))
                side[k] = keep
                worst = max(worst, abs(values[0] - values[1]) / 2e-4)
        gaps.append(worst)
    assert gaps[1] < gaps[0] / 8
