"""A package of somebody else brings a circuit, a device, data, a solver, a kind of computation and cards."""

import json

import numpy as np
import pytest

from tests.thirdparty import analogsim, package

TEXT = '''
"""Cells and circuits of somebody else."""
from dataclasses import dataclass

import numpy as np

from analogsim.cards import quantity
from analogsim.chip import Chip
from analogsim.circuits import Circuit
from analogsim.devices import Device
from analogsim.engine.solvers import fixed_steps


@dataclass(frozen=True, kw_only=True)
class Leaky(Device):
    """A cell that loses a share of its conductance when it is written."""

    g_max: float = quantity("largest conductance", "S", above=0, default=1e-4)
    loss: float = quantity("share that is lost", low=0, high=1, default=0.1)

    def program(self, conductance, rng, cells=None):
        return (1 - self.loss) * self.target(conductance)


@dataclass(frozen=True, kw_only=True)
class Board(Circuit):
    """Resistors on a board, each off by a few per cent."""

    time_unit: float = quantity("time constant of a neuron", "s", above=0, default=1e-3)
    activity_unit: float = quantity("voltage of an activity of one", "V", above=0, default=1.0)
    spread: float = quantity("relative error of each resistor", low=0, default=0.02)
    device: Leaky = Leaky()

    def _program(self, network, seed):
        rng = np.random.default_rng(seed)
        share = 1 - self.device.loss
        weights = [share * w * (1 + self.spread * rng.standard_normal(w.shape)) for w in network.weights]
        units = {"time_unit": self.time_unit, "activity_unit": self.activity_unit}
        record = {"circuit": dict(self.record), "seed": seed}
        return Chip.ideal(network.replace(weights=weights), **units, record=record)

    def words(self):
        return [f"resistors within {self.spread:.1%}, cells that lose {self.device.loss:.0%}"]


def blobs():
    rng, y = np.random.default_rng(0), np.arange(60) % 3
    return {"x": np.clip(np.eye(3)[y] + 0.1 * rng.random((60, 3)), 0, 1), "y": y}


@fixed_steps
def midpoint(a, h, rate):
    return a + h * rate(a + h / 2 * rate(a))


def halves(settings, checkpoint, tell):
    from analogsim.experiments.reproduce.kinds import Found

    return Found({"half": settings["whole"] / 2})
'''
POINTS = {
    "circuits": {"board": "Board"},
    "devices": {"leaky": "Leaky"},
    "data": {"blobs": "blobs"},
    "solvers": {"midpoint": "midpoint"},
    "experiments": {"halves": "halves"},
    "cards": {"resistors": ""},
}
STUDY = """
title = "Halves"
question = "Is one half of two one?"
kind = "halves"
[settings]
whole = { value = 2.0, source = "our choice" }
[measures]
half = "one half"
[[row]]
name = "two"
[sizes.quick]
seeds = [0]
[[claim]]
text = "It is."
kind = "value"
of = "two"
measure = "half"
at_least = 1.0
at_most = 1.0
source = "arithmetic"
"""
CARD = """
model = "board"
title = "A better board"
valid = "on the bench"
spread = { value = 0.01, unit = "1", source = "nominal" }
"""
DEVICE = """
model = "leaky"
title = "A cell that loses little"
valid = "on the bench"
loss = { value = 1e-3, unit = "1", source = "nominal" }
"""
TINY = ("--data", "blobs", "--hidden", "4", "--epochs", "1", "--seed", "1", "--json")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    files = {"circuits/better.toml": CARD, "devices/tight.toml": DEVICE, "experiments/halving.toml": STUDY}
    return package(tmp_path_factory.mktemp("site"), "resistors", TEXT, POINTS, files)


def test_all_of_a_package_is_listed(path, tmp_path):
    found = json.loads(analogsim("list", "--json", path=path, cwd=tmp_path))
    assert found["circuits"]["board"] == "Resistors on a board, each off by a few per cent"
    assert found["circuits"]["better"] == "A better board"
    assert found["devices"]["leaky"].startswith("A cell that loses a share")
    assert found["devices"]["tight"] == "A cell that loses little"
    assert found["experiments"]["halving"] == "Halves"
    assert {"blobs", "digits"} <= set(found["data"])
    assert {"midpoint", "etd"} <= set(found["solvers"])
    assert {"halves", "digital"} <= set(found["computations"])
    assert "spread" in analogsim("show", "better", path=path, cwd=tmp_path)


@pytest.mark.slow
def test_a_circuit_of_a_package_is_run_with_its_data_and_device(path, tmp_path):
    said = json.loads(analogsim("run", "board", *TINY, "--set", "spread=0.5", path=path, cwd=tmp_path))
    card = said["stamp"]["cards"]["circuit"]
    assert (card["path"], card["title"]) == ("resistors:Board", "Resistors on a board, each off by a few per cent")
    assert card["values"]["spread"] == {"value": 0.5, "unit": "1", "source": "override"}
    assert any("blobs: 48 for training" in line for line in said["stamp"]["words"])
    assert (tmp_path / "analogsim-board.nc").is_file()
    wrong = analogsim("run", "board", *TINY, "--set", "spred=0.5", path=path, cwd=tmp_path, code=2)
    assert "did you mean 'circuit.spread'" in wrong
    said = json.loads(analogsim("run", "better", *TINY, path=path, cwd=tmp_path))
    assert said["stamp"]["cards"]["circuit"]["path"] == "resistors: circuits/better.toml"
    # Their cells on our arrays.
    said = json.loads(analogsim("run", "crossbar", "--device", "tight", *TINY, path=path, cwd=tmp_path))
    assert said["stamp"]["cards"]["device"]["values"]["loss"]["value"] == 1e-3


@pytest.mark.slow
def test_a_sweep_takes_them_to_its_workers_and_notices_their_code(path, tmp_path):
    over = ("--over", "spread=0.1,0.2", "--metrics", "programming_error", "--workers", "2", *TINY, "--output", "s.nc")
    found = json.loads(analogsim("sweep", "board", *over, path=path, cwd=tmp_path))
    assert found["statuses"] == {"done": 2}
    module = path / "resistors" / "__init__.py"
    module.write_text(TEXT.replace("share * w", "0.5 * share * w"), encoding="utf-8")
    try:
        assert "circuit model board was" in analogsim("sweep", "board", *over, path=path, cwd=tmp_path, code=2)
    finally:
        module.write_text(TEXT, encoding="utf-8")


@pytest.mark.slow
def test_a_solver_of_a_package_integrates(path, tmp_path):
    options = ("--data", "blobs", "--hidden", "4", "--over", "alpha=1", "--samples", "2", "--horizon", "20", "--json")
    verdicts = [
        json.loads(analogsim("stability", "ideal", *options, *solver, "--output", "m.nc", path=path, cwd=tmp_path))
        for solver in ((), ("--solver", "midpoint"))
    ]
    ours, theirs = (found["data_vars"]["verdict"]["data"] for found in verdicts)
    assert ours == theirs == ["converged"]
    wrong = analogsim("stability", "ideal", *options, "--solver", "midpiont", path=path, cwd=tmp_path, code=2)
    assert "did you mean 'midpoint'" in wrong


@pytest.mark.slow
def test_a_study_of_a_package_is_reproduced_with_its_own_kind(path, tmp_path):
    command = ("reproduce", "halving", "--quick", "--workers", "1", "--output", tmp_path / "points", "--json")
    found = json.loads(analogsim(*command, path=path, cwd=tmp_path))
    assert [row["values"]["half"] for row in found["table"]] == [[1.0]]
    assert [claim["verdict"] for claim in found["verdicts"]] == ["holds"]


@pytest.mark.slow
def test_what_cannot_be_loaded_stops_nothing_else(tmp_path):
    points = {group: {"mine": "Missing"} for group in ("circuits", "devices", "data", "solvers", "experiments")}
    site = package(tmp_path / "site", "broken", "raise SystemExit('no licence')", {**points, "cards": {"broken": ""}})
    found = json.loads(analogsim("list", "--json", path=site, cwd=tmp_path))
    for kind in ("circuits", "devices", "data", "solvers", "computations"):
        assert "cannot be loaded: SystemExit: no licence" in found[kind]["mine"]
    wrong = analogsim("run", "mine", path=site, cwd=tmp_path, code=2)
    assert "the circuit model 'mine' (broken:Missing) cannot be loaded: SystemExit: no licence." in wrong
    tiny = tmp_path / "tiny.npz"
    y = np.arange(30) % 3
    np.savez(tiny, x=np.eye(3)[y], y=y)
    analogsim("run", "ideal", "--data", tiny, "--hidden", "4", "--epochs", "1", "-q", path=site, cwd=tmp_path)
    assert "did you mean 'ideal'" in analogsim("run", "ideel", path=site, cwd=tmp_path, code=2)


BAD = """
from dataclasses import dataclass

from analogsim.cards import quantity
from analogsim.chip import Chip
from analogsim.circuits import Circuit
from analogsim.learning import Rule
from analogsim.wiring import Wiring


@dataclass(frozen=True, kw_only=True)
class Fast(Circuit):
    time_unit: float = quantity("time constant", "s", above=0, default=1.0)
    activity_unit: float = quantity("voltage of an activity of one", "V", above=0, default=1.0)


@dataclass(frozen=True, kw_only=True)
class Nothing(Fast):
    def _program(self, network, seed):
        return None


@dataclass(frozen=True, kw_only=True)
class Raises(Fast):
    def _program(self, network, seed):
        raise ZeroDivisionError("no board")


@dataclass(frozen=True, kw_only=True)
class Slow(Fast):
    time_unit: float = quantity("time constant", "s", above=0, default=1e-3)

    def _program(self, network, seed):
        return Chip.ideal(network)


PLAIN = Wiring.dyadic(0.2)
EMPTY = Rule(wiring=lambda: None)
NEEDS = Rule(wiring=lambda alpha: Wiring.dual_propagation(alpha))
GOOD = Rule(wiring=lambda: Wiring.dual_propagation(0.5))
"""


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["run", "nothing"], 2, "what the circuit 'nothing' makes of a network = None; expected a Chip."),
        (["run", "raises"], 1, "ZeroDivisionError: no board"),
        (["run", "slow"], 2, "its chip has time_unit = 1 and the circuit 0.001; pass time_unit=self.time_unit"),
        (["run", "ideal", "--rule", "plain"], 2, "is no Rule; see docs/extending.md, a rule."),
        (["run", "ideal", "--rule", "empty"], 2, "what the rule 'empty' makes = None; expected a Wiring."),
        (["run", "ideal", "--rule", "needs"], 2, "'alpha'; its `takes` is ()."),
        (["run", "ideal", "--rule", "goood"], 2, "did you mean 'good'?"),
        (["show", "good"], 0, "(rule good)"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
@pytest.mark.slow
def test_what_is_wrong_with_a_part_is_one_line(tmp_path, args, code, words):
    points = {
        "circuits": {"nothing": "Nothing", "raises": "Raises", "slow": "Slow"},
        "rules": {"plain": "PLAIN", "empty": "EMPTY", "needs": "NEEDS", "good": "GOOD"},
    }
    site = package(tmp_path / "site", "bad_parts", BAD, points)
    said = analogsim(*args, path=site, cwd=tmp_path, code=code)
    assert words in said
    if code:
        assert "Traceback" not in said
        assert len(said.strip().splitlines()) == 1
