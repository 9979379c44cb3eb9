"""What points are kept by: the code that computes them and no other, what a metric is made of, files of cards."""

import functools
import json
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest

import analogsim as asim
from analogsim import cards
from analogsim.errors import InputError
from analogsim.experiments.jobs import imports
from analogsim.experiments.sweeps.axes import axis
from analogsim.experiments.sweeps.identity import manifest
from analogsim.experiments.sweeps.ingredients import made_of
from analogsim.experiments.sweeps.plan import Plan

POINTS = "analogsim.experiments.sweeps.measuring"
TRIALS = "analogsim.experiments.specification.trial"
STUDIES = "analogsim.experiments.reproduce.one_point"
INSIDE = ("engine/kernel.py", "devices/pcm.py", "circuits/wires/ladder.py", "learning/on_chip.py", "wiring.py")
OUTSIDE = ("style_sheet.py", "netlists.py", "deck.py", "document.py", "plots/choice.py", "cli/sweep.py", "store.py")


def test_every_module_that_a_point_loads_is_in_its_digest():
    code = """
import json, sys
from analogsim.settings.record import Settings
from analogsim.experiments.jobs.points import Job, Task, work
from analogsim.experiments.sweeps import measuring, metrics
settings = Settings(circuit="crossbar", hidden=(4,), epochs=1, batch_size=1000)
before = [name for name, metric in metrics.known().items() if metric.of == "chip"]
assert "initial_settled" in before
names = tuple([*metrics.choose(None, ["classification"]), *before])
task = Task("analogsim.experiments.sweeps.measuring:measured", names, {"metrics": names})
(row,) = work([Job(1, measuring.Point(1, vars(settings)))], task)
assert row.status == "done", row
print(json.dumps([name for name in sys.modules if name.startswith("analogsim")]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    tables = {name for name in json.loads(done.stdout) if imports._table(imports._file(name))}
    missing = {*json.loads(done.stdout)} - {*imports.reached(POINTS)} - tables
    # Loaded for the figures of a result that a person holds, which a point is not.
    assert missing <= {"analogsim.experiments.results"}


def test_a_digest_changes_with_the_code_of_points_and_with_no_other(tmp_path, monkeypatch):
    shutil.copytree(imports.PACKAGE, tmp_path / "analogsim", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(imports, "PACKAGE", tmp_path / "analogsim")
    digest = imports.code.__wrapped__
    before = digest(POINTS)
    inside = {*imports.reached(POINTS).values()}
    names = {path.relative_to(imports.PACKAGE).as_posix() for path in inside}
    assert names >= {*INSIDE}
    assert not [name for name in names if name.endswith(OUTSIDE)]
    for path in imports.PACKAGE.rglob("*.py"):
        if path not in inside:
            path.write_text(f"{path.read_text()}\n# changed\n")
    assert digest(POINTS) == before
    for name in INSIDE:
        path = imports.PACKAGE / name
        path.write_text(f"{path.read_text()}\n# changed\n")
        assert digest(POINTS) != before
        before = digest(POINTS)


def test_what_is_found_by_name_is_followed(tmp_path, monkeypatch):
    (tmp_path / "analogsim").mkdir()
    monkeypatch.setattr(imports, "PACKAGE", tmp_path / "analogsim")
    texts = {
        "asks": "from analogsim.registry import register\ndef make(name):\n    return register.device[name]\n",
        "registers": "from analogsim.registry import register\n@register.device('mine')\nclass Mine: ...\n",
        "shows": "from analogsim.registry import register\ndef draw(name):\n    return register.view[name]\n",
    }
    for name, text in texts.items():
        (tmp_path / "analogsim" / f"{name}.py").write_text(text)
    found = {name: set(imports._imports(name, tmp_path / "analogsim" / f"{name}.py")) for name in texts}
    assert {"analogsim.devices.pcm", "analogsim.devices.mzi_mesh"} <= found["asks"]
    assert found["registers"] == found["shows"] == {"analogsim.registry"}


@pytest.mark.parametrize("root", [TRIALS, STUDIES])
def test_trials_and_studies_depend_on_no_figures_and_no_commands(root):
    found = imports.reached(root)
    assert {"analogsim.engine.kernel", "analogsim.learning.on_chip"} <= {*found}
    assert not [name for name in found if ".plots" in name or ".cli" in name or "netlist" in name or "report" in name]


LIMIT = 3.0


@dataclass
class Scaled:
    """A metric with a state."""

    scale: float

    def __call__(self, setup):
        return self.scale * setup.settings.alpha

    def shifted(self, setup):
        return self(setup) + helper()


def helper():
    return LIMIT


def scaled(setup, scale=1.0):
    return scale * helper()


def closed(value):
    return lambda setup: value


PAIRS = [
    (functools.partial(scaled, scale=1.0), functools.partial(scaled, scale=2.0)),
    (Scaled(1.0), Scaled(2.0)),
    (Scaled(1.0).shifted, Scaled(2.0).shifted),
    (closed(1), closed(2)),
    (closed(1), closed(1.0)),
    (closed(np.arange(3)), closed(np.arange(3) + 1)),
    (closed([1, {"a": {"x", "y"}}]), closed([1, {"a": {"x", "z"}}])),
    (closed(closed(1)), closed(closed(2))),
    (lambda setup: setup.settings.alpha, lambda setup: setup.settings.beta),
    (lambda setup, k=1: k, lambda setup, k=2: k),
    (lambda setup: asim.relax, lambda setup: asim.InputError),
    (np.mean, np.median),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_metrics_that_differ_inside_have_other_digests(pair):
    first, second = (made_of("m", metric) for metric in pair)
    assert first == made_of("m", pair[0]) != second


def test_a_digest_follows_the_globals_that_a_metric_names(monkeypatch):
    before = made_of("m", scaled), made_of("m", Scaled(1.0).shifted), made_of("m", closed(1))
    monkeypatch.setattr(sys.modules[__name__], "LIMIT", 4.0)
    after = made_of("m", scaled), made_of("m", Scaled(1.0).shifted), made_of("m", closed(1))
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, False, True]


@pytest.mark.parametrize("held", [threading.Lock(), (k for k in "ab"), sys.stderr])
def test_what_has_no_digest_is_refused_where_points_are_kept(held, tmp_path):
    with pytest.raises(InputError, match=r"metric 'm' holds something without a digest .*cannot pickle"):
        asim.sweep("ideal", {"alpha": [0.5]}, metrics={"m": closed(held)}, hidden=4, output=tmp_path / "s.nc")


def test_points_of_another_metric_or_another_table_do_not_mix(tmp_path):
    options = {"over": {"alpha": [0.5]}, "hidden": 4, "workers": 1, "output": tmp_path / "s.nc"}
    asim.sweep("ideal", metrics={"m": functools.partial(scaled, scale=1.0)}, **options).close()
    with pytest.raises(InputError, match=r"metrics was .*--fresh"):
        asim.sweep("ideal", metrics={"m": functools.partial(scaled, scale=2.0)}, **options)
    asim.sweep("ideal", metrics={"m": functools.partial(scaled, scale=1.0)}, **options).close()

    table, card = tmp_path / "cell.csv", tmp_path / "cell.toml"
    table.write_text("conductance [uS], programming [uS]\n0, 0.1\n25, 0.1\n")
    card.write_text(
        'model = "table"\ntitle = "mine"\nvalid = "everywhere"\n'
        'file = { value = "cell.csv", source = "nominal" }\n'
        'g_min = { value = 0.1, unit = "uS", source = "nominal" }\n'
        'g_max = { value = 25, unit = "uS", source = "nominal" }\n'
    )
    options |= {"output": tmp_path / "t.nc", "metrics": ["programming_error"], "device": str(card)}
    first = asim.sweep("crossbar", **options).load()
    first.close()
    table.write_text(table.read_text().replace("0.1\n25, 0.1", "2\n25, 2"))
    with pytest.raises(InputError, match=r"files: .*cell\.csv was .*--fresh"):
        asim.sweep("crossbar", **options)
    again = asim.sweep("crossbar", **options, fresh=True)
    assert float(again["programming_error"][0]) > 5 * float(first["programming_error"][0])


@pytest.mark.parametrize("key", ["device", "circuit"])
def test_a_card_that_an_axis_calls_by_a_word_of_its_own_counts_with_what_it_holds(key, tmp_path):
    """``{"quiet": "mine.toml"}``: another number in the file is another sweep, though word and path stay."""
    card = tmp_path / "mine.toml"
    name, number = ("pcm-ibm", "flicker") if key == "device" else ("crossbar", "gain_mismatch")
    text = (cards.folder(key) / f"{name}.toml").read_text()
    changed = re.sub(rf"(?m)^({number} = \{{ value = )[\d.e-]+", r"\g<1>0.0625", text)
    assert changed != text
    base = asim.Settings(circuit="crossbar")

    def digest() -> object:
        plan = Plan(base, (axis(key, {"quiet": str(card), "plain": name}, base),), None, "grid", None)
        return manifest(plan, {}, POINTS)["cards"]

    card.write_text(text)
    before = digest()
    assert digest() == before
    card.write_text(changed)
    assert digest() != before
