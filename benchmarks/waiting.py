"""Where a user waits: each row is our CPU time beside that of a rival or a baseline in the same process, and the ratio.

    python benchmarks/waiting.py [ROW ...]

Medians of one thread, taken in turn; trust the ratios. Nothing is compiled while the clock runs. To add a row: a
function that yields `Row`s, under ``@row``. README.md beside this file keeps the last figures.
"""

from __future__ import annotations

import os

for _library in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import analogsim as asim


class Row(NamedTuple):
    """CPU milliseconds of ours and of what it is held against."""

    what: str
    ours: float
    rival: str
    theirs: float


ROWS: dict[str, Callable[[], Iterator[Row]]] = {}


def row(make: Callable[[], Iterator[Row]]) -> Callable[[], Iterator[Row]]:
    """Take a function into the table, under its name."""
    ROWS[make.__name__] = make
    return make


def cpu(*calls: Callable[[], object], repeats: int = 31) -> list[float]:
    """Median CPU milliseconds of each call, taken in turns after one of each."""
    spent: list[list[float]] = [[] for _ in calls]
    for k in range(repeats + 1):
        for call, times in zip(calls, spent, strict=True):
            start = time.process_time()
            call()
            times += [1e3 * (time.process_time() - start)] if k else []
    return [float(np.median(times)) for times in spent]


def process(code: str, repeats: int = 7) -> float:
    """Median CPU milliseconds of a new process that runs some code, after one that was not counted."""
    times = []
    for _ in range(repeats + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return float(np.median(times[1:]))


@row
def digits() -> Iterator[Row]:
    """The digits in a new process, by their file and by scikit-learn's import."""
    ours = process("from analogsim.experiments.data import load_data; load_data('digits')", repeats=3)
    yield Row("digits", ours, "scikit-learn's", process("import sklearn.datasets as s; s.load_digits()", repeats=3))


@row
def point() -> Iterator[Row]:
    """A point of a sweep, 64-16-10, two epochs on a noisy crossbar: what its metrics need, against all of the run."""
    from analogsim.experiments.jobs.shared import loaded
    from analogsim.experiments.loop import taught
    from analogsim.experiments.setup import prepare
    from analogsim.experiments.sweeps.measuring import measure
    from analogsim.experiments.sweeps.metrics import choose

    settings = asim.Settings(circuit="crossbar", hidden=(16,), epochs=2, noise=(0.05,), alpha=0.3)
    setup, usual, one = prepare(settings, loaded(settings)), choose(None, ["classification"]), choose(["test_accuracy"])
    ours, alone, whole = cpu(
        lambda: measure(settings, usual), lambda: measure(settings, one), lambda: taught(setup), repeats=7
    )
    yield Row("point, usual metrics", ours, "the whole run", whole)
    yield Row("point, its accuracy", alone, "the whole run", whole)


@row
def sweep() -> Iterator[Row]:
    """44 such points as a command, wall time: two workers against one process."""
    points = ["crossbar", "--over", "alpha=0:1:0.1", "--seeds", "4", "--hidden", "16", "--epochs", "2"]
    points += ["--noise", "0.05", "-q"]
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for workers in ("2", "1"):
            args = [*points, "--workers", workers, "-o", f"{folder}/{workers}.nc"]
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "analogsim", "sweep", *args], check=True)
            took.append(1e3 * (time.perf_counter() - start))
    yield Row("44 points, wall", took[0], "in one process", took[1])


@row
def run() -> Iterator[Row]:
    """The default run as a command, with its file and pictures, against the training in it and nothing else."""
    from analogsim.experiments.insitu import train_chip
    from analogsim.experiments.setup import prepare

    args = ["run", "crossbar", "--alpha", "0.3", "--noise", "0.05", "-q"]
    with tempfile.TemporaryDirectory() as folder:
        args += ["-o", f"{folder}/run.nc"]
        code = f"from analogsim.cli import main; main({args!r}, prog_name='analogsim')"
        ours = process(code, repeats=2)
    setup = prepare(asim.Settings(circuit="crossbar", alpha=0.3, noise=(0.05,)))
    (alone,) = cpu(lambda: train_chip(setup), repeats=2)
    yield Row("default run", ours, "its training alone", alone)


def main() -> None:
    """Print the rows asked for, or all."""
    print(f"{'':26}{'ours / ms':>10}   against")
    for name in sys.argv[1:] or ROWS:
        for what, ours, rival, theirs in ROWS[name]():
            print(f"{what:26}{ours:10.3g}   {rival}: {theirs:.3g} ms, {theirs / ours:.2f} times ours", flush=True)


if __name__ == "__main__":
    main()
