"""Which figures tell the story of a dataset, by its shape; and the accessor ``dataset.analogsim.plot``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analogsim.errors import InputError, unknown
from analogsim.experiments.plots import (
    inference,
    layout,
    scope,
    specification,
    stable_regions,
    sweeps,
    traces,
    write_voltages,
)
from analogsim.registry import register

FIGURES: dict[str, Callable[..., Axes]] = {
    **layout.FIGURES,
    "trace": traces.trace,
    "residual": traces.residual,
    "lines": sweeps.lines,
    "heatmap": sweeps.heatmap,
    "phase": sweeps.phase,
    "cloud": sweeps.cloud,
    "inference": inference.layer_errors,
    "stability": stable_regions.stability,
    "budget": specification.budget,
    "tolerance": specification.tolerance,
    "write-map": write_voltages.write_map,
}
PAGES: dict[str, Callable[..., Figure]] = {"overview": layout.overview, "oscilloscope": scope.oscilloscope}
"""Figures of several panels."""
OF_A_SWEEP = ("lines", "heatmap", "phase", "cloud")


def is_sweep(dataset: xr.Dataset) -> bool:
    """Whether a dataset is the result of a sweep."""
    return dataset.attrs.get("kind") == "sweep" or "point_seed" in dataset


def suitable(dataset: xr.Dataset) -> list[str]:
    """Names of the figures that suit a dataset, the most telling first.

    Parameters
    ----------
    dataset : xarray.Dataset

    Raises
    ------
    InputError
        If nothing suits.
    """
    if is_sweep(dataset):
        return [_of_sweep(dataset)]
    if dataset.attrs.get("kind") in ("budget", "tolerance"):
        return [dataset.attrs["kind"]]
    if "verdict" in dataset.data_vars:
        return ["stability"]
    if "selected_voltage" in dataset:
        return ["write-map"]
    if "layer_error" in dataset:
        return ["inference"]
    if "snapshot" in dataset.dims and "trainer" in dataset.dims:
        learning = ["accuracy"] if "test_accuracy" in dataset else ["r2", "mse"]
        return ["convergence", "lipschitz", *learning, "alignment", "transient"]
    if "time" in dataset.dims and "a_1" in dataset:
        return ["trace", *(["residual"] if "time" in dataset.get("residual", xr.DataArray()).dims else [])]
    raise InputError(
        f"no figure suits a result with the variables {', '.join(map(str, dataset.data_vars))[:120]}; "
        "it must come from run, sweep, infer or relax."
    )


def _of_sweep(dataset: xr.Dataset) -> str:
    if "point" in dataset.dims:
        return "cloud"
    dims = sweeps.swept(dataset)
    if not dims:
        raise InputError("this sweep has one point, which makes no figure; see `analogsim show`.")
    if len(dims) == 2 and all(sweeps.numeric(dataset, dim) for dim in dims):
        few = min(dataset.sizes[dim] for dim in dims) <= 3
        bad = bool(dataset["status"].isin(["diverged", "failed", "timeout"]).any())
        return "phase" if bad or "spectral_abscissa" in dataset else "lines" if few else "heatmap"
    return "lines"


def choose(dataset: xr.Dataset, *, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the most telling figure of a dataset.

    Parameters
    ----------
    dataset : xarray.Dataset
    metric : str, optional
        Of a sweep: what to show.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.
    """
    (name, *_) = suitable(dataset)
    return FIGURES[name](dataset, ax=ax, **({"metric": metric} if name in OF_A_SWEEP else {}))


def draw(dataset: xr.Dataset, name: str, metric: str | None = None) -> Figure:
    """Make one figure of a result.

    Parameters
    ----------
    dataset : xarray.Dataset
    name : str
        A figure of `suitable`.
    metric : str, optional
        Of a sweep: what to show.

    Raises
    ------
    InputError
        If there is no figure of that name, or the result lacks what it shows.
    """
    if name not in (*FIGURES, *PAGES):
        raise unknown("figure", name, (*FIGURES, *PAGES))
    open_before = plt.get_fignums()
    try:
        if name in PAGES:
            return PAGES[name](dataset)
        figure = FIGURES[name](dataset, **({"metric": metric} if name in OF_A_SWEEP else {})).figure
    except Exception as error:
        for number in set(plt.get_fignums()).difference(open_before):
            plt.close(number)
        if not isinstance(error, KeyError | ValueError):
            raise
        # What it shows is not there, or not over the dimensions that it needs.
        fitting = _fitting(dataset)
        if name in fitting:
            raise InputError(f"the figure {name!r} needs what this result lacks: {str(error)[:120]}") from None
        raise InputError(
            f"the figure {name!r} is not for this result; those that are: {', '.join(fitting) or 'none'}."
        ) from None
    assert isinstance(figure, Figure)
    return figure


def _fitting(dataset: xr.Dataset) -> list[str]:
    try:
        return suitable(dataset)
    except InputError:
        return []


@register.view("plot")
class Plot:
    """``dataset.analogsim.plot()`` chooses the figure; ``.plot.lines(metric=…, ax=…)`` and the rest are by name."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    def __call__(self, *, metric: str | None = None, ax: Axes | None = None) -> Axes:
        return choose(self._dataset, metric=metric, ax=ax)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in FIGURES:
            raise AttributeError(f"no figure {name!r}; there are {', '.join(FIGURES)}.")
        return lambda *, ax=None, **options: FIGURES[name](self._dataset, ax=ax, **options)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *FIGURES]
