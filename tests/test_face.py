"""What `import analogsim` offers: the commands as functions with the same words and numbers, all of it documented."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import analogsim as asim
from analogsim.cli import main
from analogsim.experiments import results, summary
from analogsim.experiments.specification import tables

TINY = {"epochs": 1, "hidden": 4, "batch_size": 700, "health": "off"}
WORDS = ["--epochs", "1", "--hidden", "4", "--batch-size", "700", "--health", "off"]
ONE = {"workers": 1}


def command(*words):
    """What a command prints for machines."""
    done = CliRunner().invoke(main, [*map(str, words), "--json"], standalone_mode=False)
    assert done.exception is None, done.output
    return json.loads(done.stdout)


def plain(value):
    """As JSON would have it."""
    return json.loads(json.dumps(value))


def same_settings(report, dataset):
    return report["stamp"]["settings"] == plain(results.read_stamp(dataset)["settings"])


@pytest.mark.slow
def test_run_is_the_command_run(tmp_path):
    words = ["--alpha", "0.3", "--noise", "0.05", "--noise", "node:0.02", "--set", "device.read_noise=0.1"]
    told = command("run", "crossbar", *words, *WORDS, "--output", tmp_path / "told.nc")
    key = {"device.read_noise": 0.1}
    path = tmp_path / "found.nc"
    found = asim.run("crossbar", alpha=0.3, noise=(0.05, "node:0.02"), output=path, **TINY, **key)
    assert plain(summary.figures(found)).items() <= told.items()
    assert same_settings(told, found)
    xr.testing.assert_identical(results.load(path).drop_attrs(), results.load(tmp_path / "told.nc").drop_attrs())
    # As one record, as a path, and with the key in its mapping.
    settings = asim.Settings("crossbar", alpha=0.3, noise=("0.05", "node:0.02"), hidden=(4,), overrides=key)
    card = Path(__file__).parents[1] / "circuits" / "crossbar.toml"
    for again in (asim.run(settings, **{**TINY, "hidden": (4,)}), asim.run(
        card, alpha=0.3, noise=["0.05", "node:0.02"], overrides=key, **TINY
    )):  # fmt: skip
        np.testing.assert_array_equal(again["test_accuracy"], found["test_accuracy"])


def test_infer_is_the_command_infer(tmp_path):
    asim.Network.random((64, 12, 10), seed=1).save(tmp_path / "w.npz")
    told = command("infer", "crossbar", "--weights", tmp_path / "w.npz", "--draws", 2, "--samples", 20,
                   "--noise", "0.05", "--seed", "3")  # fmt: skip
    path = tmp_path / "found.nc"
    found = asim.infer("crossbar", weights=tmp_path / "w.npz", draws=2, samples=20, noise=0.05, seed=3, output=path)
    assert {name: found[name].values.tolist() for name in found.data_vars}.items() <= told.items()
    assert same_settings(told, found)
    xr.testing.assert_identical(results.load(path), found)


@pytest.mark.slow
def test_sweep_is_the_command_sweep(tmp_path):
    target = tmp_path / "told.nc"
    told = command("sweep", "crossbar", "--over", "alpha=0,1", "--seeds", 2, "--noise", "0.05", *WORDS,
                   "--metrics", "test_accuracy", "--workers", 1, "--output", target)  # fmt: skip
    found = asim.sweep("crossbar", {"alpha": [0, 1]}, seeds=2, noise=0.05, metrics=["test_accuracy"], **TINY, **ONE)
    kept = results.load(target)
    for name in ("test_accuracy", "status", "point_seed"):
        xr.testing.assert_identical(found[name], kept[name])
    assert told["dims"] == dict(found.sizes)
    assert same_settings(told, found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["budget", "tolerance"])
def test_budget_and_tolerance_are_their_commands(kind, tmp_path):
    words = {"budget": [], "tolerance": ["--loss", "30", "--network-loss", "mse"]}[kind]
    options = {"budget": {}, "tolerance": {"loss": 30, "network_loss": "mse"}}[kind]
    told = command(kind, "crossbar", "--for", "gain_mismatch", "--seeds", 2, "--alpha", "0.3", *words, *WORDS,
                   "--workers", 1, "--output", tmp_path / "told.nc")  # fmt: skip
    found = getattr(asim, kind)("crossbar", names=["gain_mismatch"], seeds=2, alpha=0.3, **options, **TINY, **ONE)
    assert plain(tables.figures(found)).items() <= told.items()
    assert same_settings(told, found)


@pytest.mark.slow
def test_reproduce_is_the_command_reproduce(tmp_path):
    shared = {"output": tmp_path / "points", "workers": 1}
    words = [word for key, value in shared.items() for word in (f"--{key}", value)]
    told = command("reproduce", "two-tales-table-1", "--quick", "--row", "BP", "--row", "DP, α = 1", *words)
    judged = asim.reproduce("two-tales-table-1", size="quick", rows=["BP", "DP, α = 1"], judge=True, **shared)
    assert [entry["row"] for entry in told["table"]] == list(judged["row"].values)
    for line, entry in enumerate(told["table"]):
        assert entry["at"]["data"] == judged["data"][line]
        for name, values in entry["values"].items():
            found = judged[name][line].sel(seed=entry["seeds"]).values
            np.testing.assert_allclose(found, [np.nan if v is None else v for v in values], rtol=1e-5)
    assert json.loads(judged.attrs["verdicts"]) == told["verdicts"]
    fresh = asim.reproduce("two-tales-table-1", size="quick", rows=["BP"], fresh=True, **shared)
    wanted = judged["test_accuracy"][list(judged["row"].values).index("BP")]
    np.testing.assert_array_equal(fresh["test_accuracy"][0], wanted)


def test_data_have_the_names_of_the_fields_literature_and_a_short_repr():
    data = asim.load_data("digits")
    assert data.x_train.shape == (1438, 64)
    assert data.y_test.shape == (359, 10)
    assert data.x_test is data.test_x
    assert data.y_train is data.train_y
    assert data.names == ()
    assert len(repr(data)) < 200
    assert "1438 samples for training" in repr(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alhpa": 0.3}, "unknown option 'alhpa'; did you mean 'alpha'"),
        ({"noise": -0.1}, "noise ≥ 0"),
        ({"noise": "nod:0.1"}, "did you mean 'node'"),
        ({"noise": {"node": 0.1}}, r'a list, as in \(0.05, "node:0.02"\)'),
        ({"hidden": 2.5}, "whole numbers"),
        ({"device.read_nois": 0.1}, "read_noise"),
        ({"device.read_noise": 0.1, "overrides": {"device.read_noise": 0.2}}, "given twice"),
        ({"output": "here.txt"}, r"end its name in \.nc"),
    ],
)
def test_a_wrong_word_is_one_line(options, message):
    with pytest.raises(asim.InputError, match=message) as caught:
        asim.run("crossbar", **options)
    assert "\n" not in str(caught.value)


def test_a_name_costs_nothing_before_it_is_used_and_hides_no_module():
    code = (
        "import sys, analogsim as asim\n"
        "assert not {'numpy', 'numba', 'xarray'} & set(sys.modules), 'import alone loads them'\n"
        "assert set(asim.__all__) <= set(dir(asim))\n"
        "run, reproduce = asim.run, asim.reproduce\n"
        "import analogsim.experiments.reproduce.study, analogsim.experiments.sweeps.sweeping\n"
        "assert asim.reproduce is reproduce and asim.run is run\n"
        "assert asim.experiments.run is run and callable(asim.experiments.sweep)\n"
        "assert asim.experiments.reproduce.study.carry_out\n"
        "import types\n"
        "assert isinstance(asim.experiments.reproduce, types.ModuleType)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
