"""Figures of a study: a measure by row, over an axis, or over the epochs, published values beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from analogsim.experiments.plots.style import COLORS, GREY, STYLE, plain, save
from analogsim.experiments.reproduce.card import Figure, Study
from analogsim.experiments.reproduce.table_lines import Line, published, shown, theirs

MARKS = "os^vDP*X<>"
PAGE_DPI = 110
"""Of pictures that are kept beside the pages: small files."""
TICKS = 7
"""Up to so many values of a logarithmic axis are ticks themselves."""
Dashes = Literal["-", "--", ":", "-."]
LINES: tuple[Dashes, ...] = ("-", "--", ":", "-.")


def draw(study: Study, lines: Sequence[Line], path: str | Path, compared: bool = True) -> Path:
    """Draw the panels of the card, one for each value of ``split``, and write them as one figure.

    What was published stands beside ours if they are `compared`.
    """
    panels: list[tuple[Figure, str, list[Line]]] = []
    by_row: Figure = {"x": "row", "y": next(iter(study.measures))}
    for figure in study.figures or (by_row,):
        chosen = [line for line in lines if _fits(line, figure)]
        split = figure.get("split")
        values = dict.fromkeys(shown(line.at.get(split)) for line in chosen) if split else [""]
        for value in values:
            part = [line for line in chosen if not split or shown(line.at.get(split)) == value]
            # A circuit and a digital rule do not measure the same.
            if any(figure["y"] in known for line in part for known in (line.values, line.series)):
                panels.append((figure, value, part))
    columns = 2 if len(panels) == 4 else min(3, len(panels))
    rows = -(-len(panels) // columns)
    with plt.rc_context(STYLE):
        height = 2.5 + max(_room(figure, part) for figure, _, part in panels)
        made, axes = plt.subplots(rows, columns, figsize=(3.0 * columns + 0.4, height * rows), squeeze=False)
        for ax, (figure, value, part) in zip(axes.flat, panels, strict=False):
            _panel(ax, study if compared else replace(study, published=()), figure, part)
            _reference(ax, figure, [line for line in lines if line.row == figure.get("reference")])
            if len(ax.get_legend_handles_labels()[1]) > 1 and figure.get("legend", True):
                # Curves may run behind it where there is no free corner.
                ax.legend(loc="best", frameon=True, facecolor="white", edgecolor="none", framealpha=0.8)
            ax.set_title(plain(" ".join(filter(None, [figure.get("title", ""), value]))))
        for ax in axes.flat[len(panels) :]:
            ax.axis("off")
        return save(made, path, dpi=PAGE_DPI)


def _room(figure: Figure, lines: Sequence[Line]) -> float:
    """Inches that the names of rows take below a panel, beyond a short one's."""
    longest = max(map(len, _names(lines, figure.get("split")))) if figure["x"] == "row" else 0
    return 0.06 * max(0, longest - 12)


def _names(lines: Sequence[Line], split: str | None) -> list[str]:
    """Rows with the axes in which they differ."""
    alike = [axis for axis in lines[0].at if len({shown(line.at.get(axis)) for line in lines}) == 1]
    return [line.words(split, *(alike if len(lines) > 1 else ())) for line in lines]


def _fits(line: Line, figure: Figure) -> bool:
    """Whether a panel's ``rows`` and ``where`` choose the line."""
    where = figure.get("where", {})
    return line.row in figure.get("rows", [line.row]) and all(
        shown(line.at.get(axis)) in map(shown, values) for axis, values in where.items()
    )


def _reference(ax: Axes, figure: Figure, lines: Sequence[Line]) -> None:
    """A level line, with its standard deviation as a band."""
    for line in lines:
        mean, sd = line.mean(figure["y"]), line.sd(figure["y"])
        ax.axhline(mean, color=GREY, linewidth=0.8, linestyle="--", label=plain(line.row), zorder=0)
        if np.isfinite(sd):
            ax.axhspan(mean - sd, mean + sd, color=GREY, alpha=0.2, linewidth=0, zorder=0)


def _panel(ax: Axes, study: Study, figure: Figure, lines: Sequence[Line]) -> None:
    x, y = figure["x"], figure["y"]
    heading = study.measures.get(y, {"title": y})["title"]
    if x == "row":
        _by_row(ax, study, y, lines, figure.get("split"))
    elif x in study.grid or any(x in line.at for line in lines):
        _over_axis(ax, x, y, lines, figure)
    else:
        _over_series(ax, x, y, lines, figure)
    ax.set_ylabel(plain(figure.get("label", heading)))
    if figure.get("log"):
        ax.set_yscale("log")
    if "limits" in figure:
        low, high = figure["limits"]
        points = np.concatenate([np.ravel(line.get_ydata()) for line in ax.lines]) if ax.lines else np.empty(0)
        # Of a smaller size, most points may lie elsewhere.
        if np.mean((points >= low) & (points <= high)) >= 0.5:
            ax.set_ylim(low, high)


def _by_row(ax: Axes, study: Study, y: str, lines: Sequence[Line], split: str | None) -> None:
    """Ours filled, theirs hollow, both with standard deviations."""
    names, any_theirs = _names(lines, split), False
    for k, line in enumerate(lines):
        mean, sd = line.mean(y), line.sd(y)
        ax.errorbar(k - 0.1, mean, yerr=sd if np.isfinite(sd) else None, color=COLORS[0], marker="o", linestyle="")
        published_mean, published_sd = theirs(published(study, line), y)
        if np.isfinite(published_mean):
            error = published_sd if np.isfinite(published_sd) else None
            ax.errorbar(k + 0.1, published_mean, yerr=error, color=GREY, marker="s", mfc="none", linestyle="")
            any_theirs = True
    ax.set_xticks(range(len(names)), list(map(plain, names)), rotation=60, ha="right", rotation_mode="anchor")
    if any_theirs:
        ax.plot([], [], "o", color=COLORS[0], label="here")
        ax.plot([], [], "s", color=GREY, mfc="none", label="published")


def _over_axis(ax: Axes, x: str, y: str, lines: Sequence[Line], figure: Figure) -> None:
    """A line for each row, and for each value of the other axes."""
    groups: dict[str, list[Line]] = {}
    rows = list(dict.fromkeys(line.row for line in lines))
    for line in sorted(lines, key=lambda line: (rows.index(line.row), _numbers(line))):
        if x in line.at:
            groups.setdefault(_name(line, lines, x, figure.get("split")), []).append(line)
    marks = cycle(MARKS)
    for k, (name, members) in enumerate(groups.items()):
        numbers = all(isinstance(line.at[x], int | float) for line in members)
        at = [line.at[x] if numbers else plain(shown(line.at[x])) for line in members]
        means, sds = ([getattr(line, what)(y) for line in members] for what in ("mean", "sd"))
        error = np.nan_to_num(sds) if np.isfinite(sds).any() else None
        ax.errorbar(at, means, yerr=error, marker=next(marks), label=plain(name), color=color(k), linestyle=dashes(k))
    ax.set_xlabel(plain(figure.get("axis", x)))
    if figure.get("log_x"):
        ax.set_xscale("log")
        values = sorted({line.at[x] for line in lines if x in line.at})
        if len(values) <= TICKS:
            ax.set_xticks(values, [plain(shown(value)) for value in values])
            ax.minorticks_off()


def color(k: int) -> str:
    """Of the k-th line."""
    return COLORS[k % len(COLORS)]


def dashes(k: int) -> Dashes:
    """Of the k-th line: the same until the colours are used up."""
    return LINES[k // len(COLORS) % len(LINES)]


def _numbers(line: Line) -> list[float]:
    return [value for value in line.at.values() if isinstance(value, int | float)]


def _over_series(ax: Axes, x: str, y: str, lines: Sequence[Line], figure: Figure) -> None:
    """A series of each line, mean over the seeds with its standard deviation as a band."""
    for k, line in enumerate(lines):
        if y not in line.series:
            continue
        found = line.series[y]
        mean, steps = found.mean(0), line.series[x].mean(0) if x in line.series else np.arange(1, found.shape[1] + 1)
        ax.plot(steps, mean, label=plain(_name(line, lines, figure.get("split"))), color=color(k), linestyle=dashes(k))
        if len(found) > 1:
            sd = found.std(0, ddof=1)
            ax.fill_between(steps, mean - sd, mean + sd, color=color(k), alpha=0.2, linewidth=0)
    ax.set_xlabel(plain(figure.get("axis", x)))
    if figure.get("log_x"):
        ax.set_xscale("log")


def _name(line: Line, among: Sequence[Line], *without: str | None) -> str:
    """What tells a line from the others: its row, if there are several, and its axes, short."""
    told = [] if len({other.row for other in among}) == 1 and len(among) > 1 else [line.row]
    for axis, value in line.at.items():
        if axis not in without and len({shown(other.at.get(axis)) for other in among}) > 1:
            told.append(f"{axis.rsplit('.', 1)[-1].replace('_', ' ')} {shown(value)}")
    return ", ".join(told) or line.row
