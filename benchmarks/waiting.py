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
    times, environment = [], {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(repeats + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1], env=environment)
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


DPT = asim.Wiring.adjoint_dual_propagation(alpha=0.3)


@row
def call() -> Iterator[Row]:
    """One labelled `settle` of one sample, 784-512-512-10."""
    from analogsim.engine import equilibrium
    from analogsim.engine.packing import prepare

    rng = np.random.default_rng(0)
    chip = asim.Chip.ideal(asim.Network.random((784, 512, 512, 10), seed=0))
    x, y = rng.random((1, 784)), np.eye(10)[[3]]
    batch = prepare(chip, x, y, DPT, 0.5)
    zero, tol = np.zeros(batch.size), np.full(1, 0.5e-5)

    def settle(chip: asim.Chip = chip) -> object:
        return asim.settle(chip, x, y, wiring=DPT, beta=0.5)

    ours, solver, again = cpu(
        settle, lambda: equilibrium.find(batch, zero, tol), lambda: settle(chip.rewritten(biases=chip.biases))
    )
    yield Row("labelled settle", ours, "solver alone", solver)
    yield Row("labelled settle", ours, "of a chip not seen before", again)


@row
def verdict() -> Iterator[Row]:
    """Whether 16 samples of 64-64-10 are stable: bounds and shared judgements against the eigenvalues of each."""
    from analogsim.engine import spectrum
    from analogsim.engine.packing import prepare

    rng = np.random.default_rng(0)
    chip = asim.Chip.ideal(asim.Network.random((64, 64, 10), seed=0))
    x, y = rng.random((16, 64)), np.eye(10)[rng.integers(0, 10, 16)]
    batch = prepare(chip, x, y, DPT, 0.5)
    found = asim.settle(chip, x, y, wiring=DPT, beta=0.5)
    a = batch.join([found[f"a_{k}"].values.transpose(1, 0, 2) for k in (1, 2)])
    states = batch.by_sample(a)

    def eigenvalues() -> list[bool]:
        jacobians = [spectrum.Jacobian(batch.take(np.array([k])), states[k]) for k in range(16)]
        columns = [np.stack([one(e) for e in np.eye(one.size)], axis=1) for one in jacobians]
        return [bool(np.linalg.eigvals(matrix).real.max() < -0.06) for matrix in columns]

    assert spectrum.decays(batch, a, 0.06).tolist() == eigenvalues()
    ours, theirs = cpu(lambda: spectrum.decays(batch, a, 0.06), eigenvalues, repeats=15)
    yield Row("verdict of 16 samples", ours, "eigenvalues of each", theirs)


@row
def start() -> Iterator[Row]:
    """A new process: import and first `settle` against importing numpy, numba, scipy.linalg and xarray alone."""
    settle = (
        "import numpy as np, analogsim as asim\n"
        "chip = asim.circuit('ideal').program(asim.Network.random((64, 32, 10), seed=0))\n"
        "rule = asim.Wiring.adjoint_dual_propagation(alpha=0.3)\n"
        "asim.settle(chip, np.ones((1, 64)), np.eye(10)[[0]], wiring=rule, beta=0.5)"
    )
    libraries = process("import numpy, numba, scipy.linalg, xarray")
    yield Row("import and first settle", process(settle), "the libraries' imports", libraries)


def main() -> None:
    """Print the rows asked for, or all."""
    print(f"{'':26}{'ours / ms':>10}   against")
    for name in sys.argv[1:] or ROWS:
        for what, ours, rival, theirs in ROWS[name]():
            print(f"{what:26}{ours:10.3g}   {rival}: {theirs:.3g} ms, {theirs / ours:.2f} times ours", flush=True)


if __name__ == "__main__":
    main()
