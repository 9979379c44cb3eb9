"""What follows from the matrices of a wiring: what it feeds back, and whether its nudge holds."""

import numpy as np
import pytest

import analogsim as asim
from analogsim import Wiring

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
