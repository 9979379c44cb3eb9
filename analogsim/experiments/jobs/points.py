"""One job, in whatever process: what is asked for in, a row out. Nothing that goes wrong here ends the others."""

from __future__ import annotations

import ctypes
import hashlib
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Generic, NamedTuple, TypedDict, TypeVar

from analogsim.registry import register

STATUS = ("missing", "done", "diverged", "failed", "timeout")
"""``done``; ``diverged``: a result too, of samples that do not stay finite; ``failed`` and ``timeout``: no numbers."""
SEED_BITS = 48
"""Of the seed drawn from a job's content; exact in JSON and in float64."""

Asked = TypeVar("Asked", covariant=True)


class Job(NamedTuple, Generic[Asked]):
    """What to compute."""

    key: int
    """64 bits of the content; see `digest`."""
    asked: Asked
    """What the function of the `Task` takes; pickled on its way to a worker."""


@dataclass
class Found:
    """What a job found.

    Attributes
    ----------
    values : mapping
        Name -> number.
    series : mapping
        Name -> list of numbers, such as a measure after every epoch.
    status : {"done", "diverged"}
        A job that diverges has a result.
    message : str
        Why it diverged; empty where there is nothing to say.
    """

    values: dict[str, float]
    series: dict[str, list[float]] = field(default_factory=dict)
    status: str = "done"
    message: str = ""


class More(TypedDict):
    """What a row holds besides its columns."""

    values: dict[str, float]
    series: dict[str, list[float]]


class Row(NamedTuple):
    """What became of one job."""

    key: int
    status: str
    message: str
    seconds: float
    values: list[float]
    """Of the columns, in the order of `Task.names`; NaN where it has none."""
    more: More | None = None


@dataclass(frozen=True)
class Task:
    """What is the same for all jobs of a run.

    Parameters
    ----------
    function : str
        ``"package.module:function"``. It takes what a job asks for, and `options` by name, and returns a `Found`. The
        digest of the code is that of its module and of all that this one imports.
    names : tuple of str
        The values that become columns.
    options : mapping
    timeout : float, optional
        Seconds after which a job is given up.
    stops : tuple of exception types
        What is wrong with all jobs if it is with one, and so ends them; all else is a row.
    """

    function: str
    names: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    timeout: float | None = None
    stops: tuple[type[Exception], ...] = ()
    added: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """What scripts registered, which workers do not run; see `analogsim.registry.Register.added`."""

    @property
    def module(self) -> str:
        """Where the function is."""
        return self.function.partition(":")[0]

    def load(self) -> Callable[..., Found]:
        """The function."""
        found: Callable[..., Found] = getattr(import_module(self.module), self.function.partition(":")[2])
        return found


class Timeout(BaseException):
    """Raised in a job that takes too long; no Exception, so that no job catches it."""


def digest(content: Mapping[str, object]) -> tuple[int, int]:
    """Key (64 bits) and seed of what is computed, by SHA-256 of its canonical JSON."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=list)
    raw = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:16], "big") >> (64 - SEED_BITS)


def work(jobs: Sequence[Job[object]], task: Task) -> Iterator[Row]:
    """Do some jobs, with one BLAS thread, whatever this process was started with."""
    from threadpoolctl import threadpool_limits

    register.take(task.added)
    compute = task.load()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for job in jobs:
            yield one(job, task, compute)


def one(job: Job[object], task: Task, compute: Callable[..., Found]) -> Row:
    """Do one job."""
    began = time.perf_counter()

    def row(found: Found) -> Row:
        more = {name: value for name, value in found.values.items() if name not in task.names}
        return Row(
            job.key, found.status, found.message, time.perf_counter() - began,
            [found.values.get(name, float("nan")) for name in task.names],
            More(values=more, series=found.series) if more or found.series else None,
        )  # fmt: skip

    try:
        with limited(task.timeout):
            return row(compute(job.asked, **task.options))
    except Timeout:
        return row(Found({}, status="timeout", message=f"stopped after {task.timeout:g} s"))
    except task.stops:
        raise
    except (Exception, SystemExit) as error:  # code of the user's that exits shall not end the others
        message = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
        return row(Found({}, status="failed", message=message))


def lost(job: Job[object], why: str, width: int) -> Row:
    """The row of a job that could not tell what became of it."""
    return Row(job.key, "failed", why, float("nan"), [float("nan")] * width)


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
