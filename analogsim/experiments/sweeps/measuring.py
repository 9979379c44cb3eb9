"""One point of a sweep: settings in, the metrics out."""

from __future__ import annotations

from typing import NamedTuple

from analogsim.engine import datasets
from analogsim.experiments.jobs.points import Found
from analogsim.experiments.jobs.shared import loaded
from analogsim.experiments.loop import taught
from analogsim.experiments.setup import prepare
from analogsim.experiments.sweeps.metrics import Chosen, Metric, asked, before_training, gathered, number
from analogsim.settings.record import Settings


class Point(NamedTuple):
    """What a point asks for."""

    seed: int
    fields: dict[str, object]
    """Of `Settings`, but for the seed."""


def measured(point: Point, *, metrics: tuple[str, ...], own: Chosen | None = None) -> Found:
    """Simulate a point and read the metrics.

    Those of the user's come as `own`, with the measures that they are made from; the built-in ones travel by name.
    """
    return measure(Settings(**{**point.fields, "seed": point.seed}), gathered(metrics, own or {}))  # type: ignore[arg-type]


def measure(settings: Settings, metrics: Chosen) -> Found:
    """Simulate some settings and read the metrics."""
    setup = prepare(settings, loaded(settings))
    sources = {metric.of for metric in metrics.values() if isinstance(metric, Metric)}
    run = taught(setup, asked=asked(metrics)) if "run" in sources else None
    initial = before_training(setup)
    taken: dict[str, object] = {"run": run, "chip": initial, "setup": setup}
    values = {
        name: number(name, metric, taken[metric.of] if isinstance(metric, Metric) else setup)
        for name, metric in metrics.items()
    }
    if run is not None:
        if run.attrs["interrupted"]:
            raise KeyboardInterrupt
        bad, of = int((run["status"].isel(snapshot=-1) == "diverged").sum()), run.sizes["sample"]
    elif "_first" in vars(initial):
        found = initial.settled.status
        bad, of = int((found == datasets.DIVERGED).sum()), len(found)
    else:
        bad, of = 0, 1
    if bad:
        return Found(values, status="diverged", message=f"{bad} of {of} samples diverge")
    return Found(values)
