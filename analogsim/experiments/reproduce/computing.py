"""The points of a study, in parallel and kept: those of all its sizes and circuits share a folder.

A point is known by the content of its settings, so that a study that was stopped goes on where it was, and a card may
be edited without losing the points that are still in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypedDict

from analogsim import __version__
from analogsim.errors import InputError
from analogsim.experiments.jobs import manifest
from analogsim.experiments.jobs.dispatch import checked
from analogsim.experiments.jobs.dispatch import computed as run_jobs
from analogsim.experiments.jobs.imports import sha
from analogsim.experiments.jobs.manifest import Manifest, made_with
from analogsim.experiments.jobs.points import Job, Row, Task
from analogsim.experiments.jobs.store import Rows, Store
from analogsim.experiments.jobs.store import read as read_rows
from analogsim.experiments.reproduce.one_point import checkpoint, computed, made_of_kind
from analogsim.experiments.reproduce.study_points import Point
from analogsim.experiments.results import commit
from analogsim.experiments.strict_json import number, numbers
from analogsim.experiments.sweeps.identity import manifest as manifest_of
from analogsim.experiments.sweeps.plan import Plan
from analogsim.files import expand
from analogsim.settings.record import Settings

COMPUTED = f"{computed.__module__}:{computed.__name__}"
CHECKPOINTS = "checkpoints"
KEPT = ("done", "diverged")
"""What is not computed again."""


class Record(TypedDict):
    """What became of a point."""

    status: str
    message: str
    values: dict[str, float | None]
    """NaN is None."""
    series: dict[str, list[float | None]]
    seconds: float


def run(
    points: Sequence[Point],
    folder: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    verbose: bool = False,
    progress: Callable[[int, int, Mapping[str, int]], None] | None = None,
) -> dict[int, Record]:
    """Compute the points that are not there yet.

    Parameters
    ----------
    points : sequence of Point
    folder : path
        Made if need be.
    workers, scheduler : int and str, optional
        As of `analogsim.experiments.jobs.dispatch.computed`.
    fresh : bool
        Compute all of them again. What else is in the folder stays, unless other code computed it.
    verbose : bool
        Say on stderr how far each point is.
    progress : callable, optional
        Told how many of how many points are done, and what became of them.

    Returns
    -------
    dict
        Key of a point -> its record. Ctrl-C keeps what is finished and is raised again.

    Raises
    ------
    InputError
        If a setting is wrong, the folder cannot be written, or holds points of other code.
    """
    checked(workers)
    folder = Path(folder)
    wanted = {point.key: point for point in points}
    options = {"folder": folder.absolute() / CHECKPOINTS, "verbose": verbose}
    task = Task(COMPUTED, options=options, stops=(InputError,))
    store = _opened(folder, _manifest(points, task.module), fresh)
    try:
        if fresh:
            for point in wanted.values():
                for path in (folder / CHECKPOINTS).glob(f"{checkpoint(point)}*"):
                    path.unlink()
        found = {} if fresh else _records(store.read(), wanted)
        counts = Counter(record["status"] for record in found.values())

        def note() -> None:
            if progress:
                progress(sum(counts.values()), len(wanted), counts)

        note()
        left = [Job(key, point) for key, point in wanted.items() if key not in found]
        with closing(run_jobs(store, task, left, len(left), workers=workers, scheduler=scheduler)) as finished:
            for row in (row for rows in finished for row in rows):
                found[row.key] = _record(row)
                counts[row.status] += 1
                note()
    finally:
        store.close()
    return found


def there(points: Sequence[Point], folder: str | Path) -> dict[int, Record]:
    """Records of the points that are finished, whatever code computed them.

    Raises
    ------
    InputError
        If a version up to 0.1 kept them.
    """
    _refuse_old(Path(folder))
    return _records(read_rows(Path(folder)), {point.key for point in points})


def computed_by(folder: Path) -> list[str]:
    """Version and commit of all that computed the points of a folder."""
    by = (manifest.there(folder) or {}).get("by", [])
    return [str(one) for one in by] if isinstance(by, list) else []


def _opened(folder: Path, about: Manifest, fresh: bool) -> Store:
    """The store of a study, emptied if what it holds cannot stay."""
    if not fresh:
        _refuse_old(folder)
        return Store(folder, about)
    old = list(_of_old(folder))
    empty = bool(old) or not _stays(folder, about)
    made = Store(folder, about, fresh=empty)
    for path in (*old, *((folder / CHECKPOINTS).glob("*") if empty else ())):
        path.unlink()
    return made


def _stays(folder: Path, about: Manifest) -> bool:
    """Whether the rows of a folder are made with the same."""
    try:
        known = manifest.there(folder)
    except InputError:  # damaged
        return False
    return known is not None and not any(manifest.differences(known, dict(about)))


def _manifest(points: Sequence[Point], module: str) -> Manifest:
    """What the points are made with, and the cards and files that they name."""
    by = f"{__version__} {commit().get('commit', '')[:10]}".strip()
    found: Manifest = {**made_with(module), "metrics": [], "cards": {}, "files": {}, "others": {}, "by": [by]}
    for name in {str(point.settings.get("data", "")) for point in points}:
        if name and expand(name).is_file():
            found["files"][name] = sha(expand(name).read_bytes())
    for kind in {point.kind for point in points}:
        if made := made_of_kind(kind):
            found["others"][f"computation {kind}"] = made
    seen = set()
    for point in points:
        given = {key: value for key, value in point.settings.items() if key in ("circuit", "device", "data")}
        overrides = {key: value for key, value in point.settings.items() if "." in key}
        if "circuit" not in given or (content := repr((given, overrides))) in seen:
            continue
        seen.add(content)
        part = manifest_of(Plan(Settings(**given, overrides=overrides), ()), {}, module)
        found["cards"] |= part["cards"]
        found["files"] |= part["files"]
        found["others"] |= part["others"]
    return found


def _records(store: Iterator[Rows], keys: Mapping[int, Point] | set[int]) -> dict[int, Record]:
    rows = (row for rows in store for row in rows.each())
    return {row.key: _record(row) for row in rows if row.key in keys and row.status in KEPT}


def _record(row: Row) -> Record:
    more = row.more or {"values": {}, "series": {}}
    return {
        "status": row.status, "message": row.message, "seconds": row.seconds,
        "values": {key: number(value) for key, value in more["values"].items()},
        "series": {key: numbers(entries) for key, entries in more["series"].items()},
    }  # fmt: skip


def _of_old(folder: Path) -> Iterator[Path]:
    """Points of a version up to 0.1, which kept each in a file of its own."""
    return (path for path in folder.glob("*.json") if re.fullmatch(r"[0-9a-f]{20}", path.stem))


def _refuse_old(folder: Path) -> None:
    if any(_of_old(folder)):
        raise InputError(
            f"{folder} holds points of this study that other code computed, which do not mix with new ones. Compute "
            "them again with --fresh, or choose another --output; the version that computed them can --judge them."
        )
