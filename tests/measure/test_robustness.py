"""Lipschitz constants against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analogsim as asim


def network(*weights):
    weights = tuple(np.atleast_2d(np.asarray(w, dtype=float)) for w in weights)
    return asim.Network(weights, tuple(np.zeros(len(w)) for w in weights))


def test_a_chain_of_single_neurons_has_closed_forms():
    net = network(2.0, 3.0)
    assert asim.measure.lipschitz(net) == pytest.approx(6.0)
    # I − W_½ = [[1, 0], [−3, 1]]: its inverse has singular values (3 ± √13)/2 in modulus.
    assert asim.measure.lipschitz_hidden(net, 0.5) == pytest.approx((3 + 13**0.5) / 2)
    # s_2 = w_2 w_1 x / (1 − (2λ − 1) w_2²)
    for lam in (0.0, 0.25, 0.5, 0.9):
        assert asim.measure.lipschitz_output(net, lam) == pytest.approx(6.0 / abs(1 - (2 * lam - 1) * 9))


def test_skew_symmetry_caps_the_hidden_constant_at_one_and_uneven_layers_reach_it():
    net = asim.Network.random((20, 8, 5, 3), seed=3, gain=4.0)
    # 8 + 3 neurons in odd layers, 5 in even ones: W_0 has a null vector, where (I − W_0)⁻¹ is the identity.
    assert asim.measure.lipschitz_hidden(net, 0.0) == pytest.approx(1.0, abs=1e-12)
    # One orthogonal coupling between equal layers: W_0ᵀW_0 = σ²I.
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    assert asim.measure.lipschitz_hidden(network(np.eye(6), 1.5 * q), 0.0) == pytest.approx((1 + 1.5**2) ** -0.5)


def test_hopfield_at_the_edge_of_instability_is_infinite():
    assert asim.measure.lipschitz_hidden(network(1.0, 1.0), 1.0) == np.inf


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.2, 3.0))
def test_half_lambda_is_the_feed_forward_network(seed, gain):
    net = asim.Network.random((7, 6, 5, 4), seed=seed, gain=gain)
    assert asim.measure.lipschitz_output(net, 0.5) == pytest.approx(asim.measure.lipschitz(net), rel=1e-9)
    assert asim.measure.lipschitz_hidden(net, 0.0) <= 1 + 1e-12


def test_the_response_of_a_linear_equilibrium_is_what_the_output_constant_bounds():
    net, lam = asim.Network.random((6, 5, 4), activation="identity", seed=1, gain=0.4), 0.8
    w1, w2 = net.weights
    response = np.linalg.solve(np.eye(4) - (2 * lam - 1) * w2 @ w2.T, w2 @ w1)  # eliminates the hidden layer by hand
    assert asim.measure.lipschitz_output(net, lam) == pytest.approx(np.linalg.norm(response, 2))


def test_lambda_out_of_range_is_refused():
    with pytest.raises(asim.InputError, match="0 ≤ lam ≤ 1"):
        asim.measure.lipschitz_hidden(network(1.0, 1.0), 1.5)
