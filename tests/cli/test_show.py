"""``show``: every part by its name, the checks of a card, and everything that can be set."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analogsim.circuits import circuit
from analogsim.cli import main
from analogsim.errors import InputError
from analogsim.experiments.data import load_data
from analogsim.experiments.settable import of_circuit
from analogsim.experiments.sweeps import metrics
from analogsim.registry import register
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


KINDS = ("rule", "update", "data", "solver", "measure", "metric", "experiment")
PARTS = [(kind, name) for kind in KINDS for name in register.kinds()[kind]]
PCM = (Path(__file__).parents[2] / "devices" / "pcm-ibm.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_every_part_is_shown_with_its_words(kind, name):
    assert register.kinds()[kind].words(name) in said(name)
    assert len(said(name).splitlines()) > 1


def test_metrics_of_runs_are_shown_with_the_measure_that_they_are_made_from():
    for name, one in metrics.known().items():
        if name not in register.measure and name not in register.metric:
            about = json.loads(said(name, "--json"))["metric"]
            assert (about["unit"], about["from the measure"]) == (one.units, one.measured[0])
    about = json.loads(said("tiki-taka", "--json"))["update"]
    assert "transfer: float = 0.01" in about["parameters"]
    assert "doi:10.3389/fnins.2020.00103" in about["description"]


def mine(tmp_path, old="", new=""):
    assert old in PCM
    path = tmp_path / "mine.toml"
    path.write_text(PCM.replace(old, new, 1), encoding="utf-8")
    return str(path)


def test_a_card_shows_what_its_checks_give(tmp_path):
    found = json.loads(said(mine(tmp_path), "--json"))["device"]["checks"]
    assert len(found) == PCM.count("[[check]]")
    for check in found:
        assert check["holds"]
        assert check["got"] == pytest.approx(check["expected"], rel=check["tolerance"])
        assert check["source"]
    assert said("pcm-ibm").count("  holds  ") == len(found)
    done = CliRunner().invoke(main, ["show", mine(tmp_path, "expected = 1.0554", "expected = 1.1")])
    assert done.exit_code == 1
    assert done.stdout.count("  FAILS  ") == 1
    assert "1 of 8 checks fail: programming_sigma(conductance = 2.5e-05) = 1.0554e-06, expected 1.1e-06" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('t0 = { value = 20, unit = "s"', 't0 = { value = 20, unit = "V"', "t0 has unit 'V'; expected 's'"),
        ('0.2, unit = "1"', '20, unit = "%"', "flicker_limit has unit '%': .* write 0.2 with the unit '1'"),
        ('value = 25, unit = "uS"', 'value = -25, unit = "uS"', "g_max = -2.5e-05 S is out of range"),
        ("t0 = {", "# {", "'t0' is missing"),
        ('model = "pcm"', 'model = "crosbar"', "unknown model 'crosbar'; did you mean 'crossbar'"),
        ('"drift_factor"', '"drift_fator"', "did you mean 'drift_factor'"),
        ("at = { conductance = 25e-6 }", "at = { conductence = 25e-6 }", "programming_sigma with at ="),
    ],
)
def test_the_first_fault_of_a_card_is_one_line(tmp_path, old, new, message):
    done = CliRunner().invoke(main, ["show", mine(tmp_path, old, new)])
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert re.search(message, done.stderr)
    assert "mine.toml" in done.stderr


@pytest.mark.parametrize("name", ["tiki-tako", "dp6", "lipshitz", "progamming_error", "closed-form"])
def test_a_part_that_is_misspelt_is_answered_with_the_nearest(name):
    done = CliRunner().invoke(main, ["show", name])
    assert done.exit_code == 2
    assert "did you mean" in done.stderr


@pytest.mark.parametrize(("text", "number"), [("5 %", "0.05"), ("12.5%", "0.125"), ("3 ppm", "3e-06"), ("1‰", "0.001")])
def test_a_share_in_per_cent_is_told_how_to_write_it(text, number):
    for make in (
        lambda: circuit("crossbar", **{"device.d2d": text}),
        lambda: Settings("crossbar", noise=(text,)),
        lambda: Settings("crossbar", alpha=text),
        lambda: circuit("crossbar", asymmetry=text),
    ):
        with pytest.raises(InputError, match=f"write {number}"):
            make()
    for option in ("--alpha", "--noise", "--epochs"):
        done = CliRunner().invoke(main, ["run", "crossbar", option, text])
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert f"rite {number}" in done.stderr
