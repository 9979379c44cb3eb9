"""A result as one page that anybody can open: words, figures, tables, cards with sources, how to repeat it."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from analogsim import __version__
from analogsim.experiments import plots, results, summary
from analogsim.experiments.plots import choice, sweeps
from analogsim.experiments.report.style_sheet import CSS
from analogsim.experiments.strict_json import strict
from analogsim.files import atomic, expand
from analogsim.text import visible

FIGURES = 8
"""Figures of one result; a sweep of many metrics shows the first."""
ROWS = 200
"""Rows of a table of points; more are summed up."""


def report(files: Iterable[str | Path], output: str | Path) -> Path:
    """Write one self-contained HTML page about some results.

    Parameters
    ----------
    files : iterable of path
        Results of run, sweep or infer.
    output : path
        The page; it needs no network, and prints.

    Raises
    ------
    InputError
        If a file is no result, or the page cannot be written.
    """
    paths = [Path(file) for file in files]
    sections = []
    for path in paths:
        dataset = results.load(path)
        with results.reading(path):
            sections.append(section(path, dataset))
    title = "analogsim: " + ", ".join(path.stem for path in paths)
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{CSS}</style></head><body><main>"
        + "\n".join(sections)
        + f"<footer>Written by analogsim {__version__}.</footer></main></body></html>\n"
    )
    with atomic(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return expand(output)


def section(path: Path, dataset: xr.Dataset) -> str:
    """Everything about one result."""
    stamp = results.read_stamp(dataset)
    parts = [f"<section><h1>{escape(path.name)}</h1>", _words(stamp.get("words", []))]
    if dataset.attrs.get("interrupted"):
        parts.append('<p class="warning">This was interrupted: it holds what was finished by then.</p>')
    parts += ["<h2>What came out</h2>", _figures(dataset), _tables(dataset)]
    parts += ["<h2>Cards</h2>", *_cards(stamp.get("cards", {}))]
    parts += ["<h2>How to repeat it</h2>", _repeat(stamp), "<h2>Stamp</h2>", _stamp(stamp), "</section>"]
    return "\n".join(parts)


def escape(value: object) -> str:
    """Text as HTML."""
    return html.escape(visible(str(value)))


def table(head: Sequence[object], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table that scrolls on its own where the page is narrow."""
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    first = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>{said}<thead><tr>{first}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f'<span class="number">{value:.4g}</span>' if np.isfinite(value) else "—"
    return linked(escape(value))


def linked(text: str) -> str:
    """DOIs and arXiv numbers in escaped text as links."""
    text = re.sub(r"(?<![/\w])(?:doi:)?(10\.\d{4,}/[^\s,;\]<&]+)", r'<a href="https://doi.org/\1">\g<0></a>', text)
    return re.sub(r"arXiv[: ](\d{4}\.\d{4,5})", r'<a href="https://arxiv.org/abs/\1">\g<0></a>', text)


def _words(lines: list[str]) -> str:
    """Lines of ``Head      text`` and their continuations as a list of definitions."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        head, text = line[:10].strip(), line[10:].strip()
        if head or not found:
            found.append((head, [text]))
        else:
            found[-1][1].append(text)
    items = "".join(
        f"<dt>{escape(head)}</dt><dd>{'<br>'.join(linked(escape(text)) for text in texts)}</dd>"
        for head, texts in found
    )
    return f"<h2>What was simulated</h2><dl>{items}</dl>"


def _figures(dataset: xr.Dataset) -> str:
    """The figures that suit the data, as images inside the page."""
    from matplotlib import pyplot as plt

    from analogsim.errors import InputError

    try:
        names = choice.suitable(dataset)
    except InputError:
        return ""
    wanted: list[tuple[str, str | None]] = []
    for name in names:
        per_metric = name in choice.OF_A_SWEEP
        wanted += [(name, metric) for metric in sweeps.metrics(dataset)] if per_metric else [(name, None)]
    shown = []
    for name, metric in wanted[:FIGURES]:
        figure = plots.draw(dataset, name, metric)
        stream = io.BytesIO()
        with plt.rc_context({**plots.STYLE, "svg.hashsalt": "analogsim", "svg.fonttype": "path"}):
            figure.savefig(stream, format="svg", metadata={"Date": None})
        plt.close(figure)
        words = dataset[metric].attrs["long_name"] if metric else name
        doc = (choice.FIGURES[name].__doc__ or "").strip().split("\n")[0]
        data = base64.b64encode(stream.getvalue()).decode()
        shown.append(
            f'<figure><img alt="{escape(words)}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{escape(f'{words}: {doc}' if metric else doc)}</figcaption></figure>"
        )
    return f'<div class="figures">{"".join(shown)}</div>'


def _tables(dataset: xr.Dataset) -> str:
    if choice.is_sweep(dataset):
        return _sweep(dataset)
    if "layer_error" in dataset:
        rows: list[tuple[object, ...]] = [
            (f"layer {int(k)}", *_three(dataset["layer_error"].sel(layer=k))) for k in dataset["layer"]
        ]
        for name in ("accuracy", "mse", "r2"):
            if name in dataset:
                rows.append((_label(dataset[name]), *_three(dataset[name])))
                rows.append((_label(dataset[f"digital_{name}"]), *[float(dataset[f"digital_{name}"])] * 3))
        return table(("", "least", "median", "greatest"), rows, "Relative error of each layer over the draws")
    if "trainer" in dataset.dims and "snapshot" in dataset.dims:
        return f'<div class="wide"><pre>{escape(summary.table(dataset))}</pre></div>'
    return ""


def _sweep(dataset: xr.Dataset) -> str:
    words, counts = np.unique(dataset["status"].values.astype(str), return_counts=True)
    said = ", ".join(f"{count} {word}" for word, count in zip(words, counts, strict=True))
    names = sweeps.metrics(dataset)
    rows = [(_label(dataset[name]), *_three(dataset[name])) for name in names]
    parts = [f"<p>{dataset['status'].size} points: {escape(said)}.</p>"]
    parts.append(table(("", "least", "median", "greatest"), rows, "Over all points"))
    dims = [str(dim) for dim in dataset["status"].dims]
    keys = [name for name in dataset.coords if name not in ("point", "seed")]
    stacked = sweeps.over_seeds(dataset[names])
    size = stacked[names[0]].size
    if size <= ROWS:
        flat = stacked.stack(row=[dim for dim in dims if dim != "seed"], create_index=False)
        points = [
            (*(strict(flat[key].values[k]) for key in keys), *(float(flat[name].values[k]) for name in names))
            for k in range(size)
        ]
        said = "Every point" + (", median of the seeds" if "seed" in dims else "")
        parts.append(table((*map(str, keys), *names), points, said))
    else:
        parts.append(f"<p>{size} points are too many for a table; they are in the file.</p>")
    messages = sorted({str(text) for text in dataset["message"].values.ravel() if text})
    if messages:
        shown = "".join(f"<li>{escape(text)}</li>" for text in messages[:20])
        parts.append(f"<p>What went wrong:</p><ul>{shown}</ul>")
    return "\n".join(parts)


def _three(values: xr.DataArray) -> tuple[float, float, float]:
    found = values.values[np.isfinite(values.values)]
    return (float(found.min()), float(np.median(found)), float(found.max())) if found.size else (np.nan,) * 3


def _label(variable: xr.DataArray) -> str:
    units = variable.attrs["units"]
    return f"{variable.attrs['long_name']}" + ("" if units == "1" else f" ({units})")


def _cards(cards: dict[str, object]) -> Iterable[str]:
    """Every card, parts of a circuit after it."""
    for card in cards.values():
        if not isinstance(card, dict):
            continue
        if "title" not in card or "values" not in card:
            yield from _cards(card)
            continue
        yield f"<h3>{escape(card['title'])} <small>{escape(card['path'])}</small></h3>"
        yield f"<p>{escape(card['description'])} Valid: {escape(card['valid'])}.</p>"
        if card["cite"]:
            yield f"<p>Sources: {', '.join(linked(escape(source)) for source in card['cite'])}</p>"
        rows = [
            (key, json.dumps(entry["value"], ensure_ascii=False).strip('"'), entry["unit"], entry["source"])
            for key, entry in card["values"].items()
        ]
        yield table(("key", "value", "unit", "source"), rows)
        yield from _cards({key: part for key, part in card.items() if key != "values"})


def _repeat(stamp: Mapping[str, Any]) -> str:
    command = shlex.join(["analogsim" if k == 0 else str(word) for k, word in enumerate(stamp["command"])])
    commit = stamp.get("commit")
    where = f" at commit {commit[:12]}{' with local edits' if stamp.get('edited') else ''}" if commit else ""
    return (
        f"<p>With analogsim {escape(stamp['version'])}{escape(where)}:</p><pre>{escape(command)}</pre>"
        "<p>The same seed gives the same bits with the same versions of the packages below.</p>"
    )


def _stamp(stamp: Mapping[str, Any]) -> str:
    rows = [(key, stamp[key]) for key in ("version", "commit", "date", "python", "platform", "seed") if key in stamp]
    rows += list(stamp.get("packages", {}).items())
    settings = json.dumps(stamp.get("settings", {}), indent=1, ensure_ascii=False)
    return (
        table(("", ""), [(key, str(value)) for key, value in rows])
        + f"<details><summary>All settings</summary><pre>{escape(settings)}</pre></details>"
    )
