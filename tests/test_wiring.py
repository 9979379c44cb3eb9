"""What follows from the matrices of a wiring: what it feeds back, and whether its nudge holds."""

import warnings

import numpy as np
import pytest

import analogsim as asim
from analogsim import Wiring
from analogsim.experiments.setup import prepare

UNEQUAL = Wiring(np.full((2, 2), 0.5), np.array([[1.0, 0.0], [0.0, 0.5]]), np.eye(2), np.ones(2))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_dual_propagation_feeds_nothing_back_while_the_compartments_agree(share):
    for rule in (Wiring.dual_propagation(share), Wiring.adjoint_dual_propagation(share)):
        assert rule.feeds_nothing_back
        assert rule.is_feedforward
        assert rule.hears_the_same
        assert rule.recurrent_gain() == 0


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.5, 1.0])
def test_the_lambda_family_feeds_back_two_lambda_less_one(lam):
    rule = Wiring.dyadic(lam)
    assert rule.recurrent_gain() == pytest.approx(2 * lam - 1, abs=1e-15)
    assert rule.feeds_nothing_back == rule.is_feedforward == rule.hears_the_same == (lam == 0.5)


def test_unequal_feedback_has_no_single_gain():
    with pytest.raises(asim.InputError, match="unequally"):
        UNEQUAL.recurrent_gain()
    assert UNEQUAL.recurrent_gain(unequal=0.25) == 0.25


@pytest.mark.parametrize("curvature", [1.0, 0.5])
def test_the_nudge_holds_up_to_the_gain_of_its_feedback(curvature):
    """DP(α): the compartments are nudged apart, N = I, so that the margins are 1 + n⁺βℓ'' and 1 − n⁻βℓ''."""
    rule = Wiring.dual_propagation(0.3)
    for beta in (0.2, 1.9, -0.4):
        wanted = min(1 + 0.3 * beta * curvature, 1 - 0.7 * beta * curvature)
        assert rule.nudge_margin(beta, curvature) == pytest.approx(wanted, rel=1e-12)
    # DP⊤ reads the loss at the mean, which the two nudges leave alone: the eigenvalues are 1, whatever β.
    assert Wiring.adjoint_dual_propagation(0.3).nudge_margin(9.0, curvature) == pytest.approx(1, abs=1e-6)


def exact_wiring(psi, p, q, nudge=(0.7, 1.2), skew=0.1):
    """All wirings whose local rule is exact: three free numbers for F and B; n, and N with rows that sum to one."""
    forward = [[p, 1 - p], [p - psi, 1 - p + psi]]
    feedback = [[q, psi - q], [q - 1, psi - q + 1]]
    return Wiring(np.array(forward), np.array(feedback), np.array([[1 + skew, -skew], [skew, 1 - skew]]), nudge)


@pytest.mark.parametrize("seed", range(5))
def test_exactness_is_five_conditions_and_each_is_named_when_it_breaks(seed):
    rng = np.random.default_rng(seed)
    psi, p, q, skew = rng.normal(size=4)
    rule = exact_wiring(psi, p, q, rng.random(2), skew)
    assert rule.exact
    assert rule.psi == pytest.approx(psi, abs=1e-12)
    assert (rule.broken, rule.order) == ((), 1)
    assert np.linalg.det(rule.forward) == pytest.approx(np.linalg.det(rule.feedback), abs=1e-9)
    even, odd, skewed = np.ones((2, 2)), np.outer([1, -1], [1, 1]), np.outer([1, -1], [1, -1])
    for field, change, words in (
        ("forward", 0.1 * even, ["rows of F"]),
        ("forward", 0.1 * skewed, ["row of F less"]),  # rows keep their sums
        ("feedback", 0.1 * odd, ["rows of B", "row of B less"]),
        ("feedback", 0.1 * even, ["row of F less"]),  # another ψ, which F does not share
        ("feedback", 0.1 * skewed, ["row of B less"]),
        ("nudge_at", 0.1 * even, ["rows of N"]),
    ):
        fields = {name: getattr(rule, name) for name in ("forward", "feedback", "nudge_at", "nudge_gain")}
        bad = Wiring(**{**fields, field: fields[field] + change})
        assert (bad.exact, bad.psi, bad.order) == (False, None, 0)
        assert len(bad.broken) >= len(words)
        for word in words:
            assert any(word in text for text in bad.broken), bad.broken


@pytest.mark.parametrize(
    ("rule", "psi", "order"),
    [
        (Wiring.dual_propagation(0.3), 0, 1),
        (Wiring.dual_propagation(0.5), 0, 2),
        (Wiring.adjoint_dual_propagation(0.0), 0, 1),
        (Wiring.adjoint_dual_propagation(0.5), 0, 2),
        (Wiring.dyadic(0.0), -1, 2),
        (Wiring.dyadic(0.6), 0.2, 2),
        (exact_wiring(0.3, 0.2, 1.4), 0.3, 1),
        (exact_wiring(0.3, 0.65, 0.65, (0.7, 0.7), 0.0), 0.3, 2),
        (Wiring([[0.5, 0.5], [0.5, 0.5]], [[0.5, -0.5], [-0.4, 0.4]], np.eye(2), [0.5, 0.5]), None, 0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_error_of_the_gradient_falls_with_the_order_in_beta(rule, psi, order):
    """Against implicit differentiation at the free equilibrium, which knows nothing of compartments."""
    assert rule.psi is None if psi is None else rule.psi == pytest.approx(psi, abs=1e-12)
    assert (rule.order, rule.exact) == (order, order > 0)
    net = asim.Network.random((6, 5, 4, 3), activation="tanh", seed=3)
    net = net.replace(weights=[0.5 * w for w in net.weights])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 6)), np.eye(3)[[0, 1, 2, 0]]
    exact = asim.reference.implicit(net, x, y, rule)
    chip = asim.circuit("ideal").program(net)
    errors = []
    for beta in (1e-2, 1e-3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = asim.settle(chip, x, y, wiring=rule, beta=beta, tol=1e-11)
        pairs = zip(asim.gradient(chip, state), exact, strict=True)
        errors.append(max(np.abs(got[0] - want[0]).max() / np.abs(want[0]).max() for got, want in pairs))
    if order:
        assert errors[0] / errors[1] == pytest.approx(10.0**order, rel=0.2)
    else:
        assert min(errors) > 0.02
        assert errors[0] == pytest.approx(errors[1], rel=0.2)


def test_what_is_not_exact_is_said_once_where_it_learns(recwarn):
    crooked = Wiring(np.full((2, 2), 0.5), [[0.5, -0.4], [-0.5, 0.6]], np.eye(2), [0.5, 0.5], "crooked")
    net = asim.Network.random((6, 5, 3), seed=0)
    chip, x, y = asim.circuit("ideal").program(net), np.ones((1, 6)), np.eye(3)[:1]
    asim.settle(chip, x, wiring=crooked, beta=0.0)
    assert not recwarn.list
    with pytest.warns(UserWarning, match=r"'crooked' is not exact: .* the upper row of F less .* ψ = 0\.1"):
        asim.settle(chip, x, y, wiring=crooked, beta=0.1)
    asim.settle(chip, x, y, wiring=crooked, beta=0.1)
    assert not recwarn.list
    again = Wiring.from_json(crooked.to_json())
    with pytest.warns(UserWarning, match="'crooked' is not exact"):  # a run says it before it trains
        prepare(asim.Settings("ideal", rule=again, hidden=(4,)))
