"""Measures and metrics of a user's own: shown wherever the built-in ones are, and changing none of their numbers."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import analogsim as asim
from analogsim.errors import InputError
from analogsim.experiments import results, run, summary
from analogsim.experiments.notebook import Notebook
from analogsim.experiments.setup import prepare
from analogsim.experiments.sweeps import metrics
from analogsim.learning.on_chip import OnChip
from analogsim.measure import Row, measured, moment, probe
from analogsim.measure.declaration import declared
from analogsim.registry import register
from analogsim.settings import Settings
from tests.thirdparty import analogsim, package

TINY = {"epochs": 1, "hidden": (4,), "batch_size": 1000}
OWN = """
import numpy as np
from analogsim.experiments.sweeps import metric
from analogsim.measure import Row, measured

@measured("rms of the weights", "S", dims=("layer",), row=Row("rms of W", "{:.4f}", over="each"))
def weight_rms(moment):
    return [np.sqrt(np.mean(w**2)) for w in moment.chip.forward]

@measured("largest |V|", row=Row("largest |V|"))
def largest_v(moment):
    return max(abs(v).max() for v in moment.chip.feedback if v is not None)

@measured("samples at rest early", "%", dims=("sample",), needs="trace", row=Row("at rest at 20 τ"))
def early(probe):
    return np.where(probe.nudged["residual"].values[:, 200] < 1e-2, 100.0, 0.0)

def cells(setup):
    return sum(w.size for w in setup.network.weights)

@metric("largest |W| as programmed", "S", of="chip")
def largest_w(moment):
    return max(abs(w).max() for w in moment.chip.forward)
"""


@pytest.fixture(autouse=True)
def _afterwards(monkeypatch):
    """What a test registers is gone after it."""
    for kind in (register.measure, register.metric):
        monkeypatch.setattr(kind, "_known", dict(kind._known))


@pytest.fixture
def theirs(tmp_path):
    """Calls the command line where the package is installed."""
    measures = {name: name for name in ("weight_rms", "largest_v", "early")}
    package(tmp_path, "their_measures", OWN, {"measures": measures, "metrics": {"cells": "cells", "top": "largest_w"}})

    def call(*args):
        return analogsim(*args, path=tmp_path, cwd=tmp_path)

    return call


@pytest.mark.slow
@pytest.mark.processes
def test_those_of_an_installed_package_are_used_from_the_command_line(theirs, tmp_path):
    own = ["--hidden", "4", "--seed", "3"]
    said = theirs("run", "ideal", "--epochs", "1", *own, "--output", "r.nc")
    found = results.load(tmp_path / "r.nc")
    assert (found["weight_rms"].dims, found["weight_rms"].attrs) == (
        ("epoch", "layer"), {"long_name": "rms of the weights", "units": "S"},
    )  # fmt: skip
    net = prepare(Settings(circuit="ideal", hidden=(4,), seed=3)).network
    wanted = [np.sqrt(np.mean(w**2)) for w in net.weights]
    np.testing.assert_allclose(found["weight_rms"][0], wanted, rtol=1e-12)
    assert found["largest_v"].isel(epoch=0) == pytest.approx(abs(net.weights[1]).max())
    assert found["early"].dims == ("snapshot", "sample")
    for line in (f"rms of W 1 {wanted[0]:.4f} →", f"rms of W 2 {wanted[1]:.4f} →", "largest |V|", "at rest at 20 τ"):
        assert line in " ".join(said.split())
    assert json.loads(theirs("show", "r.nc", "--json"))["weight_rms"][0] == pytest.approx(wanted)

    listed = theirs("sweep", "ideal", "--metrics", "help")
    for words in ("largest |V|", "samples at rest early (%)", "largest |W| as programmed (S)", "cells"):
        assert words in listed
    asked = ["--metrics", "cells,top,largest_v,early", "--epochs", "1", *own, "--output", "s.nc"]
    theirs("sweep", "ideal", "--over", "alpha=0,1", "--workers", "2", *asked)
    swept = results.load(tmp_path / "s.nc")
    assert swept["status"].values.tolist() == ["done", "done"]
    assert swept["cells"].values.tolist() == [64 * 4 + 4 * 10] * 2
    assert swept["top"].attrs == {"long_name": "largest |W| as programmed", "units": "S"}
    assert (swept["largest_v"] > 0).all()
    assert (swept["early"] <= 100).all()


@pytest.mark.slow
def test_points_are_kept_by_what_a_measure_of_a_script_is_made_of(tmp_path):
    script = """
import sys
import analogsim as asim
from analogsim.measure import measured
from analogsim.registry import register

@register.measure("mine")
@measured("mine")
def mine(moment):
    return {value} + moment.epoch

found = asim.sweep("ideal", {{"alpha": [0.0, 1.0]}}, metrics=["mine", "lipschitz"], hidden=(4,), epochs=1,
                   batch_size=1000, workers=2, output="s.nc")
print(found["mine"].values.tolist(), found["status"].values.tolist())
"""

    def call(value):
        return subprocess.run(
            [sys.executable, "-c", script.format(value=value)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )

    done = call(1)
    assert "[2.0, 2.0] ['done', 'done']" in done.stdout, done.stderr
    assert "[2.0, 2.0]" in call(1).stdout
    assert "metrics was" in call(2).stderr


@pytest.mark.slow
def test_a_measure_that_draws_noise_changes_no_other_number():
    options = {"circuit": "crossbar", "noise": ("0.05",), "epochs": 2, "hidden": (4,), "batch_size": 500}
    without = run(**options)

    @register.measure("noisy")
    @measured("a read of some samples")
    def noisy(moment):
        return moment.learner.output(moment.samples[0])[0, 0]

    found = run(**options)
    assert np.ptp(found["noisy"].values) > 0
    for name in without.variables:
        np.testing.assert_array_equal(found[name].values, without[name].values, err_msg=name)
    assert summary.figures(found)["noisy"] == found["noisy"].values[[0, -1]].tolist()


def test_a_plain_function_is_one_number_without_a_row():
    register.measure("epochs_done")(lambda moment: moment.epoch)
    found = run(circuit="ideal", **TINY)
    assert found["epochs_done"].values.tolist() == [0, 1]
    assert found["epochs_done"].attrs == {"long_name": "epochs_done", "units": "1"}
    assert "epochs_done" not in summary.table(found)


def test_a_table_leaves_out_what_a_file_of_before_does_not_hold():
    found = run(circuit="ideal", **TINY).drop_vars("saturation")
    register.measure("later")(measured("later", row=Row("later"))(lambda moment: 1.0))
    assert "later" not in summary.table(found)
    assert "saturation" not in summary.figures(found)


@pytest.mark.parametrize(
    ("read", "options", "message"),
    [
        (lambda moment: 1 / 0, {}, "the measure 'bad' failed: ZeroDivisionError: division by zero"),
        (lambda moment: [1.0, 2.0, 3.0], {}, r"'bad' has shape \(3,\); its dims say \(\)"),
        (lambda moment: [1.0, 2.0, 3.0], {"dims": ("layer",)}, r"shape \(3,\); its dims say \(layer: 2\)"),
        (lambda moment: 1j, {}, "'bad' returned an array of complex128; expected numbers"),
        (lambda moment: np.zeros(1 + moment.epoch), {"dims": ("mine",)}, r"shape \(2,\); its dims say \(mine: 1\)"),
    ],
)
def test_a_measure_that_fails_is_one_line(read, options, message):
    register.measure("bad")(measured("bad", **options)(read))
    with pytest.raises(InputError, match=message):
        run(circuit="ideal", **TINY)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: measured("x", needs="traces"), "did you mean 'trace'"),
        (lambda: measured("x", health="ful"), "did you mean 'full'"),
        (lambda: measured("x", task="regresion"), "did you mean 'regression'"),
        (lambda: measured("x", dims=("layer", "layer")), "each once"),
        (lambda: measured("x", dims=("epoch",)), "without epoch and snapshot"),
        (lambda: measured("x", dims="layer"), "names of dimensions"),
    ],
)
def test_a_declaration_that_is_wrong_is_one_line(declare, message):
    with pytest.raises(InputError, match=message):
        declare()(lambda moment: 1.0)


def test_names_that_stand_for_something_else_are_refused():
    with pytest.raises(InputError, match="'lipschitz' is registered already"):
        register.measure("lipschitz")(measured("mine")(lambda moment: 1.0))
    with pytest.raises(InputError, match="stands above a function; got float"):
        measured("mine")(1.0)
    register.measure("layer")(lambda moment: 1.0)
    with pytest.raises(InputError, match="cannot be called 'layer'"):
        run(circuit="ideal", **TINY)
    register.metric("settled")(lambda setup: 1.0)
    with pytest.raises(InputError, match="two metrics are called 'settled'"):
        asim.sweep("ideal", {"alpha": [0.5]}, metrics=["settled"], workers=1)


def test_sweeps_record_one_number_of_each_measure_and_what_is_unusual_only_if_asked():
    dims = {"one": (), "each": ("trainer",), "sampled": ("sample",), "layered": ("layer",)}
    for name, own in dims.items():
        needs = "trace" if own == ("sample",) else "chip"
        register.measure(name)(measured(name, dims=own, needs=needs)(lambda source: 0.0))
    known, usual = metrics.known(), metrics.choose(None, ["classification"])
    result = xr.Dataset(
        {
            "one": ("epoch", [1.0, 2.0]),
            "each": (("epoch", "trainer"), [[1.0, 5.0], [3.0, 6.0]]),
            "sampled": (("snapshot", "sample"), [[0.0, 0.0, 0.0], [7.0, np.nan, 4.0]]),
            "saturation": (("epoch", "hidden"), [[0.0, 0.0], [10.0, 30.0]]),
        },
        {"trainer": ["chip", "back-propagation"]},
    )
    assert [known[name].read(result) for name in ("one", "each", "sampled", "saturation")] == [2.0, 3.0, 7.0, 20.0]
    assert "layered" not in known
    assert {"one", "each", "sampled"} <= {*usual}
    assert {"saturation", "test_mse", "initial_settled"}.isdisjoint(usual)
    assert {"test_mse", "test_r2_backprop"} <= {*metrics.choose(None, ["regression"])}


def test_the_exact_gradient_is_computed_once_an_epoch(monkeypatch):
    exact, asked = moment.implicit, []
    monkeypatch.setattr(moment, "implicit", lambda *args: asked.append(1) or exact(*args))
    run(circuit="combined", alpha=0.3, health="light", **{**TINY, "epochs": 2})
    assert len(asked) == 3


def test_what_no_measure_needs_is_not_computed(monkeypatch):
    setup = prepare(Settings(circuit="ideal", **TINY))
    chip = OnChip(setup.circuit, setup.chip, setup.wiring, setup.settings, np.random.default_rng(0))
    known = dict(declared())
    notebook = Notebook(setup, chip, {}, {name: known[name] for name in ("lipschitz", "symmetry_defect")})
    for owner, name in ((probe, "relax"), (moment, "implicit"), (OnChip, "gradient"), (OnChip, "output")):
        monkeypatch.setattr(owner, name, lambda *args, **options: pytest.fail("not asked for"))
    notebook.note()
    notebook.probe()
    found = notebook.dataset(interrupted=False)
    assert found["lipschitz"].values.item() == pytest.approx(asim.measure.lipschitz(setup.network))
    assert {"gradient_cosine", "residual"}.isdisjoint(found)


def test_measures_are_read_in_the_order_of_their_declarations():
    """Noise is drawn in this order; another would change the numbers of every run."""
    names = [name for name, _ in declared()]
    order = ("test_accuracy", "gradient_cosine_whole", "gradient_bias", "lipschitz_hidden", "residual")
    assert sorted(order, key=names.index) == list(order)
