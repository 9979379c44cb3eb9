"""Figures of sweeps: lines with a band over the repetitions, heat maps, phase diagrams, clouds of sampled points."""

from __future__ import annotations

import warnings
from itertools import cycle, product
from textwrap import fill
from typing import TypeVar

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from numpy.typing import ArrayLike, NDArray

from analogsim.errors import InputError, unknown
from analogsim.experiments.plots.style import COLORS, GREY, label, plain, styled

BESIDE = ("status", "message", "seconds", "point_seed")
"""Variables of a sweep that are no metric."""
MAP = "viridis"
BAD = {"diverged": "xxxx", "failed": "....", "timeout": "////", "missing": ""}
MARKERS = "osD^v<>P"
Labelled = TypeVar("Labelled", xr.DataArray, xr.Dataset)
Edges = tuple[NDArray[np.float64], NDArray[np.float64]]


def metrics(dataset: xr.Dataset) -> list[str]:
    """The metrics of a sweep."""
    return [str(name) for name in dataset.data_vars if name not in BESIDE]


def numeric(dataset: xr.Dataset, dim: str) -> bool:
    """Whether a dimension has numbers, more than one."""
    return dataset[dim].dtype.kind in "fiu" and dataset.sizes[dim] > 1


def swept(dataset: xr.Dataset) -> list[str]:
    """Swept dimensions but for the repetitions; numbers first, the longest first, those of one value left out."""
    dims = [str(dim) for dim in dataset["status"].dims if dim != "seed" and dataset.sizes[dim] > 1]
    return sorted(dims, key=lambda dim: (not numeric(dataset, dim), -dataset.sizes[dim]))


def over_seeds(values: Labelled) -> Labelled:
    """Median of the repetitions of a variable or dataset, if there are any; NaN where none has a result."""
    if "seed" not in values.dims:
        return values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy warns where there is none
        return values.median("seed", keep_attrs=True)


@styled
def lines(dataset: xr.Dataset, *, ax: Axes, metric: str | None = None, x: str | None = None) -> Axes:
    """A metric against one swept key: median and range of the repetitions, a line for each value of the other keys."""
    variable = _metric(dataset, metric)
    dims = swept(dataset)
    x = x or (dims[0] if dims else None)
    if x is None or x not in variable.dims:
        raise unknown("swept key", x, dims)
    others = [dim for dim in dims if dim != x]
    lengths = [dataset.sizes[dim] for dim in others]
    if np.prod(lengths, initial=1) > len(COLORS) * 2:
        raise InputError(
            f"{' × '.join(map(str, lengths))} lines are too many to tell apart; pick some with .sel(...) or .isel(...)."
        )
    styles = cycle(zip(COLORS * 2, ["-"] * len(COLORS) + ["--"] * len(COLORS), MARKERS * 2, strict=False))
    places = np.arange(dataset.sizes[x]) if not numeric(dataset, x) else dataset[x].values
    for values, (color, line, marker) in zip(product(*(dataset[dim].values for dim in others)), styles, strict=False):
        part = variable.sel(dict(zip(others, values, strict=True))).squeeze(
            [dim for dim in variable.dims if dim not in (x, "seed", *others)], drop=True
        )
        name = ", ".join(f"{plain(dim)} = {_short(value)}" for dim, value in zip(others, values, strict=True))
        if "seed" in part.dims:
            low, part, high = part.min("seed"), over_seeds(part), part.max("seed")
            if numeric(dataset, x):
                ax.fill_between(places, low, high, color=color, alpha=0.2, linewidth=0)
            else:
                ax.vlines(places, low, high, color=color, alpha=0.5, linewidth=1)
        shown = line if numeric(dataset, x) else "none"
        ax.plot(places, part, linestyle=shown, color=color, marker=marker, label=name or None)
    _along(ax, dataset, x, places)
    ax.set_ylabel(_wrapped(variable))
    if others:
        ax.legend(loc="best", ncols=1 + (np.prod(lengths) > 4))
    if "seed" in variable.dims and variable.sizes["seed"] > 1:
        ax.set_title(f"median and range of {variable.sizes['seed']} seeds", loc="right", fontsize=7, color=GREY)
    return ax


@styled
def heatmap(dataset: xr.Dataset, *, ax: Axes, metric: str | None = None) -> Axes:
    """A metric over two swept keys, the median of the repetitions; points without a result stay grey."""
    variable, x, y = _plane(dataset, metric)
    mesh = ax.pcolormesh(*_edges(ax, dataset, x, y), variable.transpose(y, x).values, cmap=MAP, rasterized=True)
    ax.set_facecolor("0.85")
    ax.figure.colorbar(mesh, ax=ax, label=_wrapped(variable))
    return ax


@styled
def phase(dataset: xr.Dataset, *, ax: Axes, metric: str | None = None) -> Axes:
    """Where it works: a heat map, points that diverged or failed hatched, and the predicted edge of stability.

    The edge is where the sweep's ``spectral_abscissa`` is zero, if that was recorded.
    """
    heatmap(dataset, ax=ax, metric=metric)
    _, x, y = _plane(dataset, metric)
    edges = _edges(ax, dataset, x, y)
    handles: list[Artist] = []
    status = _squeezed(dataset["status"], x, y)
    for word, hatch in BAD.items():
        bad = (status == word).astype(float)
        of_seeds = bad.mean("seed") if "seed" in bad.dims else bad
        share = of_seeds.transpose(y, x).values
        if (share >= 0.5).any():
            handles.append(Patch(facecolor="0.9", edgecolor="0.35", hatch=hatch, linewidth=0, label=word))
            _hatch(ax, edges, share, hatch)
    if "spectral_abscissa" in dataset and min(dataset.sizes[x], dataset.sizes[y]) > 1:
        abscissa = over_seeds(_squeezed(dataset["spectral_abscissa"], x, y)).transpose(y, x).values
        if np.nanmin(abscissa) < 0 < np.nanmax(abscissa):
            ax.contour(dataset[x].values, dataset[y].values, abscissa, levels=[0.0], colors="k", linewidths=1.4)
            handles.append(ax.plot([], [], "k-", label="predicted edge")[0])
    if handles:
        ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(handles), borderaxespad=0.2)
    return ax


@styled
def cloud(dataset: xr.Dataset, *, ax: Axes, metric: str | None = None, x: str | None = None) -> Axes:
    """The points of a sampled design: a metric against one key, or two keys with the metric as colour."""
    variable = _metric(dataset, metric)
    if "point" not in dataset.dims:
        raise InputError("a cloud shows a sampled design; this sweep is a grid.")
    variable = over_seeds(variable)
    keys = [str(name) for name, coord in dataset.coords.items() if coord.dims == ("point",)]
    if x is not None and x not in keys:
        raise unknown("swept key", x, keys)
    numbers = [key for key in keys if dataset[key].dtype.kind in "fiu"]
    if x or len(numbers) < 2:
        x = x or keys[0]
        ax.plot(dataset[x].values, variable.values, "o", markersize=2.5, alpha=0.7)
        ax.set(xlabel=_label(dataset, x), ylabel=_wrapped(variable))
        if dataset[x].attrs.get("spacing") == "log":
            ax.set_xscale("log")
        return ax
    x, y = numbers[:2]
    shown = ax.scatter(dataset[x], dataset[y], c=variable, s=14, cmap=MAP, linewidths=0)
    missing = np.isnan(variable.values)
    ax.plot(dataset[x][missing], dataset[y][missing], "x", color=GREY, markersize=4)
    ax.set(xlabel=_label(dataset, x), ylabel=_label(dataset, y))
    for dim, scale in ((x, ax.set_xscale), (y, ax.set_yscale)):
        if dataset[dim].attrs.get("spacing") == "log":
            scale("log")
    ax.figure.colorbar(shown, ax=ax, label=_wrapped(variable))
    return ax


def _metric(dataset: xr.Dataset, metric: str | None) -> xr.DataArray:
    known = metrics(dataset)
    if metric is None:
        metric = next(name for name in known if name != "spectral_abscissa" or len(known) == 1)
    if metric not in known:
        raise unknown("metric", metric, known)
    variable = dataset[metric]
    return variable.where(np.isfinite(variable)).assign_attrs(variable.attrs)


def _plane(dataset: xr.Dataset, metric: str | None) -> tuple[xr.DataArray, str, str]:
    dims = swept(dataset)
    if len(dims) != 2 or not all(numeric(dataset, dim) for dim in dims):
        raise InputError(
            f"a heat map needs two swept keys with numbers; there are {dims}. "
            "Pick one value of the others with .sel(...)."
        )
    variable = _squeezed(_metric(dataset, metric), *dims)
    variable = over_seeds(variable)
    return variable, dims[0], dims[1]


def _squeezed(variable: xr.DataArray, *keep: str) -> xr.DataArray:
    return variable.squeeze([dim for dim in variable.dims if dim not in (*keep, "seed")], drop=True)


def _is_log(dataset: xr.Dataset, dim: str) -> bool:
    return bool(dataset[dim].attrs.get("spacing") == "log")


def _edges(ax: Axes, dataset: xr.Dataset, x: str, y: str) -> Edges:
    """Edges between the cells of a plane; sets scales and labels."""
    found = []
    for dim, scale, name in ((x, ax.set_xscale, ax.set_xlabel), (y, ax.set_yscale, ax.set_ylabel)):
        values = dataset[dim].values.astype(float)
        if _is_log(dataset, dim):
            scale("log")
            values = np.log(values)
        middle = (values[1:] + values[:-1]) / 2
        edges = np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])
        found.append(np.exp(edges) if _is_log(dataset, dim) else edges)
        name(_label(dataset, dim))
    return found[0], found[1]


def _hatch(ax: Axes, edges: Edges, share: NDArray[np.float64], hatch: str) -> None:
    """Hatch the cells where most repetitions had a bad end."""
    across, up = edges
    for j, i in np.argwhere(share >= 0.5):
        corner, size = (across[i], up[j]), (across[i + 1] - across[i], up[j + 1] - up[j])
        ax.add_patch(Rectangle(corner, *size, facecolor="none", edgecolor="0.35", hatch=hatch, linewidth=0))


def _along(ax: Axes, dataset: xr.Dataset, x: str, places: ArrayLike) -> None:
    ax.set_xlabel(_label(dataset, x))
    if not numeric(dataset, x):
        ax.set_xticks(
            places, [_short(value) for value in dataset[x].values], rotation=30 if dataset.sizes[x] > 4 else 0
        )
        ax.margins(x=0.15)
    elif _is_log(dataset, x):
        ax.set_xscale("log")


def _label(dataset: xr.Dataset, dim: str) -> str:
    """The meaning of a swept key with its unit, cut to fit; the key itself where the meaning is long."""
    text = label(dataset[dim])
    return text if len(text) <= 45 else label(dataset[dim].assign_attrs(long_name=dim))


def _wrapped(variable: xr.DataArray) -> str:
    """The label of a metric on as many lines as fit the height of a figure."""
    return fill(label(variable), 32)


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else plain(value)
