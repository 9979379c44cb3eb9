"""The figures at the end of a run, as numbers and as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from analogsim.experiments.health import COSTS, alarm

BY_TRAINER = ("test_accuracy", "test_mse", "test_r2", "test_loss", "lipschitz")
"""Figures of every trainer, as far as the task has them."""
JUDGED = (
    ("test_accuracy", "test accuracy", "{:.2f} %"),
    ("test_mse", "mean squared error, test", "{:.4g}"),
    ("test_r2", "R², test", "{:.4f}"),
)
OF_THE_CHIP = (
    *("gradient_cosine_whole", "gradient_cosine", "gradient_norm_ratio", "symmetry_defect", "saturation"),
    *("activation_max", "settled"),
)


def figures(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what a run found, as plain numbers for JSON; ``[first, last]`` epoch where training changes a figure."""
    status = dataset["status"].isel(snapshot=-1).values
    time = _settling_time(dataset)
    return {
        **{
            name: {str(t): _ends(dataset[name].sel(trainer=t)) for t in dataset["trainer"].values}
            for name in BY_TRAINER
            if name in dataset
        },
        **{name: _ends(dataset[name]) for name in OF_THE_CHIP},
        "verdicts": {str(word): int(count) for word, count in zip(*np.unique(status, return_counts=True), strict=True)},
        "settling_time": time,
        "settling_time_seconds": None if time is None else time * float(dataset["time"].attrs["seconds"]),
        "costs": costs(dataset),
        "update_cost": {
            name: _plain(dataset.attrs.get(f"update_{name}", np.nan))
            for name in ("settles", "array_reads", "time_constants")
        },
        "alarm": alarm(dataset["activation_max"]),
        "epochs": int(dataset["epoch"][-1]),
        "interrupted": bool(dataset.attrs["interrupted"]),
    }


def table(dataset: xr.Dataset) -> str:
    """The table at the end of a run: a column for each trainer, then what only a chip has."""
    found = figures(dataset)
    trainers = [str(name) for name in dataset["trainer"].values]
    rows = [
        ["", *trainers],
        *(
            [words, *(form.format(found[name][t][1]) if found[name][t][1] is not None else "—" for t in trainers)]
            for name, words, form in JUDGED
            if name in found
        ),
        ["Lipschitz constant", *(_arrow(found["lipschitz"][t], "{:.3g}") for t in trainers)],
        ["gradient cosine", _arrow(found["gradient_cosine_whole"])],
    ]
    first, last = found["gradient_cosine"]
    rows += [[f"  layer {k + 1}", _arrow([first[k], last[k]])] for k in range(dataset.sizes["layer"])]
    rows += [
        ["feedback error ‖V − Wᵀ‖/‖W‖", _arrow([max(end, default=0.0) for end in found["symmetry_defect"]])],
        ["samples settled in training", _arrow(found["settled"], "{:.1f} %")],
        ["largest |a|", _arrow(found["activation_max"], "{:.3g}")],
        ["probe samples converged", _verdicts(found["verdicts"])],
        ["settling time, median", _time(found["settling_time"], found["settling_time_seconds"])],
    ]
    widths = [max(len(row[k]) for row in rows if len(row) > k) for k in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=False))])
        for row in rows
    ]
    lines.insert(1, "─" * len(lines[0]))
    epochs = found["epochs"]
    notes: tuple[str, ...] = (
        f"Arrows: before training → after {epochs} epoch{'s' * (epochs != 1)}. Probe samples: in continuous time from "
        "a = 0,",
        f"noise held at one draw; settled when max |τ da/dt| stays below {dataset['residual'].attrs['tolerance']:g}.",
    )
    said = _cost_words(found["costs"])
    cost = found["update_cost"]
    notes += (
        f"An update costs each sample {cost['settles']:g} settle{'s' * (cost['settles'] != 1)} and "
        f"{cost['array_reads']:g} array reads"
        + (f" in {cost['time_constants']:g} τ." if cost["time_constants"] else "."),
    )
    lines = [*([found["alarm"], ""] if found["alarm"] else []), *lines]
    return "\n".join([*lines, *notes, *said, *([dataset.attrs.get("cost_assumptions", "")] if said else [])])


def costs(dataset: xr.Dataset) -> dict[str, float | None]:
    """Median time (s) and energy (J) of an inference and of a sample in an update; None where most do not settle."""
    names = [name for name in COSTS if name in dataset]
    return {name: _median(dataset[name].isel(snapshot=-1).values) for name in names}


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _cost_words(found: dict[str, float | None]) -> list[str]:
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


def extremes(dataset: xr.Dataset) -> dict[str, dict[str, float | None]]:
    """Least, median and greatest finite value of each metric of a sweep, or of each variable of an inference."""
    found: dict[str, dict[str, float | None]] = {}
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


def _verdicts(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    others = ", ".join(f"{count} {word}" for word, count in counts.items() if word != "converged")
    return f"{100 * counts.get('converged', 0) / total:.1f} %" + (f" ({others} of {total})" if others else "")


def _settling_time(dataset: xr.Dataset) -> float | None:
    return _median(dataset["settling_time"].isel(snapshot=-1).values)


def _median(values: Any) -> float | None:
    """Median over the probe samples; a sample that does not settle counts as more than all others."""
    median = float(np.median(np.where(np.isnan(values), np.inf, values)))
    return median if np.isfinite(median) else None


def _ends(values: xr.DataArray) -> list[Any]:
    """First and last epoch, NaN as None."""

    def plain(value: Any) -> Any:
        return [plain(item) for item in value] if isinstance(value, list) else value if np.isfinite(value) else None

    return [plain(values.isel(epoch=k).values.tolist()) for k in (0, -1)]


def _arrow(ends: list[float | None], form: str = "{:.3f}") -> str:
    return " → ".join("—" if value is None else form.format(value) for value in ends)


def _time(units: float | None, seconds: float | None) -> str:
    if units is None or seconds is None:
        return "—"
    scale, unit = next((pair for pair in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")) if seconds >= pair[0]), (1e-9, "ns"))
    return f"{units:.3g} τ = {seconds / scale:.3g} {unit}"
