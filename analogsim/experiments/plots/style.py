"""The one style of all figures: column width, 8 pt, colours that survive colour blindness and print."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import cleandoc, signature
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from analogsim.errors import unknown
from analogsim.files import atomic
from analogsim.text import visible

COLUMN = 3.4
"""Width of a journal's column in inches."""

# Okabe & Ito, "Color universal design", 2008.
COLORS = BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#777777"

STYLE: Any = {
    "figure.figsize": (COLUMN, 2.3),
    "figure.dpi": 150,
    "savefig.dpi": 300,
    "figure.constrained_layout.use": True,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLORS),
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}

FORMATS = (".png", ".svg", ".pdf")


MEANINGS = {
    "dataset": "dataset : xarray.Dataset",
    "ax": "ax : matplotlib.axes.Axes, optional\n    Where to draw; a new figure if not given.",
    "metric": "metric : str, optional\n    What to show; the most telling one if not given.",
    "x": "x : str, optional\n    The swept key along the axis; the first with several values if not given.",
    "sample": "sample : int\n    Which of the samples, from 0 on.",
    "layer": "layer : int, optional\n    Which layer, 1 to L; the output if not given.",
}
"""What the arguments of all figures mean."""


def styled(plot: Callable[..., Axes]) -> Callable[..., Axes]:
    """Draw in the package's style, on a new figure unless ``ax=`` is given; its arguments are added to its words."""

    @wraps(plot)
    def wrapper(dataset: xr.Dataset, *, ax: Axes | None = None, **options: Any) -> Axes:
        with plt.rc_context(STYLE):
            if ax is None:
                ax = plt.subplots()[1]
            return plot(dataset, ax=ax, **options)

    told = [MEANINGS[name] for name in signature(plot).parameters if name in MEANINGS]
    wrapper.__doc__ = "\n".join([cleandoc(plot.__doc__ or ""), "", "Parameters", "----------", *told])
    return wrapper


def label(variable: xr.DataArray) -> str:
    """The axis label from a variable's own ``long_name`` and ``units``."""
    name, units = plain(variable.attrs["long_name"]), plain(variable.attrs["units"])
    return name if units == "1" else f"{name} ({units})"


def plain(text: object) -> str:
    """Text of a user, as it is to be drawn: dollars are no formula, a first ``_`` hides no curve, nothing is invisible.

    All text in a figure that comes from a card, a key, a metric or a result passes through here.
    """
    shown = visible(str(text)).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def save(figure: Figure, path: str | Path, *, dpi: float | None = None) -> Path:
    """Write a figure as PNG, SVG or PDF, by the suffix, and close it; `dpi` of a PNG, 300 if not given.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path
        Ends in .png, .svg or .pdf.
    dpi : float, optional
        Of a PNG; 300 if not given.

    Raises
    ------
    InputError
        If the suffix is another one, or the folder cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise unknown("figure format", path.suffix or str(path), FORMATS)
    # Dates and random ids off: the same figure gives the same file.
    dates: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with atomic(path) as temporary, plt.rc_context({**STYLE, "svg.hashsalt": "analogsim"}):
        figure.savefig(temporary, metadata=dates[path.suffix], dpi=dpi or STYLE["savefig.dpi"])
    plt.close(figure)
    return path
