"""The figures at the end of a run, as numbers for JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import xarray as xr

from analogsim.experiments.health import alarm
from analogsim.measure.declaration import Measure, Row, declared
from analogsim.measure.probe_measures import counts, typical

COSTS = ("inference_time", "inference_energy", "update_time", "update_energy")
"""What is estimated of each sample's inference and each update."""
Number = float | None
Nested = Number | list["Nested"]
"""Numbers in the shape of an array, None where they are not finite."""


def figures(dataset: xr.Dataset) -> dict[str, object]:
    """Return what a run found, as plain numbers for JSON; ``[first, last]`` epoch where training changes a figure."""
    time = typical(dataset["settling_time"])
    return {
        **{name: _figure(dataset[name]) for name, measure in _measures(dataset) if measure.summed},
        "verdicts": counts(dataset),
        "settling_time": time,
        "settling_time_seconds": None if time is None else time * float(dataset["time"].attrs["seconds"]),
        "costs": costs(dataset),
        "update_cost": _update_cost(dataset),
        "alarm": alarm(dataset["activation_max"]),
        "epochs": int(dataset["epoch"][-1]),
        "interrupted": bool(dataset.attrs["interrupted"]),
    }


def _measures(dataset: xr.Dataset) -> Iterator[tuple[str, Measure[object]]]:
    """The declared measures that a result holds."""
    return ((name, measure) for name, measure in declared() if name in dataset.data_vars)


def _update_cost(dataset: xr.Dataset) -> dict[str, Number]:
    names = ("settles", "array_reads", "time_constants")
    return {name: _plain(dataset.attrs.get(f"update_{name}", np.nan)) for name in names}


def _figure(values: xr.DataArray) -> object:
    """A measure as plain numbers: of each trainer, or of the chip; the median of what is of samples."""
    if "trainer" in values.dims:
        return {str(t): _ends(values.sel(trainer=t)) for t in values["trainer"].values}
    if "snapshot" not in values.dims:
        return _ends(values)
    return typical(values) if values.dims == ("snapshot", "sample") else None


def table(dataset: xr.Dataset) -> str:
    """The table at the end of a run: a column for each trainer, then what only a chip has."""
    rows = [["", *(str(name) for name in dataset["trainer"].values)]]
    for name, measure in _measures(dataset):
        if measure.row is not None:
            rows += _rows(measure.row, dataset, name)
    widths = [max(len(row[k]) for row in rows if len(row) > k) for k in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=False))])
        for row in rows
    ]
    lines.insert(1, "─" * len(lines[0]))
    epochs = int(dataset["epoch"][-1])
    notes: tuple[str, ...] = (
        f"Arrows: before training → after {epochs} epoch{'s' * (epochs != 1)}. Probe samples: in continuous time from "
        "a = 0,",
        f"noise held at one draw; settled when max |τ da/dt| stays below {dataset['residual'].attrs['tolerance']:g}.",
    )
    said = _cost_words(costs(dataset))
    cost = _update_cost(dataset)
    notes += (
        f"An update costs each sample {cost['settles']:g} settle{'s' * (cost['settles'] != 1)} and "
        f"{cost['array_reads']:g} array reads"
        + (f" in {cost['time_constants']:g} τ." if cost["time_constants"] else "."),
    )
    warning = alarm(dataset["activation_max"])
    lines = [*([warning, ""] if warning else []), *lines]
    return "\n".join([*lines, *notes, *said, *([dataset.attrs.get("cost_assumptions", "")] if said else [])])


def _rows(row: Row, dataset: xr.Dataset, name: str) -> list[list[str]]:
    """The lines of one measure."""
    values = dataset[name]
    if row.optional and not np.isfinite(values).any():
        return []
    if row.say is not None:
        return [[row.words, row.say(dataset)]]
    if "snapshot" in values.dims:
        median = typical(values) if values.dims == ("snapshot", "sample") else None
        return [[row.words, _said([np.nan if median is None else median], row.form)]]
    ends = values.isel(epoch=[0, -1] if row.ends == "both" else [-1])
    if "trainer" in values.dims:
        return [[row.words, *(_said(ends.sel(trainer=t).values, row.form) for t in values["trainer"].values)]]
    numbers = ends.values.reshape(ends.sizes["epoch"], -1)
    if row.over == "each":
        named = row.words if "{}" in row.words else f"{row.words} {{}}"
        return [[named.replace("{}", str(k + 1)), _said(pair, row.form)] for k, pair in enumerate(numbers.T)]
    return [[row.words, _said(numbers.max(axis=1) if numbers.size else np.zeros(len(numbers)), row.form)]]


def costs(dataset: xr.Dataset) -> dict[str, Number]:
    """Median time (s) and energy (J) of an inference and of a sample in an update; None where most do not settle."""
    return {name: typical(dataset[name]) for name in COSTS if name in dataset}


def _plain(value: float) -> Number:
    return float(value) if np.isfinite(value) else None


def _cost_words(found: dict[str, Number]) -> list[str]:
    said = []
    for what, words in (("inference", "an inference"), ("update", "a sample in an update")):
        time, energy = found.get(f"{what}_time"), found.get(f"{what}_energy")
        if time is not None and energy is not None:
            said.append(f"{words} {_si(energy, 'J')} in {_si(time, 's')} ({_si(energy / time, 'W')})")
    return [f"Estimate: {'; '.join(said)}:"] if said else []


def _si(value: float, unit: str) -> str:
    """A number with a prefix: 3.2e-11 J is 32 pJ."""
    power = min(max(int(np.floor(np.log10(value) / 3)), -5), 0) if value > 0 else 0
    return f"{value / 1000.0**power:.3g} {['', 'm', 'µ', 'n', 'p', 'f'][-power]}{unit}"


def extremes(dataset: xr.Dataset) -> dict[str, dict[str, Number]]:
    """Least, median and greatest finite value of each metric of a sweep, or of each variable of an inference."""
    found: dict[str, dict[str, Number]] = {}
    for name, variable in dataset.data_vars.items():
        if name in ("seconds", "point_seed") or variable.dtype.kind not in "fiu":
            continue
        values = variable.values[np.isfinite(variable.values)]
        ends = (values.min(), np.median(values), values.max()) if values.size else (None,) * 3
        found[str(name)] = {
            word: None if end is None else float(end)
            for word, end in zip(("least", "median", "greatest"), ends, strict=True)
        }
    return found


def extremes_table(dataset: xr.Dataset) -> str:
    """`extremes` as a table."""
    rows = [["", "least", "median", "greatest"]]
    for name, ends in extremes(dataset).items():
        attrs = dataset[name].attrs
        label = attrs["long_name"] + ("" if attrs["units"] == "1" else f" ({attrs['units']})")
        rows.append([label, *("—" if value is None else f"{value:.4g}" for value in ends.values())])
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )


def _ends(values: xr.DataArray) -> list[Nested]:
    """First and last epoch, NaN as None."""

    def plain(value: Nested) -> Nested:
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value if value is not None and np.isfinite(value) else None

    return [plain(values.isel(epoch=k).values.tolist()) for k in (0, -1)]


def _said(numbers: Iterable[float], form: str) -> str:
    return " → ".join(form.format(value) if np.isfinite(value) else "—" for value in numbers)
