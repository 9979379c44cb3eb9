"""The figures at the end of a run, as numbers and as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

MEASURES = ("gradient_cosine", "gradient_norm_ratio", "symmetry_defect", "saturation")


def figures(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what a run found, plain numbers for JSON; first and last epoch where a figure changes with training."""

    def first_last(values: xr.DataArray) -> list[Any]:
        ends = values.isel(epoch=[0, -1]).transpose("epoch", ...).values
        return [None if np.ndim(end) == 0 and np.isnan(end) else end.tolist() for end in ends]

    trainers = [str(name) for name in dataset["trainer"].values]
    status = dataset["status"].isel(epoch=-1).values
    time = dataset["settling_time"].isel(epoch=-1).values
    return {
        "test_accuracy_percent": {n: float(dataset["test_accuracy"].sel(trainer=n)[-1]) for n in trainers},
        "lipschitz_first_last": {n: first_last(dataset["lipschitz"].sel(trainer=n)) for n in trainers},
        "gradient_cosine_first_last": first_last(dataset["gradient_cosine_whole"]),
        **{f"{name}_first_last": first_last(dataset[name]) for name in MEASURES},
        "activation_max_first_last": first_last(dataset["activation_max"]),
        "converged_percent": float(100 * np.mean(status == "converged")),
        "verdicts": {str(word): int(count) for word, count in zip(*np.unique(status, return_counts=True), strict=True)},
        "settling_time": float(np.median(time)) if np.isfinite(time).all() else None,
        "settling_time_seconds": float(np.median(time)) * time_unit(dataset) if np.isfinite(time).all() else None,
        "epochs": int(dataset["epoch"][-1]),
        "interrupted": bool(dataset.attrs["interrupted"]),
    }


def time_unit(dataset: xr.Dataset) -> float:
    """Seconds for one τ."""
    return float(dataset["time"].attrs["seconds"])


def table(dataset: xr.Dataset) -> str:
    """The table at the end of a run: one column for each trainer, then what only a chip has."""
    found = figures(dataset)
    trainers = [str(name) for name in dataset["trainer"].values]
    rows = [
        ["", *trainers],
        ["test accuracy", *(f"{found['test_accuracy_percent'][n]:.2f} %" for n in trainers)],
        ["Lipschitz, first → last", *(" → ".join(f"{v:.3g}" for v in found["lipschitz_first_last"][n]) for n in trainers)],
        ["gradient cosine, all layers", " → ".join(map(_number, found["gradient_cosine_first_last"]))],
    ]
    for layer in range(dataset.sizes["layer"]):
        ends = [end[layer] for end in found["gradient_cosine_first_last_by_layer"]] if False else None
        del ends
        rows.append([f"  layer {layer + 1}", " → ".join(_number(end[layer]) for end in found["gradient_cosine_first_last"])])
    return _aligned(rows)


def _number(value: float | None) -> str:
    return "—" if value is None or not np.isfinite(value) else f"{value:.3f}"


def _aligned(rows: list[list[str]]) -> str:
    return "\n".join("  ".join(row) for row in rows)
