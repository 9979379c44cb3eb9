"""A study as one labelled dataset, for Python; the command line shows the same as a table and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim.experiments import results
from analogsim.experiments.reproduce import result_page
from analogsim.experiments.reproduce.card import Study, read
from analogsim.experiments.reproduce.study import Outcome, carry_out
from analogsim.experiments.reproduce.table_lines import Array, Line, published, shown, theirs


def reproduce(
    name: str | Study,
    size: str = "medium",
    *,
    on: str | None = None,
    rows: Iterable[str] = (),
    seeds: int | None = None,
    judge: bool = False,
    write: str | Path | None = None,
    output: str | Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    progress: Callable[[int, int, Mapping[str, int]], None] | None = None,
) -> xr.Dataset:
    """Compute a published table or a study of our own, and judge its claims.

    Parameters
    ----------
    name : str or Study
        A card in ``experiments/``, or a path that ends in ``.toml``.
    size : {"quick", "medium", "full"}
        Minutes; the default; the size of the paper.
    on : str, optional
        Move the study onto this circuit, as the card says.
    rows : iterable of str
        Only these rows of the table; all if empty.
    seeds : int, optional
        Repetitions, from 0 on; the card's if not given.
    judge : bool
        Compute nothing: only judge what is finished.
    write : path, optional
        Folder in which page, figure and numbers are written.
    output : path, optional
        Folder where finished points are kept; one of the user's cache if not given.
    workers, scheduler, fresh, progress
        As in `analogsim.sweep`.

    Returns
    -------
    xarray.Dataset
        Over ``line`` (with the coordinate ``row`` and one for each axis of the study) and ``seed``: every measure of
        the table, ``status`` ("done", "diverged"; empty where there is no result), and every curve of the figures over
        ``NAME_entry``; over ``line`` what was published, ``published_NAME``. The attribute ``verdicts`` is a JSON list
        of the claims: ``text``, ``verdict``, ``detail``, ``source``.

    Raises
    ------
    InputError
        For whatever is wrong with the card or the options.
    """
    if write is not None:
        result_page.check(write, (read(name) if isinstance(name, str) else name).name)
    outcome = carry_out(
        name, size, on=on, rows=list(rows) or None, seeds=seeds, compute=not judge, output=output, workers=workers,
        scheduler=scheduler, fresh=fresh, progress=progress,
    )  # fmt: skip
    if write is not None:
        result_page.write(outcome, write)
    return dataset(outcome)


def dataset(outcome: Outcome) -> xr.Dataset:
    """The lines of an outcome, labelled; see `reproduce`."""
    study, lines = outcome.study, outcome.lines
    seeds = sorted({seed for line in lines for seed in line.seeds})
    axes = list(dict.fromkeys(axis for line in lines for axis in line.at))
    variables: dict[str, xr.DataArray] = {}
    for key, measure in study.measures.items():
        about = {"long_name": measure["title"], "units": "1"}
        if any(key in line.values for line in lines):
            found = [_by_seed(line, line.values.get(key), seeds) for line in lines]
            variables[key] = xr.DataArray(np.array(found), dims=("line", "seed"), attrs=about)
        if result_page.is_compared(outcome):
            means = [theirs(published(study, line), key)[0] for line in lines]
            if np.isfinite(means).any():
                told = {**about, "long_name": f"{measure['title']}, published"}
                variables[f"published_{key}"] = xr.DataArray(means, dims="line", attrs=told)
    for key in result_page.plotted(study):
        longest = max((line.series[key].shape[1] for line in lines if key in line.series), default=0)
        if longest:
            curves = np.array([_by_seed(line, line.series.get(key), seeds, longest) for line in lines])
            name = key if key not in variables else f"{key}_curve"
            about = {"long_name": key.replace("_", " "), "units": "1"}
            variables[name] = xr.DataArray(curves, dims=("line", "seed", f"{key}_entry"), attrs=about)
    states = [[dict(zip(line.seeds, line.statuses, strict=True)).get(seed, "") for seed in seeds] for line in lines]
    about = {"long_name": "what became of it", "units": "1"}
    status = np.array(states, object).reshape(len(lines), len(seeds))
    variables["status"] = xr.DataArray(status, dims=("line", "seed"), attrs=about)
    coordinates: dict[str, object] = {"seed": seeds, "row": ("line", [line.row for line in lines])}
    coordinates |= {axis: ("line", _labels([line.at.get(axis) for line in lines])) for axis in axes}
    found_all = xr.Dataset(variables, coordinates)
    found_all.attrs = {
        "kind": "study", "study": study.name, "title": study.title, "size": outcome.size, "on": outcome.on or "",
        "verdicts": json.dumps([item._asdict() for item in outcome.verdicts], ensure_ascii=False),
    }  # fmt: skip
    return results.stamped(found_all)


def _by_seed(line: Line, values: Array | None, seeds: list[int], *longest: int) -> Array:
    """An entry for each of `seeds`, a number or a curve of the `longest` length; NaN where the line has none."""
    out = np.full((len(seeds), *longest), np.nan)
    if values is not None:
        for seed, value in zip(line.seeds, values, strict=True):
            out[seeds.index(seed)] = np.append(value, np.full(longest[0] - len(value), np.nan)) if longest else value
    return out


def _labels(values: list[object]) -> NDArray[np.object_] | Array:
    """Numbers as numbers, all else as it is shown."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values)
    return np.array(["" if value is None else shown(value) for value in values], object)
