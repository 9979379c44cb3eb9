"""Rules and updates that are not of this package: one module each, used by name as the built-in ones are."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import analogsim as asim
from analogsim.learning import Rule
from analogsim.learning.updates import Update, make
from analogsim.registry import register
from analogsim.settings.record import Settings
from analogsim.settings.registered import RULES, SOURCES, TAKES, UPDATES, is_driven
from tests.thirdparty import analogsim, package

TEXT = '''
"""Nudges both compartments alike, and writes every other column."""

from dataclasses import dataclass

import numpy as np

import analogsim as asim
from analogsim.learning import Rule
from analogsim.learning.updates import Update
from analogsim.registry import register


def alike(alpha=0.5):
    dp = asim.Wiring.dual_propagation(alpha)
    return asim.Wiring(dp.forward, dp.feedback, dp.nudge_at, np.array([0.5, 0.5]), f"alike(α={alpha:g})")


ALIKE = register.rule("mine", "both compartments nudged alike")(
    Rule(wiring=alike, takes=("alpha",), source="Mine et al. 2026")
)


@register.update("mine", "every other column is written")
@dataclass(frozen=True)
class Columns(Update):
    def __call__(self, chip, deltas, rng):
        return super().__call__(chip, [(dw * (np.arange(dw.shape[1]) % 2 == 0), db) for dw, db in deltas], rng)
'''


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    points = {"rules": {"mine": "ALIKE", "broken": "GONE"}, "updates": {"mine": "Columns"}}
    package(folder, "mine_of_ours", TEXT, points)
    return partial(analogsim, path=folder, cwd=folder)


@pytest.mark.slow
def test_a_rule_and_an_update_of_another_package_train_a_chip(call):
    chosen = ("--rule", "mine", "--alpha", "0.3", "--update", "mine", "--hidden", "8")
    said = call("run", "ideal", *chosen, "--epochs", "1", "--batch-size", "500", "--output", "mine.nc")
    assert "alike(α=0.3), both compartments nudged alike" in said
    assert "update mine: every other column is written" in said
    assert "Mine et al. 2026" in call("cite", "mine.nc")


@pytest.mark.slow
def test_it_trains_a_digital_network_with_the_dyads_of_its_wiring(call):
    said = call("train", "mine", "--alpha", "0.3", "--sweeps", "2", "--hidden", "8", "--epochs", "1", "--json")
    (run,) = json.loads(said)["runs"]
    # Its wiring is that of DP(α) with another nudge, and α = 0.3 nudges apart: the gradient turns, but not away.
    assert run["traces"]["angle_1"][0] < 60


@pytest.mark.slow
def test_it_is_listed_and_one_that_does_not_load_stops_nothing(call):
    listed = call("list")
    assert "both compartments nudged alike" in listed
    assert "cannot be used" in listed
    refused = call("run", "ideal", "--rule", "broken", code=2)
    assert "broken" in refused
    assert len(refused.strip().splitlines()) == 1


def test_a_script_registers_a_rule_of_its_own():
    dp = asim.Wiring.dual_propagation(0.5)
    register.rule("of-a-script", "as DP(½)")(Rule(wiring=lambda: dp))
    assert RULES["of-a-script"] == "as DP(½)"
    assert Settings(rule="of-a-script").wiring() is dp
    net = asim.Network.random((5, 4, 3), seed=0)
    x, y = np.random.default_rng(0).random((6, 5)), np.eye(3)[[0, 1, 2, 0, 1, 2]]
    mine, dps = (asim.reference.rule(name, beta=0.1)(net, x, y) for name in ("of-a-script", "dp"))
    for (w, b), (w0, b0) in zip(mine, dps, strict=True):
        np.testing.assert_allclose(w, w0, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(b, b0, rtol=1e-12, atol=1e-15)
    with pytest.raises(asim.InputError, match="no meaning for rule 'of-a-script'"):
        Settings(rule="of-a-script", alpha=0.3)


def test_a_built_in_name_is_not_to_be_taken():
    for kind, name, thing in ((register.rule, "dpt", Rule()), (register.update, "nearest", Update)):
        with pytest.raises(asim.InputError, match="registered already"):
            kind(name)(thing)


@pytest.mark.parametrize("name", list(register.rule.built_in))
def test_what_the_text_of_a_registration_tells_is_what_the_record_holds(name):
    rule = register.rule[name]
    assert (name in RULES) == (rule.wiring is not None)
    assert (name in SOURCES) == bool(rule.source)
    if name in RULES:
        assert tuple(TAKES[name]) == rule.takes
        assert rule.wiring(**dict.fromkeys(rule.takes, 0.25)).name != "custom"
    else:
        assert rule.digital is not None


@pytest.mark.parametrize("name", list(register.update.built_in))
def test_updates_are_made_for_a_circuit_that_has_what_they_need(name):
    cells = asim.circuit("crossbar", device="idealized", mapping="reference", headroom=4.0)
    made = make(name, cells)
    assert made.circuit is cells
    assert made.driven == is_driven(name) == hasattr(made, "drive")
    assert UPDATES[name]


def test_settings_and_help_load_nothing_of_what_is_registered():
    code = (
        "import sys; import analogsim.settings.record as record, analogsim.cli.options, analogsim.cli.train\n"
        "record.Settings(alpha=0.3)\n"
        "assert not [name for name in sys.modules if name.startswith(('analogsim.learning', 'numpy', 'numba'))]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
