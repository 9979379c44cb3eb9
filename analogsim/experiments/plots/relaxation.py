"""Settling of the probe samples in continuous time: the residual, and what an oscilloscope at the output would show."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from analogsim.experiments.plots.style import BLUE, GREY, ORANGE, label, styled


@styled
def convergence(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Residual of every probe sample against time, before and after training, down to a hundredth of the tolerance."""
    residual, tolerance = dataset["residual"], dataset["residual"].attrs["tolerance"]
    time = residual["time"]
    for epoch, color in zip(residual["snapshot"].values, (GREY, BLUE), strict=False):
        traces = residual.sel(snapshot=epoch).transpose("sample", "time").values
        traces = np.where(traces > 0, traces, np.nan)
        ax.plot(time, traces.T, color=color, alpha=0.2, linewidth=0.5)
        median = np.exp(np.median(np.log(traces), axis=0))
        ax.plot(time, median, color=color, label="before training" if epoch == 0 else f"after epoch {epoch}")
    ax.set(yscale="log", xlim=(0, _when_all_is_over(residual)), xlabel=label(time), ylabel=label(residual))
    if tolerance / 100 < ax.get_ylim()[1]:
        ax.set_ylim(bottom=tolerance / 100)
    ax.axhline(tolerance, color="k", linewidth=0.6, linestyle=":")
    ax.annotate("tolerance", (1, tolerance), (0, 2), ("axes fraction", "data"), "offset points", ha="right", fontsize=7)
    ax.legend(loc="upper right", title="median of samples", title_fontsize=7)
    return ax


def _when_all_is_over(residual: xr.DataArray) -> float:
    """Time after which every trace stays below the figure's lower end, rounded up to five."""
    time = residual["time"].values
    seen = (residual > residual.attrs["tolerance"] / 100).any(["snapshot", "sample"]).values
    return float(min(time[-1], 5 * np.ceil(time[seen][-1] / 5))) if seen.any() else float(time[-1])


def probed(dataset: xr.Dataset, sample: int) -> tuple[int, str, str]:
    """The output neuron to look at for a probe sample, that of its class or else the first; and what to call it."""
    if "probe_label" not in dataset:
        target = float(dataset["probe_target"][sample, 0])
        return 0, f"first output (target {target:.3g})", "other outputs"
    shown = int(dataset["probe_label"].values[sample])
    name = str(dataset["class_name"].values[shown]) if "class_name" in dataset.coords else str(shown)
    name = name.replace("$", r"\$")
    return shown, f"class shown ({name})", "other classes"


@styled
def transient(dataset: xr.Dataset, *, ax: Axes, sample: int = 0) -> Axes:
    """Both compartments of every output neuron after training, for one sample from the moment it is switched on."""
    output = dataset["output"].isel(snapshot=-1, shown=sample)
    (dim,) = set(output.dims) - {"time", "compartment"}
    time, (target, words, others) = output["time"], probed(dataset, sample)
    for neuron in output[dim].values:
        color, width, order = (ORANGE, 1.2, 3) if neuron == target else (GREY, 0.6, 2)
        for compartment, line in (("+", "-"), ("-", "--")):
            trace = output.sel({dim: neuron, "compartment": compartment})
            ax.plot(time, trace, line, color=color, linewidth=width, zorder=order)
    ax.set(xlim=(0, float(time[-1])), xlabel=label(time), ylabel=label(output))
    for text, color, line in (
        (f"{words}, a⁺", ORANGE, "-"),
        (f"{words}, a⁻", ORANGE, "--"),
        *([(others, GREY, "-")] if output.sizes[dim] > 1 else []),
    ):
        ax.plot([], [], line, color=color, label=text)
    ax.legend(loc="best", frameon=True, framealpha=0.9, edgecolor="none")
    return ax
