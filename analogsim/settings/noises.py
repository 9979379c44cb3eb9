"""The kinds of noise at the nodes of neurons: one entry each, from which chips, circuits, cards and commands are made.

To add one: an entry here, and its process in `analogsim.engine.noise.nodes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analogsim.errors import InputError, as_share, instance, one_of, out_of_range, shown

LARGEST = 1e6
"""Of a level, in activities or relative to a weight."""


@dataclass(frozen=True)
class Parameter:
    """One number that says how a kind of noise changes in time; > 0.

    Attributes
    ----------
    name : str
        Of a circuit's card.
    meaning : str
        With the unit.
    default : float
    """

    name: str
    meaning: str
    default: float


@dataclass(frozen=True)
class NodeNoise:
    """One kind.

    Attributes
    ----------
    name : str
        As in ``--noise node:0.02``.
    field : str
        Of circuit and chip: its standard deviation, in units of the activity.
    called : str
        What it is called in messages and helps.
    words : str
        What it is, to be formatted with the fields of the circuit.
    meaning : str
        Of the standard deviation, for a circuit's card.
    parameter : str
        Field of the chip that says how it changes in time, with all the numbers below; empty for white noise.
    parts : tuple of Parameter
        Fields of the circuit that make up this parameter.
    increasing : bool
        Whether each of them must be greater than the one before.
    """

    name: str
    field: str
    called: str
    words: str
    meaning: str
    parameter: str = ""
    parts: tuple[Parameter, ...] = ()
    increasing: bool = False

    @property
    def default(self) -> float | tuple[float, ...]:
        """Of the chip's parameter: one number, or several."""
        return self.joined([part.default for part in self.parts])

    def joined(self, values: list[float]) -> float | tuple[float, ...]:
        """The chip's parameter made of its numbers."""
        return tuple(values) if len(values) != 1 else values[0]


NODE_NOISES = (
    NodeNoise(
        "node",
        "node_noise",
        "white node noise",
        "node noise",
        "stationary standard deviation of white noise at each node",
    ),
    NodeNoise(
        "ou",
        "ou_noise",
        "Ornstein-Uhlenbeck noise",
        "OU noise of correlation time {ou_time:g} τ,",
        "standard deviation of Ornstein-Uhlenbeck noise, in activities",
        "ou_time",
        (Parameter("ou_time", "its correlation time, in time units", 1.0),),
    ),
    NodeNoise(
        "1/f",
        "flicker_noise",
        "1/f noise",
        "1/f noise from {flicker_low:g} to {flicker_high:g} per τ,",
        "standard deviation of 1/f noise in its band, in activities",
        "flicker_band",
        (
            Parameter("flicker_low", "lowest frequency of the 1/f noise, in 1/time unit", 0.01),
            Parameter("flicker_high", "highest frequency of the 1/f noise, in 1/time unit", 1.0),
        ),
        increasing=True,
    ),
    NodeNoise(
        "rtn",
        "telegraph_noise",
        "telegraph noise",
        "telegraph noise dwelling {telegraph_low:g} and {telegraph_high:g} τ,",
        "standard deviation of random telegraph noise, in activities",
        "telegraph_dwell",
        (
            Parameter("telegraph_low", "mean dwell time of its low level, in time units", 1.0),
            Parameter("telegraph_high", "mean dwell time of its high level, in time units", 1.0),
        ),
    ),
)
COLOURED = tuple(kind for kind in NODE_NOISES if kind.parameter)
"""Those with a memory."""

NOISES = {"read": "noise"} | {kind.name: kind.field for kind in NODE_NOISES}
"""Kinds of noise, and the key of the circuit's card that each one sets."""
CALLED = {"read": "read noise"} | {kind.name: kind.called for kind in NODE_NOISES}
"""What each kind is called."""


def kind_of(noise: str) -> str:
    """The kind in ``"node:0.02"``; a bare number is read noise."""
    kind, colon, _ = noise.rpartition(":")
    return kind if colon else "read"


def noise_levels(noises: Iterable[str]) -> dict[str, float]:
    """The noise that is asked for, by kind: ``{"read": 0.05, "node": 0.02}`` of ``("0.05", "node:0.02")``.

    Raises
    ------
    InputError
        If a kind is unknown or given twice, or a level is no number from 0 on.
    """
    levels: dict[str, float] = {}
    for text in noises:
        instance("noise", text, str, 'a text, as in "0.05" or "node:0.02"')
        kind, value = kind_of(text), text.rpartition(":")[2]
        one_of("kind of noise", kind, NOISES, hint="A bare number is read noise.")
        if kind in levels:
            raise InputError(f"noise {shown(text)}: {kind} noise is given twice.")
        try:
            levels[kind] = float(value)
        except ValueError:
            wrong = as_share(value) or f"{shown(value)} is no number; try 0.05 or node:0.02."
            raise InputError(f"noise {shown(text)}: {wrong}") from None
        if not 0 <= levels[kind] <= LARGEST:
            raise out_of_range("noise", text, f"noise ≥ 0, at most {LARGEST:g}")
    return levels
