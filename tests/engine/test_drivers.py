"""Drivers that bend, amplifiers with rails, noise of the read-out: against independent equations and closed forms."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.engine.batches import Settler
from analogsim.engine.noise.reads import ReadNoise
from analogsim.engine.packing import factorise, prepare
from analogsim.engine.passes import new_flow
from analogsim.engine.spectrum import Jacobian
from tests.engine import reference
from tests.engine.test_transient import lab

RULES = [asim.Wiring.dual_propagation(0.7), asim.Wiring.adjoint_dual_propagation(0.3), asim.Wiring.dyadic(0.25)]


def bent(**options):
    """The laboratory chip with a driver for each matrix and direction, and rails that some neurons reach."""
    chip, x, y = lab(activation="tanh", **options)
    rng = np.random.default_rng(3)
    driver = np.empty((2, chip.layers, 5))
    driver[..., 0], driver[..., 1], driver[..., 2] = -0.6, 0.5, 1.0
    driver[..., 3:] = rng.uniform(-0.3, 0.3, (2, chip.layers, 2))
    return chip.replace(driver=driver, rails=np.array([-0.4, 0.3])), x, y


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_trajectory_and_equilibrium_follow_the_independent_equations(rule):
    chip, x, y = bent()
    times = np.array([0.5, 3.0])
    ds = asim.relax(chip, x, y, wiring=rule, beta=0.5, times=times, rtol=1e-6, atol=1e-9)
    state = asim.settle(chip, x, y, wiring=rule, beta=0.5, tol=1e-9, max_sweeps=1000)
    assert (state.status == "converged").all()
    for b in range(len(x)):
        truth = reference.solve(chip, rule, x[b], y[b], 0.5, times, rtol=1e-10, atol=1e-12)
        assert np.abs(reference.packed(ds, chip, b) - truth).max() < 1e-4
        a = np.concatenate([state[f"a_{k}"].values[b].ravel() for k in (1, 2, 3)])
        assert np.abs(reference.rate(chip, rule, x[b], y[b], 0.5)(0, a)).max() < 1e-7


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_jacobian_is_the_derivative_of_the_rate(rule):
    chip, x, y = bent()
    batch = prepare(chip, x[:1], y[:1], rule, 0.5)
    rate = reference.rate(chip, rule, x[0], y[0], 0.5)
    a, v = np.random.default_rng(2).standard_normal((2, batch.size))
    slope = (rate(0, a + 1e-6 * v) - rate(0, a - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(Jacobian(batch, a)(v), slope, atol=1e-7)


def test_the_local_rule_sees_the_driven_signal():
    """Doubling every signal in its driver and halving every matrix changes no state, and doubles the outer products."""
    chip, x, y = lab(activation="tanh")
    rule = asim.Wiring.adjoint_dual_propagation(0.3)
    driver = np.array(chip.driver)
    driver[..., 2] = 2.0
    half = chip.replace(
        driver=driver,
        forward=tuple(w / 2 for w in chip.forward),
        feedback=tuple(None if v is None else v / 2 for v in chip.feedback),
    )
    found = [asim.gradient(c, asim.settle(c, x, y, wiring=rule, beta=0.5, tol=1e-10)) for c in (chip, half)]
    for (w, b), (w2, b2) in zip(*found, strict=True):
        np.testing.assert_allclose(w2, 2 * w, atol=1e-8)
        np.testing.assert_allclose(b2, b, atol=1e-8)


@pytest.mark.parametrize("way", ["held", "pairs"])
@pytest.mark.parametrize("correlation", ["common", "differential"])
def test_noise_of_the_read_out_has_its_variance_and_is_shared_as_the_read_is(correlation, way):
    chip, _, _ = lab()
    rule, n = asim.Wiring.dual_propagation(0.7), 4000
    floors = {
        "forward_floor": tuple(0.1 * (j + 1) * np.ones(w.shape[0]) for j, w in enumerate(chip.forward)),
        "feedback_floor": (None, *(0.05 * np.ones(v.shape[0]) for v in chip.feedback[1:])),
    }
    chip = chip.replace(**floors, read_correlation=correlation)
    assert chip.has_noise
    x, rng = np.zeros((n, chip.sizes[0])), np.random.default_rng(0)
    if way == "held":
        batch = prepare(chip, x, None, rule, 0.0)
        quiet, drive = batch.packed.drive, ReadNoise(batch, rng).drive(np.zeros(batch.size))
    else:
        settler = Settler(rule)
        batch = settler.batch(chip, x, None, 0.0)
        assert settler.pairwise
        quiet = batch.packed.drive.copy()
        settler.add_noise(batch, new_flow(np.zeros(batch.size), batch.packed), rng)
        drive = batch.packed.drive
    share = factorise(rule.feedback, np.zeros((2, 1)), np.ones((2, 1)))[1][:, 0, 0]
    common = correlation == "common"
    for j, layer in enumerate(batch.split(drive - quiet)):
        gain, back = chip.gain[j], chip.gain[j] * (1 + chip.mirror[j])
        last = j == chip.layers - 1
        scale = share[:, None] if common else np.ones((2, 1))
        variance = (gain * 0.1 * (j + 1)) ** 2 + (0 if last else (back * scale * 0.05) ** 2)
        # The mean of n squares of a normal number has a relative standard deviation of √(2/n).
        np.testing.assert_allclose(layer.var(axis=1), variance, rtol=5 * (2 / n) ** 0.5)
        covariance = (layer[0] * layer[1]).mean(axis=0)
        expected = gain[0] * gain[1] * (0.1 * (j + 1)) ** 2
        expected = expected + (0 if last else share.prod() * back[0] * back[1] * 0.05**2)
        np.testing.assert_allclose(covariance, expected if common else 0, atol=5 * variance.max() / n**0.5)


def test_curves_survive_a_file_and_bad_ones_are_told(tmp_path):
    chip, _, _ = bent()
    chip = chip.replace(forward_floor=tuple(np.full(w.shape[0], 0.1) for w in chip.forward))
    chip.save(tmp_path / "chip.npz")
    loaded = asim.load_chip(tmp_path / "chip.npz")
    np.testing.assert_array_equal(loaded.driver, chip.driver)
    np.testing.assert_array_equal(loaded.rails, chip.rails)
    np.testing.assert_array_equal(loaded.forward_floor[1], chip.forward_floor[1])
    assert loaded.feedback_floor == (None,) * 3
    with pytest.raises(asim.InputError, match=r"Chip\.rails"):
        chip.replace(rails=np.array([0.1, 0.2]))
    with pytest.raises(asim.InputError, match=r"Chip\.driver"):
        chip.replace(driver=np.ones((2, 1, 5)))
