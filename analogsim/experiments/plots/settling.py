"""Settling of the probe samples in continuous time: the residual, and what an oscilloscope at the output would show."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from analogsim.experiments.plots.style import BLUE, GREY, ORANGE, label, styled


@styled
def convergence(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Residual of every probe sample against time, before and after training; the dotted line is the tolerance."""
    residual = dataset["residual"]
    time = residual["time"]
    epochs = residual["snapshot"].values
    for epoch, color in zip(epochs, (GREY, BLUE), strict=False):
        traces = residual.sel(snapshot=epoch).transpose("sample", "time").values
        traces = np.where(traces > 0, traces, np.nan)
        ax.plot(time, traces.T, color=color, alpha=0.18, linewidth=0.5)
        with np.errstate(all="ignore"):
            median = np.exp(np.nanmedian(np.log(traces), axis=0))
        ax.plot(time, median, color=color, label="before training" if epoch == 0 else f"after epoch {epoch}")
    ax.axhline(residual.attrs["tolerance"], color="k", linewidth=0.6, linestyle=":")
    ax.set(yscale="log", xlim=(0, float(time[-1])), xlabel=label(time), ylabel=label(residual))
    ax.legend(loc="upper right", title="median of samples", title_fontsize=7)
    return ax


@styled
def transient(dataset: xr.Dataset, *, ax: Axes, sample: int = 0) -> Axes:
    """Both compartments of every output neuron after training, for one sample from the moment it is switched on."""
    output = dataset["output"].isel(snapshot=-1, shown=sample)
    time, target = output["time"], int(dataset["probe_label"][sample])
    for neuron in output["class"].values:
        color, width, order = (ORANGE, 1.3, 3) if neuron == target else (GREY, 0.6, 2)
        for compartment, line in (("+", "-"), ("-", "--")):
            trace = output.sel(**{"class": neuron}, compartment=compartment)
            ax.plot(time, trace, line, color=color, linewidth=width, zorder=order)
    ax.set(xlim=(0, float(time[-1])), xlabel=label(time), ylabel=label(output))
    for text, color, line in (
        (f"class shown ({target}), $a^+$", ORANGE, "-"),
        (f"class shown ({target}), $a^-$", ORANGE, "--"),
        ("other classes", GREY, "-"),
    ):
        ax.plot([], [], line, color=color, label=text)
    ax.legend(loc="best")
    return ax


