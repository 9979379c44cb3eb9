"""A study card: ``experiments/NAME.toml``, read and checked. It holds data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from analogsim import cards
from analogsim.errors import InputError, unknown
from analogsim.experiments.reproduce import card_types

SIZES = ("quick", "medium", "full")
TEXTS = ("title", "question", "kind", "paper", "notes", "status", "stale")
TOP = (
    *TEXTS, "cite", "unknown", "settings", "row", "grid", "sizes", "on", "measures", "published", "claim", "figure",
)  # fmt: skip
CLAIMS = {
    "order": ("of", "measure", "resolution"),
    "ratio": ("of", "to", "measure", "at_least", "at_most"),
    "difference": ("of", "to", "measure", "at_least", "at_most"),
    "value": ("of", "measure", "at_least", "at_most"),
    "fails": ("of",),
    "works": ("of",),
}
"""Kinds of claims and the keys of each; see `analogsim.experiments.reproduce.claims`."""
SELECTING: tuple[Literal["of"], Literal["to"]] = ("of", "to")
COMMON = ("text", "kind", "source", "each", "needs", "on")


Table = Mapping[str, Any]
"""Settings by key, as they stand in a card."""


class Claim(TypedDict, total=False):
    """What is claimed; which keys a kind takes says `CLAIMS`."""

    text: str
    kind: str
    of: str | Table | list[str | Table]
    to: str | Table | list[str | Table]
    measure: str
    resolution: float
    at_least: float
    at_most: float
    source: str
    each: list[str]
    needs: str
    on: str


class Measure(TypedDict):
    """A column of the table."""

    title: str
    digits: int


class Figure(TypedDict, total=False):
    """A panel: what is drawn over what, of which lines."""

    x: str
    y: str
    rows: list[str]
    where: Mapping[str, list[object]]
    split: str
    reference: str
    log: bool
    log_x: bool
    limits: tuple[float, float]
    label: str
    axis: str
    title: str
    legend: bool


@dataclass(frozen=True)
class Study:
    """What a card says.

    Attributes
    ----------
    name, path, title, question, paper : str
        What stands at the head of the page.
    cite : tuple of str
        Keys of the sources in ``references.bib``.
    notes : str
        What our computation does otherwise.
    status : str
        "not yet" for what this version cannot compute.
    stale : str
        Why numbers on the page are no longer what this version computes; empty if they are.
    unknown : tuple of str
        What the paper does not say.
    kind : str
        What a point computes, of `analogsim.register.experiment`.
    settings : mapping
        Key -> value, for all points.
    sources : mapping
        Key -> where the value is from.
    rows : list of mappings
        Lines of the table; each has a ``name`` and the settings that make it.
    grid : mapping
        Setting -> values; every row is computed at each combination.
    sizes : mapping
        quick, medium and full -> settings that differ, with ``seeds`` and, where a size leaves rows out, ``rows``.
    on : mapping
        Circuit -> settings that move the study onto it; ``kind``, ``rows`` and ``sizes`` may stand beside.
    measures : mapping
        Column of the table -> its heading; ``digits`` for how it is printed.
    published, claims, figures : list of mappings
    """

    name: str
    path: str
    title: str
    question: str
    kind: str = ""
    paper: str = ""
    cite: tuple[str, ...] = ()
    notes: str = ""
    status: str = ""
    stale: str = ""
    unknown: tuple[str, ...] = ()
    settings: Table = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Table, ...] = ()
    grid: Mapping[str, list[object]] = field(default_factory=dict)
    sizes: Mapping[str, Table] = field(default_factory=dict)
    on: Mapping[str, Table] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    published: tuple[Table, ...] = ()
    claims: tuple[Claim, ...] = ()
    figures: tuple[Figure, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether the card only says what is still to be done."""
        return self.status == "not yet"


def read(name: str) -> Study:
    """Read the card of a study: a built-in name, or a path that ends in ``.toml``.

    Parameters
    ----------
    name : str

    Raises
    ------
    InputError
        If it is missing, no TOML, or a key is missing, unknown or of the wrong kind.
    """
    content, path, _ = cards.toml("experiment", name)
    for key in content:
        if key not in TOP:
            raise unknown("key", key, TOP, where=path)
    card_types.check(content, path)
    for key in ("title", "question"):
        if not str(content.get(key, "")).strip():
            raise InputError(f"{path}: {key!r} is missing; a study has a title and a question.")
    found: dict[str, Any] = {key: str(content[key]).strip() for key in TEXTS if key in content}
    found |= {key: tuple(content.get(key, ())) for key in ("cite", "unknown", "published")}
    settings, sources = {}, {}
    for key, entry in content.get("settings", {}).items():
        if not isinstance(entry, dict) or "value" not in entry or not str(entry.get("source", "")).strip():
            raise InputError(f'{path}: settings.{key} needs {{ value = …, source = "…" }}; "our choice" is a source.')
        settings[key], sources[key] = entry["value"], str(entry["source"])
    rows = tuple(content.get("row", ({"name": ""},)))
    for row in rows:
        if "name" not in row:
            raise InputError(f"{path}: a [[row]] has no name.")
    study = Study(
        name=path.rsplit("/", 1)[-1].removesuffix(".toml"),
        path=path,
        settings=settings,
        sources=sources,
        rows=rows,
        grid=content.get("grid", {}),
        sizes=content.get("sizes", {}),
        on=content.get("on", {}),
        measures={key: _measure(path, key, entry) for key, entry in content.get("measures", {}).items()},
        claims=tuple(_claim(path, item) for item in content.get("claim", ())),
        figures=tuple(content.get("figure", ())),
        **found,
    )
    _check(study)
    return study


def _measure(path: str, key: str, entry: object) -> Measure:
    if isinstance(entry, str):
        return {"title": entry, "digits": 3}
    if not isinstance(entry, dict) or "title" not in entry:
        raise InputError(f"{path}: measures.{key} = {entry!r}; expected a heading, or {{ title = …, digits = … }}.")
    return {"digits": 3, "title": str(entry["title"]), **entry}


def _claim(path: str, item: Claim) -> Claim:
    where = f"{path}: claim {item.get('text', '')!r}"
    for key in ("text", "kind", "of"):
        if key not in item:
            raise InputError(f"{where} has no {key}.")
    if item["kind"] not in CLAIMS:
        raise unknown("kind of claim", item["kind"], CLAIMS, where=where)
    allowed = (*COMMON, *CLAIMS[item["kind"]])
    for key in item:
        if key not in allowed:
            raise unknown("entry", key, allowed, where=where)
    return item


def _check(study: Study) -> None:
    """Names that refer to each other must fit."""
    if study.pending:
        return
    names = [row["name"] for row in study.rows]
    if len(set(names)) < len(names):
        raise InputError(f"{study.path}: two rows have the same name.")
    for size in study.sizes:
        if size not in SIZES:
            raise unknown("size", size, SIZES, where=study.path)
    if not study.kind or not study.measures:
        raise InputError(f"{study.path}: a study has a kind of computation and a table [measures].")
    chosen = [rows for part in (*study.sizes.values(), *study.on.values()) for rows in part.get("rows", ())]
    for claim in study.claims:
        if claim.get("needs", "quick") not in SIZES:
            raise unknown("size", claim["needs"], SIZES, where=f"{study.path}: claim {claim['text']!r}")
        if "measure" in claim and claim["measure"] not in study.measures:
            raise unknown("measure", claim["measure"], study.measures, where=f"{study.path}: claim {claim['text']!r}")
        for selection in selections(claim):
            chosen += [selection["row"]] if "row" in selection else []
            for axis in selection:
                if axis != "row" and axis not in study.grid:
                    raise unknown("axis", axis, ("row", *study.grid), where=f"{study.path}: claim {claim['text']!r}")
    chosen += [entry["row"] for entry in study.published if "row" in entry]
    for name in chosen:
        if name not in names:
            raise unknown("row", name, names, where=study.path)


def selections(claim: Claim) -> list[Table]:
    """Every selection of a claim: a row's name, or a table of row and axis values."""
    return [selection for key in SELECTING if key in claim for selection in selected(claim, key)]


def selected(claim: Claim, key: Literal["of", "to"] = "of") -> list[Table]:
    """The selections of one key."""
    items = claim[key] if isinstance(claim[key], list) else [claim[key]]
    return [item if isinstance(item, dict) else {"row": item} for item in items]
