"""Where points are computed: in this process, in workers of this machine, or on a dask cluster.

A point may kill the process that computes it. Workers are told apart, so that such a point is known by name and becomes
a row like any other, while the rest goes on.
"""

from __future__ import annotations

import atexit
import math
import os
import pickle
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import NamedTuple

from analogsim.errors import InputError, missing
from analogsim.experiments.jobs import worker
from analogsim.experiments.jobs.points import Job, Row

Jobs = Sequence[Job[object]]
Work = Callable[[Jobs], Iterator[Row]]

STARTS = 3
"""Workers in a row that end before they begin anything: then something is wrong with all of them."""
THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "BLIS_NUM", "VECLIB_MAXIMUM", "NUMBA_NUM")


class Outcome(NamedTuple):
    """What became of some items: the rows of the first of them, and why there are no more, if there are not."""

    rows: list[Row]
    died: str = ""
    suspects: int = 0
    """How many of the items that are left it may have died of."""
    sure: bool = False
    """Whether it did; if not, perhaps of want of memory, or by anyone's hand."""


def ready(workers: int, module: str) -> None:
    """Start the workers that the next `run` will ask for: they import a module while this process still prepares."""
    while len(_idle) < workers:
        _idle.append(Worker(module))


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    work: Work,
    batches: Iterable[Jobs],
    workers: int,
    lost: Callable[[Job[object], str], Row],
    scheduler: str | None = None,
) -> Generator[list[Row], None, None]:
    """Yield what `work` makes of the items of each batch as it finishes, in any order.

    Parameters
    ----------
    work : callable
        Takes some items and yields a row for each, in their order. Like the items it is pickled, by value where it is
        from no module.
    batches : iterable of sequences
        Taken one by one as workers become free.
    workers : int
        1: in this process, which then ends with a point that kills it.
    lost : callable
        Makes the row of an item that killed its worker, from the item and the cause in words.
    scheduler : str, optional
        Address of a dask scheduler, whose workers compute instead.

    Raises
    ------
    InputError
        If no scheduler answers.
    ConnectionError
        If the scheduler goes away.
    """
    if scheduler is None and workers == 1:
        for items in batches:
            yield list(work(items))
        return
    with Processes(workers) if scheduler is None else Cluster(scheduler) as pool:
        yield from _spread(pool, work, batches, lost)


def _spread(
    pool: Processes | Cluster,
    work: Work,
    batches: Iterable[Jobs],
    lost: Callable[[Job[object], str], Row],
) -> Iterator[list[Row]]:
    source = iter(batches)
    waiting: dict[Future[Outcome], tuple[Jobs, bool]] = {}
    suspects: list[Job[object]] = []
    starts = 0
    while True:
        while len(waiting) < pool.ahead and (items := next(source, None)):
            waiting[pool.submit(work, items)] = items, False
        if not waiting and suspects:
            # By itself: it dies of nothing but what it does.
            items = [suspects.pop()]
            waiting[pool.submit(work, items)] = items, True
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            items, alone = waiting.pop(future)
            rows, died, count, sure = pool.outcome(future, len(items))
            guilty, left = items[len(rows) :][:count], items[len(rows) :][count:]
            if sure or alone:
                rows += [lost(item, f"killed its worker ({died})") for item in guilty]
            else:
                suspects += guilty
            starts = starts + 1 if died and not guilty else 0
            if starts == STARTS:
                raise OSError(f"worker processes end before they compute anything ({died}).")
            if left:
                waiting[pool.submit(work, left)] = left, alone
            if rows:
                yield rows


class Processes:
    """Workers of this machine, each with one thread of BLAS, OpenMP and Numba.

    Those that are free at the end wait for the next to ask, for `worker.IDLE` seconds, since a search asks often and a
    start takes seconds.
    """

    def __init__(self, workers: int) -> None:
        self.ahead = 2 * workers
        self._threads = ThreadPoolExecutor(workers)
        self._all = [_idle.pop() if _idle else Worker() for _ in range(workers)]
        self._free: queue.SimpleQueue[Worker | None] = queue.SimpleQueue()
        for one in self._all:
            self._free.put(one)

    def submit(self, work: Work, items: Jobs) -> Future[Outcome]:
        """Give some items to the next worker that is free."""
        import cloudpickle

        try:
            message = cloudpickle.dumps((work, items))
        except Exception as error:  # a user's metric or object may say anything when it is taken apart
            reason = " ".join(str(error).split())
            raise InputError(
                f"what the points need cannot be sent to other processes ({reason}); workers=1 computes them here."
            ) from None
        return self._threads.submit(self._compute, message, len(items))

    def outcome(self, future: Future[Outcome], count: int) -> Outcome:
        """Its result. A worker that died is replaced here, since on Linux it ends with the *thread* that started it."""
        found = future.result()
        if found.died:
            self._all = [one for one in self._all if one.process.poll() is None]
            self._all.append(Worker())
            self._free.put(self._all[-1])
        return found

    def _compute(self, message: bytes, count: int) -> Outcome:
        used = self._free.get()
        if used is None:
            raise CancelledError
        rows: list[Row] = []
        begun = False
        for reply in used.replies(message):
            begun = reply[:1] == worker.BEGIN
            if reply[:1] == worker.ROW:
                rows.append(pickle.loads(reply[1:]))
            if reply[:1] == worker.ERROR:
                self._free.put(used)
                raise pickle.loads(reply[1:])
            if len(rows) == count:
                self._free.put(used)
                return Outcome(rows)
        code = used.end()
        return Outcome(rows, cause(code), int(begun), begun and code not in (-signal.SIGTERM, -9))

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for one in self._all:
            if kind is None:
                _idle.append(one)
            else:
                one.process.kill()
                self._free.put(None)
        self._threads.shutdown(cancel_futures=True)


class Worker:
    """One process of `analogsim.experiments.jobs.worker`, which imports a module before it is asked to compute."""

    def __init__(self, module: str = "") -> None:
        # Not by multiprocessing, which would run the user's script again in every worker.
        code = f"import sys; sys.path[:] = {sys.path!r}; from {worker.__name__} import main; main({module!r})"
        env = os.environ | {f"{name}_THREADS": "1" for name in THREADS}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, env=env)

    def replies(self, message: bytes) -> Iterator[bytes]:
        """Send work and yield what comes back, until the process has ended."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            worker.send(self.process.stdin, message)
            while (reply := worker.receive(self.process.stdout)) is not None:
                yield reply
        except OSError:  # it ended before
            return

    def end(self) -> int:
        """The exit code of a process that has hung up."""
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # alive, but it closed its side
            self.process.kill()
        self.process.communicate()
        return self.process.wait()


_idle: list[Worker] = []


@atexit.register
def _end_idle() -> None:
    for one in _idle:
        one.process.kill()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # they are the parent's


def cause(code: int) -> str:
    """What ended a process, from its exit code: ``signal SIGSEGV``."""
    try:
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"


class Cluster:
    """The workers of a dask cluster. Dask tries a task again on other workers before it says that it kills them."""

    def __init__(self, scheduler: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise missing("--scheduler", "distributed", "cluster") from None
        self.scheduler = scheduler
        try:
            self._client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise InputError(f"--scheduler {scheduler}: no dask scheduler answers there ({error}).") from None
        self._executor = self._client.get_executor(pure=False)
        self._counted, self._ahead = -math.inf, 0

    @property
    def ahead(self) -> int:
        """Batches in flight: two for each thread of the cluster, which may grow."""
        if time.monotonic() - self._counted > 2:
            with self._alive():
                self._ahead = 2 * max(1, sum(self._client.nthreads().values()))
            self._counted = time.monotonic()
        return self._ahead

    def submit(self, work: Work, items: Jobs) -> Future[Outcome]:
        """Give some items to the cluster."""
        with self._alive():
            future: Future[Outcome] = self._executor.submit(_all, work, items)
        return future

    def outcome(self, future: Future[Outcome], count: int) -> Outcome:
        """Its result; of a batch that kills workers any item may be the one that does."""
        from distributed.scheduler import KilledWorker

        try:
            with self._alive():
                return future.result()
        except KilledWorker:
            return Outcome([], "and those that tried again", count)

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (CancelledError, OSError, TimeoutError):
            raise ConnectionError(
                f"the dask scheduler {self.scheduler} is gone; rows that were finished are kept, and the same command "
                "goes on from there."
            ) from None

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close(timeout=2)


def _all(work: Work, items: Jobs) -> Outcome:
    return Outcome(list(work(items)))
