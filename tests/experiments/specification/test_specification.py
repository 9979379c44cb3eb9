"""Budgets and tolerances: against a circuit whose losses are known, and on real trainings."""

import numpy as np
import pytest

from analogsim.errors import InputError
from analogsim.experiments import results
from analogsim.experiments.setup import overrides
from analogsim.experiments.specification import tables, tolerances
from analogsim.experiments.specification.budgets import budget
from analogsim.experiments.specification.tolerances import tolerance
from analogsim.experiments.specification.trials import Outcome, Trial, Trials
from analogsim.settings.record import Settings

LIMITS = {"circuit.gain_mismatch": 0.037, "circuit.tia_gain": 44.0, "circuit.r_word": 3.3}


class Known:
    """Trials whose mean loss is 1 point where a parameter reaches its limit, twice that at twice the limit."""

    progress = None

    def __init__(self, *_, **__):
        self.count = 0

    def __call__(self, trials):
        return [Outcome([100.0 - self.loss(t) if t.learner == "chip" else 100.0, 0, 0], "") for t in trials]

    def loss(self, trial):
        self.count += 1
        set_ = overrides(trial.settings)
        gain = set_.get("circuit.tia_gain", np.inf)
        parts = [set_.get(key, 0.0) / limit for key, limit in LIMITS.items() if "tia" not in key]
        return (
            sum(parts) + LIMITS["circuit.tia_gain"] / gain + np.random.default_rng(trial.settings.seed).normal(0, 0.02)
        )

    def close(self):
        pass


@pytest.mark.parametrize("start", [{}, {"circuit.gain_mismatch": 1e-4}])
def test_known_limits_are_found_to_one_step_of_the_grid(monkeypatch, start):
    monkeypatch.setattr(tolerances, "Trials", Known)
    found = tolerance(Settings(overrides=start), loss=1.0, names=[*LIMITS, "nudge_mismatch"])
    for key, limit in LIMITS.items():
        row = found.sel(parameter=key)
        inside, beyond = float(row["tolerance"]), float(row["beyond"])
        assert min(inside, beyond) * 0.97 <= limit <= max(inside, beyond) * 1.03
        assert max(inside, beyond) / min(inside, beyond) < 1.3
        assert row["outcome"] == "tolerance"
        assert float(row["trials"]) < 40
    assert found.sel(parameter="circuit.nudge_mismatch")["outcome"] == "not binding"
    assert found.attrs["together_loss"] == pytest.approx(3, abs=0.5)  # losses add up, and each may be one
    text = tables.tolerance(found)
    assert text.count("\n| circuit.") == 4


class Flattering(Known):
    """The same with losses that the seeds of the search see 30 % too small."""

    def loss(self, trial):
        return super().loss(trial) * (0.7 if trial.settings.seed < 5 else 1.0)


def test_what_other_seeds_refute_gives_way(monkeypatch):
    monkeypatch.setattr(tolerances, "Trials", Flattering)
    found = tolerance(Settings(), names=[*LIMITS])
    for key, limit in LIMITS.items():
        row = found.sel(parameter=key)
        inside, beyond = float(row["tolerance"]), float(row["beyond"])
        assert min(inside, beyond) * 0.97 <= limit <= max(inside, beyond) * 1.03
        assert float(row["probability"]) >= 0.5


def test_a_circuit_that_is_beyond_already_says_so(monkeypatch):
    monkeypatch.setattr(tolerances, "Trials", Known)
    settings = Settings(overrides={"circuit.r_word": 10.0})
    found = tolerance(settings, names=["gain_mismatch"])
    assert found["outcome"] == "not attainable"
    found = tolerance(settings, names=["gain_mismatch"], others="ideal")
    assert found["outcome"] == "tolerance"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"loss": 0.0}, "loss"), ({"seeds": 1}, "seeds"), ({"others": "best"}, "others"),
        ({"names": ["node"]}, "scale"),
        ({"confidence": 0.4}, "confidence"), ({"output": "x.csv"}, ".nc"),
    ],
)  # fmt: skip
def test_bad_questions_are_met_with_one_line(options, said):
    with pytest.raises(InputError, match=said):
        tolerance(Settings(), **options)


def test_a_budget_charges_what_is_guilty_and_goes_on_where_it_was(tmp_path):
    settings = Settings(
        circuit="crossbar", device="ideal", hidden=(16,), epochs=4,
        overrides={"circuit.gain_mismatch": 0.1, "circuit.node_noise": 0.02},
    )  # fmt: skip
    output, seen = tmp_path / "budget.nc", []
    found = budget(settings, seeds=2, output=output, workers=1, progress=lambda done, total: seen.append((done, total)))
    bias, noise = found["bias"].mean("seed"), found["noise"].mean("seed")
    assert float(bias.sel(case="only circuit.gain_mismatch")) > 1
    assert float(bias.sel(case="all but circuit.gain_mismatch")) < 0.3
    # White noise is drawn anew for each sample: it averages out; mismatch does not.
    assert float(noise.sel(case="only circuit.node_noise")) > 0.01
    assert float(noise.sel(case="only circuit.gain_mismatch")) == 0
    np.testing.assert_allclose(bias.sel(case=["none", "only circuit.node_noise"]), bias.sel(case="none"), rtol=0.1)
    assert seen[-1] == (len(seen), seen[-1][1])
    again, seen_again = (
        budget(settings, seeds=2, output=output, workers=1, progress=lambda *n: seen_again.append(n)),
        [],
    )
    np.testing.assert_array_equal(again["accuracy"], results.load(output)["accuracy"])
    assert "| circuit.gain_mismatch" in tables.budget(again)


@pytest.mark.processes
def test_trials_do_not_depend_on_the_number_of_workers(tmp_path):
    settings = Settings(circuit="crossbar", hidden=(8,), epochs=1)
    wanted = [Trial(Settings(circuit="crossbar", hidden=(8,), epochs=1, seed=k)) for k in range(3)]
    with_one, with_two = (Trials(settings, workers=n)(wanted) for n in (1, 2))
    # A network that died has no gradient to be wrong about: NaN.
    np.testing.assert_equal([one.figures for one in with_one], [one.figures for one in with_two])
