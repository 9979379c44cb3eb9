"""The same call for every chip of a population, with ``chip`` as a dimension of the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from analogsim.circuits.chip import Chip, Population

if TYPE_CHECKING:
    import xarray as xr


def over(population: Population, call: Callable[[Chip], xr.Dataset]) -> xr.Dataset:
    """Concatenate the results along ``chip``, labelled with the seed each was programmed from."""
    import xarray as xr

    found = [call(chip) for chip in population]
    label = xr.IndexVariable("chip", list(population.seeds), {"long_name": "seed of the chip"})
    return xr.concat(found, dim=label, data_vars="all", combine_attrs="override")
