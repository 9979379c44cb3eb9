"""The noise that is asked for, by kind: read noise, and the kinds of `analogsim.functions.node_noises`."""

from __future__ import annotations

from collections.abc import Iterable

from analogsim.errors import InputError, as_share, instance, one_of, out_of_range, shown
from analogsim.functions.node_noises import NODE_NOISES

LARGEST = 1e6
"""Of a level, in activities or relative to a weight."""

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
