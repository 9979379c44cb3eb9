"""The stability map: colours for what the ODE did, a line for where linear theory puts the edge."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from analogsim.errors import InputError
from analogsim.experiments.plots.style import label, styled

VERDICTS = {"converged": "#A6CEE3", "slow": "#DDDDDD", "oscillating": "#F5C97B", "diverged": "#D98C6A"}


@styled
def stability(dataset: xr.Dataset, *, ax: Axes) -> Axes:
    """Verdicts of the ODE from a = 0 over one or two swept keys, with the predicted edge (abscissa = 0)."""
    verdict = dataset["verdict"]
    dims = [str(dim) for dim in verdict.dims if dataset.sizes[dim] > 1]
    verdict = verdict.squeeze([dim for dim in verdict.dims if dim not in dims])
    abscissa = dataset["spectral_abscissa"].squeeze(
        [dim for dim in dataset["spectral_abscissa"].dims if dim not in dims]
    )
    if not 1 <= len(dims) <= 2:
        raise InputError(f"a stability map has one or two axes of several values; this result has {len(dims)}.")
    present = [word for word in VERDICTS if (verdict == word).any()]
    if len(dims) == 1:
        at = dataset[dims[0]].values
        for word in present:
            there = (verdict == word).values
            ax.plot(at[there], abscissa.values[there], "o", color=VERDICTS[word], mec="k", mew=0.4, label=word)
        ax.axhline(0.0, color="k", lw=0.6, ls=":")
        ax.set(xlabel=label(dataset[dims[0]]), ylabel=label(dataset["spectral_abscissa"]))
        ax.legend(title="ODE from a = 0")
        return ax
    x, y = dims
    codes = np.vectorize(list(VERDICTS).index)(verdict.transpose(y, x).values)
    ax.pcolormesh(
        dataset[x].values, dataset[y].values, codes, shading="nearest", cmap=ListedColormap(list(VERDICTS.values())),
        vmin=-0.5, vmax=len(VERDICTS) - 0.5,
    )  # fmt: skip
    values = abscissa.transpose(y, x).values
    handles: list[Artist] = [Patch(color=VERDICTS[word], label=word) for word in present]
    if np.nanmin(values) < 0 < np.nanmax(values):
        ax.contour(dataset[x].values, dataset[y].values, values, levels=[0.0], colors="k", linewidths=1.2)
        handles.append(ax.plot([], [], "k-", label="predicted edge")[0])
    ax.set(xlabel=label(dataset[x]), ylabel=label(dataset[y]))
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), columnspacing=1.0)
    return ax
