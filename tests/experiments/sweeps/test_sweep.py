"""Sweeps: the same bits however they are computed, nothing lost by a kill, and no mixing with other points."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

import analogsim as asim
from analogsim import cards
from analogsim.errors import InputError
from analogsim.experiments import results, run
from analogsim.experiments.jobs import store as stores

CHEAP = ("programming_error", "initial_symmetry_defect")
TINY = {"hidden": (6,), "metrics": CHEAP}
OVER = {"device.read_noise": [0.0, 0.1], "circuit.asymmetry": "0:0.5:0.1"}


def bits(dataset):
    return dataset.drop_vars("seconds").drop_attrs().load()


@pytest.fixture(scope="module")
def reference():
    return bits(asim.sweep("crossbar", OVER, seeds=2, workers=1, **TINY))


def test_dimensions_are_the_swept_keys_with_labels_and_units(reference):
    found = asim.sweep("crossbar", OVER, seeds=2, workers=1, **TINY)
    assert dict(found.sizes) == {"device.read_noise": 2, "circuit.asymmetry": 6, "seed": 2}
    assert found["circuit.asymmetry"].values.tolist() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    for name in (*found.data_vars, *found.coords):
        assert found[name].attrs["long_name"], name
        assert "units" in found[name].attrs, name
    assert (found["status"] == "done").all()
    # The defect that was asked for is the one measured, and so the axis is the key's.
    np.testing.assert_allclose(
        found["initial_symmetry_defect"].mean(["seed", "device.read_noise"]), found["circuit.asymmetry"], atol=0.05
    )
    assert "asymmetry" in results.read_stamp(found)["words"][2]


@pytest.mark.processes
@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_any_number_of_workers_gives_the_same_bits(reference, workers):
    xr.testing.assert_identical(bits(asim.sweep("crossbar", OVER, seeds=2, workers=workers, **TINY)), reference)


@pytest.mark.slow
@pytest.mark.processes
def test_a_dask_cluster_gives_the_same_bits(reference):
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        found = asim.sweep("crossbar", OVER, seeds=2, scheduler=cluster.scheduler_address, **TINY)
    xr.testing.assert_identical(bits(found), reference)


def test_a_point_is_the_run_that_its_seed_repeats():
    options = {"epochs": 1, "hidden": (8,), "batch_size": 200, "noise": ("0.05",)}
    found = asim.sweep("crossbar", {"alpha": [0.3]}, workers=1, **options).isel(alpha=0)
    again = run(circuit="crossbar", alpha=0.3, seed=int(found["point_seed"]), **options)
    assert float(found["test_accuracy"]) == float(again["test_accuracy"].sel(trainer="chip")[-1])
    assert float(found["gradient_cosine"]) == float(again["gradient_cosine_whole"][-1])
    assert float(found["settling_time"]) == float(again["settling_time"].isel(snapshot=-1).median())


def unlucky(setup):
    """A metric that fails, hangs or works, as the setting says."""
    if setup.settings.alpha == 0.5:
        raise ZeroDivisionError("no luck")
    while setup.settings.alpha == 1.0:
        time.sleep(0.01)
    return setup.settings.alpha


def test_points_that_fail_or_hang_are_rows(tmp_path):
    sweep = {"seeds": 1, "metrics": {"luck": unlucky}, "point_timeout": 1.5, "hidden": (4,), "workers": 1}
    found = asim.sweep("ideal", {"alpha": [0.0, 0.5, 1.0]}, **sweep).isel(seed=0)
    assert found["status"].values.tolist() == ["done", "failed", "timeout"]
    failed = "InputError: the metric 'luck' failed: ZeroDivisionError: no luck."
    assert found["message"].values.tolist() == ["", failed, "stopped after 1.5 s"]
    np.testing.assert_array_equal(found["luck"], [0.0, np.nan, np.nan])


def test_values_that_do_not_go_together_and_divergence_are_rows():
    found = asim.sweep("ideal", {"rule": "ep,dpt", "alpha": "0,1"}, workers=1, **TINY)
    assert (found["status"].sel(rule="ep") == "failed").all()
    assert "no meaning for rule 'ep'" in str(found["message"].sel(rule="ep")[0].item())
    # The − compartment of DP(0) is nudged away from the target: above β = 1 nothing holds it. DP(1) has no such nudge.
    options = {"rule": "dp", "beta": 1.5, "hidden": (6,), "metrics": ["initial_settled"]}
    found = asim.sweep("ideal", {"alpha": [1.0, 0.0]}, workers=1, **options)
    assert found["status"].values.tolist() == ["done", "diverged"]
    assert found["initial_settled"].values.tolist()[0] == 100
    assert float(found["initial_settled"][1]) < 10
    assert "of 200 samples diverge" in str(found["message"][1].item())


def counted(setup):
    """Leaves a mark for each time it is called."""
    with open(os.environ["ANALOGSIM_MARKS"], "a") as stream:
        stream.write(f"{setup.settings.alpha}\n")
    return setup.settings.alpha


def test_what_is_on_disk_is_not_computed_again(tmp_path, monkeypatch):
    marks = tmp_path / "marks"
    monkeypatch.setenv("ANALOGSIM_MARKS", str(marks))
    monkeypatch.setattr(stores, "SEAL", 3)
    options = {"metrics": {"counted": counted}, "hidden": (4,), "output": tmp_path / "s.nc", "workers": 1}

    def calls():
        return len(marks.read_text().splitlines())

    asim.sweep("ideal", {"alpha": "0:0.4:0.1"}, **options).close()
    assert calls() == 5
    again = asim.sweep("ideal", {"alpha": "0:1:0.1"}, **options)
    assert calls() == 11  # an axis may grow
    np.testing.assert_array_equal(again["counted"], again["alpha"])
    again.close()
    # The last line of a journal cut by a kill is computed again, and nothing else.
    store = tmp_path / "s.sweep"
    last = sorted(store.glob("shard-*.npz"))[-1]
    *_, rows = stores.Store(store, json.loads((store / "manifest.json").read_text())).read()
    last.unlink()
    lines = [
        stores._line(stores.Row(int(k), "done", "", 0.0, [float(v[0])]))
        for k, v in zip(rows.keys, rows.values, strict=True)
    ]
    (store / "journal").write_bytes(b"".join(lines)[:-5])
    asim.sweep("ideal", {"alpha": "0:1:0.1"}, **options).close()
    assert calls() == 12
    asim.sweep("ideal", {"alpha": "0:1:0.1"}, fresh=True, **options).close()
    assert calls() == 23


def test_points_of_other_cards_versions_or_metrics_do_not_mix(tmp_path):
    card = tmp_path / "mine.toml"
    text = (cards.folder("circuit") / "ideal.toml").read_text()
    card.write_text(text)
    options = {"over": {"alpha": [0.0, 1.0]}, "workers": 1, "output": tmp_path / "s.nc", "hidden": (4,)}
    asim.sweep(str(card), metrics=CHEAP[:1], **options).close()
    with pytest.raises(InputError, match=r"metrics was .*programming_error.* is .*initial_symmetry.*--fresh"):
        asim.sweep(str(card), metrics=CHEAP[1:], **options)
    card.write_text(text.replace("time_unit = { value = ", "time_unit = { value = 2"))
    with pytest.raises(InputError, match=r"cards: .*mine.toml: time_unit was .*, is .*--fresh"):
        asim.sweep(str(card), metrics=CHEAP[:1], **options)
    manifest = tmp_path / "s.sweep" / "manifest.json"
    card.write_text(text)
    manifest.write_text(manifest.read_text().replace('"version": "', '"version": "9'))
    with pytest.raises(InputError, match=r"version was \"9"):
        asim.sweep(str(card), metrics=CHEAP[:1], **options)
    asim.sweep(str(card), metrics=CHEAP[:1], fresh=True, **options).close()


def test_two_sweeps_do_not_write_to_one_folder(tmp_path):
    holder = stores.Store(tmp_path / "s.sweep", {"metrics": []})
    with pytest.raises(InputError, match="another process is writing"):
        asim.sweep("ideal", {"alpha": [0.0]}, output=tmp_path / "s.nc", **TINY)
    holder.close()


@pytest.mark.slow
def test_killed_at_random_moments_it_loses_nothing_and_ends_the_same(tmp_path):
    """Rounds of kill -9 at random moments; the full count is in benchmarks/sweep.py."""
    args = ["sweep", "crossbar", "--over", "circuit.asymmetry=0:0.19:0.01", "--over", "alpha=0,0.5,1", "--hidden", "6"]
    args += ["--beta", "0.1", "--metrics", "initial_gradient_cosine", "--workers", "1", "-q"]

    def start(path):
        return subprocess.Popen([sys.executable, "-m", "analogsim", *args, "--output", str(path)])

    def written(path):
        folder = path.with_suffix(".sweep")
        return sum(p.read_bytes().count(b"\n") for p in folder.glob("journal"))

    rng = np.random.default_rng(5)
    killed, seen = tmp_path / "k.nc", 0
    for _ in range(3):
        process = start(killed)
        before = written(killed)
        while written(killed) <= before and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert written(killed) >= seen
        seen = written(killed)
    assert start(killed).wait() == 0
    assert start(tmp_path / "whole.nc").wait() == 0
    first, second = (results.load(path) for path in (killed, tmp_path / "whole.nc"))
    xr.testing.assert_identical(bits(first), bits(second))
    assert (first["status"] == "done").all()


@pytest.mark.slow
def test_workers_need_no_guard_of_the_main_module():
    sweep = f"a.sweep('ideal', {{'alpha': [0, 1]}}, workers=2, hidden=(4,), metrics={CHEAP})"
    code = f"import analogsim as a; print({sweep}.sizes)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "'alpha': 2" in done.stdout, done.stderr
