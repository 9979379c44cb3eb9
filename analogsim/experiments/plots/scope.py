"""What an oscilloscope on the output neurons shows: compartments, mean and difference, and the residual."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from analogsim.experiments.plots.relaxation import probed
from analogsim.experiments.plots.style import COLUMN, GREY, ORANGE, STYLE, label


def oscilloscope(dataset: xr.Dataset, sample: int = 0) -> Figure:
    """Draw one probe sample of a run after training, from the moment its image is switched on.

    The neuron of the shown class (of a regression, the first) is coloured, the others are grey: both compartments,
    their mean (the activity) and their difference (the error that the neuron learns from), and how far the whole
    network is from rest.
    """
    run = dataset.isel(snapshot=-1)
    output, t = run["output"].isel(shown=sample), run["time"].values
    plus, minus = (output.sel(compartment=c).transpose("time", ...).values for c in ("+", "-"))
    shown, words, others = probed(run, sample)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(4, 1, sharex=True, figsize=(COLUMN, 4.6), height_ratios=[1.3, 1, 1, 1])
        for curves, ax, style in (
            (plus, axes[0], "-"),
            (minus, axes[0], "--"),
            ((plus + minus) / 2, axes[1], "-"),
            (plus - minus, axes[2], "-"),
        ):
            ax.plot(t, np.delete(curves, shown, axis=1), style, color=GREY, lw=0.5)
            ax.plot(t, curves[:, shown], style, color=ORANGE)
        for style, name in (("-", "⁺"), ("--", "⁻")):
            axes[0].plot([], [], style, color=ORANGE, label=f"{words}, a{name}")
        if plus.shape[1] > 1:
            axes[0].plot([], [], "-", color=GREY, lw=0.5, label=others)
        axes[0].legend(loc="center right" if "probe_label" in run else "best")
        axes[3].semilogy(t, run["residual"].isel(sample=sample).values, color=ORANGE)
        for ax, name in zip(axes, ("a⁺, a⁻", "mean", "a⁺ − a⁻", "residual"), strict=True):
            ax.set_ylabel(name)
        axes[3].set_xlabel(label(run["time"]))
        figure.align_ylabels(axes)
    return figure
