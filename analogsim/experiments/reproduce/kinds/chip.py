"""A chip trained in the loop in continuous time: the fields of `Settings`, and what a run measures at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from analogsim.errors import InputError
from analogsim.experiments import data, summary
from analogsim.experiments.jobs.points import Found
from analogsim.experiments.loop import taught
from analogsim.experiments.reproduce.kinds import Reader
from analogsim.experiments.setup import Setup, prepare
from analogsim.measure.declaration import declared, readings
from analogsim.registry import register
from analogsim.settings.record import Settings

LEARNT = 90.0
"""Per cent of the test set at which the cost of learning is read."""


@register.experiment("chip", "a chip trained in the loop, in continuous time")
def compute(settings: Mapping[str, object], checkpoint: Path, tell: Callable[[str], None]) -> Found:
    """Train the chip, and read what the run measured after every epoch."""
    setup, done = prepared(Reader(settings)), [0]

    def progress() -> None:
        done[0] += 1
        if done[0] % max(1, setup.updates // 10) == 0:
            tell(f"update {done[0]}/{setup.updates}")

    run = taught(setup, progress=progress)
    found = read(run)
    costs(found, run, len(setup.data.train_x))
    return found


def prepared(take: Reader) -> Setup:
    """What the settings that are left ask for: fields of `Settings`, values of cards, shares of the data."""
    train_samples, test_samples = take("samples"), take("test_samples")
    known = {item.name for item in fields(Settings)}
    # A dotted key is a value of a card, as with --set.
    overrides = {key: take(key) for key in list(take.left) if "." in key}
    found = {key: take(key) for key in sorted(known) if key in take.left}
    take.end()
    found["overrides"] = {**found.get("overrides", {}), **overrides}
    chosen = Settings(**found)
    units = {**chosen.data_options, "task": chosen.task or "classification"}
    return prepare(chosen, part(chosen.data, train_samples, test_samples, **units))


@lru_cache(maxsize=2)
def part(name: str, train_samples: int | None, test_samples: int | None, **options: Any) -> data.Dataset:
    """The first samples of a data set; `options` as of `analogsim.experiments.data.load_data`."""
    whole = data.load_data(name, **options)
    if whole.task == "regression":
        raise InputError(f"{name}: studies are judged by accuracy, which a regression has not.")
    return whole.first(train_samples, test_samples)


def read(run: xr.Dataset) -> Found:
    """Numbers of a run at its last epoch, and their traces: what sweeps record, and what only studies call so."""
    series = {
        one.name: one.of(run[name])
        for name, measure in declared()
        for one in readings(name, measure)
        if name in run and not measure.of_traces
    }
    # A layer without a gradient is left out here, and makes the metric `gradient_cosine_worst` NaN.
    series["worst_cosine"] = run["gradient_cosine"].min("layer")
    series["reference_accuracy"] = series["test_accuracy_backprop"]
    traces = {key: [float(value) for value in array.values] for key, array in series.items()}
    values = {key: trace[-1] for key, trace in traces.items()}
    values["epochs"] = float(run.sizes["epoch"] - 1)
    traces["epoch"] = [float(k) for k in range(run.sizes["epoch"])]
    settling = run["settling_time"].isel(snapshot=-1).values
    values["settling_time"] = (
        float(np.median(settling[np.isfinite(settling)])) if np.isfinite(settling).any() else np.nan
    )
    verdicts = run["status"].isel(snapshot=-1).values
    for name in ("converged", "diverged", "oscillating"):
        values[f"share_{name}"] = 100 * float((verdicts == name).mean())
    diverged = values["share_diverged"] > 50 or not np.isfinite(values["activation_max"])
    return Found(values, traces, "diverged" if diverged else "done")


def costs(found: Found, run: xr.Dataset, samples: int) -> None:
    """Add what a sample costs by the circuit's own estimate, and what training costs up to each epoch and to 90 %."""
    each = {name: np.nan if value is None else value for name, value in summary.costs(run).items()}
    found.values |= each
    accuracies = np.array(found.series["test_accuracy"])
    reached = np.flatnonzero(accuracies >= LEARNT)
    for what in ("time", "energy"):
        spent = np.arange(len(accuracies)) * samples * each.get(f"update_{what}", np.nan)
        found.series[f"training_{what}"] = [float(value) for value in spent]
        found.values[f"training_{what}"] = float(spent[-1])
        found.values[f"{what}_to_90"] = float(spent[reached[0]]) if len(reached) else np.nan
