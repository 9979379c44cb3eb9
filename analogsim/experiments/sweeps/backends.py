"""Where tasks run: in this process, in others by joblib's loky, or on a dask cluster by the same call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from typing import Any, TypeVar

from analogsim.errors import InputError, missing

Task = TypeVar("Task")
Result = TypeVar("Result")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    work: Callable[[Task], Result], tasks: Iterable[Task], workers: int, scheduler: str | None = None
) -> Iterator[Result]:
    """Yield what `work` makes of each task as it finishes, in any order."""
    if scheduler is None and workers == 1:
        yield from map(work, tasks)
        return
    import joblib

    with ExitStack() as stack:
        if scheduler is None:
            # Every worker computes with one thread of BLAS, OpenMP and Numba.
            config: dict[str, Any] = {"backend": "loky", "n_jobs": workers, "inner_max_num_threads": 1}
        else:
            stack.enter_context(_client(scheduler))
            config = {"backend": "dask"}
        stack.enter_context(joblib.parallel_config(**config))
        # The tasks follow the pace of the points, so joblib shall not bundle them again.
        parallel = joblib.Parallel(return_as="generator_unordered", pre_dispatch="2*n_jobs", batch_size=1)
        try:
            yield from parallel(joblib.delayed(work)(task) for task in tasks)
        except BrokenProcessPool:
            raise MemoryError(
                "a worker process was killed, probably for want of memory; rows that were finished are kept. "
                "The same command goes on from there; try fewer --workers."
            ) from None


def _client(scheduler: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise missing("--scheduler", "distributed", "cluster") from None
    try:
        return Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {scheduler}: no dask scheduler answers there ({error}).") from None
