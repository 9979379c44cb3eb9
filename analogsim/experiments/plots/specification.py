"""Bar charts for designers: what each nonideality costs, and how far each is from its tolerance."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from analogsim.experiments.plots.style import BLUE, GREY, ORANGE, plain, styled

WIDE = 5.0


@styled
def budget(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Points lost by each nonideality alone, and what removing it from the whole brings back; bands of all and none.

    Where losses exceed `WIDE` points, the axis is linear up to one point and logarithmic beyond.
    """
    names = [str(name) for name in dataset["nonideality"].values]
    loss = dataset["loss"]
    at = np.arange(len(names))[::-1]
    ax.figure.set_size_inches(ax.figure.get_figwidth(), max(1.8, 0.9 + 0.32 * len(names)))  # type: ignore[union-attr]
    for shift, prefix, color, text in ((0.18, "only", BLUE, "alone"), (-0.18, "all but", ORANGE, "all but this")):
        x = loss.sel(case=[f"{prefix} {name}" for name in names]).values  # NaN, and so no bar, where a trial failed
        ax.barh(
            at + shift, x.mean(1), 0.34, xerr=x.std(1, ddof=1), color=color, label=text,
            error_kw={"lw": 0.8, "capsize": 1.5},
        )  # fmt: skip
    for case, style in (("all", "-"), ("none", ":")):
        x = loss.sel(case=case).values
        mean, spread = float(x.mean()), float(x.std(ddof=1))
        if np.isnan(mean):  # a trial failed
            continue
        ax.axvspan(mean - spread, mean + spread, color=GREY, alpha=0.15, lw=0, zorder=0)
        ax.axvline(mean, color=GREY, ls=style, label=f"{case}, ± deviation", zorder=0.5)
    words = "accuracy lost (points)"
    if float(abs(loss).max()) > WIDE:  # losses of tenths and of tens of points are both of interest
        ax.set_xscale("symlog", linthresh=1.0)
        ticks = [t for t in (-10, -1, 0, 1, 10, 100) if ax.get_xlim()[0] <= t <= ax.get_xlim()[1]]
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
        words = "accuracy lost (points; logarithmic beyond 1)"
    ax.set_yticks(at, [plain(name.removeprefix("circuit.")) for name in names])
    ax.set_xlabel(words)
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, columnspacing=1.0)
    return ax


@styled
def tolerance(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Tolerance of each parameter that has one on its own scale, with the present value beside it."""
    found = dataset.isel(parameter=np.flatnonzero(dataset["outcome"].values == "tolerance"))
    names = [str(name).removeprefix("circuit.") for name in found["parameter"].values]
    at = np.arange(len(names))[::-1]
    ax.figure.set_size_inches(ax.figure.get_figwidth(), max(1.5, 0.8 + 0.22 * len(names)))  # type: ignore[union-attr]
    if not names:
        ax.text(0.5, 0.5, "no parameter has a tolerance that binds", ha="center", va="center")
        ax.set_axis_off()
        return ax
    for y, good, bad in zip(at, found["tolerance"].values, found["beyond"].values, strict=True):
        if good > 0:
            ax.plot([good, bad], [y, y], color=GREY, lw=3, alpha=0.4, solid_capstyle="butt")
    ax.plot(found["tolerance"].values, at, "o", color=BLUE, label="worst value within the limit")
    ax.plot(found["beyond"].values, at, "x", color=ORANGE, label="first value beyond")
    ax.plot(found["value"].where(found["value"] > 0).values, at, "|", color="k", ms=7, label="now")
    ax.set_xscale("log")
    units = ["" if unit == "1" else f" ({unit})" for unit in found["unit"].values]
    ax.set_yticks(at, [plain(f"{name}{unit}") for name, unit in zip(names, units, strict=True)])
    ax.set_ylim(-0.7, len(names) - 0.3)
    limit = found.attrs["limit"]
    ax.set_xlabel(f"tolerance for {limit:g} point{'' if limit == 1 else 's'}")
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, columnspacing=1.0)
    return ax
