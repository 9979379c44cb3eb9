"""One point of a sweep, in whatever process: settings in, a row out. Nothing that goes wrong here ends a sweep."""

from __future__ import annotations

import ctypes
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from analogsim.engine import datasets
from analogsim.experiments import data
from analogsim.experiments.loop import taught
from analogsim.experiments.setup import prepare
from analogsim.experiments.sweeps.metrics import Chosen, Metric, before_training, gathered
from analogsim.files import expand
from analogsim.settings.record import Settings

STATUS = ("missing", "done", "diverged", "failed", "timeout")
"""``done``; ``diverged``: a result too, of samples that do not stay finite; ``failed`` and ``timeout``: no numbers."""


class Row(NamedTuple):
    """What one point found."""

    key: int
    status: str
    message: str
    seconds: float
    values: list[float]


Point = tuple[int, int, dict[str, Any]]
"""Key, seed and fields of `Settings`."""


class Timeout(BaseException):
    """Raised in a point that takes too long; no Exception, so that no point catches it."""


def work(points: Sequence[Point], metrics: tuple[str, ...], own: Chosen | None, timeout: float | None) -> Iterator[Row]:
    """Run some points, with one BLAS thread, whatever this process was started with.

    Metrics of the user's come as `own`, with the measures that they are made from; the built-in ones travel by name.
    """
    from threadpoolctl import threadpool_limits

    chosen = gathered(metrics, own or {})
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, seed, fields in points:
            yield one(key, seed, fields, chosen, timeout)


def lost(point: Point, why: str, width: int) -> Row:
    """The row of a point that could not tell what became of it."""
    return Row(point[0], "failed", why, float("nan"), [float("nan")] * width)


def one(key: int, seed: int, fields: dict[str, Any], metrics: Chosen, timeout: float | None) -> Row:
    """Run one point."""
    began = time.perf_counter()
    nothing = [float("nan")] * len(metrics)

    def row(status: str, message: str, values: list[float]) -> Row:
        return Row(key, status, message, time.perf_counter() - began, values)

    try:
        with limited(timeout):
            status, message, values = measure(Settings(**{**fields, "seed": seed}), metrics)
    except Timeout:
        return row("timeout", f"stopped after {timeout:g} s", nothing)
    except (Exception, SystemExit) as error:  # a metric that exits shall not end the sweep
        return row("failed", f"{type(error).__name__}: {' '.join(str(error).split())}"[:500], nothing)
    return row(status, message, values)


def measure(settings: Settings, metrics: Chosen) -> tuple[str, str, list[float]]:
    """Simulate some settings and read the metrics: status, message, values."""
    setup = prepare(settings, loaded(settings))
    sources = {metric.of for metric in metrics.values() if isinstance(metric, Metric)}
    run, initial = taught(setup) if "run" in sources else None, before_training(setup)
    taken = {"run": run, "chip": initial, "setup": setup}
    values = [
        float(metric.read(taken[metric.of]) if isinstance(metric, Metric) else metric(setup))
        for metric in metrics.values()
    ]
    if run is not None:
        if run.attrs["interrupted"]:
            raise KeyboardInterrupt
        bad, of = int((run["status"].isel(snapshot=-1) == "diverged").sum()), run.sizes["sample"]
    elif "_first" in vars(initial):
        found = initial.settled.status
        bad, of = int((found == datasets.DIVERGED).sum()), len(found)
    else:
        bad, of = 0, 1
    return ("diverged", f"{bad} of {of} samples diverge", values) if bad else ("done", "", values)


def loaded(settings: Settings) -> data.Dataset:
    """The data set, read once in each process; its arrays are shared by the points, so they are made read-only."""
    return _loaded(settings.data, stamp(settings.data), **settings.data_options)


@lru_cache(maxsize=2)
def _loaded(name: str, stamp: int, **options: Any) -> data.Dataset:
    found = data.load(name, **options)
    for value in vars(found).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return found


def stamp(name: str) -> int:
    return expand(name).stat().st_mtime_ns if name.endswith(".npz") and expand(name).exists() else 0


@contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise `Timeout` in this thread after so many seconds, between two bytecodes; compiled loops end first."""
    if seconds is None:
        yield
        return
    target, lock, over = threading.get_ident(), threading.Lock(), False

    def strike() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(target), ctypes.py_object(Timeout))

    timer = threading.Timer(seconds, strike)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()
