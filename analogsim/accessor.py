"""``dataset.analogsim``: figures and stamp of a result as methods; there once a result was made or opened."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import xarray as xr

if TYPE_CHECKING:
    from analogsim.experiments.plots.choice import Plot


@xr.register_dataset_accessor("analogsim")
class Accessor:
    """``dataset.analogsim.plot()``, ``dataset.analogsim.plot.lines(ax=ax)``, ``dataset.analogsim.stamp``."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    @cached_property
    def plot(self) -> Plot:
        """Figures; matplotlib loads when this is first used."""
        from analogsim.experiments.plots.choice import Plot  # no point runs this

        return Plot(self._dataset)

    @property
    def stamp(self) -> dict[str, Any]:
        """How the result was made."""
        from analogsim.experiments.results import read_stamp  # no point runs this

        return read_stamp(self._dataset)
