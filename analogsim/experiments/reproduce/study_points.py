"""The points of a study: settings resolved from card, size, row, axes and circuit, each with a key of its content."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from analogsim.errors import InputError, out_of_range, unknown
from analogsim.experiments.jobs.points import digest
from analogsim.experiments.reproduce.card import SIZES, Study

LABELS = ("name", "source")
"""Entries of a row that are no settings."""


@dataclass(frozen=True)
class Point:
    """One computation.

    Attributes
    ----------
    row : str
    at : mapping
        Values of the axes.
    kind : str
        Name in `analogsim.experiments.reproduce.kinds.KINDS`.
    settings : mapping
        Everything that its numbers depend on but the code, the seed among it.
    """

    row: str
    at: dict[str, Any]
    kind: str
    settings: dict[str, Any]

    @property
    def key(self) -> int:
        """64 bits of kind and settings."""
        return digest({"kind": self.kind, **self.settings})[0]

    def words(self) -> str:
        """Row, axes and seed."""
        return ", ".join([self.row, *(f"{k} {v}" for k, v in self.at.items()), f"seed {self.settings['seed']}"])


def points(
    study: Study, size: str = "medium", on: str | None = None, seeds: int | None = None, rows: list[str] | None = None
) -> list[Point]:
    """All points of a study, axes outermost, then seeds, then rows.

    Settings come, later ones over earlier ones, from the card, its size, the circuit of ``on``, the circuit's size, the
    row, the row's own ``on``, and the axes. What a circuit's ``drop`` lists, the chip has no use for.

    Raises
    ------
    InputError
        If the size, the circuit or a row is unknown, or the study is still to be done.
    """
    if study.pending:
        raise InputError(f"{study.path}: not yet. {study.notes}")
    if size not in SIZES:
        raise unknown("size", size, SIZES)
    names = [row["name"] for row in study.rows]
    for name in rows or ():
        if name not in names:
            raise unknown("row", name, names, where=study.path)
    if on is not None and on not in study.on:
        told = f"it can be run on {', '.join(study.on)}" if study.on else "it has no form in hardware"
        raise InputError(f"{study.path}: --on {on}: not among the card's circuits; {told}.")
    layers: list[dict[str, Any]] = [dict(study.sizes.get(size, {}))]
    if on is not None:
        circuit = dict(study.on[on])
        sizes = circuit.pop("sizes", {})
        layers += [circuit, dict(sizes.get(size, {}))]
    merged: dict[str, Any] = dict(study.settings)
    kind, chosen, numbers, grid = study.kind, names, [0], dict(study.grid)
    dropped: list[str] = []
    for layer in layers:
        for label in LABELS:
            layer.pop(label, None)
        kind = layer.pop("kind", kind)
        chosen = layer.pop("rows", chosen)
        numbers = layer.pop("seeds", numbers)
        grid |= layer.pop("grid", {})
        dropped += layer.pop("drop", ())
        merged |= layer
    if seeds is not None:
        if seeds < 1:
            raise out_of_range("--seeds", seeds, "at least 1")
        numbers = list(range(seeds))
    found = []
    for row in study.rows:
        if row["name"] not in chosen or (rows and row["name"] not in rows):
            continue
        own = {key: value for key, value in row.items() if key not in (*LABELS, "on", "kind", "grid")}
        moved = dict(row.get("on", {})) if on is not None else {}
        axes = {key: values for key, values in {**grid, **row.get("grid", {})}.items() if key not in dropped}
        for values in product(*axes.values()):
            at = dict(zip(axes, values, strict=True))
            for seed in numbers:
                every = {**merged, **own, **moved, **at, "seed": seed}
                settings = {key: value for key, value in every.items() if key not in dropped}
                found.append(Point(row["name"], at, row.get("kind", kind) if on is None else kind, settings))
    places: dict[str, int] = {}
    for point in found:
        places.setdefault(repr(point.at), len(places))
    return sorted(found, key=lambda point: (places[repr(point.at)], numbers.index(point.settings["seed"])))
