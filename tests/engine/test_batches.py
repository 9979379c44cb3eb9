"""The settler of training loops beside `settle`: the same equilibria, the same noise, the same verdicts."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.circuits.base import circuit
from analogsim.engine.batches import Settler
from analogsim.engine.datasets import CONVERGED, DIVERGED
from analogsim.engine.resting import states

SPOILT = {"gain_mismatch": 0.02, "offset_spread": 0.01, "divider_mismatch": 0.05, "mirror_mismatch": 0.05}
WIRINGS = {
    "dpt": asim.Wiring.adjoint_dual_propagation(0.3),
    "dp": asim.Wiring.dual_propagation(0.7),
    "half": asim.Wiring.dyadic(0.5),
    "skew": asim.Wiring.dyadic(0.0),
}


def problem(samples=12, loss="mse", **options):
    rng = np.random.default_rng(5)
    network = asim.Network.random((9, 8, 7, 4), "relu", loss, seed=1, gain=0.7)
    chip = circuit("crossbar", device="ideal", asymmetry=0.2, **options).program(network, seed=3)
    return chip, rng.random((samples, 9)), np.eye(4)[rng.integers(0, 4, samples)]


@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
@pytest.mark.parametrize("rule", WIRINGS)
def test_it_rests_where_settle_rests(rule, loss):
    chip, x, y = problem(loss=loss, **SPOILT)
    beta = np.where(np.arange(len(x)) % 2, -0.4, 0.4)
    for tol in (1e-3, 1e-6):
        found = Settler(WIRINGS[rule], tol=tol)(chip, x, y, beta, np.random.default_rng(0))
        batch, truth = states(chip, x, y, WIRINGS[rule], beta, tol=1e-10)
        assert (found.status == CONVERGED).all()
        for a, s, exact in zip(found.a, found.s, batch.split(truth.a), strict=True):
            # What is bounded is the residual; the distance is up to ‖(I − J)⁻¹‖ times that.
            assert np.abs(a - exact).max() <= 5 * tol * 0.4
            assert s.shape == a.shape


def test_a_chip_after_an_update_is_packed_again():
    made = circuit("combined", noise=0.0, node_noise=0.0)
    network = asim.Network.random((9, 8, 4), seed=1)
    chip, (_, x, _), rng = made.program(network, seed=0), problem(), np.random.default_rng(0)
    y, deltas = (
        np.zeros((len(x), 4)),
        [(0.1 * w, b + 0.2) for w, b in zip(network.weights, network.biases, strict=True)],
    )
    settler = Settler(WIRINGS["dpt"], tol=1e-8)
    settler(chip, x, y, 0.5, rng)
    new = made.update(chip, deltas, rng)
    for one, other in zip(
        settler(new, x, y, 0.5, rng).a, Settler(WIRINGS["dpt"], tol=1e-8)(new, x, y, 0.5, rng).a, strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-7)


@pytest.mark.parametrize("correlation", ["common", "differential"])
def test_the_noise_of_both_compartments_has_the_covariance_that_settle_gives_it(correlation):
    chip, x, y = problem(1, noise=0.3, node_noise=0.02, read_correlation=correlation, **SPOILT)
    count = 6000
    x, y = np.repeat(x, count, axis=0), np.repeat(y, count, axis=0)
    found = Settler(WIRINGS["dpt"], tol=1e-4)(chip, x, y, 0.5, np.random.default_rng(0))
    batch, truth = states(chip, x, y, WIRINGS["dpt"], 0.5, tol=1e-5, rng=np.random.default_rng(1))
    for ours, theirs in zip(found.a, batch.split(truth.a), strict=True):
        for i in range(ours.shape[2]):
            c, d = np.cov(ours[:, :, i]), np.cov(theirs[:, :, i])
            scale = np.sqrt(np.outer(np.diag(d), np.diag(d)))
            assert np.abs(c - d).max() < 6 * np.sqrt(2 / count) * scale.max()
            assert np.abs(ours[:, :, i].mean(1) - theirs[:, :, i].mean(1)).max() < 6 * np.sqrt(d.max() * 2 / count)


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_common_noise_makes_no_difference_between_equal_compartments(dtype):
    chip, x, _ = problem(noise=0.2)
    found = Settler(WIRINGS["dpt"], dtype=dtype)(chip, x, None, 0.0, np.random.default_rng(0))
    for a in found.a:
        assert a.dtype == dtype
        np.testing.assert_array_equal(a[0], a[1])


def test_a_nudge_that_the_hardware_cannot_hold_diverges():
    chip, x, y = problem()
    found = Settler(asim.Wiring.dual_propagation(0.0))(chip, x, y, 1.5, np.random.default_rng(0))
    assert (found.status == DIVERGED).all()


@pytest.mark.parametrize("name", ["dpt", "skew"])
def test_the_plain_method_comes_to_the_same_rest(name):
    chip, x, y = problem()
    settler = Settler(WIRINGS[name], tol=1e-6)
    there = settler(chip, x, y, 0.3, np.random.default_rng(0))
    settler.method = "plain"
    plain = settler(chip, x, y, 0.3, np.random.default_rng(0))
    assert (plain.status == there.status).all()
    for ours, theirs in zip(plain.a, there.a, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
