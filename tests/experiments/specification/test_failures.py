"""Trials that fail are NaN, named, and an error at the end; every kind of noise is a nonideality like any other."""

import numpy as np
import pytest
from click.testing import CliRunner

from analogsim.cli import main
from analogsim.errors import InputError
from analogsim.experiments.setup import overrides
from analogsim.experiments.specification import trial
from analogsim.experiments.specification.budgets import budget
from analogsim.experiments.specification.catalogue import with_values
from analogsim.experiments.specification.tolerances import tolerance
from analogsim.experiments.sweeps.axes import axis
from analogsim.settings.keyed import put
from analogsim.settings.noises import NOISES
from analogsim.settings.record import Settings

KEYS = {kind: f"circuit.{key}" for kind, key in NOISES.items()}


@pytest.fixture
def data(tmp_path):
    """A task of three classes that trains in milliseconds."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = np.eye(3)[y] + 0.1 * rng.standard_normal((60, 3))
    path = tmp_path / "d.npz"
    np.savez(path, x=x, y=y)
    return str(path)


@pytest.mark.parametrize(("kind", "key"), KEYS.items())
def test_a_value_takes_the_place_of_the_option_that_sets_the_same(kind, key):
    others = {other: 0.03 for name, other in KEYS.items() if name != kind}
    settings = Settings(noise=tuple(f"{name}:0.03" for name in KEYS))
    assert overrides(with_values(settings, {key: 0.0})) == {**others, key: 0.0}
    assert overrides(Settings(**put(vars(settings), key, 0.01))) == {**others, key: 0.01}
    assert axis(key, "0,0.1", settings).values == (0.0, 0.1)
    by_hand = Settings(overrides={key.removeprefix("circuit."): 0.03})
    assert overrides(with_values(by_hand, {key: 0.0})) == {key: 0.0}


@pytest.mark.parametrize("kind", KEYS)
def test_a_circuit_without_a_kind_of_noise_says_which_have_it(kind):
    for ask in (overrides, budget, tolerance):
        with pytest.raises(InputError, match=r"'ideal' has no .*noise; circuits that have it: .*crossbar"):
            ask(Settings(circuit="ideal", noise=(f"{kind}:0.05",)))
    if kind == "read":
        with pytest.raises(InputError, match="'ideal' has no read noise; circuits that have it"):
            axis("noise", "0,0.02", Settings(circuit="ideal"))
    else:
        with pytest.raises(InputError, match=f"the read noise; sweep {NOISES[kind]}="):
            axis("noise", f"{kind}:0.1,{kind}:0.2", Settings())


def test_all_five_kinds_of_noise_are_charged_in_a_budget(data):
    settings = Settings(
        device="ideal", data=data, hidden=(4,), epochs=1, noise=tuple(f"{kind}:0.05" for kind in KEYS)
    )  # fmt: skip
    found = budget(settings, names=KEYS.values(), seeds=2, workers=1)
    assert {*found["message"].values.ravel()} == {""}
    assert np.isfinite(found["loss"]).all()
    quiet = found["noise"].sel(case="none").mean()
    for key in KEYS.values():
        assert (found["noise"].sel(case=f"only {key}") > quiet + 0.01).all(), key


def broken(setup, learner="chip"):
    """A training whose accuracy is 90 %, and which fails where the gain is badly matched."""
    bad = learner == "chip" and setup.settings.overrides.get("circuit.gain_mismatch", 0) >= 0.1
    if bad and setup.settings.seed % 2:
        raise FloatingPointError("no luck")
    return [90.0, 0.0, 0.0]


def test_a_failed_trial_has_no_loss_and_ends_with_exit_code_1(data, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "trained", broken)
    options = ["--data", data, "--hidden", "4", "--seeds", "2", "--workers", "1", "--device", "ideal"]
    options += ["--set", "circuit.gain_mismatch=0.1", "--for", "gain_mismatch", "--output", str(tmp_path / "b.nc")]
    done = CliRunner().invoke(main, ["budget", "crossbar", *options])
    assert done.exit_code == 1
    assert "| circuit.gain_mismatch | 0.1   | failed     " in done.stdout
    assert "Failed: all, seed 1: FloatingPointError: no luck" in done.stdout
    assert done.stderr.count("\n") == 1
    # A failure is tried again, and what did not fail is not.
    seen = []

    def mended(setup, learner="chip"):
        seen.append((learner, setup.settings.seed))
        return [89.0, 0.0, 0.0]

    monkeypatch.setattr(trial, "trained", mended)
    assert CliRunner().invoke(main, ["budget", "crossbar", *options]).exit_code == 0
    assert seen == [("chip", 1)]


def test_a_search_with_a_failed_trial_has_no_tolerance(data, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "trained", broken)
    settings = Settings(device="ideal", data=data, hidden=(4,))
    found = tolerance(settings, names=["gain_mismatch", "offset_spread"], seeds=2, workers=1)
    assert found["outcome"].values.tolist() == ["failed", "not binding"]
    assert np.isnan(found["tolerance"][0])
    assert "seed 1: FloatingPointError: no luck" in str(found["message"][0].values)
    options = ["--data", data, "--hidden", "4", "--seeds", "2", "--workers", "1", "--device", "ideal"]
    options += ["--for", "gain_mismatch", "--output", str(tmp_path / "t.nc")]
    done = CliRunner().invoke(main, ["tolerance", "crossbar", *options])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    done = CliRunner().invoke(main, ["tolerance", "crossbar", *options, "--set", "circuit.gain_mismatch=0.2"])
    assert done.exit_code == 1
    assert "the circuit as it is cannot be judged" in done.stderr


def test_training_that_diverges_is_a_result(data):
    settings = Settings(device="ideal", data=data, hidden=(4,), epochs=2, learning_rate=1e3, optimiser="sgd")
    found = budget(Settings(**{**vars(settings), "overrides": {"circuit.gain_mismatch": 0.1}}),
                   names=["gain_mismatch"], seeds=2, workers=1)  # fmt: skip
    assert {*found["message"].values.ravel()} == {""}
    assert np.isfinite(found["accuracy"]).all()
