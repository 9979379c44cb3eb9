"""Runs: the chip against its digital references, the same seed the same bits, and nonidealities that must show."""

import numpy as np
import pytest
import xarray as xr

import analogsim as asim
from analogsim.experiments import run, summary
from analogsim.experiments.data import load_data
from analogsim.settings import Settings
from analogsim.settings.noises import NOISES

QUICK = {"epochs": 1, "hidden": (16,), "batch_size": 100}


def accuracy(dataset):
    return {str(t): float(dataset["test_accuracy"].sel(trainer=t)[-1]) for t in dataset["trainer"].values}


@pytest.mark.slow
def test_the_ideal_chip_learns_like_its_digital_references():
    found = [accuracy(run(circuit="ideal", seed=seed)) for seed in range(3)]
    chip, dpt, bp = (np.mean([f[t] for f in found]) for t in ("chip", "digital DP⊤", "back-propagation"))
    assert chip > 97
    assert abs(chip - dpt) <= 0.5
    assert abs(chip - bp) <= 0.5


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    options = {"circuit": "crossbar", "noise": ("0.05", "node:0.01"), "alpha": 0.3, **QUICK}
    first, second, other = (run(**options, seed=seed) for seed in (3, 3, 4))
    xr.testing.assert_identical(first.drop_attrs(), second.drop_attrs())
    assert (first["test_loss"] != other["test_loss"]).any()


def test_a_gain_mismatch_runs_away_in_training_unless_the_nudge_is_chopped_or_zeroed():
    spoilt = {"circuit": "crossbar", "device": "ideal", "overrides": {"circuit.gain_mismatch": 0.03}, "epochs": 8}
    plain, chopped, zeroed = (run(**spoilt, nudge=nudge) for nudge in ("plain", "chop", "auto-zero"))
    assert float(plain["gradient_cosine"][0].min()) > 0.95  # at first nothing can be seen
    assert float(plain["gradient_cosine"].sel(layer=1)[-1]) < 0.5
    for cured in (chopped, zeroed):
        assert accuracy(cured)["chip"] > 93
        assert float(cured["gradient_cosine"].sel(layer=1)[-1]) > 0.9
        assert float(plain["activation_max"][-1]) > 5 * float(cured["activation_max"][-1])


def test_the_feedback_error_asked_for_is_the_one_measured():
    found = run(circuit="crossbar", device="ideal", asymmetry=0.2, **QUICK)
    assert float(found["symmetry_defect"].isel(epoch=-1, hidden=0)) == pytest.approx(0.2, rel=0.2)
    assert float(found["gradient_cosine"].isel(epoch=0, layer=0)) < 0.999
    exact = run(circuit="crossbar", device="ideal", **QUICK)
    assert float(exact["symmetry_defect"].isel(epoch=-1, hidden=0)) == 0


def test_measures_of_a_run_are_labelled_and_settling_is_timed_in_tau():
    found = run(circuit="ideal", **QUICK)
    for name in (*found.data_vars, *found.coords):
        assert found[name].attrs["long_name"], name
    for name in found.data_vars:
        assert "units" in found[name].attrs, name
    assert (found["status"] == "converged").all()
    # Two layers of unit time constants: (1 + t) e^−t is the slowest course without feedback.
    assert 5 < float(found["settling_time"].median()) < 15
    assert found["snapshot"].values.tolist() == [0, 1]


def test_a_chip_that_diverges_is_a_result():
    # The − compartment of DP(0) is nudged away from the target: above β = 1 nothing holds it.
    with pytest.warns(UserWarning, match="positive feedback"):
        found = run(circuit="ideal", rule="dp", alpha=0.0, beta=1.5, **QUICK)
    assert (found["status"] == "diverged").all()
    assert summary.figures(found)["settled"] == [0.0, 0.0]
    assert "—" in summary.table(found)


def test_every_rule_runs_and_follows_its_exact_gradient_at_first():
    for rule in ("dp", "ep", "sshm", "dyadic"):
        found = run(circuit="ideal", rule=rule, beta=0.1, epochs=1, hidden=(12,), batch_size=200)
        cosine = float(found["gradient_cosine_whole"][-1])
        assert cosine > 0.98, rule


def test_settings_refuse_what_makes_no_sense():
    for bad in ({"rule": "nope"}, {"rule": "sshm", "lam": 0.5}, {"noise": ("0.1", "0.2")}, {"learning_rate": 0.0}):
        with pytest.raises(asim.InputError):
            Settings(**bad)
    assert set(Settings(noise=("0.1", "node:0.2")).noise_levels()) <= set(NOISES)


def test_own_data_decide_the_size_of_the_network(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=rng.random((40, 5)), y=np.arange(40) % 3)
    found = run(circuit="ideal", data=str(tmp_path / "d.npz"), epochs=1, hidden=(7, 6), batch_size=16)
    assert found.sizes["layer"] == 3
    assert found.sizes["class"] == load_data(tmp_path / "d.npz").classes == 3
