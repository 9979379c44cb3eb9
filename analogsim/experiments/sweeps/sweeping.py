"""Run a plan: skip what is on disk, share out the rest, write rows as they come, put them together."""

from __future__ import annotations

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from analogsim.circuits.base import Circuit
from analogsim.errors import InputError, instance, listed, out_of_range, whole
from analogsim.experiments import results
from analogsim.experiments.jobs.dispatch import MOST, checked, computed, ready
from analogsim.experiments.jobs.points import STATUS, Job, Task
from analogsim.experiments.jobs.shared import loaded
from analogsim.experiments.jobs.store import Store
from analogsim.experiments.setup import prepare
from analogsim.experiments.sweeps.axes import axis, split
from analogsim.experiments.sweeps.identity import manifest
from analogsim.experiments.sweeps.measuring import Point, measured
from analogsim.experiments.sweeps.metrics import Chosen, Metric, Own, choose, foreign
from analogsim.experiments.sweeps.plan import Plan
from analogsim.registry import register
from analogsim.settings.calls import called_with
from analogsim.settings.choices import TASKS
from analogsim.settings.record import Settings

log = logging.getLogger("analogsim")
Progress = Callable[[int, int, Mapping[str, int]], object]
Keys = NDArray[np.uint64]
Places = NDArray[np.intp]
Variable = tuple[tuple[str, ...], ArrayLike, dict[str, str]]
"""Dimensions, values and attributes, as xarray takes them."""
MOST_SEEDS = 1_000_000
"""Repetitions of a point."""
LONGEST = 1e9
"""Seconds; no timer counts further."""
MEASURED = f"{measured.__module__}:{measured.__name__}"


def sweep(
    circuit: str | Path | Circuit | Settings = "crossbar",
    over: Mapping[str, object] | Sequence[str] | None = None,
    *,
    seeds: int | Sequence[int] | None = None,
    design: str = "grid",
    points: int | None = None,
    metrics: Iterable[str] | Mapping[str, Own] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    output: str | Path | None = None,
    fresh: bool = False,
    point_timeout: float | None = None,
    progress: Progress | None = None,
    **options: object,
) -> xr.Dataset:
    """Simulate every point of a design, in parallel, and keep what is finished whatever happens.

    Parameters
    ----------
    circuit : str, path, Circuit or Settings
        Name of a circuit card, the path of one, or a circuit; or all settings, which the options then change.
    over : mapping or sequence of str
        Values by key: ``{"alpha": "0:1:0.1", "device.read_noise": [0, 0.01]}``, or ``["alpha=0:1:0.1", ...]``. A key is
        a field of `Settings`, ``device.…`` or ``circuit.…``; ranges are ``a:b:step`` (both ends) and ``log:a:b:n``.
        Values may be objects where those of `Settings` may, as in ``{"device": {"mine": cell, "yours": other}}``.
    seeds : int or sequence of int, optional
        Repetitions, as a last dimension ``seed``: that many from the option ``seed`` on, or these.
    design : {"grid", "lhs", "sobol"}
        Every combination, or `points` points of a Latin hypercube or a Sobol sequence along one dimension ``point``.
    points : int, optional
    metrics : iterable of str, or mapping of str to callable, optional
        Names of figures at the end of a run (all usual ones if not given) and of the chip before training, or functions
        of a `Setup` that return a number; ``analogsim sweep --metrics help`` lists the names. If none is of a run, none
        is trained.
    workers : int, optional
        Processes; all cores if not given. Each computes with one thread. 1: in this process, where a point that kills
        it ends the sweep.
    scheduler : str, optional
        Address of a dask scheduler that runs the points instead (extra ``[cluster]``).
    output : path, optional
        Result file (``.nc``). Rows are kept in a folder beside it, named like it but for ``.sweep``, from which an
        interrupted sweep goes on. Without a file nothing is kept.
    fresh : bool
        Start over.
    point_timeout : float, optional
        Seconds after which a point is given up.
    progress : callable, optional
        Called with points done, points in all, and how many have each status.
    **options
        Fields of `Settings` that are not swept, and values of cards by key, as in ``**{"device.d2d": 0.1}``.

    Returns
    -------
    xarray.Dataset
        A variable for each metric over the swept keys, ``status`` and ``message``, the seconds each point took, and
        the seed (``point_seed``) with which `run` repeats it. Opened lazily if there is a file.

    Raises
    ------
    InputError
        For whatever is wrong with a key, a value, a card or a file, and where old points do not mix with new ones.

    Notes
    -----
    A point is seeded by the SHA-256 of its settings, its repetition among them. So points are independent, and neither
    the number of workers, nor order, nor the rest of the plan changes a bit of them.
    """
    base = called_with(circuit, options)
    over = [over] if isinstance(over, str) else over
    instance("over", over, Mapping | list | tuple | None, "a mapping of values by key, or a list of texts")
    pairs = over.items() if isinstance(over, Mapping) else [split(text) for text in over or ()]
    if isinstance(seeds, int):
        if not 1 <= seeds <= MOST_SEEDS:
            raise out_of_range("seeds", seeds, f"seeds ≥ 1 and at most {MOST_SEEDS}")
        seeds = range(base.seed, base.seed + seeds)
    if seeds is not None:
        given = listed("seeds", seeds, "a number of repetitions, or a list of seeds")
        seeds = [whole("seeds", seed, low=0) for seed in given]
    plan = Plan(
        base, tuple(axis(key, values, base) for key, values in pairs), tuple(seeds) if seeds is not None else None,
        design, points,
    )  # fmt: skip
    chosen = choose(metrics, tasks(plan))
    if output is not None:
        return execute(
            plan, chosen, output, workers=workers, scheduler=scheduler, fresh=fresh,
            point_timeout=point_timeout, progress=progress,
        )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="analogsim-") as folder:
        return execute(
            plan, chosen, Path(folder) / "sweep.nc", workers=workers, scheduler=scheduler,
            point_timeout=point_timeout, progress=progress, kept=False,
        ).load()  # fmt: skip


def tasks(plan: Plan) -> list[str]:
    """What the data sets of a plan are for; the built-in ones hold classes."""
    names = next((swept.values for swept in plan.axes if swept.key == "data"), (plan.base.data,))
    found = set()
    for value in names:
        name = value if isinstance(value, str) else str(value)
        try:
            is_ours = name in register.data.built_in
            found.add("classification" if is_ours else loaded(replace(plan.base, data=name)).task)
        except InputError:
            if len(names) == 1 and name == plan.base.data:
                raise
            # Among others, a file that cannot be read is a row of the result.
    return sorted(found or TASKS)


def execute(
    plan: Plan,
    metrics: Chosen,
    output: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    point_timeout: float | None = None,
    progress: Progress | None = None,
    kept: bool = True,
) -> xr.Dataset:
    """Run a plan; see `sweep`. Without `kept` the rows are not for later, and no digest of code is worked out."""
    output = results.target(output)
    checked(workers)
    if point_timeout is not None and not 0 < point_timeout <= LONGEST:
        allowed = f"point_timeout > 0 and at most {LONGEST:g} s; leave it out for none"
        raise out_of_range("point_timeout", point_timeout, allowed)
    names = tuple(metrics)
    task = Task(MEASURED, names, {"metrics": names, "own": foreign(metrics)}, point_timeout)
    folder = output.with_suffix(".sweep")
    if fresh or not folder.exists():  # else there may be nothing left to compute
        ready(task, plan.size, workers=workers, scheduler=scheduler)
    about = manifest(plan, metrics, task.module, kept)
    # What is wrong with all points is said before the first of them.
    setup = prepare(plan.base)
    record = {"seed": plan.base.seed, "settings": asdict(plan.base), "cards": dict(setup.chip.record)}
    record |= {"words": [*plan.words(), *setup.words()], "sweep": {"design": plan.design, "dims": list(plan.dims)}}
    del setup
    store = Store(folder, about, fresh=fresh)
    began = time.perf_counter()
    try:
        keys, seeds = plan.digests()
        found, counts = known(store, keys)
        resumed = int(found.sum())
        if resumed:
            log.info("%d of %d points are on disk already", resumed, plan.size)
        if progress:
            progress(resumed, plan.size, counts)
        interrupted = False
        left = np.flatnonzero(~found)
        jobs = (Job(int(keys[i]), Point(int(seeds[i]), plan.fields(int(i)))) for i in left)
        try:
            rest = computed(store, task, jobs, len(left), most=MOST, workers=workers, scheduler=scheduler)
            with closing(rest) as finished:
                for rows in finished:
                    counts.update(row.status for row in rows)
                    if progress:
                        progress(sum(counts.values()), plan.size, counts)
        except KeyboardInterrupt:
            interrupted = True
        store.seal()
        dataset = collect(plan, metrics, store, keys, seeds)
    finally:
        store.close()
    dataset.attrs |= {"interrupted": int(interrupted), "kind": "sweep"}
    log.info("%d points in %.1f s", plan.size - resumed, time.perf_counter() - began)
    dataset = results.stamped(dataset, **record)
    results.save(dataset, output)
    return results.open_lazily(output) if output.is_file() else dataset  # a device is not read again


def known(store: Store, keys: Keys) -> tuple[NDArray[np.bool_], Counter[str]]:
    """Which points are on disk, and how many of them have each status."""
    found, counts = np.zeros(len(keys), bool), Counter[str]()
    order = np.argsort(keys, kind="stable")
    for rows in store.read():
        place, is_ours = _places(rows.keys, keys, order)
        is_new = is_ours & ~found[place]
        found[place[is_new]] = True
        counts.update(STATUS[code] for code in rows.status[is_new])
    return found, counts


def _places(some: Keys, keys: Keys, order: Places) -> tuple[Places, NDArray[np.bool_]]:
    """Index in `keys` of each of `some`, and whether it is there at all."""
    at = np.minimum(np.searchsorted(keys, some, sorter=order), len(keys) - 1)
    return order[at], keys[order[at]] == some


def collect(plan: Plan, metrics: Chosen, store: Store, keys: Keys, seeds: NDArray[np.int64]) -> xr.Dataset:
    """Put the rows together: 8 bytes for each metric of each point, and no more than a shard besides."""
    size, order = plan.size, np.argsort(keys, kind="stable")
    values = {name: np.full(size, np.nan) for name in metrics}
    status, seconds = np.zeros(size, np.int8), np.full(size, np.nan)
    message = np.full(size, "", object)
    for rows in store.read():
        place, is_ours = _places(rows.keys, keys, order)
        for k, name in enumerate(metrics):
            values[name][place[is_ours]] = rows.values[is_ours, k]
        status[place[is_ours]], seconds[place[is_ours]] = rows.status[is_ours], rows.seconds[is_ours]
        for k, text in rows.messages.items():
            if is_ours[k]:
                message[place[k]] = text
    variables: dict[str, Variable] = {}
    for name, metric in metrics.items():
        about = (metric.long_name, metric.units) if isinstance(metric, Metric) else (name, "1")
        variables[name] = _variable(plan, values[name], *about)
    variables["status"] = _variable(plan, np.array(STATUS, object)[status], "what became of the point", "1")
    variables["message"] = _variable(plan, message, "what went wrong", "1")
    variables["seconds"] = _variable(plan, seconds, "time the point took", "s")
    variables["point_seed"] = _variable(plan, seeds, "seed that repeats the point as a run", "1")
    return xr.Dataset(variables, plan.coords())


def _variable(plan: Plan, values: ArrayLike, long_name: str, units: str) -> Variable:
    return plan.dims, np.reshape(values, plan.shape), {"long_name": long_name, "units": units}
