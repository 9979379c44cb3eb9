"""Run a plan: skip what is on disk, share out the rest by joblib, write rows as they come, put them together."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from analogsim import __version__, cards
from analogsim.circuits.base import roles
from analogsim.errors import InputError, out_of_range
from analogsim.experiments import results
from analogsim.experiments.data import FIGURES
from analogsim.experiments.settings import Settings
from analogsim.experiments.setup import prepare
from analogsim.experiments.sweeps import backends
from analogsim.experiments.sweeps.axes import axis, split
from analogsim.experiments.sweeps.metrics import Chosen, Metric, Own, choose
from analogsim.experiments.sweeps.plan import Plan
from analogsim.experiments.sweeps.points import STATUS, Task, loaded, work
from analogsim.experiments.sweeps.store import Store
from analogsim.files import check_writable, expand

log = logging.getLogger("analogsim")
Progress = Callable[[int, int, Mapping[str, int]], Any]
SLICE = 0.25
"""Seconds of work in one task: long beside the cost of sending it, short beside what a kill may lose."""
MOST = 200
"""Points in one task."""
LATER = ("cli", "plots", "report", "docs")
"""Parts of the package that no number depends on."""


def sweep(
    circuit: str = "crossbar",
    over: Mapping[str, Any] | Sequence[str] | None = None,
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
    **options: Any,
) -> xr.Dataset:
    """Simulate every point of a design, in parallel, and keep what is finished whatever happens.

    Parameters
    ----------
    circuit : str
        Name of a circuit card, or the path of one.
    over : mapping or sequence of str
        Values by key: ``{"alpha": "0:1:0.1", "device.read_noise": [0, 0.01]}``, or ``["alpha=0:1:0.1", ...]``. A key is
        a field of `Settings`, ``device.…`` or ``circuit.…``; ranges are ``a:b:step`` (both ends) and ``log:a:b:n``.
    seeds : int or sequence of int, optional
        Repetitions, as a last dimension ``seed``: that many from the option ``seed`` on, or these.
    design : {"grid", "lhs", "sobol"}
        Every combination, or `points` points of a Latin hypercube or a Sobol sequence along one dimension ``point``.
    points : int, optional
    metrics : iterable of str, or mapping of str to callable, optional
        Names from `metrics.TRAINED` (figures at the end of a run; all of them if not given) and `metrics.INITIAL` (of
        the chip before training), or functions of a `Setup` that return a number. If none is of a run, none is trained.
    workers : int, optional
        Processes; all cores if not given. Each computes with one thread.
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
        Fields of `Settings` that are not swept.

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
    base = Settings(circuit=circuit, **options)
    pairs = over.items() if isinstance(over, Mapping) else [split(text) for text in over or ()]
    if isinstance(seeds, int):
        if seeds < 1:
            raise out_of_range("seeds", seeds, "seeds ≥ 1")
        seeds = range(base.seed, base.seed + seeds)
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
            point_timeout=point_timeout, progress=progress,
        ).load()  # fmt: skip


def tasks(plan: Plan) -> list[str]:
    """What the data sets of a plan are for; all but the user's own files hold classes."""
    names = next((swept.values for swept in plan.axes if swept.key == "data"), (plan.base.data,))
    found = set()
    for name in map(str, names):
        try:
            found.add(loaded(replace(plan.base, data=name)).task if name.endswith(".npz") else "classification")
        except InputError:
            if len(names) == 1 and name == plan.base.data:
                raise
            # Among others, a file that cannot be read is a row of the result.
    return sorted(found or FIGURES)


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
) -> xr.Dataset:
    """Run a plan; see `sweep`."""
    output = expand(output)
    if output.suffix != ".nc":
        raise InputError(f"{output}: a result is a NetCDF file; end its name in .nc.")
    check_writable(output)
    if workers is not None and workers < 1:
        raise out_of_range("workers", workers, "workers ≥ 1")
    if point_timeout is not None and not point_timeout > 0:
        raise out_of_range("point_timeout", point_timeout, "point_timeout > 0 seconds")
    about = manifest(plan, metrics)
    store = Store(output.with_suffix(".sweep"), about, fresh=fresh)
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
        own = None if all(isinstance(metric, Metric) for metric in metrics.values()) else metrics
        tasks = Tasks(plan, keys, seeds, left, tuple(metrics), own, point_timeout)
        try:
            for rows in backends.run(work, tasks, min(workers or backends.cores(), max(len(left), 1)), scheduler):
                store.append(rows)
                tasks.learn(rows)
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
    setup = prepare(plan.base)
    record = {"seed": plan.base.seed, "settings": asdict(plan.base), "cards": dict(setup.chip.record)}
    record |= {"words": [*plan.words(), *setup.words()], "sweep": {"design": plan.design, "dims": list(plan.dims)}}
    dataset = results.stamped(dataset, **record)
    results.save(dataset, output)
    return results.open_lazily(output) if output.is_file() else dataset  # a device is not read again


class Tasks:
    """Hands out the points that are left, in tasks of about `SLICE` seconds."""

    def __init__(
        self, plan: Plan, keys: Any, seeds: Any, left: Any, metrics: tuple[str, ...], own: Chosen | None,
        timeout: float | None,
    ) -> None:  # fmt: skip
        self.plan, self.keys, self.seeds, self.left = plan, keys, seeds, left
        self.metrics, self.own, self.timeout = metrics, own, timeout
        self.pace = SLICE

    def learn(self, rows: Sequence[Any]) -> None:
        """Follow how long a point takes."""
        self.pace += 0.3 * (sum(row.seconds for row in rows) / len(rows) - self.pace)

    def __iter__(self) -> Iterator[Task]:
        at = 0
        while at < len(self.left):
            count = int(np.clip(SLICE / max(self.pace, 1e-9), 1, MOST))
            chosen = self.left[at : at + count]
            at += count
            points = tuple((int(self.keys[i]), int(self.seeds[i]), self.plan.fields(int(i))) for i in chosen)
            yield Task(points, self.metrics, self.own, self.timeout)


def known(store: Store, keys: Any) -> tuple[Any, Counter[str]]:
    """Which points are on disk, and how many of them have each status."""
    found, counts = np.zeros(len(keys), bool), Counter[str]()
    order = np.argsort(keys, kind="stable")
    for rows in store.read():
        place, is_ours = _places(rows.keys, keys, order)
        is_new = is_ours & ~found[place]
        found[place[is_new]] = True
        counts.update(STATUS[code] for code in rows.status[is_new])
    return found, counts


def _places(some: Any, keys: Any, order: Any) -> tuple[Any, Any]:
    """Index in `keys` of each of `some`, and whether it is there at all."""
    at = np.minimum(np.searchsorted(keys, some, sorter=order), len(keys) - 1)
    return order[at], keys[order[at]] == some


def collect(plan: Plan, metrics: Chosen, store: Store, keys: Any, seeds: Any) -> xr.Dataset:
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
    variables: dict[str, Any] = {}
    for name, metric in metrics.items():
        about = (metric.long_name, metric.units) if isinstance(metric, Metric) else (name, "1")
        variables[name] = _variable(plan, values[name], *about)
    variables["status"] = _variable(plan, np.array(STATUS, object)[status], "what became of the point", "1")
    variables["message"] = _variable(plan, message, "what went wrong", "1")
    variables["seconds"] = _variable(plan, seconds, "time the point took", "s")
    variables["point_seed"] = _variable(plan, seeds, "seed that repeats the point as a run", "1")
    return xr.Dataset(variables, plan.coords())


def _variable(plan: Plan, values: Any, long_name: str, units: str) -> Any:
    return plan.dims, values.reshape(plan.shape), {"long_name": long_name, "units": units}


def manifest(plan: Plan, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """All that points must share to be mixed, besides their own content."""
    base = plan.base
    names: dict[str, set[Any]] = {"circuit": {base.circuit}, "device": {base.device}, "data": {base.data}}
    for swept in plan.axes:
        if swept.key in names:
            names[swept.key] |= set(swept.values)
    found: dict[str, Any] = {}
    for name in sorted(names["circuit"]):
        for device in names["device"] if name == base.circuit else {None}:
            found |= _cards(name, device)
    files = {name: _sha(expand(name).read_bytes()) for name in names["data"] if expand(str(name)).is_file()}
    return {
        "version": __version__,
        "code": code(),
        "packages": {name: results.packages()[name] for name in ("numpy", "scipy", "numba")},
        "metrics": [name if isinstance(metric, Metric) else _own(name, metric) for name, metric in metrics.items()],
        "cards": found,
        "data": files,
    }


def _cards(name: str, device: str | None) -> dict[str, dict[str, str]]:
    """Path and numbers of the card of a circuit, and of the cards of its parts."""
    card = cards.read("circuit", name)
    read = [card, *(cards.read("device", part) for part in roles(card, device).values())]
    return {one.path: {key: f"{entry.value} {entry.unit}" for key, entry in one.values.items()} for one in read}


def _own(name: str, metric: Any) -> str:
    """A user's metric by its name and, where there is one, its source text."""
    import inspect

    try:
        return f"{name} ({_sha(inspect.getsource(metric).encode())})"
    except (OSError, TypeError):
        return f"{name} ({getattr(metric, '__qualname__', type(metric).__qualname__)})"


@lru_cache(maxsize=1)
def code() -> str:
    """Digest of the equations: every module that numbers come from."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if not set(path.relative_to(package).with_suffix("").parts) & set(LATER):
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
