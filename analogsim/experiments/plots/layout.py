"""Every figure of a run by its name, and the four that tell its story on one page."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_lowercase

import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analogsim.experiments.plots import learning_curves, relaxation
from analogsim.experiments.plots.style import COLUMN, STYLE

FIGURES: dict[str, Callable[..., Axes]] = {
    "convergence": relaxation.convergence,
    "transient": relaxation.transient,
    "lipschitz": learning_curves.lipschitz,
    "accuracy": learning_curves.accuracy,
    "r2": learning_curves.r2,
    "mse": learning_curves.mse,
    "alignment": learning_curves.alignment,
}


def overview(dataset: xr.Dataset) -> Figure:
    """One sample settling, all samples settling, learning, and the Lipschitz constant, across two columns.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a run.
    """
    learning = "accuracy" if "test_accuracy" in dataset else "r2"
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, 2, figsize=(2 * COLUMN + 0.2, 4.4))
        for name, ax, letter in zip(
            ("transient", "convergence", learning, "lipschitz"), axes.flat, ascii_lowercase, strict=False
        ):
            FIGURES[name](dataset, ax=ax)
            ax.set_title(f"({letter})", loc="left", fontweight="bold")
    return figure
