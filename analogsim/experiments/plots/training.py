"""Training, epoch by epoch: accuracy and Lipschitz constant beside the digital references, angle to the gradient."""

from __future__ import annotations

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analogsim.experiments.plots.style import BLUE, GREEN, GREY, ORANGE, label, styled

LINES = {"chip": (ORANGE, "-", "o"), "digital DP⊤": (BLUE, "--", "s"), "back-propagation": (GREY, ":", "^")}


@styled
def accuracy(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Test accuracy of the chip, digital DP⊤ and back-propagation."""
    _trainers(ax, dataset["test_accuracy"])
    ax.legend(loc="lower right")
    return ax


@styled
def lipschitz(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Spectral norm of the product of the weight matrices."""
    _trainers(ax, dataset["lipschitz"])
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left")
    return ax


@styled
def alignment(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Cosine between the chip's gradient and the reference, for each layer."""
    cosine = dataset["gradient_cosine"]
    for layer, color, marker in zip(cosine["layer"].values, (BLUE, ORANGE, GREEN, GREY) * 9, "os^v" * 9, strict=False):
        trace = cosine.sel(layer=layer)
        ax.plot(trace["epoch"], trace, color=color, marker=marker, label=f"layer {layer}")
    ax.set(xlabel=label(cosine["epoch"]), ylabel=label(cosine), ylim=(min(0.0, float(cosine.min())), 1.02))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(loc="lower left")
    return ax


def _trainers(ax: Axes, variable: xr.DataArray) -> None:
    for name in variable["trainer"].values:
        color, line, marker = LINES[str(name)]
        trace = variable.sel(trainer=name)
        ax.plot(trace["epoch"], trace, color=color, linestyle=line, marker=marker, label=str(name))
    ax.set(xlabel=label(variable["epoch"]), ylabel=label(variable))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
