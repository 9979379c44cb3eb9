"""From points to lines: mean and standard deviation over the seeds, beside what was published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analogsim.experiments.reproduce.card import Study, Table
from analogsim.experiments.reproduce.computing import Record
from analogsim.experiments.reproduce.study_points import Point

Array = NDArray[np.float64]
FINISHED = ("done", "diverged")


@dataclass
class Line:
    """One row of a study at one combination of its axes.

    Attributes
    ----------
    seeds : list of int
        That are finished.
    statuses : list of str
        Of each of them: done or diverged.
    lacking : list of str
        What became of the others: failed or missing.
    values : dict
        Measure -> an entry for each seed; NaN where a point has none.
    series : dict
        Name -> (seed, entry); short ones are filled up with NaN.
    """

    row: str
    at: dict[str, Any]
    seeds: list[int] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    values: dict[str, Array] = field(default_factory=dict)
    series: dict[str, Array] = field(default_factory=dict)

    @property
    def computed(self) -> bool:
        """Whether a seed has a result."""
        return bool(self.seeds)

    def mean(self, measure: str) -> float:
        """Mean over the seeds; NaN if one has no number."""
        return float(np.mean(self.values[measure])) if measure in self.values else float("nan")

    def sd(self, measure: str) -> float:
        """Standard deviation over the seeds; NaN for a single one."""
        found = self.values.get(measure, np.empty(0))
        return float(np.std(found, ddof=1)) if len(found) > 1 else float("nan")

    def error(self, measure: str) -> float:
        """Standard error of the mean; 0 for a single seed, which tells nothing."""
        sd = self.sd(measure)
        return sd / np.sqrt(len(self.values[measure])) if np.isfinite(sd) else 0.0

    def words(self, *without: str | None) -> str:
        """Row and axes, but for those that are said elsewhere."""
        told = [f"{key} {shown(value)}" for key, value in self.at.items() if key not in without]
        return ", ".join(filter(None, [self.row, *told]))


def lines(points: Iterable[Point], records: Mapping[int, Record]) -> list[Line]:
    """Group the points by row and axes."""
    groups: dict[tuple[str, str], tuple[Line, list[Record]]] = {}
    for point in points:
        line, members = groups.setdefault((point.row, repr(point.at)), (Line(point.row, point.at), []))
        record = records.get(point.key)
        if record is not None and record["status"] in FINISHED:
            line.seeds.append(point.settings["seed"])
            line.statuses.append(record["status"])
            members.append(record)
        else:
            line.lacking.append(record["status"] if record else "missing")
    for line, members in groups.values():
        for name in dict.fromkeys(name for record in members for name in record["values"]):
            found = [record["values"].get(name) for record in members]
            line.values[name] = np.array([np.nan if value is None else value for value in found])
        for name in dict.fromkeys(name for record in members for name in record["series"]):
            line.series[name] = _stack([record["series"].get(name, []) for record in members])
    return [line for line, _ in groups.values()]


def _stack(entries: Iterable[list[float | None]]) -> Array:
    """One row each; short ones are filled up with NaN."""
    rows = [np.array([np.nan if value is None else value for value in entry], float) for entry in entries]
    out = np.full((len(rows), max(map(len, rows))), np.nan)
    for target, row in zip(out, rows, strict=True):
        target[: len(row)] = row
    return out


def published(study: Study, line: Line) -> Table:
    """What the paper says for this line; empty if nothing."""
    for entry in study.published:
        matches = entry.get("row", line.row) == line.row
        if matches and all(entry.get(axis, value) == value for axis, value in line.at.items()):
            return entry
    return {}


def theirs(entry: Table, measure: str) -> tuple[float, float]:
    """Published mean and standard deviation; NaN where there is none."""
    value = entry.get(measure)
    if isinstance(value, list):
        return float(value[0]), float(value[1])
    return (float(value), float("nan")) if isinstance(value, int | float) else (float("nan"), float("nan"))


def shown(value: object) -> str:
    """A setting's value in words."""
    if isinstance(value, list | tuple):
        return "-".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
