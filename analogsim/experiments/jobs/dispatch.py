"""Share jobs out, and keep every row as it comes."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice

from analogsim.errors import instance, out_of_range
from analogsim.experiments.jobs import backends
from analogsim.experiments.jobs.points import Job, Row, Task, lost, work
from analogsim.experiments.jobs.store import Store
from analogsim.registry import register

log = logging.getLogger("analogsim")

SLICE = 0.25
"""Seconds of work in one batch: long beside the cost of sending it, short beside what a kill may lose."""
MOST = 200
"""Jobs in one batch, however fast they are."""


def computed(
    store: Store,
    task: Task,
    jobs: Iterable[Job[object]],
    count: int,
    *,
    most: int = 1,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Generator[list[Row], None, None]:
    """Do some jobs, and yield their rows, which are in the store by then, as they come, in any order.

    Parameters
    ----------
    store : Store
    task : Task
    jobs : iterable of Job
        Taken as workers become free.
    count : int
        How many there are.
    most : int
        Jobs in one batch, which are kept together: 1 where a job may take minutes, `MOST` where it takes milliseconds.
    workers : int, optional
        Processes, each with one thread; all cores if not given. 1: in this process, which then ends with a job that
        kills it.
    scheduler : str, optional
        Address of a dask scheduler whose workers compute instead (extra ``[cluster]``).

    Raises
    ------
    InputError
        If no scheduler answers.
    ConnectionError
        If it goes away; what is finished is kept.
    """
    batches = Batches(jobs, most)
    number = _number(workers, count)
    none = partial(lost, width=len(task.names))
    added = register.added()
    task = replace(task, added=added if scheduler is None and number == 1 else portable(added))
    with closing(backends.run(partial(work, task=task), batches, number, none, scheduler)) as finished:
        for rows in finished:
            store.append(rows)
            batches.learn(rows)
            yield rows


def ready(task: Task, count: int, *, workers: int | None = None, scheduler: str | None = None) -> None:
    """Start the processes that `computed` will ask for, so that they import what they need while this one prepares."""
    if scheduler is None and (number := _number(workers, count)) > 1:
        backends.ready(number, task.module)


def _number(workers: int | None, count: int) -> int:
    return min(workers or backends.cores(), max(count, 1))


def portable(added: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """What scripts registered, but for things that cannot be sent to another process, which a warning names."""
    import cloudpickle

    found: dict[str, dict[str, object]] = {}
    for kind, things in added.items():
        for name, thing in things.items():
            try:
                cloudpickle.dumps(thing)
            except Exception as error:  # a thing may say anything when it is taken apart
                log.warning(
                    "%s %r stays behind: it cannot be sent to other processes (%s). Points that need it fail there; "
                    "workers=1 computes them here.", kind, name, " ".join(str(error).split()),
                )  # fmt: skip
            else:
                found.setdefault(kind, {})[name] = thing
    return found


def checked(workers: int | None) -> None:
    """Refuse a number of workers that is none."""
    instance("workers", workers, int | None, "a number of processes, or None for all cores")
    if workers is not None and workers < 1:
        raise out_of_range("workers", workers, "workers ≥ 1")


class Batches:
    """Hands out jobs in batches of about `SLICE` seconds, and at most so many."""

    def __init__(self, jobs: Iterable[Job[object]], most: int) -> None:
        self.jobs, self.most = iter(jobs), most
        self.pace = SLICE

    def learn(self, rows: Sequence[Row]) -> None:
        """Follow how long a job takes."""
        took = [row.seconds for row in rows if row.seconds >= 0]  # not known of those that killed their worker
        if took:
            self.pace += 0.3 * (sum(took) / len(took) - self.pace)

    def __iter__(self) -> Iterator[list[Job[object]]]:
        while batch := list(islice(self.jobs, min(max(int(SLICE / max(self.pace, 1e-9)), 1), self.most))):
            yield batch
