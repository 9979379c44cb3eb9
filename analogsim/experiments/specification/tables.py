"""Budgets and tolerances as tables that can be pasted into a document."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from analogsim.experiments.strict_json import strict


def words(dataset: xr.Dataset) -> str:
    """The table of a budget or of tolerances, whichever it is."""
    return budget(dataset) if dataset.attrs["kind"] == "budget" else tolerance(dataset)


def failures(dataset: xr.Dataset) -> list[str]:
    """Which trials, or which searches, failed and why."""
    if dataset.attrs["kind"] == "tolerance":
        rows = zip(dataset["parameter"].values, dataset["outcome"].values, dataset["message"].values, strict=True)
        found = [f"{key} {why}" for key, outcome, why in rows if outcome == "failed"]
        together = dataset.attrs.get("together_message", "")
        return [*found, *([f"all tolerances at once: {together}"] if together else [])]
    found = []
    for name, where in (("backprop_message", "back-propagation"), ("message", "")):
        for index, why in np.ndenumerate(dataset[name].values) if name in dataset else ():
            case = where or str(dataset["case"].values[index[0]])
            found += [f"{case}, seed {dataset['seed'].values[index[-1]]}: {why}"] if why else []
    return found


def figures(dataset: xr.Dataset) -> dict[str, object]:
    """The numbers of the table, for JSON."""
    attrs = {name: value for name, value in dataset.attrs.items() if not name.startswith("analogsim")}
    dim = "case" if dataset.attrs["kind"] == "budget" else "parameter"
    rows = {
        str(key): {
            name: strict(dataset[name].sel({dim: key}).values)
            for name in dataset.data_vars
            if dim in dataset[name].dims
        }
        for key in dataset[dim].values
    }
    return {**{name: strict(value) for name, value in attrs.items()}, dim: rows}


def budget(dataset: xr.Dataset) -> str:
    """A row for each nonideality, in Markdown."""
    loss = dataset["loss"]

    def points(case: str) -> str:
        x = loss.sel(case=case).values
        return f"{x.mean():.2f} ± {x.std(ddof=1):.2f}" if np.isfinite(x).all() else "failed"

    rows = [["nonideality", "value", "loss alone", "loss with all but this", "bias", "noise"]]
    for k, key in enumerate(dataset["nonideality"].values):
        errors = dataset[["bias", "noise"]].sel(case=f"only {key}").median("seed")
        rows.append(
            [
                str(key), _with_unit(str(dataset["value"].values[k]), str(dataset["unit"].values[k])),
                points(f"only {key}"), points(f"all but {key}"), f"{float(errors['bias']):.3g}",
                f"{float(errors['noise']):.3g}",
            ]
        )  # fmt: skip
    for case in ("none", "all"):
        errors = dataset[["bias", "noise"]].sel(case=case).median("seed")
        rows.append(
            [f"*{case}*", "", points(case), "", f"{float(errors['bias']):.3g}", f"{float(errors['noise']):.3g}"]
        )
    note = (
        f"Loss in points against digital back-propagation ({float(dataset['backprop'].mean()):.2f} %) on the same "
        f"data: mean ± standard deviation of {dataset.sizes['seed']} seeds. Bias and noise: errors of the gradient "
        "in the worst layer with this alone, relative to its length, median of the seeds. *none* and *all* are of the "
        "nonidealities listed; whatever else the circuit has, it has in every case."
    )
    return "\n".join([markdown(rows), "", note, *(f"Failed: {text}" for text in failures(dataset))])


def tolerance(dataset: xr.Dataset) -> str:
    """A row for each parameter, in Markdown."""
    limit = dataset.attrs["limit"]
    rows = [["parameter", "tolerance", "first bad", "now", "binding", "loss there", "confidence"]]
    for key in dataset["parameter"].values:
        row = dataset.sel(parameter=key)
        outcome, unit = str(row["outcome"].values), str(row["unit"].values)
        found = [_with_unit(_number(row[name]), unit) for name in ("tolerance", "beyond", "value")]
        confirmed = ["", ""]
        if outcome == "tolerance":
            confirmed = [
                f"{float(row['confirmed_loss']):.2f} ± {float(row['confirmed_spread']):.2f}",
                f"{100 * float(row['probability']):.0f} %",
            ]
        binding = {"tolerance": "yes", "failed": "failed", "not binding": "no", "not attainable": "not attainable"}.get(
            outcome, "—"
        )
        rows.append([str(key), *found, binding, *confirmed])
    notes = [
        "",
        f"At most {limit:g} point{'' if limit == 1 else 's'} below digital back-propagation, mean of the seeds, one "
        f"parameter at a time; the circuit as it is loses {dataset.attrs['own_loss']:.2f} ± "
        f"{dataset.attrs['own_spread']:.2f}. Loss and confidence are of {dataset.attrs['seeds']} other seeds at the "
        "tolerance.",
    ]
    if math.isfinite(dataset.attrs["together_loss"]):
        notes[-1] += f" All tolerances at once lose {dataset.attrs['together_loss']:.2f} points."
    if not dataset.attrs["own_good"]:
        notes.append(
            "The circuit as it is already loses more than that, so nothing that it has none of yet is allowed: allow "
            "more with --loss, mend what costs most (`analogsim budget` finds it), or specify each parameter by itself "
            "with --others ideal."
        )
    notes += [
        f"{key} {'failed' if outcome == 'failed' else 'does not apply'}: {why}"
        for key, outcome, why in zip(
            *(dataset[name].values for name in ("parameter", "outcome", "message")), strict=True
        )
        if why
    ]
    return "\n".join([markdown(rows), *notes])


def markdown(rows: list[list[str]]) -> str:
    """An aligned table; the first row is the head."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _number(value: xr.DataArray) -> str:
    number = float(value)
    return "—" if math.isnan(number) else f"{number:.3g}"


def _with_unit(text: str, unit: str) -> str:
    return text if unit == "1" or text == "—" else f"{text} {unit}"
