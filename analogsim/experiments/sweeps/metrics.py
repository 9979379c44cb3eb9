"""What a sweep records of each point: figures of a whole run, or of the chip as programmed, before any training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import numpy as np
import xarray as xr

from analogsim.circuits.base import child
from analogsim.errors import InputError, one_of, shown
from analogsim.experiments.loop import Asked
from analogsim.experiments.setup import Setup
from analogsim.foreign import is_ours
from analogsim.learning.on_chip import OnChip
from analogsim.measure.declaration import Measure, Reading, declared, readings
from analogsim.measure.hardware import symmetry_defect
from analogsim.measure.moment import Moment, share
from analogsim.measure.probe import PROBES
from analogsim.measure.robustness import lipschitz
from analogsim.registry import register
from analogsim.settings.choices import TASKS

Source = TypeVar("Source")
SOURCES = {
    "run": "at the end of a run",
    "chip": "before training, which is not done",
    "setup": "of what is prepared",
}
"""What a metric may be read from: the dataset of a run, a `Moment` before training, or a `Setup`."""


@dataclass(frozen=True)
class Metric(Generic[Source]):
    """A number for each point, and how to read it from one of `SOURCES`.

    Parameters
    ----------
    long_name, units : str
        As on the axes of figures.
    read : callable
        What it is read from -> the number.
    of : str
        What it is read from, of `SOURCES`.
    measured : tuple of str and Measure, optional
        The measure that it is made from, by name.
    usual : bool
        Whether a sweep of runs records it when no metrics are named.
    trainer : str
        Whose number it is, of the chip and the digital references.
    """

    long_name: str
    units: str
    read: Callable[[Source], float]
    of: str = "run"
    measured: tuple[str, Measure[object]] | None = None
    """The measure that it is made from, by name."""
    usual: bool = True
    """Whether a sweep of runs records it when no metrics are named."""
    trainer: str = "chip"
    """Whose number it is."""

    def __post_init__(self) -> None:
        one_of("of", self.of, SOURCES)
        for name in ("__module__", "__qualname__"):
            object.__setattr__(self, name, getattr(self.read, name, None))
        object.__setattr__(self, "__doc__", self.long_name)

    @property
    def task(self) -> str | None:
        """The only task for which it has a meaning."""
        return self.measured[1].task if self.measured else None


Own = Callable[[Setup], float]
Chosen = dict[str, Metric[object] | Own]


def metric(
    long_name: str, units: str = "1", *, of: str = "setup"
) -> Callable[[Callable[[Source], float]], Metric[Source]]:
    """Declare the function below as a metric, a number for each point of a sweep.

        @register.metric("cells")
        @metric("cells in all arrays", of="chip")
        def cells(moment):
            return sum(w.size for w in moment.chip.forward)

    Parameters
    ----------
    long_name, units : str
        As on the axis of a figure.
    of : {"setup", "chip", "run"}
        What the function takes: the `Setup` of a point, the chip as programmed (a `Moment` before any training), or the
        dataset of its run. Only the last needs training.
    """
    return lambda read: Metric(long_name, units, read, of)


def known() -> Mapping[str, Metric[object]]:
    """Every metric by name: those of the measures of a run, and those that are registered."""
    found: dict[str, Metric[object]] = {}
    for name, measure in declared():
        for one in readings(name, measure):
            units = measure.units if one.units is None else one.units
            read = partial(_last, name, one)
            made = Metric(one.long_name, units, read, measured=(name, measure), usual=one.usual, trainer=one.trainer)
            _add(found, one.name, made)
    for name, thing in register.metric.items():
        _add(found, name, thing if isinstance(thing, Metric) else Metric(name, "1", thing, "setup"))
    return found


def _add(found: dict[str, Metric[object]], name: str, metric: Metric[object]) -> None:
    if name in found:
        raise InputError(f"two metrics are called {name!r}; give one of them another name.")
    found[name] = metric


def _last(name: str, reading: Reading, run: xr.Dataset) -> float:
    # What has no meaning for this point is not in its run.
    return float(reading.of(run[name]).values[-1]) if name in run else float("nan")


def asked(metrics: Chosen) -> Asked | None:
    """What of a run some metrics are read from; None, for all of it, where one is somebody else's, who may read any."""
    of_run = [metric for metric in metrics.values() if isinstance(metric, Metric) and metric.of == "run"]
    measures = {metric.measured[0] for metric in of_run if metric.measured and metric.measured[1].is_built_in}
    if any(not metric.measured or metric.measured[0] not in measures for metric in of_run):
        return None
    # A point is named diverged by what became of its probe samples.
    return Asked(frozenset({*measures, "status"}), frozenset(metric.trainer for metric in of_run))


def number(name: str, metric: Metric[object] | Own, source: object) -> float:
    """Read a metric from its source; NaN and infinity are numbers, too.

    Raises
    ------
    InputError
        If one of the user's fails, or gives what is no real number.
    """
    read: Callable[[object], object] = metric.read if isinstance(metric, Metric) else metric  # type: ignore[assignment]
    if content(metric) is None:
        return float(read(source))  # type: ignore[arg-type]
    try:
        returned = read(source)
        found = np.asarray(returned)
    except Exception as error:  # somebody else's code, which may fail in any way
        reason = " ".join(str(error).split())
        raise InputError(f"the metric {name!r} failed: {type(error).__name__}: {reason}.") from error
    if found.size != 1 or found.dtype.kind not in "biuf":
        raise InputError(f"the metric {name!r} returned {shown(returned)}; expected one real number.")
    return float(found.item())


def content(metric: object) -> object:
    """What of a metric is the user's own and may change while its name stays; None if all is this package's."""
    if not isinstance(metric, Metric):
        return None if isinstance(metric, tuple) else metric  # a description, or a function of a `Setup`
    if metric.measured:
        measure = metric.measured[1]
        return None if measure.is_built_in else (measure.read, measure.readings and metric.read)
    return None if is_ours(metric.read) else metric.read


def foreign(metrics: Chosen) -> Chosen:
    """Metrics that other processes do not find by name, and get as they are."""
    return {name: metric for name, metric in metrics.items() if content(metric) is not None}


def gathered(names: Iterable[str], own: Chosen) -> Chosen:
    """The metrics by name, some of which came from another process."""
    names = list(names)
    every = known() if len(own) < len(names) else {}
    return {name: own[name] if name in own else every[name] for name in names}


def before_training(setup: Setup) -> Moment:
    """A chip as programmed."""

    def trainers() -> dict[str, OnChip]:
        rng = child(setup.settings.seed, "chip")
        return {"chip": OnChip(setup.circuit, setup.chip, setup.wiring, setup.settings, rng)}

    return Moment(setup, setup.chip, trainers)


@register.metric("initial_settled")
@metric("samples that settle before training", "%", of="chip")
def _settled(moment: Moment) -> float:
    return share(moment.settled.status)


@register.metric("initial_gradient_cosine")
@metric("cosine to the exact gradient before training", of="chip")
def _gradient_cosine(moment: Moment) -> float:
    return moment.alignment.whole_cosine


@register.metric("initial_gradient_cosine_worst")
@metric("cosine to the exact gradient before training, worst layer", of="chip")
def _gradient_cosine_worst(moment: Moment) -> float:
    return float(moment.alignment.cosine.min())


@register.metric("initial_symmetry_defect")
@metric("feedback error ‖V − Wᵀ‖/‖W‖ before training", of="chip")
def _symmetry_defect(moment: Moment) -> float:
    return float(symmetry_defect(moment.chip).max(initial=0.0))


@register.metric("initial_lipschitz")
@metric("Lipschitz constant before training", of="chip")
def _lipschitz(moment: Moment) -> float:
    return lipschitz(moment.chip.network())


@register.metric("programming_error")
@metric("programming error ‖W_chip − W‖/‖W‖, worst layer", of="chip")
def _programming_error(moment: Moment) -> float:
    pairs = zip(moment.chip.forward, moment.setup.network.weights, strict=True)
    return max(float(np.linalg.norm(got - want) / np.linalg.norm(want)) for got, want in pairs)


@register.metric("spectral_abscissa")
@metric("largest real part of an eigenvalue before training", "1/τ", of="chip")
def _spectral_abscissa(moment: Moment) -> float:
    return moment.abscissa(PROBES)


def choose(metrics: Iterable[str] | Mapping[str, Own] | None, tasks: Iterable[str] = TASKS) -> Chosen:
    """The metrics by name; all usual ones of a run that suit the tasks if nothing is said.

    Raises
    ------
    InputError
        If a name is unknown, or is of a task that is not among them.
    """
    if isinstance(metrics, Mapping):
        return dict(metrics)
    tasks = tuple(tasks)
    every, suited = known(), (None, *tasks)
    if metrics is None:
        return {name: one for name, one in every.items() if one.of == "run" and one.usual and one.task in suited}
    chosen: Chosen = {}
    if not isinstance(metrics, Iterable) or isinstance(metrics, str):
        raise InputError(f"metrics = {shown(metrics)}: expected a list of names, or functions by name.")
    for name in metrics:
        one_of("metric", name, every)
        if every[name].task not in suited:
            others = ", ".join(name for name, measure in declared() if measure.task in tasks)
            raise InputError(f"metric {name!r} has no meaning for {' and '.join(tasks)}; take {others}.")
        chosen[name] = every[name]
    if not chosen:
        raise InputError("metrics: give at least one.")
    return chosen
