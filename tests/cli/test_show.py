"""``show``: rules, data sets, and everything that can be set."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from analogsim.circuits import circuit
from analogsim.cli import main
from analogsim.experiments.data import load_data
from analogsim.experiments.settable import of_circuit
from analogsim.settings.record import Settings
from analogsim.settings.registered import RULES


def said(*args):
    done = CliRunner().invoke(main, ["show", *args])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("name", ["crossbar", "optoelectronic", "ideal"])
def test_all_has_every_key_of_a_circuit_and_its_parts(name):
    found = json.loads(said(name, "--all", "--json"))
    made = of_circuit(circuit(name))
    assert set(found) == {"settings", *made}
    for role, entries in made.items():
        assert [entry["key"] for entry in found[role]] == [entry.key for entry in entries]
        for entry in found[role]:
            assert entry["meaning"]
            assert entry["source"]
            assert entry["range"]
            assert entry["unit"]


def test_columns_are_aligned_and_values_are_the_cards():
    lines = said("crossbar", "--all").splitlines()
    rows = [line for line in lines if line.startswith("  circuit.")]
    where = {line.index(line.split()[1], 20) for line in rows}
    assert len(where) == 1
    (row,) = [line for line in rows if line.split()[0] == "circuit.time_unit"]
    assert "1e-07 s" in row
    assert "nominal" in row
    (row,) = [line for line in said("pcm-ibm", "--all").splitlines() if line.split()[:1] == ["device.g_max"]]
    assert "2.5e-05 S" in row
    assert "doi:10.1038" in row


@pytest.mark.parametrize("name", RULES)
def test_a_rule_shows_the_matrices_that_it_has(name):
    about = json.loads(said(name, "--json"))
    assert about["source"]
    free = {"α": 0.3, "λ": 0.3}
    key = "alpha" if name in ("dp", "dpt") else "lam" if name == "dyadic" else None
    wiring = Settings(rule=name, **({key: 0.3} if key else {})).wiring()
    names = {f"{sign}{letter}": (-1 if sign else 1) * value for letter, value in free.items() for sign in ("", "−")}
    names |= {f"1−{letter}": 1 - value for letter, value in free.items()}
    names |= {f"{letter}−1": value - 1 for letter, value in free.items()}
    for field in ("forward", "feedback", "nudge_at", "nudge_gain"):
        told = np.vectorize(lambda text: names.get(text) if text in names else float(text.replace("−", "-")))
        np.testing.assert_allclose(told(np.array(about[field], object)).astype(float), getattr(wiring, field))


def test_a_digital_rule_shows_its_equations():
    assert "Fenchel" in said("fenchel")


def test_data_are_as_they_are_said_to_be():
    about, data = json.loads(said("digits", "--json")), load_data("digits")
    assert (about["training"], about["testing"]) == (len(data.train_x), len(data.test_x))
    assert (about["features"], about["classes"]) == (data.features, data.classes)
    assert "doi:10.24432" in said("digits")
    assert "784 features" in said("mnist")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["dpt", "--all"], "--all is for circuits and devices"),
        (["two-tales-table-1", "--all"], "--all is for circuits and devices"),
        (["dpt", "-o", "x.png"], "dpt is no device"),
        (["dptt"], "did you mean 'dpt'"),
        (["digit"], "did you mean 'digits'"),
    ],
)
def test_what_cannot_be_shown_is_one_line(args, message):
    done = CliRunner().invoke(main, ["show", *args])
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


def test_quiet_shows_nothing():
    for name in ("dpt", "digits", "crossbar"):
        assert said(name, "-q") == ""
