"""Workers: a point that kills its own is a row, they end with their parent, and a cluster may lose its parts."""

import collections
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import analogsim as asim
from analogsim.experiments.jobs import backends, store

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
DEADLINE = 120
"""Seconds to wait for what takes one on an idle machine."""


def until(condition):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < DEADLINE
        time.sleep(0.02)


def deadly(every):
    """A metric of which every so many points end their process, each in another way."""

    def metric(setup):
        number = round(1000 * setup.settings.alpha)
        match number % (4 * every) / every:
            case 1:
                os._exit(7)
            case 2:
                os.kill(os.getpid(), signal.SIGSEGV)
            case 3:
                os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does where memory is short
            case 0:
                sys.exit("enough")
        return number

    return metric


def check_deadly(tmp_path, points, every):
    options = {"metrics": {"m": deadly(every)}, "hidden": 4, "workers": 2, "output": tmp_path / "s.nc"}
    numbers = np.arange(1, points + 1)
    found = asim.sweep("ideal", {"alpha": numbers / 1000}, **options)
    dead = numbers % every == 0
    assert (found["status"].values == np.where(dead, "failed", "done")).all()
    np.testing.assert_array_equal(found["m"], np.where(dead, np.nan, numbers))
    assert set(found["message"].values[~dead]) == {""}
    said = collections.Counter(found["message"].values[dead].tolist())
    causes = ["killed its worker (exit code 7)", "killed its worker (signal SIGSEGV)"]
    assert set(said) == {*causes, "killed its worker (signal SIGKILL)", "SystemExit: enough"}
    # The same command does not run into them again.
    again = asim.sweep("ideal", {"alpha": numbers / 1000}, **options)
    np.testing.assert_array_equal(again["seconds"], found["seconds"])
    return int(dead.sum())


@posix
@pytest.mark.slow
def test_points_that_kill_their_worker_are_rows_and_the_others_finish(tmp_path):
    assert check_deadly(tmp_path, 14, 3) == 4


@posix
@pytest.mark.slow
def test_of_200_points_20_kill_their_worker_and_180_have_their_numbers(tmp_path):
    assert check_deadly(tmp_path, 200, 10) == 20


@pytest.mark.slow
def test_workers_that_were_started_before_are_those_that_compute():
    """One that cannot import what it is told to still computes, or says so with its first task."""
    backends.ready(2, "analogsim.experiments.sweeps.measuring")
    backends.ready(3, "no.such.module")
    known = {one.process.pid for one in backends._idle}
    found = asim.sweep("ideal", {"alpha": [0.0, 0.5, 1.0]}, metrics={"m": lambda setup: os.getpid()}, workers=3)
    assert (found["status"] == "done").all()
    assert {int(pid) for pid in found["m"].values} <= known


@posix
@pytest.mark.slow
def test_a_worker_that_someone_else_kills_costs_its_point_nothing(tmp_path):
    def once(setup):
        mark = tmp_path / "mark"
        if setup.settings.alpha == 0.5 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    found = asim.sweep("ideal", {"alpha": [0.0, 0.5, 1.0]}, metrics={"m": once}, hidden=4, workers=2)
    assert (found["status"] == "done").all()
    # Workers are kept for the next sweep: a search asks for many.
    again = asim.sweep("ideal", {"alpha": [0.0, 0.5, 1.0]}, metrics={"m": once}, hidden=4, workers=2)
    assert len({*found["m"].values, *again["m"].values}) <= 3


@posix
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
@pytest.mark.slow
def test_workers_end_with_their_parent_and_let_go_of_its_pipes(tmp_path, number):
    code = f"""
import os, pathlib, time
import analogsim as asim
def metric(setup):
    pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch()
    time.sleep(600)
asim.sweep("ideal", {{"alpha": [0.0, 0.5, 1.0]}}, metrics={{"m": metric}}, hidden=4, workers=2)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until(lambda: len(list(tmp_path.iterdir())) == 2)
    parent.send_signal(getattr(signal, number))
    parent.communicate(timeout=DEADLINE)  # ends when nobody holds the pipe any more
    workers = [int(path.name) for path in tmp_path.iterdir()]
    until(lambda: not any(map(runs, workers)))


def runs(pid):
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stream:  # one that nobody has waited for is dead, too
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@posix
@pytest.mark.slow
def test_a_cluster_may_lose_a_worker_and_when_the_scheduler_dies_the_rows_are_kept(tmp_path):
    pytest.importorskip("distributed")
    where = tmp_path / "scheduler.json"

    def start(*args):
        command = [sys.executable, "-m", *args, "--scheduler-file", str(where)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def slow(setup):
        time.sleep(0.2)
        return setup.settings.alpha

    scheduler = start("distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
    until(where.exists)
    worker = ("distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", "--no-dashboard")
    workers = [start(*worker) for _ in range(2)]
    try:
        import json

        until(lambda: where.read_text())
        options = {"metrics": {"m": slow}, "hidden": 4, "scheduler": json.loads(where.read_text())["address"]}
        alphas = [k / 100 for k in range(24)]

        def lose(process, after):
            return lambda done, total, counts: process.kill() if done >= after else None

        found = asim.sweep("ideal", {"alpha": alphas}, **options, progress=lose(workers[0], 6))
        np.testing.assert_array_equal(found["m"], alphas)
        options["output"] = tmp_path / "s.nc"
        with pytest.raises(ConnectionError, match="rows that were finished are kept, and the same command goes on"):
            asim.sweep("ideal", {"alpha": alphas}, **options, progress=lose(scheduler, 6))
        assert sum(path.read_bytes().count(b"\n") for path in (tmp_path / "s.sweep").glob("journal")) >= 6
        del options["scheduler"]
        found = asim.sweep("ideal", {"alpha": alphas}, **options, workers=1)
        np.testing.assert_array_equal(found["m"], alphas)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def test_rows_of_a_point_that_was_lost_survive_the_store(tmp_path):
    made = store.Store(tmp_path / "s.sweep", {"metrics": ["m"]})
    made.append([store.Row(1, "failed", "killed its worker (exit code 7)", float("nan"), [float("nan")])])
    made.close()
    (rows,) = store.Store(tmp_path / "s.sweep", {"metrics": ["m"]}).read()
    assert rows.messages == {0: "killed its worker (exit code 7)"}
    assert np.isnan(rows.seconds[0])
