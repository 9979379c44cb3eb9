"""``dataset.analogsim``: figures and stamp of a result as methods; there once a result was made or opened."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import xarray as xr

from analogsim.registry import register


@xr.register_dataset_accessor("analogsim")
class Accessor:
    """``dataset.analogsim.plot()``, ``dataset.analogsim.plot.lines(ax=ax)``, ``dataset.analogsim.stamp``."""

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    @cached_property
    def plot(self) -> Any:
        """Figures; matplotlib loads when this is first used."""
        return register.view["plot"](self._dataset)

    @property
    def stamp(self) -> dict[str, Any]:
        """How the result was made."""
        found: dict[str, Any] = register.view["stamp"](self._dataset)
        return found
