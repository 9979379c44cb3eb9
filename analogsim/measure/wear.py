"""What training does to the cells: how many have worn out and when, and the pulses and the travel that wore them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from analogsim.circuits.crossbar.circuit import Crossbar
from analogsim.measure.declaration import Reading, Row, measured
from analogsim.measure.moment import Moment, Setup
from analogsim.registry import register


def _wears(setup: Setup) -> bool:
    return isinstance(setup.circuit, Crossbar) and setup.circuit.device.wears


def _counts(setup: Setup) -> bool:
    return isinstance(setup.circuit, Crossbar) and setup.circuit.counts


def _is_passive(setup: Setup) -> bool:
    return isinstance(setup.circuit, Crossbar) and setup.circuit.is_passive


def _mean(variable: xr.DataArray) -> xr.DataArray:
    return variable.mean("layer")


def _said(dataset: xr.Dataset) -> str:
    """Share of the cells at the end, and the epoch in which the first of them failed."""
    share = dataset["worn_cells"].mean("layer").values
    if not share.any():
        return "none"
    first = int(np.argmax(share > 0))
    return f"{share[-1]:.3g} %, first " + (f"in epoch {first}" if first else "when programmed")


@register.measure("worn_cells")
@measured(
    "cells that have worn out",
    "%",
    dims=("layer",),
    applies=_wears,
    row=Row("cells worn out", say=_said),
    readings=(Reading("worn_cells", "cells that have worn out, mean of layers", _mean, usual=False),),
)
def _worn_cells(moment: Moment) -> list[float]:
    made = moment.setup.circuit
    assert isinstance(made, Crossbar)
    return [100 * float(made.worn_out(moment.chip, j).mean()) for j in range(moment.chip.layers)]


@register.measure("full_pulses")
@measured(
    "full pulses so far, mean of the cells",
    dims=("layer",),
    applies=_counts,
    row=Row("full pulses of a cell, mean", "{:.4g}", ends="last"),
    readings=(Reading("full_pulses", "full pulses so far, mean of cells and layers", _mean, usual=False),),
)
def _full_pulses(moment: Moment) -> list[float]:
    counted = moment.chip.devices.full_pulses
    return [float(counted[j].sum(axis=0).mean()) for j in range(moment.chip.layers)]


@register.measure("full_cycles")
@measured(
    "travel Σ|ΔG| of the cells in full cycles, 2 (g_max − g_min), mean",
    dims=("layer",),
    applies=_counts,
    row=Row("full cycles travelled, mean", "{:.3g}", ends="last"),
    readings=(Reading("full_cycles", "full cycles travelled, mean of cells and layers", _mean, usual=False),),
)
def _full_cycles(moment: Moment) -> list[float]:
    made = moment.setup.circuit
    assert isinstance(made, Crossbar)
    return [float(moment.chip.devices.travel[j].mean()) / (2 * made.device.span) for j in range(moment.chip.layers)]


@register.measure("half_pulses")
@measured(
    "parts of other cells' write pulses so far, mean of the cells",
    "pulses",
    dims=("layer",),
    applies=_is_passive,
    row=Row("parts of others' write pulses, a cell", "{:.3g}", ends="last"),
    readings=(Reading("half_pulses", "parts of others' pulses so far, mean of cells and layers", _mean, usual=False),),
)
def _half_pulses(moment: Moment) -> list[float]:
    return [float(moment.chip.devices.half_pulses[j].mean()) for j in range(moment.chip.layers)]


@register.measure("write_time")
@measured(
    "time of all write pulses so far",
    "s",
    applies=_is_passive,
    row=Row("time of all writes (s)", "{:.3g}", optional=True),
    readings=(),
    summed=False,
)
def _write_time(moment: Moment) -> float:
    found = moment.chip.devices.write_time
    return np.nan if found is None else float(found)


@register.measure("write_energy")
@measured(
    "heat of all write pulses so far in the cells",
    "J",
    applies=_is_passive,
    row=Row("heat of all writes in the cells (J)", "{:.3g}", optional=True),
    readings=(),
    summed=False,
)
def _write_energy(moment: Moment) -> float:
    found = moment.chip.devices.write_energy
    return np.nan if found is None else float(found)
