"""What a run notes of the probe samples, relaxed in continuous time before training and after it."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim.measure.declaration import Reading, Row, measured, of_samples
from analogsim.measure.probe import Probe
from analogsim.registry import register

Array = NDArray[np.floating]


@register.measure("residual")
@measured("residual max |τ da/dt|", "activity", dims=("sample", "time"), needs="trace", summed=False)
def _residual(probe: Probe) -> Array:
    values: Array = probe.nudged["residual"].values
    return values


def _converged(status: xr.DataArray) -> xr.DataArray:
    """Per cent of the samples."""
    return 100 * (status == "converged").mean("sample")


def counts(run: xr.Dataset) -> dict[str, int]:
    """Probe samples of each verdict, after training."""
    words, found = np.unique(run["status"].isel(snapshot=-1).values, return_counts=True)
    return {str(word): int(count) for word, count in zip(words, found, strict=True)}


def _verdicts(run: xr.Dataset) -> str:
    found = counts(run)
    total = sum(found.values())
    others = ", ".join(f"{count} {word}" for word, count in found.items() if word != "converged")
    return f"{100 * found.get('converged', 0) / total:.1f} %" + (f" ({others} of {total})" if others else "")


@register.measure("status")
@measured(
    "verdict",
    dims=("sample",),
    needs="trace",
    row=Row("probe samples converged", say=_verdicts),
    readings=(Reading("converged", "probe samples that converge", _converged, "%"),),
    summed=False,
)
def _status(probe: Probe) -> NDArray[np.str_]:
    return probe.nudged["status"].values.astype(str)


def _time(run: xr.Dataset) -> str:
    units = typical(run["settling_time"])
    if units is None:
        return "—"
    seconds = units * float(run["time"].attrs["seconds"])
    scale, unit = next((pair for pair in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")) if seconds >= pair[0]), (1e-9, "ns"))
    return f"{units:.3g} τ = {seconds / scale:.3g} {unit}"


def typical(values: xr.DataArray) -> float | None:
    """Median over the probe samples after training; None where most have no number, as those that do not settle."""
    median = float(of_samples(values.isel(snapshot=-1)))
    return median if np.isfinite(median) else None


@register.measure("settling_time")
@measured(
    "settling time",
    "τ",
    dims=("sample",),
    needs="trace",
    row=Row("settling time, median", say=_time),
    readings=(Reading("settling_time", "settling time, median", of_samples),),
)
def _settling_time(probe: Probe) -> Array:
    return probe.settling(probe.nudged, probe.tolerance)


@register.measure("output")
@measured("output a_L", "activity", dims=("shown", "time", "compartment", "output"), needs="trace", summed=False)
def _output(probe: Probe) -> Array:
    values: Array = probe.live[f"a_{probe.chip.layers}"].values
    return values


_cost = partial(measured, dims=("sample",), needs="trace", readings=(), summed=False)


@register.measure("inference_time")
@_cost("time of an inference", "s")
def _inference_time(probe: Probe) -> Array:
    return probe.costs["inference_time"]


@register.measure("inference_energy")
@_cost("energy of the arrays in an inference, estimated", "J")
def _inference_energy(probe: Probe) -> Array:
    return probe.costs["inference_energy"]


@register.measure("update_time")
@_cost("time of a sample in an update", "s")
def _update_time(probe: Probe) -> Array:
    return probe.costs["update_time"]


@register.measure("update_energy")
@_cost("energy of the arrays for a sample in an update, estimated", "J")
def _update_energy(probe: Probe) -> Array:
    return probe.costs["update_energy"]
