"""Points computed in parallel and kept: one small file each, written whole when the point is finished.

A file is named by the content of the point's settings, so that a study that was stopped goes on where it was, two sizes
or circuits of a study share a folder, and a card may be edited without losing the points that are still in it.
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from analogsim import __version__
from analogsim.errors import InputError
from analogsim.experiments.reproduce import kinds
from analogsim.experiments.reproduce.kinds import load
from analogsim.experiments.reproduce.study_points import Point, digest
from analogsim.experiments.results import commit, packages
from analogsim.experiments.sweeps import backends
from analogsim.experiments.sweeps.imports import code
from analogsim.files import atomic
from analogsim.text import visible

Record = dict[str, Any]
"""kind, settings, status, message, values, series, seconds, version, code, commit, date."""

RECORDED = {"status", "message", "values", "series", "seconds", "version"}

CONTINUED = ("epochs",)
"""Settings by which a longer run continues a shorter one: they are not in the name of its checkpoint."""


def run(
    points: Sequence[Point],
    folder: str | Path,
    *,
    workers: int | None = None,
    fresh: bool = False,
    verbose: bool = False,
    progress: Callable[[int, int, Mapping[str, int]], None] | None = None,
) -> dict[str, Record]:
    """Compute the points that are not there yet.

    Parameters
    ----------
    points : sequence of Point
    folder : path
        Made if need be.
    workers : int, optional
        Processes, one thread each; all cores if not given.
    fresh : bool
        Compute everything again.
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
    folder = Path(folder)
    try:
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot write there ({error.strerror}). Choose another --output.") from None
    wanted = {point.key: point for point in points}
    found = {} if fresh else there(points, folder)
    if any(record.get("code") != made_by() for record in found.values()):
        raise InputError(
            f"{folder} holds points of this study that other code computed, which do not mix with new ones. Compute "
            "them again with --fresh, or choose another --output; --judge judges what is there."
        )
    if fresh:
        for point in wanted.values():
            for path in (folder / "checkpoints").glob(f"{_checkpoint(point)}*"):
                path.unlink()
    left = [point for key, point in wanted.items() if key not in found]
    counts: dict[str, int] = {}

    def note(record: Record) -> None:
        counts[record["status"]] = counts.get(record["status"], 0) + 1
        if progress:
            progress(sum(counts.values()), len(wanted), counts)

    for record in found.values():
        note(record)
    number = min(workers or backends.cores(), max(1, len(left)))
    for key, record in _compute(left, folder, number, verbose):
        found[key] = record
        note(record)
    return found


def made_by() -> str:
    """Digest of the code and the packages that points are computed with."""
    versions = packages()
    return " ".join([code(kinds.__name__), *(f"{name} {versions[name]}" for name in ("numpy", "scipy", "numba"))])


def there(points: Sequence[Point], folder: str | Path) -> dict[str, Record]:
    """Records of the points that are finished."""
    keys = {point.key for point in points}
    return {key: record for key in keys if (record := _read(Path(folder) / f"{key}.json")) is not None}


def _compute(points: list[Point], folder: Path, workers: int, verbose: bool) -> Iterator[tuple[str, Record]]:
    work = partial(_work, folder=folder, verbose=verbose)
    with closing(backends.run(work, ([point] for point in points), workers, _lost)) as finished:
        for rows in finished:
            yield from rows


def _work(points: Sequence[Point], folder: Path, verbose: bool) -> Iterator[tuple[str, Record]]:
    yield from (one(point, folder, verbose) for point in points)


def _lost(point: Point, why: str) -> tuple[str, Record]:
    return point.key, _record(point) | {"status": "failed", "message": why}


def _record(point: Point) -> Record:
    return {"kind": point.kind, "settings": point.settings, "message": "", "values": {}, "series": {}}


def one(point: Point, folder: Path, verbose: bool = False) -> tuple[str, Record]:
    """Compute one point and write its file; what goes wrong in it is a record without numbers, and no file."""
    from threadpoolctl import threadpool_limits

    began = time.perf_counter()

    def tell(text: str) -> None:
        if verbose:
            print(visible(f"{datetime.now():%H:%M:%S} {point.words()}: {text}"), file=sys.stderr, flush=True)

    record = _record(point)
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = load(point.kind)(point.settings, folder / "checkpoints" / _checkpoint(point), tell)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        message = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
        return point.key, record | {"status": "failed", "message": message}
    record |= {
        "status": found.status,
        "values": {key: _number(value) for key, value in found.values.items()},
        "series": {key: [_number(value) for value in values] for key, values in found.series.items()},
        "seconds": round(time.perf_counter() - began, 1),
        "version": __version__,
        "code": made_by(),
        **commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with atomic(folder / f"{point.key}.json") as temporary:
        temporary.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    tell(f"{record['status']} after {record['seconds']:.0f} s")
    return point.key, record


def _checkpoint(point: Point) -> str:
    settings = {key: value for key, value in point.settings.items() if key not in CONTINUED}
    return digest({"kind": point.kind, "code": made_by(), **settings})


def _read(path: Path) -> Record | None:
    """A finished point; None if it is missing, or damaged and so to be computed again."""
    try:
        record: Record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.keys() >= RECORDED else None


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(f"{value:.9g}") if math.isfinite(value) else None
