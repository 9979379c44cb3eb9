"""Pages of results: table, figure, verdicts, command, and the same for machines. Written by the program only.

``NAME.json`` holds every size and circuit that was written, ``NAME.md`` shows it all, so that a page can grow in parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np

from analogsim import cards
from analogsim.errors import InputError
from analogsim.experiments.reproduce import claims
from analogsim.experiments.reproduce.card import SIZES, Measure, Study, Table, read
from analogsim.experiments.reproduce.study import Outcome
from analogsim.experiments.reproduce.study_points import LABELS
from analogsim.experiments.reproduce.table_lines import published, shown, theirs
from analogsim.experiments.results import Stamp, stamp
from analogsim.experiments.strict_json import numbers
from analogsim.files import atomic, expand

INDEX = "README.md"
DIGITS = 6
MARK = "ritten by `analogsim reproduce"
"""In every page that this module wrote."""


class Entry(TypedDict):
    """A line of the table."""

    row: str
    at: dict[str, object]
    seeds: list[int]
    statuses: list[str]
    lacking: list[str]
    values: dict[str, list[float | None]]
    published: dict[str, str | float | list[float]]
    series: dict[str, list[list[float | None]]]


class Result(TypedDict):
    """A size of a study, on a circuit or none, as it stands in the JSON of its page."""

    label: str
    size: str
    on: str | None
    measures: dict[str, Measure]
    table: list[Entry]
    verdicts: list[dict[str, str]]
    settings: dict[str, object]
    cpu_minutes: float
    computed_by: list[str]
    stamp: Stamp
    figure: NotRequired[str]


class Page(TypedDict):
    """What a page is written from."""

    study: str
    title: str
    results: dict[str, Result]


def write(outcome: Outcome, folder: str | Path) -> Path:
    """Add an outcome to the page of its study, and bring the index up to date.

    Parameters
    ----------
    outcome : Outcome
    folder : path
        Is made if its parent is there.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If nothing is finished, the folder cannot be written, or it holds a damaged page.
    """
    from analogsim.experiments.reproduce.figure import draw

    if not any(line.computed for line in outcome.lines):
        raise InputError(f"{outcome.study.path}: nothing of it is finished, so there is no page to write.")
    folder = check(folder, outcome.study.name)
    folder.mkdir(exist_ok=True)
    study, data = outcome.study, folder / f"{outcome.study.name}.json"
    found = _load(data)["results"] if data.exists() else {}
    entry = report(outcome)
    picture = folder / f"{study.name}-{entry['label'].replace(' ', '-')}.png"
    entry["figure"] = draw(study, outcome.lines, picture, is_compared(outcome)).name
    results = sorted({**found, entry["label"]: entry}.items(), key=_rank)
    content: Page = {"study": study.name, "title": study.title, "results": dict(results)}
    _text(data, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    page = folder / f"{study.name}.md"
    _text(page, "\n".join(_page(study, content)) + "\n")
    _text(folder / INDEX, "\n".join(_index(folder)) + "\n")
    return page


def check(folder: str | Path, name: str) -> Path:
    """Return the folder, if the page of a study may be written there.

    Raises
    ------
    InputError
        If there is no such place, or pages of somebody else are in the way.
    """
    folder = expand(folder)
    if not folder.parent.is_dir():
        raise InputError(f"--write {folder}: no folder {str(folder.parent)!r}. Create it, or choose another.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--write {folder}: is no folder. Choose another.")
    for path in (folder / f"{name}.md", folder / INDEX):
        if path.is_file() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
            raise InputError(f"{path}: was not written by `analogsim reproduce`. Choose another folder for --write.")
    return folder


def report(outcome: Outcome) -> Result:
    """The outcome as JSON: table, published values, verdicts, settings, stamp."""
    study = outcome.study
    rows: list[Entry] = []
    compared = is_compared(outcome)
    for line in outcome.lines:
        entry = published(study, line) if compared else {}
        rows.append(
            {
                "row": line.row,
                "at": line.at,
                "seeds": line.seeds,
                "statuses": line.statuses,
                "lacking": line.lacking,
                "values": {key: numbers(line.values[key], DIGITS) for key in line.values if key in study.measures},
                "published": {key: entry[key] for key in study.measures if key in entry},
                "series": {
                    key: [numbers(one, DIGITS) for one in line.series[key]]
                    for key in plotted(study)
                    if key in line.series
                },
            }
        )
    seconds = [r["seconds"] for r in outcome.records.values() if np.isfinite(r["seconds"])]
    return {
        "label": " on ".join(filter(None, [outcome.size, outcome.on])),
        "size": outcome.size,
        "on": outcome.on,
        "measures": dict(study.measures),
        "table": rows,
        "verdicts": [item._asdict() for item in outcome.verdicts],
        "settings": _common([point.settings for point in outcome.points]),
        "cpu_minutes": round(sum(seconds) / 60, 1),
        "computed_by": outcome.computed_by,
        "stamp": {**stamp(), "command": command(outcome)},
    }


def is_compared(outcome: Outcome) -> bool:
    """Whether published values stand beside: a quick look and a chip compute something else than the paper did."""
    return outcome.size != "quick" and outcome.on is None


def command(outcome: Outcome) -> list[str]:
    """What gives this outcome, without the options that only say where and how fast."""
    on = ["--on", outcome.on] if outcome.on else []
    return ["analogsim", "reproduce", outcome.study.name, f"--{outcome.size}", *on]


def words(entry: Result) -> list[str]:
    """Table and verdicts of a report as Markdown."""
    return [*_table(entry), "", *_verdicts(entry["verdicts"])]


def _table(entry: Result) -> list[str]:
    measures = entry["measures"]
    used = [key for key in measures if any(key in row["values"] for row in entry["table"])]
    axes = list(dict.fromkeys(axis for row in entry["table"] for axis in row["at"]))
    compared = [key for key in used if any(key in row["published"] for row in entry["table"])]
    head = [*axes, ""]
    for key in used:
        head += [measures[key]["title"], *(["published", "difference"] if key in compared else [])]
    lines = [f"| {' | '.join(head)} | seeds |", f"|{'---|' * (len(head) + 1)}"]
    for row in entry["table"]:
        cells = [shown(row["at"].get(axis, "")) for axis in axes] + [row["row"]]
        for key in used:
            digits = measures[key]["digits"]
            found = np.array([np.nan if v is None else v for v in row["values"].get(key, [])], float)
            mean, sd = _moments(found)
            cells.append(_cell(mean, sd, digits))
            if key in compared:
                their_mean, their_sd = theirs(row["published"], key)
                told = row["published"].get(key, "")
                cells.append(told if isinstance(told, str) else _cell(their_mean, their_sd, digits))
                gap = mean - their_mean
                cells.append(f"{gap:+.{digits}g}" if np.isfinite(gap) else "")
        states = [*row["statuses"], *row["lacking"]]
        bad = {status: states.count(status) for status in dict.fromkeys(states) if status != "done"}
        told = ", ".join(f"{count} {status}" for status, count in bad.items())
        lines.append(f"| {' | '.join(cells)} | {len(row['seeds'])}{f' ({told})' if told else ''} |")
    return lines


def _verdicts(verdicts: Sequence[Mapping[str, str]]) -> list[str]:
    if not verdicts:
        return []
    lines = ["| claim | verdict | numbers | source |", "|---|---|---|---|"]
    for v in verdicts:
        cells = [v["text"], f"**{v['verdict']}**", v["detail"], v["source"]]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return lines


def _page(study: Study, content: Page) -> list[str]:
    lines = [f"# {study.title}", "", study.question, ""]
    if study.paper:
        lines += [f"Source: {study.paper}.", ""]
    lines += [f"Written by `analogsim reproduce {study.name} --write …` from `{study.path}`; do not edit.", ""]
    if study.stale:
        lines += [f"**Stale:** {study.stale}", ""]
    if study.notes:
        lines += ["## What was found and tried", "", study.notes, ""]
    for entry in content["results"].values():
        lines += [f"## {entry['label'].capitalize()}", ""]
        if entry["on"]:
            lines += [f"{study.on.get(entry['on'], {}).get('source', '')}", ""]
        lines += [*words(entry), "", f"![{study.title}, {entry['label']}]({entry['figure']})", ""]
        told = " ".join(entry["stamp"]["command"])
        versions = ", ".join(entry["computed_by"])
        lines += [
            f"`{told}`, {entry['stamp']['date'][:10]}; points computed by {versions} "
            f"in {entry['cpu_minutes']:g} minutes on one core.",
            "",
        ]
    return [*lines, "## Settings", "", *settings(study)]


def settings(study: Study) -> list[str]:
    """Every setting with its value and source, what the sizes and circuits change, and what the paper does not say."""
    lines = ["| setting | value | source |", "|---|---|---|"]
    lines += [f"| {key} | {shown(value)} | {study.sources[key]} |" for key, value in study.settings.items()]
    for row in study.rows:
        told = {key: value for key, value in row.items() if key not in (*LABELS, "on")}
        source = row.get("source", study.paper or "our choice")
        lines += [f"| {row['name']} | {_told(told)} | {source} |"] if told else []
    for name, changes in (*((f"--{size}", study.sizes[size]) for size in study.sizes), *_circuits(study)):
        told = {key: value for key, value in changes.items() if key not in (*LABELS, "drop", "sizes")}
        lines += [f"| {name} | {_told(told)} | {changes.get('source', 'our choice')} |"]
    if study.unknown:
        lines += ["", f"The paper does not say: {'; '.join(study.unknown)}."]
    return lines


def _circuits(study: Study) -> list[tuple[str, Table]]:
    return [(f"--on {name}", changes) for name, changes in study.on.items()]


def _told(changes: Table) -> str:
    """Settings in words."""
    parts = []
    for key, value in changes.items():
        if key == "grid":
            parts += [f"{axis} {', '.join(map(shown, values))}" for axis, values in value.items()]
        elif key == "rows":
            parts.append(f"rows {', '.join(value)}")
        else:
            parts.append(f"{key} {shown(value)}")
    return "; ".join(parts)


def _index(folder: Path) -> list[str]:
    lines = [
        "# Results",
        "",
        "Published tables and figures, and studies of our own, computed again by this program: one page for each card",
        "in `experiments/`, with the numbers for machines beside it. Written by `analogsim reproduce NAME --write`; do",
        "not edit.",
        "",
        "| study | computed | claims that hold | do not | open |",
        "|---|---|---|---|---|",
    ]
    for path in sorted(folder.glob("*.json")):
        content = _load(path)
        for k, entry in enumerate(content["results"].values()):
            counts = [sum(v["verdict"] == word for v in entry["verdicts"]) for word in VERDICTS]
            name = f"[{content['title']}]({content['study']}.md)" if k == 0 else ""
            lines.append(f"| {name} | {entry['label']} | {' | '.join(map(str, counts))} |")
    pending = [study for study in map(read, cards.names("experiment")) if study.pending]
    return [*lines, *(f"| {study.title} | not yet | | | |" for study in pending)]


VERDICTS = (claims.HOLDS, claims.FAILS, claims.OPEN)


def _load(path: Path) -> Page:
    try:
        found: Page = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not {"study", "title", "results"} <= found.keys():
            raise ValueError("no study, title and results")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a page of results ({error}). Remove it, or choose another folder.") from None
    return found


def _text(path: Path, content: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def _rank(item: tuple[str, Result]) -> tuple[bool, int, str]:
    """Digital before chips, the largest size first."""
    entry = item[1]
    return entry["on"] is not None, -SIZES.index(entry["size"]), entry["on"] or ""


def plotted(study: Study) -> list[str]:
    """Names of all that the figures of a study show."""
    return list(dict.fromkeys(key for figure in study.figures for key in (figure["x"], figure["y"])))


def _common(settings: list[dict[str, object]]) -> dict[str, object]:
    """Settings that all points share."""
    first = settings[0] if settings else {}
    return {key: value for key, value in first.items() if all(s.get(key) == value for s in settings)}


def _moments(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return float("nan"), float("nan")
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _cell(mean: float, sd: float, digits: int) -> str:
    if not np.isfinite(mean):
        return "–"
    return f"{mean:.{digits}g}" + (f" ± {sd:.2g}" if sd > 1e-12 * abs(mean) else "")
