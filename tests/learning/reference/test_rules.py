"""Every rule: exact identities among them, and the limit β → 0 with its rate, against back-propagation or implicit
differentiation at the rule's own equilibrium."""

from functools import partial

import numpy as np
import pytest

from analogsim import Network, Wiring
from analogsim.errors import InputError
from analogsim.learning import reference as ref
from analogsim.learning.reference.feedback import FeedbackPath


def problem(activation="tanh", loss="mse", sizes=(6, 9, 8, 4), seed=0, gain=0.7, output="identity"):
    net = Network.random(sizes, activation, loss, seed=seed, gain=gain, output_activation=output)
    rng = np.random.default_rng(seed + 1)
    net = net.replace(biases=tuple(0.3 * rng.standard_normal(b.shape) for b in net.biases))
    return net, rng.standard_normal((20, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], 20)]


def flat(g):
    return np.concatenate([a.ravel() for pair in g for a in pair])


def cosine(g, h):
    return flat(g) @ flat(h) / np.linalg.norm(flat(g)) / np.linalg.norm(flat(h))


def distance(g, h):
    return np.linalg.norm(flat(g) - flat(h)) / np.linalg.norm(flat(h))


TIGHT = {"sweeps": 4000, "tol": 1e-15}
STEPS = {"steps": 20000, "tol": 1e-16}

FEEDFORWARD = {
    "dp(1/2)": (partial(ref.dual_propagation, alpha=0.5, **TIGHT), 2),
    "dp(1) damped": (partial(ref.damped_dual_propagation, alpha=1.0, **TIGHT), 1),
    "dp(0) damped": (partial(ref.damped_dual_propagation, alpha=0.0, **TIGHT), 1),
    "dp(0.3) damped": (partial(ref.damped_dual_propagation, alpha=0.3, **TIGHT), 1),
    "dpt(0)": (partial(ref.adjoint_dual_propagation, alpha=0.0, **TIGHT), 1),
    "dpt(1/2)": (partial(ref.adjoint_dual_propagation, alpha=0.5, **TIGHT), 2),
    "dpt(1)": (partial(ref.adjoint_dual_propagation, alpha=1.0, **TIGHT), 1),
    "dpt(0.3) linearised": (partial(ref.adjoint_dual_propagation, alpha=0.3, output="linearised", **TIGHT), 1),
    "dp(1/2) linearised": (partial(ref.dual_propagation, output="linearised", **TIGHT), 2),
    "lpom": (partial(ref.lpom, **TIGHT), 1),
    "inverted lpom": (partial(ref.lpom, inverted=True, **TIGHT), 1),
    "fenchel": (ref.fenchel, 1),
    "mac": (partial(ref.auxiliary_coordinates, **STEPS), 1),
    "predictive coding": (partial(ref.predictive_coding, **STEPS), 1),
    "dyadic(1/2)": (partial(ref.dyadic, lam=0.5, **TIGHT), 2),
}


@pytest.mark.parametrize(("activation", "loss"), [("tanh", "mse"), ("sigmoid", "cross-entropy")])
@pytest.mark.parametrize("name", FEEDFORWARD)
def test_feedforward_rules_tend_to_backprop_at_their_rate(name, activation, loss):
    rule, order = FEEDFORWARD[name]
    net, x, y = problem(activation, loss)
    exact = ref.backprop(net, x, y)
    coarse, fine = rule(net, x, y, beta=1e-2), rule(net, x, y, beta=1e-3)
    assert cosine(fine, exact) > 0.999
    assert distance(coarse, exact) / distance(fine, exact) == pytest.approx(10**order, rel=0.15)


@pytest.mark.parametrize("convex", [False, True])
def test_contrastive_hebbian_learning_tends_to_backprop(convex):
    # Every layer is discounted by β against the next: three layers in float64 bear β = 1e-3, no less.
    net, x, y = problem("tanh", "mse")
    exact = ref.backprop(net, x, y)
    rule = partial(ref.contrastive_hebbian, convex=convex, **TIGHT)
    coarse, fine = rule(net, x, y, beta=1e-2), rule(net, x, y, beta=1e-3)
    assert cosine(fine, exact) > 0.999
    assert distance(coarse, exact) / distance(fine, exact) == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize("name", ["dp(1/2)", "dp(1) damped", "dpt(0)", "dpt(1)", "lpom", "fenchel", "dyadic(1/2)"])
@pytest.mark.parametrize("activation", ["relu", "hard-sigmoid", "leaky-relu"])
def test_piecewise_linear_rules_are_backprop_away_from_kinks(name, activation):
    net, x, y = problem(activation)
    assert cosine(FEEDFORWARD[name][0](net, x, y, beta=1e-3), ref.backprop(net, x, y)) > 0.999


RECURRENT = {
    "ep centred": (partial(ref.equilibrium_propagation, **TIGHT), 1.0, 2),
    "ep positive": (partial(ref.equilibrium_propagation, phase="positive", **TIGHT), 1.0, 1),
    "ep negative": (partial(ref.equilibrium_propagation, phase="negative", **TIGHT), 1.0, 1),
    "hopfield": (partial(ref.dyadic, lam=1.0, **TIGHT), 1.0, 2),
    "skew": (partial(ref.skew_symmetric, **TIGHT), 0.0, 2),
    "λ = 1/4": (partial(ref.dyadic, lam=0.25, **TIGHT), 0.25, 2),
    "λ = 3/4": (partial(ref.dyadic, lam=0.75, **TIGHT), 0.75, 2),
    "λ by layer": (partial(ref.dyadic, lam=(0.5, 0.2, 0.9), **TIGHT), (0.5, 0.2, 0.9), 2),
}


@pytest.mark.parametrize(("activation", "loss"), [("tanh", "mse"), ("sigmoid", "cross-entropy")])
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_rules_tend_to_the_derivative_at_their_equilibrium(name, activation, loss):
    rule, lam, order = RECURRENT[name]
    net, x, y = problem(activation, loss, gain=0.4)
    wirings = [Wiring.dyadic(v) for v in (lam if isinstance(lam, tuple) else [lam] * net.layers)]
    exact = ref.implicit(net, x, y, wirings)
    coarse, fine = rule(net, x, y, beta=1e-2), rule(net, x, y, beta=1e-3)
    assert cosine(fine, exact) > 0.999
    assert distance(coarse, exact) / distance(fine, exact) == pytest.approx(10**order, rel=0.15)


@pytest.mark.parametrize(("activation", "loss"), [("relu", "mse"), ("tanh", "cross-entropy")])
def test_exact_identities(activation, loss):
    # Small weights: with larger ones the ReLU Hopfield network has several equilibria, and the two ways in find two.
    net, x, y = problem(activation, loss, gain=0.3)
    beta = 0.4
    data, at, damped = (net, x, y), {"beta": beta, **TIGHT}, partial(ref.damped_dual_propagation, net, x, y)
    same = [
        # Fenchel back-propagation is DP⊤(0).
        (ref.fenchel(*data, beta=beta), ref.adjoint_dual_propagation(*data, alpha=0.0, beta=beta, sweeps=5)),
        # LPOM is DP(1) and inverted LPOM DP(0), at the fixed point, however it was reached.
        (ref.lpom(*data, **at), ref.dual_propagation(*data, alpha=1.0, **at)),
        (ref.lpom(*data, stabilised=False, **at), damped(alpha=1.0, **at)),
        (ref.lpom(*data, inverted=True, **at), damped(alpha=0.0, **at)),
        # λ = ½ at β is DP(½) at 2β; λ = 1 is centred equilibrium propagation, λ = 0 the skew-symmetric rule.
        (ref.dyadic(*data, lam=0.5, **at | {"beta": beta / 2}), ref.dual_propagation(*data, **at)),
        (ref.dyadic(*data, lam=1.0, **at), ref.equilibrium_propagation(*data, **at)),
        (ref.dyadic(*data, lam=0.0, **at), ref.skew_symmetric(*data, **at)),
        # LeCun's Lagrangian is back-propagation at any nudge.
        (ref.lecun_lagrangian(*data, alpha=0.3, beta=beta), ref.backprop(*data)),
    ]
    for got, want in same:
        assert distance(got, want) < 1e-12


def test_hidden_updates_of_both_rules_coincide_at_one_half_given_the_output():
    # With the output error held at its free value the two differ in nothing but the matrices that mix the compartments.
    net, x, y = problem("relu")
    options = {"alpha": 0.5, "beta": 0.4, "sweeps": 6, "output": "linearised"}
    assert (
        distance(ref.dual_propagation(net, x, y, **options), ref.adjoint_dual_propagation(net, x, y, **options)) < 1e-14
    )


def test_a_spacing_for_each_layer_is_a_descent_direction():
    net, x, y = problem("tanh")
    betas = (4e-4, 2e-4, 1e-4)
    exact, expected = ref.backprop(net, x, y), []
    # Bilevel Eq. 47: each layer's error is scaled by β_k/β_{k+1}, then divided by β_k: nothing is left of the ratios.
    for rule in (ref.fenchel, partial(ref.lpom, **TIGHT), partial(ref.auxiliary_coordinates, **STEPS)):
        expected.append(rule(net, x, y, beta=betas))
        assert distance(expected[-1], exact) < 1e-3
    with pytest.raises(InputError, match="one for each of the 3 layers"):
        ref.fenchel(net, x, y, beta=(0.1, 0.2))


def test_damping_makes_lpom_converge_where_plain_sweeps_do_not():
    # α = 1 only: at α = 0 and these weights the potential has no saddle, β(1 + σ_L² + σ_L²σ_{L−1}²) > 1.
    net, x, y = problem("relu", sizes=(20, 40, 40, 10), gain=1.0, seed=5)
    options = {"alpha": 1.0, "beta": 0.5}
    for rule, settles in ((ref.damped_dual_propagation, True), (ref.dual_propagation, False)):
        once, twice = (rule(net, x, y, **options, sweeps=k) for k in (400, 401))
        assert (distance(once, twice) < 1e-12) == settles


@pytest.mark.parametrize("kind", ["alignment", "kolen-pollack"])
def test_a_feedback_path_carries_the_errors_of_every_rule(kind):
    net, x, y = problem("tanh", gain=0.4)
    path = FeedbackPath(net, kind, np.random.default_rng(3)).matrices
    exact = ref.backprop(net, x, y, feedback=path)
    assert cosine(exact, ref.backprop(net, x, y)) < 0.99
    for rule in (
        partial(ref.dual_propagation, alpha=0.5, sweeps=30),
        partial(ref.adjoint_dual_propagation, alpha=0.2, sweeps=30),
        partial(ref.damped_dual_propagation, alpha=1.0, sweeps=300),
        partial(ref.lpom, sweeps=300),
        ref.fenchel,
        ref.lecun_lagrangian,
        partial(ref.auxiliary_coordinates, **STEPS),
        partial(ref.predictive_coding, **STEPS),
        partial(ref.dyadic, lam=0.5, sweeps=30),
    ):
        assert cosine(rule(net, x, y, beta=1e-4, feedback=path), exact) > 0.999


def test_adversarial_training_moves_the_input_up_the_loss():
    net, x, y = problem("tanh")
    from analogsim.functions.losses import LOSSES
    from analogsim.learning.reference.inputs import input_gradient

    def value(points):
        return LOSSES["mse"].value(net.output(points), y)

    direction, move = np.random.default_rng(0).standard_normal(x.shape), 1e-6
    expected = (value(x + move * direction) - value(x - move * direction)) / (2 * move)
    np.testing.assert_allclose((input_gradient(net, x, y) * direction).sum(1), expected, rtol=1e-6, atol=1e-9)
    pushed = x + 0.1 * np.sign(input_gradient(net, x, y))
    assert distance(ref.adversarial(net, x, y, step=0.1, sign=True), ref.backprop(net, pushed, y)) == 0
    assert (
        distance(ref.adversarial(net, x, y, step=0.0, rule=ref.fenchel, beta=0.1), ref.fenchel(net, x, y, beta=0.1))
        == 0
    )


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_robust_dp_is_dp_with_the_input_as_one_more_layer(alpha):
    # A linear first layer with the identity as weights is the same potential.
    net, x, y = problem("identity", gain=0.3)
    deeper = net.replace(weights=(np.eye(6), *net.weights), biases=(np.zeros(6), *net.biases))
    want = ref.damped_dual_propagation(deeper, x, y, alpha=alpha, beta=0.4, **TIGHT)
    got = ref.robust_dual_propagation(net, x, y, alpha=alpha, beta=0.4, **TIGHT)
    assert distance(got, want[1:]) < 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: ref.dual_propagation(*p, beta=0.0), "beta = 0"),
        (lambda p: ref.dual_propagation(*p, alpha=0.0, beta=1.0), "climbs the loss"),
        (lambda p: ref.dual_propagation(*p, alpha=2.0), "alpha = 2"),
        (lambda p: ref.dual_propagation(*p, order="updown"), "did you mean 'up-down'"),
        (lambda p: ref.dual_propagation(*p, order="random"), "needs rng"),
        (lambda p: ref.dual_propagation(*p, sweeps=0), "sweeps"),
        (lambda p: ref.equilibrium_propagation(*p, phase="centered"), "did you mean 'centred'"),
        (lambda p: ref.adjoint_dual_propagation(*p, output="linearized"), "did you mean 'linearised'"),
        (lambda p: ref.dyadic(*p, lam=(0.1, 0.2)), "each of the 3 layers"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(InputError, match=message):
        call(problem())


def test_rules_are_found_by_name():
    net, x, y = problem()
    for name in ref.RULES:
        gradient = ref.rule(name)(net, x, y)
        assert [(w.shape, b.shape) for w, b in gradient] == [(w.shape, b.shape) for w, b in ref.backprop(net, x, y)]
    assert distance(ref.rule("dpt", alpha=0.0, beta=0.3)(net, x, y), ref.fenchel(net, x, y, beta=0.3)) < 1e-14
    with pytest.raises(InputError, match="did you mean 'fenchel'"):
        ref.rule("fenchell")
    with pytest.raises(InputError, match="did you mean 'alpha'"):
        ref.rule("dpt", alfa=0.3)
    with pytest.raises(InputError, match="sets lam"):
        ref.rule("sshm", lam=0.3)


def test_contract_names_are_functions_whatever_was_imported_before():
    import subprocess
    import sys

    code = (
        "import analogsim.learning.reference.training, analogsim.learning.reference.implicit_gradient\n"
        "import analogsim as asim\n"
        "assert callable(asim.reference.backprop) and callable(asim.reference.implicit)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["bp", "dp", "dpt", "dp-damped", "fenchel", "ep", "sshm", "pcn"])
def test_float32_agrees_with_float64(name):
    net, x, y = problem("relu", gain=0.3)
    single = ref.rule(name)(net.astype(np.float32), x, y)
    assert all(w.dtype == b.dtype == np.float32 for w, b in single)
    assert distance(single, ref.rule(name)(net, x, y)) < 1e-4
