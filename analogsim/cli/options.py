"""Options that several commands share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import click

from analogsim.settings.record import (
    DTYPES,
    FLOWS,
    HEALTH,
    NUDGES,
    OPTIMISERS,
    STATES,
    TASKS,
    Settings,
)
from analogsim.settings.registered import RULES, UPDATES

DEFAULT = Settings()


class Sizes(click.ParamType):
    """Whole numbers separated by commas: ``32`` or ``128,64``."""

    name = "N[,N...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers such as 32 or 128,64.", param, ctx)


class Pair(click.ParamType):
    """Two numbers separated by a comma: ``0.1307,0.3081``."""

    name = "MEAN,STD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        try:
            mean, std = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not two numbers such as 0.1307,0.3081.", param, ctx)
        return mean, std


def assignments(ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Turn ``key=value`` into a mapping; see `analogsim.cards.parse_set`."""
    from analogsim.cards import parse_set

    return dict(parse_set(pair) for pair in pairs)


def simulation(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is simulated and how it is trained: the fields of `Settings`."""
    nudges, updates, states = (
        "; ".join(f"{name}: {words}" for name, words in choices.items()) for choices in (NUDGES, UPDATES, STATES)
    )
    for option in reversed(
        [
            click.option("--nudge", metavar="NUDGE", default=DEFAULT.nudge, help=f"{nudges}."),
            click.option("--epochs", type=int, default=DEFAULT.epochs, help="Passes through the training data."),
            click.option("--batch-size", type=int, default=DEFAULT.batch_size, help="Samples for one update."),
            click.option("--optimiser", metavar="NAME", default=DEFAULT.optimiser, help=f"{' or '.join(OPTIMISERS)}."),
            click.option("--learning-rate", type=float, default=DEFAULT.learning_rate, help="Of the optimiser."),
            click.option("--update", metavar="NAME", default=DEFAULT.update, help=f"How devices learn. {updates}."),
            click.option("--write-every", type=int, default=DEFAULT.write_every, help="Updates for one write."),
            click.option("--drift", type=float, default=DEFAULT.drift, help="Seconds that cells drift in an update."),
            click.option("--trim", type=float, help="Share of all compartment mismatch left by a one-time trim."),
            click.option("--states", metavar="NAME", default=DEFAULT.states, help=f"Learn from states: {states}."),
            click.option(
                "--continuous",
                type=int,
                default=DEFAULT.continuous,
                help="K > 0: never reset, learn while each batch stays for K time constants. 0: settle.",
            ),
            click.option("--gate", type=int, default=DEFAULT.gate, help="Of those K, how many have no update."),
            click.option("--flow", metavar="NAME", default=DEFAULT.flow, help=f"Of --continuous: {', '.join(FLOWS)}."),
            click.option("--health", metavar="LEVEL", default=DEFAULT.health, help=f"{', '.join(HEALTH)}."),
            click.option("--dtype", metavar="NAME", default=DEFAULT.dtype, help=f"Of training: {' or '.join(DTYPES)}."),
        ]
    ):
        command = option(command)
    return hardware(command)


def data_units(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the numbers of a data set are: task, scale and normalisation."""
    for option in reversed(
        [
            click.option("--task", metavar="NAME", help=f"{' or '.join(TASKS)}.  [default: what the data file shows]"),
            click.option("--scale", type=float, default=DEFAULT.scale, help="Divide x by this; 255 for bytes."),
            click.option("--normalise", type=Pair(), help="Then (x − MEAN)/STD, as other networks want it."),
        ]
    ):
        command = option(command)
    return command


def hardware(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is simulated: circuit, rule, data and network."""
    rules = "; ".join(f"{name}: {words}" for name, words in RULES.items())
    for option in reversed(
        [
            click.argument("circuit"),
            click.option("--rule", metavar="RULE", default=DEFAULT.rule, help=f"Learning rule. {rules}."),
            click.option("--alpha", type=float, help="α of DP and DP⊤, 0 to 1.  [default: 0.5]"),
            click.option("--lam", type=float, help="λ of --rule dyadic, 0 to 1.  [default: 0.5]"),
            click.option("--beta", type=float, default=DEFAULT.beta, help="Strength of the nudge, > 0."),
            click.option(
                "--noise",
                multiple=True,
                metavar="[KIND:]SIGMA",
                help="A bare number: relative standard deviation of each weight at each read. node:SIGMA: white noise "
                "at each compartment, in units of the activity. May be repeated.",
            ),
            click.option(
                "--asymmetry",
                type=float,
                default=DEFAULT.asymmetry,
                help="Relative error of the feedback V against Wᵀ.",
            ),
            click.option("--device", metavar="NAME|FILE", help="Device card.  [default: the circuit's own]"),
            click.option(
                "--set",
                "overrides",
                multiple=True,
                metavar="KEY=VALUE",
                callback=assignments,
                help="Override any value of a card, as in device.read_noise=0.1. May be repeated.",
            ),
            click.option(
                "--data", metavar="NAME|FILE", default=DEFAULT.data, help="digits, mnist, fashion-mnist or an .npz."
            ),
            click.option("--hidden", type=Sizes(), default=DEFAULT.hidden, help="Neurons of each hidden layer."),
            click.option(
                "--activation", metavar="NAME", help="Of the hidden layers.  [default: relu; hard-sigmoid if recurrent]"
            ),
            click.option("--loss", metavar="NAME", default=DEFAULT.loss, help="mse or cross-entropy."),
            click.option("--seed", type=int, default=DEFAULT.seed, help="Of all that is random."),
        ]
    ):
        command = option(command)
    return data_units(command)


def verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``-v`` and ``-q``, passed on as one number: -1 quiet, 0, 1 for information, 2 for debugging."""

    def combine(ctx: click.Context, param: click.Parameter, value: int) -> int:
        level = -1 if ctx.params.pop("quiet", False) else value
        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("analogsim").setLevel(
            {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(level, logging.DEBUG)
        )
        return level

    command = click.option("-v", "--verbose", "verbose", count=True, callback=combine, help="Say more; -vv yet more.")(
        command
    )
    return click.option("-q", "--quiet", is_flag=True, is_eager=True, help="Print nothing but errors.")(command)


def resumable(command: Callable[..., Any]) -> Callable[..., Any]:
    """Many jobs that are kept on disk: where they are computed, and whether those that are there count."""
    for option in reversed(
        [
            click.option("--workers", type=int, metavar="N", help="Processes, one thread each.  [default: all cores]"),
            click.option(
                "--scheduler", metavar="ADDRESS", help="Run on this dask cluster instead, as in tcp://host:8786."
            ),
            click.option("--fresh", is_flag=True, help="Start over instead of going on from what is on disk."),
        ]
    ):
        command = option(command)
    return command


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of words.")(command)
