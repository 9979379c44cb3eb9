"""Settings by key: a field (``alpha``), a kind of noise (``noise.node``), or a value of a card (``device.read_noise``).

One function puts a value in, another says what a key sets. Nothing here opens a card.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analogsim.settings.declaring import declared
from analogsim.settings.noises import NOISES, kind_of
from analogsim.settings.record import Settings

FIELDS = declared(Settings)


def full(key: str) -> str:
    """The key as it is kept: a field of `Settings`, or a value of a card with the name of its part.

    ``batch-size`` is ``batch_size``, ``tau_spread`` is ``circuit.tau_spread``, ``noise.node`` is
    ``circuit.node_noise``, and ``noise.read`` is ``noise``.
    """
    if "." not in key:
        name = key.replace("-", "_")
        return name if name in FIELDS else of_card(name)
    part, _, name = key.partition(".")
    if part == "noise" and name in NOISES:
        return "noise" if name == "read" else f"circuit.{NOISES[name]}"
    return key


def of_card(key: str) -> str:
    """The key of an override with the name of its part; without one it is the circuit's, whatever fields are called."""
    return key if "." in key else f"circuit.{key}"


def put(fields: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The fields of `Settings` with one value put in, in place of the option or the key that set the same.

    Parameters
    ----------
    fields : mapping
        As ``vars(settings)``.
    key : str
        As of `full`. ``noise`` is the read noise alone: other kinds stay.
    value : object
        Of a field, as it would be typed or as it is kept.
    """
    key = full(key)
    if key == "noise":
        others = tuple(text for text in fields["noise"] if kind_of(text) != "read")
        return {**fields, "noise": (repr(float(value)), *others)}
    if key in FIELDS:
        return {**fields, key: FIELDS[key].check(value)}
    noise = tuple(text for text in fields["noise"] if f"circuit.{NOISES.get(kind_of(text))}" != key)
    kept = {name: other for name, other in fields["overrides"].items() if of_card(name) != key}
    asymmetry = 0.0 if key == "circuit.asymmetry" else fields["asymmetry"]
    return {**fields, "noise": noise, "asymmetry": asymmetry, "overrides": {**kept, key: value}}


def asked(settings: Settings) -> dict[str, Any]:
    """Values of cards that the options set, by key: ``{"circuit.noise": 0.05, "circuit.asymmetry": 0.2}``."""
    found: dict[str, Any] = {f"circuit.{NOISES[kind]}": level for kind, level in settings.noise_levels().items()}
    return found | ({"circuit.asymmetry": settings.asymmetry} if settings.asymmetry else {})
