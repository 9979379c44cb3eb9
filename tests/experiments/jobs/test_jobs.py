"""Sweeps, budgets, tolerances and studies keep their jobs in one way: killed, moved to a cluster, of other code."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import analogsim as asim
from analogsim.errors import InputError
from analogsim.experiments.jobs import backends, dispatch
from analogsim.experiments.reproduce import carry_out, computing
from analogsim.experiments.specification import budget, tolerance, trials
from analogsim.experiments.sweeps import sweeping
from analogsim.registry import register
from analogsim.settings.record import Settings

OLD = Path(__file__).parents[2] / "golden" / "kept-0.1"
COMMANDS = ("sweep", "budget", "tolerance", "reproduce")
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
CARD = """
title = "Two rates"
question = "Does a larger rate learn faster?"
kind = "digital"
[settings]
rule = { value = "bp", source = "our choice" }
data = { value = "DATA", source = "our choice" }
hidden = { value = [4], source = "our choice" }
batch_size = { value = 10, source = "our choice" }
[[row]]
name = "small"
learning_rate = 1e-3
[[row]]
name = "large"
learning_rate = 1e-1
[measures]
test_accuracy = "accuracy"
[sizes.quick]
epochs = 2
seeds = [0, 1]
"""


@pytest.fixture
def task(tmp_path):
    """A task of three classes that trains in milliseconds, and a study of it."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    np.savez(tmp_path / "d.npz", x=np.eye(3)[y] + 0.1 * rng.standard_normal((60, 3)), y=y)
    (tmp_path / "study.toml").write_text(CARD.replace("DATA", str(tmp_path / "d.npz")))
    return tmp_path


def settings(task):
    overrides = {"circuit.gain_mismatch": 0.03}
    return Settings(device="ideal", data=str(task / "d.npz"), hidden=(4,), epochs=1, overrides=overrides)


def run(command, task, output=None, **control):
    """The numbers of a small question of each kind."""
    if command == "reproduce":
        outcome = carry_out(str(task / "study.toml"), "quick", output=output or task / "points", **control)
        return np.array([line.values["test_accuracy"] for line in outcome.lines])
    kept = output and output.with_suffix(".nc")
    if command == "sweep":
        options = {"data": str(task / "d.npz"), "hidden": 4, "metrics": ["initial_gradient_cosine"]}
        over = {"circuit.asymmetry": [0.0, 0.1, 0.2, 0.3]}
        with asim.sweep("crossbar", over, output=kept, **options, **control) as found:
            return found["initial_gradient_cosine"].values
    if command == "budget":
        found = budget(settings(task), seeds=2, output=kept, **control)
        return np.array([found["accuracy"], found["bias"], found["noise"]])
    found = tolerance(settings(task), names=["gain_mismatch"], seeds=2, output=kept, **control)
    assert found["outcome"] != "failed"
    return found[["tolerance", "beyond", "trials", "confirmed_loss"]].to_array().values


def folder(command, output):
    endings = {"sweep": ".sweep", "reproduce": ""}
    return output.with_suffix(endings.get(command, ".trials"))


WRAPPED = """
import os, pathlib, signal
from analogsim.experiments.reproduce.one_point import computed
from analogsim.experiments.specification.trial import tried
from analogsim.experiments.sweeps.measuring import measured

def deadly(function):
    def job(asked, **options):
        mark = pathlib.Path(os.environ["ANALOGSIM_MARK"])
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return function(asked, **options)
    return job

sweep, trial, study = map(deadly, (measured, tried, computed))
"""


@posix
@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_killed_worker_costs_nothing(command, task, monkeypatch):
    wanted = run(command, task, workers=1)
    (task / "deadly_jobs.py").write_text(WRAPPED)
    monkeypatch.syspath_prepend(task)
    monkeypatch.setenv("ANALOGSIM_MARK", str(task / "mark"))
    monkeypatch.setattr(sweeping, "MEASURED", "deadly_jobs:sweep")
    monkeypatch.setattr(trials, "TASK", replace(trials.TASK, function="deadly_jobs:trial"))
    monkeypatch.setattr(computing, "COMPUTED", "deadly_jobs:study")
    backends._end_idle()  # those were started without the module
    np.testing.assert_array_equal(run(command, task, task / "again", workers=2), wanted)
    assert (task / "mark").exists()
    backends._end_idle()


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made:
        yield made.scheduler_address


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_cluster_gives_the_same_numbers(command, task, cluster):
    wanted = run(command, task, workers=1)
    np.testing.assert_array_equal(run(command, task, task / "again", scheduler=cluster), wanted)


@pytest.mark.parametrize("command", COMMANDS)
def test_points_of_other_code_are_refused_and_fresh_starts_over(command, task):
    output = task / "kept"
    wanted = run(command, task, output, workers=1)
    manifest = folder(command, output) / "manifest.json"
    rows = (folder(command, output) / "journal").read_bytes()
    np.testing.assert_array_equal(run(command, task, output, workers=1), wanted)
    assert (folder(command, output) / "journal").read_bytes() == rows  # nothing was computed again
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "code": "another"}))
    with pytest.raises(InputError, match=r"other code computed them .*--fresh") as caught:
        run(command, task, output, workers=1)
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(run(command, task, output, workers=1, fresh=True), wanted)
    assert json.loads(manifest.read_text()) == content


@pytest.mark.parametrize(("command", "kept"), [("sweep", "s.sweep"), ("budget", "b.trials"), ("tolerance", "b.trials")])
def test_what_version_0_1_kept_is_refused_in_one_line_or_started_over(command, kept, task):
    output = task / Path(kept).stem
    shutil.copytree(OLD / kept, folder(command, output))
    with pytest.raises(InputError, match=r"holds points that do not mix .*other code computed them .*--fresh"):
        run(command, task, output, workers=1)
    assert np.isfinite(run(command, task, output, workers=1, fresh=True)).any()
    assert not (folder(command, output) / "sweep.json").exists()


def test_a_study_of_version_0_1_is_refused_in_one_line_or_started_over(task):
    shutil.copytree(OLD / "study", task / "points")
    (task / "points" / "checkpoints").mkdir()
    (task / "points" / "checkpoints" / "old.npz").touch()
    for compute in (True, False):
        with pytest.raises(InputError, match=r"other code computed, which do not mix .*--fresh"):
            run("reproduce", task, compute=compute)
    assert np.isfinite(run("reproduce", task, workers=1, fresh=True)).all()
    assert {path.name for path in (task / "points").glob("*.json")} == {"manifest.json"}
    assert not (task / "points" / "checkpoints" / "old.npz").exists()


@posix
@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_killed_command_goes_on_from_what_is_finished(command, task):
    data = ["--data", str(task / "d.npz"), "--hidden", "4", "--device", "ideal"]
    args = {
        "sweep": ["crossbar", *data, "--over", "circuit.asymmetry=0:0.9:0.01", "--metrics", "initial_gradient_cosine"],
        "budget": ["crossbar", *data, "--epochs", "2", "--set", "circuit.gain_mismatch=0.03", "--seeds", "4"],
        "tolerance": ["crossbar", *data, "--epochs", "2", "--for", "gain_mismatch"],
        "reproduce": [str(task / "study.toml"), "--quick", "--seeds", "40"],
    }[command]

    def start(output):
        target = output if command == "reproduce" else output.with_suffix(".nc")
        line = [sys.executable, "-m", "analogsim", command, *args, "--workers", "1", "-q", "--output", str(target)]
        return subprocess.Popen(line)

    def journal(output):
        path = folder(command, output) / "journal"
        return path.read_bytes().splitlines() if path.exists() else []

    process = start(task / "killed")
    while len(journal(task / "killed")) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    seen = journal(task / "killed")
    assert start(task / "killed").wait() == 0
    assert start(task / "whole").wait() == 0
    rows = {name: rows_of(folder(command, task / name)) for name in ("killed", "whole")}
    assert rows["killed"] == rows["whole"]
    if command != "sweep":  # whose journal is a shard by now
        assert journal(task / "killed")[: len(seen) - 1] == seen[:-1]


def rows_of(place):
    from analogsim.experiments.jobs import store

    rows = [row for rows in store.read(place) for row in rows.each()]
    assert len({row.key for row in rows}) == len(rows)
    return {row.key: repr(row._replace(seconds=0.0)) for row in rows}  # NaN is not equal to itself


@pytest.fixture
def locked(monkeypatch):
    """A metric of a script that holds what no other process can get."""
    lock = threading.Lock()

    def held(setup):
        with lock:
            return 1.0

    monkeypatch.setitem(register.metric._known, "held", held)
    return held


def test_what_cannot_be_sent_stays_behind_and_is_named(locked, caplog):
    assert dispatch.portable({"metric": {"held": locked, "one": settings}}) == {"metric": {"one": settings}}
    assert "metric 'held' stays behind" in caplog.text
    assert "workers=1" in caplog.text


@pytest.mark.slow
def test_a_registration_that_cannot_be_sent_stops_only_the_sweep_that_needs_it(locked, task):
    options = {"data": str(task / "d.npz"), "hidden": (4,), "workers": 2}
    found = asim.sweep("crossbar", {"alpha": [0.2, 0.4]}, metrics=["initial_symmetry_defect"], **options)
    assert (found.status == "done").all()
    with pytest.raises(InputError, match=r"cannot be sent to other processes.*workers=1"):
        asim.sweep("crossbar", {"alpha": [0.2, 0.4]}, metrics=["held"], **options)
    options["workers"] = 1
    assert (asim.sweep("crossbar", {"alpha": [0.2, 0.4]}, metrics=["held"], **options)["held"] == 1).all()
