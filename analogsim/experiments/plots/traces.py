"""Trajectories of `relax`: what the neurons of a layer do, and how far the network is from rest."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from analogsim.errors import InputError
from analogsim.experiments.plots.style import BLUE, COLORS, label, styled

MOST = len(COLORS)


@styled
def trace(dataset: xr.Dataset, *, ax: Axes, sample: int = 0, layer: int | None = None) -> Axes:
    """Pre-activations of one sample against time, the output layer unless said: + solid, − dashed."""
    if dataset["time"].size < 2:
        raise InputError("a trace needs several times: relax(..., times=np.linspace(0, t_end, 200)).")
    layer = layer or sum(str(name).startswith("a_") for name in dataset.data_vars)
    values = dataset[f"a_{layer}"].isel(sample=sample)
    neurons = next(dim for dim in values.dims if dim not in ("time", "compartment"))
    for neuron, color in enumerate(COLORS[: values.sizes[neurons]]):
        for compartment, line in (("+", "-"), ("-", "--")):
            part = values.isel({neurons: neuron}).sel(compartment=compartment)
            name = f"neuron {neuron}" if compartment == "+" else None
            ax.plot(dataset["time"], part, line, color=color, linewidth=1.0, label=name)
    ax.set(xlabel=label(dataset["time"]), ylabel=label(values), xlim=(0, float(dataset["time"][-1])))
    left = values.sizes[neurons] - MOST
    ax.legend(loc="best", title=f"and {left} more" if left > 0 else None, title_fontsize=7)
    return ax


@styled
def residual(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Residual of every sample against time."""
    values = dataset["residual"].transpose("sample", "time")
    ax.plot(dataset["time"], np.where(values > 0, values, np.nan).T, color=BLUE, alpha=0.4, linewidth=0.6)
    ax.set(yscale="log", xlabel=label(dataset["time"]), ylabel=label(dataset["residual"]))
    return ax
