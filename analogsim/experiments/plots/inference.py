"""Inference on a chip: accuracy over the draws and the error of each layer."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from analogsim.experiments.plots.style import BLUE, GREY, label, styled


@styled
def layer_errors(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Relative error of each layer, every draw a dot and the median a bar."""
    error = dataset["layer_error"].transpose("draw", "layer")
    layers = dataset["layer"].values
    shift = np.linspace(-0.15, 0.15, error.sizes["draw"])[:, None] if error.sizes["draw"] > 1 else np.zeros((1, 1))
    ax.plot((layers[None] + shift).ravel(), error.values.ravel(), "o", color=GREY, markersize=2.5, alpha=0.6)
    ax.hlines(error.median("draw"), layers - 0.25, layers + 0.25, color=BLUE, linewidth=1.6)
    name, words, unit = ("accuracy", "accuracy", " %") if "accuracy" in dataset else ("r2", "R²", "")
    digital, chip = float(dataset[f"digital_{name}"]), dataset[name].values
    said = f"{words} {chip.mean():.{2 if unit else 4}f} ± {chip.std():.{2 if unit else 4}f}{unit}"
    ax.set_title(f"{said}, digital {digital:.{2 if unit else 4}f}{unit}", loc="right", fontsize=7, color=GREY)
    ax.set(xlabel=label(dataset["layer"]), ylabel=label(error), xticks=layers, ylim=(0, None))
    ax.set_xlim(layers[0] - 0.6, layers[-1] + 0.6)
    return ax
