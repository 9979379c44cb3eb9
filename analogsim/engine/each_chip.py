"""The same call for every chip of a population, with ``chip`` as a dimension of the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from analogsim.arrays import generator
from analogsim.chip.population import Population
from analogsim.chip.whole import Chip
from analogsim.engine import datasets

if TYPE_CHECKING:
    import xarray as xr


def over(
    population: Population,
    seed: int | np.random.Generator,
    initial: Any,
    call: Callable[[Chip, np.random.Generator, Any], xr.Dataset],
) -> xr.Dataset:
    """Concatenate the results along ``chip``, labelled with the seed each was programmed from.

    Every chip has noise of its own, spawned from `seed`; an initial result with a dimension ``chip`` is shared out.
    """
    import xarray as xr

    rng = generator(seed)
    drawn_from, streams = datasets.seed_of(seed, rng), rng.spawn(len(population))
    several = "chip" in getattr(initial, "dims", ())
    found = [
        call(chip, rng, initial.isel(chip=k) if several else initial)
        for k, (chip, rng) in enumerate(zip(population, streams, strict=True))
    ]
    label = xr.IndexVariable("chip", list(population.seeds), {"long_name": "seed of the chip", "units": "1"})
    whole = xr.concat(found, dim=label, data_vars="all", combine_attrs="override")
    return whole.assign_attrs(analogsim_run=datasets.stamp(population[0], drawn_from))
