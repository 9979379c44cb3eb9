"""Training, epoch by epoch: accuracy and Lipschitz constant beside the digital references, angle to the gradient."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analogsim.experiments.plots.style import BLUE, COLORS, GREY, ORANGE, label, styled

LINES = {"chip": (ORANGE, "-", "o"), "digital DP⊤": (BLUE, "--", "s"), "back-propagation": (GREY, ":", "^")}


@styled
def accuracy(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Test accuracy of the chip, digital DP⊤ and back-propagation."""
    _trainers(ax, dataset["test_accuracy"])
    ax.legend(loc="lower right")
    return ax


@styled
def r2(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """R² of the chip, digital DP⊤ and back-propagation on the test set: 1 is perfect, 0 no better than the mean."""
    _trainers(ax, dataset["test_r2"])
    ax.set_ylabel("R² on the test set")
    ax.legend(loc="lower right")
    return ax


@styled
def mse(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Mean squared error of the chip, digital DP⊤ and back-propagation on the test set."""
    _trainers(ax, dataset["test_mse"])
    ax.set_yscale("log")
    ax.legend(loc="upper right")
    return ax


@styled
def lipschitz(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Spectral norm of the product of the weight matrices."""
    _trainers(ax, dataset["lipschitz"])
    low, high = ax.get_ylim()
    ax.set_ylim(max(0.0, low - 0.3 * (high - low)), high)  # room for the legend below
    ax.legend(loc="lower right")
    return ax


@styled
def alignment(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Angle between the chip's gradient and the exact one, for each layer; 90° is no better than chance."""
    cosine = dataset["gradient_cosine"]
    angle = cosine.copy(data=np.degrees(np.arccos(np.clip(cosine.values, -1, 1))))
    for layer, color, marker in zip(angle["layer"].values, cycle(COLORS), cycle("os^vD"), strict=False):
        trace = angle.sel(layer=layer)
        ax.plot(trace["epoch"], trace, color=color, marker=marker, label=f"layer {layer}")
    ax.set(xlabel=label(dataset["epoch"]), ylabel="angle to the exact gradient (°)", ylim=(0, None))
    _whole_epochs(ax)
    ax.legend(loc="best")
    return ax


def _trainers(ax: Axes, variable: xr.DataArray) -> None:
    for name in variable["trainer"].values:
        color, line, marker = LINES[str(name)]
        trace = variable.sel(trainer=name)
        ax.plot(trace["epoch"], trace, color=color, linestyle=line, marker=marker, label=str(name))
    ax.set(xlabel=label(variable["epoch"]), ylabel=label(variable))
    _whole_epochs(ax)


def _whole_epochs(ax: Axes) -> None:
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
