"""What wires leave of a write pulse: the voltage of every cell of an array when it is the selected one."""

from __future__ import annotations

import xarray as xr
from matplotlib.axes import Axes

from analogsim.experiments.plots.style import label, styled


@styled
def write_map(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """The selected cell's voltage over the array, word lines downwards; drivers at the left and at the bottom."""
    voltage = dataset["selected_voltage"].transpose("word", "bit")
    image = ax.imshow(voltage.values, vmax=1.0, cmap="viridis", aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label=label(voltage))
    ax.set(xlabel=label(dataset["bit"]), ylabel=label(dataset["word"]))
    return ax
