"""States that live on: the flow ends where the network rests, and a gate removes the stale pairings."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.circuits.base import circuit
from analogsim.engine.batches import Settler
from analogsim.learning.flowing import Flowing
from analogsim.learning.local import from_states
from analogsim.settings.record import FLOWS

DPT = asim.Wiring.adjoint_dual_propagation(0.3)


def problem():
    rng = np.random.default_rng(2)
    network = asim.Network.random((6, 7, 5, 3), "tanh", seed=1, gain=0.7)
    chip = circuit("crossbar", device="ideal", tau_spread=0.2).program(network, seed=0)
    return chip, rng.random((8, 6)), np.eye(3)[rng.integers(0, 3, 8)]


def last(flowing, chip, x, y, beta, rng):
    *_, state = flowing.present(iter(lambda: chip, None), x, y, beta, rng)
    return state


@pytest.mark.parametrize("flow", FLOWS)
def test_a_long_dwell_ends_at_rest_from_any_state_before(flow):
    chip, x, y = problem()
    beta, rng = np.full(8, 0.3), np.random.default_rng(0)
    flowing = Flowing(Settler(DPT), 40, 39, flow)
    last(flowing, chip, -3 * x[::-1], y[::-1], beta, rng)  # what was there before
    found = last(flowing, chip, x, y, beta, rng)
    rest = Settler(DPT, tol=1e-7)(chip, x, y, beta, rng)
    for a, exact in zip(found.a, rest.a, strict=True):
        assert np.abs(a - exact).max() < 3e-4


def test_a_gate_removes_the_stale_pairings():
    chip, x, y = problem()
    beta, rng = np.full(8, 0.3), np.random.default_rng(0)

    def rule(state):
        return np.concatenate([weights.ravel() for weights, _ in from_states(chip, DPT, x, state.s, beta)])

    truth, misled = rule(Settler(DPT, tol=1e-7)(chip, x, y, beta, rng)), {}
    for gate in (0, 7):
        flowing = Flowing(Settler(DPT), 12, gate)
        last(flowing, chip, 2 * x[::-1], -y[::-1], beta, rng)
        reads = [rule(state) for state in flowing.present(iter(lambda: chip, None), x, y, beta, rng)]
        assert len(reads) == 12 - gate
        mean = np.mean(reads, axis=0)
        misled[gate] = 1 - mean @ truth / np.linalg.norm(mean) / np.linalg.norm(truth)
    assert misled[7] < 2e-3 < 0.3 * misled[0]


def test_one_sweep_pairs_the_new_input_with_its_own_error():
    chip, x, y = problem()
    beta, rng = np.full(8, 0.3), np.random.default_rng(0)

    def rule(state):
        return np.concatenate([weights.ravel() for weights, _ in from_states(chip, DPT, x, state.s, beta)])

    truth = rule(Settler(DPT, tol=1e-7)(chip, x, y, beta, rng))
    flowing = Flowing(Settler(DPT), 1, 0, "sweeps")
    last(flowing, chip, 2 * x[::-1], -y[::-1], beta, rng)
    found = rule(last(flowing, chip, x, y, beta, rng))
    assert found @ truth / np.linalg.norm(found) / np.linalg.norm(truth) > 0.99
