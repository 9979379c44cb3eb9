"""Options that several commands share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import click

from analogsim.settings.declaring import Declared, Setting, declared
from analogsim.settings.record import Settings


def assignments(ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]) -> dict[str, object]:
    """Turn ``key=value`` into a mapping; see `analogsim.cards.parse_set`."""
    from analogsim.cards import parse_set

    return dict(parse_set(pair) for pair in pairs)


Command = Callable[..., object]


def options_of(
    *names: str, of: type[Declared] = Settings, **changes: Mapping[str, Any]
) -> Callable[[Command], Command]:
    """Give a command an option for each declared field of a record.

    Parameters
    ----------
    *names : str
        Fields, or groups of fields (see `Setting.group`), in the order in which the help shows them.
    of : type
        The record.
    **changes : dict
        By field: attributes of its `Setting` that are other here, as ``loss={"option": "--network-loss"}``.
    """
    known = {name: replace(about, **changes.get(name, {})) for name, about in declared(of).items()}
    found = (about for name in names for about in known.values() if name in (about.name, about.group))
    wanted = list({about.name: about for about in found}.values())

    def decorate(command: Command) -> Command:
        for about in reversed(wanted):
            command = _option(about)(command)
        return command

    return decorate


def _option(about: Setting) -> Callable[[Command], Command]:
    """The click option, or argument, of one setting."""
    kind = about.kind
    if about.option == "argument":
        return click.argument(about.name)
    if kind.python is bool:
        return click.option(about.flag, about.name, is_flag=True, default=about.default, help=about.words())
    more: dict[str, Any] = {"multiple": True} if kind.multiple else {"default": _typed(about)}
    more |= {"callback": assignments} if isinstance(about.default, dict) else {}
    hint = f"  [default: {about.usual}]" if about.default is None else ""
    # click says what a number is itself.
    metavar = about.metavar or (kind.metavar if kind.python is str else None)
    return click.option(about.flag, about.name, type=kind.python, metavar=metavar, help=about.words() + hint, **more)


def _typed(about: Setting) -> object:
    """A default as it would be typed."""
    return about.kind.written(about.default) if isinstance(about.default, tuple) else about.default


HARDWARE = ("circuit", "rules", "hardware", "inputs", "network", "random")
hardware = options_of(*HARDWARE)
"""What is simulated: circuit, rule, data and network."""
SIMULATION = (*HARDWARE, "training", "output")
simulation = options_of(*SIMULATION)
"""What is simulated and how it is trained: all of `Settings`."""


def verbosity(command: Command) -> Command:
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


def resumable(command: Command) -> Command:
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


def as_json(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of words.")(command)
