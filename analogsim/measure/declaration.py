"""Measures: numbers that a run records, each declared once with its name, unit, dimensions and where it is shown.

    @register.measure("feedback_gain")
    @measured("largest entry of a feedback matrix", dims=("hidden",), row=Row("largest |V|"))
    def feedback_gain(moment):
        return [abs(v).max() for v in moment.chip.feedback[1:]]

The notebook, the table at the end of a run, its JSON, the metrics of sweeps and the figures of studies are all made
from such declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from numpy.typing import ArrayLike

from analogsim.errors import InputError, instance, one_of
from analogsim.foreign import is_ours
from analogsim.registry import register
from analogsim.settings.choices import HEALTH, TASKS

if TYPE_CHECKING:
    import xarray as xr

    from analogsim.measure.moment import Setup

Source = TypeVar("Source")
NEEDS = {
    "chip": "the weights of the chip and of its references as they are",
    "outputs": "their outputs for the test set",
    "gradient": "some training samples at rest, with the gradient that they give",
    "trace": "some test samples relaxed in continuous time, before training and after it",
}
"""What a measure may be read from; the last is a `Probe`, all others are parts of a `Moment`."""


@dataclass(frozen=True)
class Row:
    """The line of a measure in the table at the end of a run, as ``before training → after it``.

    Parameters
    ----------
    words : str
    form : str
        How a number is written, as in ``"{:.2f} %"``.
    over : {"max", "each"}
        Of several numbers that are not of trainers: the largest, or a line for each.
    ends : {"both", "last"}
        Before training and after it, or after it alone.
    say : callable, optional
        Says it in another way: the run, (dataset) -> text.
    optional : bool
        Whether the line is left out where there is no number.
    """

    words: str
    form: str = "{:.3f}"
    over: str = "max"
    ends: str = "both"
    say: Callable[[xr.Dataset], str] | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        one_of("over", self.over, ("max", "each"))
        one_of("ends", self.ends, ("both", "last"))


@dataclass(frozen=True)
class Reading:
    """One number of a measure for each epoch, or each snapshot, as sweeps and studies record it.

    Parameters
    ----------
    name, long_name : str
    of : callable
        The variable in a run's dataset -> one number for each of its epochs or snapshots.
    units : str, optional
        Those of the measure if not given.
    usual : bool
        Whether it is recorded when no metrics are named.
    trainer : str
        Whose number it is, where the measure has one of each trainer.
    """

    name: str
    long_name: str
    of: Callable[[xr.DataArray], xr.DataArray]
    units: str | None = None
    usual: bool = True
    trainer: str = "chip"


@dataclass(frozen=True)
class Measure(Generic[Source]):
    """A declared measure; see `measured` for its parts.

    Parameters
    ----------
    read : callable
        Reads it from what it `needs`.
    long_name, units, dims, needs, health, task, row, readings, logged, summed, applies
        As of `measured`.

    Raises
    ------
    InputError
        For a part that is not one of the choices.
    """

    read: Callable[[Source], ArrayLike]
    long_name: str
    units: str = "1"
    dims: tuple[str, ...] = ()
    needs: str = "chip"
    health: str = "off"
    task: str | None = None
    row: Row | None = None
    readings: tuple[Reading, ...] | None = None
    logged: bool = False
    summed: bool = True
    applies: Callable[[Setup], bool] | None = None

    along: ClassVar[dict[bool, str]] = {False: "epoch", True: "snapshot"}

    def __post_init__(self) -> None:
        one_of("needs", self.needs, NEEDS)
        one_of("health", self.health, HEALTH)
        if self.task is not None:
            one_of("task", self.task, TASKS)
        instance("dims", self.dims, tuple, "names of dimensions, as in ('layer',)")
        if len({*self.along.values(), *self.dims}) < 2 + len(self.dims):
            raise InputError(f"dims = {self.dims}: each once, without {' and '.join(self.along.values())}.")
        # A registered thing is known by where it was defined.
        for name in ("__module__", "__qualname__"):
            object.__setattr__(self, name, getattr(self.read, name, None))
        object.__setattr__(self, "__doc__", self.long_name)

    @property
    def of_traces(self) -> bool:
        """Whether it is read from a `Probe` and not from a `Moment`."""
        return self.needs == "trace"

    @property
    def draws(self) -> bool:
        """Whether reading it may draw noise of the chip, so that what is read later depends on it."""
        return self.needs in ("outputs", "gradient")

    @property
    def all_dims(self) -> tuple[str, ...]:
        """Dimensions of its variable: ``epoch`` or ``snapshot``, then its own."""
        return (self.along[self.of_traces], *self.dims)

    @property
    def is_built_in(self) -> bool:
        """Whether it is one of this package's own."""
        return is_ours(self)


def measured(
    long_name: str,
    units: str = "1",
    *,
    dims: tuple[str, ...] = (),
    needs: str = "chip",
    health: str = "off",
    task: str | None = None,
    row: Row | None = None,
    readings: tuple[Reading, ...] | None = None,
    logged: bool = False,
    summed: bool = True,
    applies: Callable[[Setup], bool] | None = None,
) -> Callable[[Callable[[Source], ArrayLike]], Measure[Source]]:
    """Declare the function below as a measure: of a `Moment`, or of a `Probe` if it needs a trace.

    Parameters
    ----------
    long_name, units : str
        As on the axis of a figure; the unit is "1" if there is none.
    dims : tuple of str
        Of what the function returns, as in ``("trainer",)``, ``("layer",)``, ``("hidden",)``, ``("sample",)``; of
        numbers without labels any other word.
    needs : str
        A key of `NEEDS`: what it is read from. What no measure needs is not computed.
    health : {"off", "light", "full"}
        The least ``--health`` at which it is read; below that it is NaN.
    task : {"classification", "regression"}, optional
        The only one where it has a meaning.
    row : Row, optional
        Its line in the table at the end of a run; none if not given.
    readings : tuple of Reading, optional
        What sweeps may record of it. If not given: the number, that of the chip if there is one of each trainer, the
        median of the samples; nothing of what has other dimensions.
    logged : bool
        Whether it is told after every epoch, too; only for ``dims=("trainer",)``.
    summed : bool
        Whether its first and last values are among the figures that ``--json`` prints.
    applies : callable, optional
        Whether a prepared run has it at all, from its `Setup`; every run has it if not given.
    """

    def declare(read: Callable[[Source], ArrayLike]) -> Measure[Source]:
        if not callable(read):
            raise InputError(f"measured({long_name!r}) stands above a function; got {type(read).__name__}.")
        return Measure(read, long_name, units, dims, needs, health, task, row, readings, logged, summed, applies)

    return declare


def one_number(variable: xr.DataArray) -> xr.DataArray:
    """A measure that is one number: itself."""
    return variable


def of_trainer(variable: xr.DataArray, trainer: str = "chip") -> xr.DataArray:
    """The number of one trainer."""
    return variable.sel(trainer=trainer)


def of_samples(variable: xr.DataArray) -> xr.DataArray:
    """Median over the samples; one without a number counts as more than all others."""
    return variable.fillna(float("inf")).median("sample")


_USUAL = {(): one_number, ("trainer",): of_trainer, ("sample",): of_samples}


def readings(name: str, measure: Measure[Source]) -> tuple[Reading, ...]:
    """What sweeps and studies may record of a measure."""
    if measure.readings is not None:
        return measure.readings
    usual = _USUAL.get(measure.dims)
    return (Reading(name, measure.long_name, usual),) if usual else ()


def beside(name: str, long_name: str, whose: str) -> tuple[Reading, ...]:
    """A number of the chip and of each digital reference; `whose` adds the trainer to the words."""
    trainers = (("_digital", "digital DP⊤"), ("_backprop", "back-propagation"))
    return (
        Reading(name, long_name, of_trainer),
        *(
            Reading(
                f"{name}{suffix}",
                f"{long_name}{whose.format(trainer)}",
                partial(of_trainer, trainer=trainer),
                trainer=trainer,
            )
            for suffix, trainer in trainers
        ),
    )


def declared() -> Iterator[tuple[str, Measure[object]]]:
    """Every registered measure by its name, the built-in ones first; a plain function is one number of a `Moment`."""
    for name, thing in register.measure.items():
        if isinstance(thing, Measure):
            yield name, thing
        elif callable(thing):
            yield name, Measure(thing, name)
        else:
            raise InputError(f"the measure {name!r} is a {type(thing).__name__}; expected a function or a Measure.")
