"""What is not ideal about a circuit: every value of its cards that does harm, and how far from harmless it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from analogsim.cards.quantities import declared
from analogsim.circuits.base import Circuit
from analogsim.devices.base import Device, Part
from analogsim.errors import InputError, unknown
from analogsim.experiments.setup import made_circuit
from analogsim.settings.keyed import of_card, put
from analogsim.settings.record import Settings

RISING = {
    "1": (1e-4, 1.0),
    "ohm": (1e-2, 1e5),
    "V": (1e-5, 1.0),
    "s": (1.0, 1e8),
    "A": (1e-12, 1e-5),
    "rad": (1e-4, 1.0),
}
"""Unit, and where values that do harm by being large begin and end."""
FALLING = {"1": (1e5, 1e-1), "V": (10.0, 1e-2), "F": (1e-9, 1e-18)}
"""The same for values that do harm by being small."""
RENARD = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
"""Preferred numbers R10 of ISO 3, ten to the decade."""
FALLS = ("contrast", "node_capacitance")
"""What does more harm the smaller it is, and none where it is not given."""
NEEDS = {"dac_inl": "dac_bits", "adc_inl": "adc_bits"}
"""What has no effect while something else is off."""


BELONG = {
    "circuit.dac_bits": {"circuit.dac_range": None, "circuit.dac_feedback_range": None, "circuit.dac_inl": 0.0},
    "circuit.adc_bits": {"circuit.adc_range": None, "circuit.adc_inl": 0.0},
}
"""What goes when a converter goes."""


Value = float | int | None
"""Of a card; None where it is not given."""


@dataclass(frozen=True)
class Nonideality:
    """One value of a card.

    Parameters
    ----------
    key : str
        ``circuit.…``, ``device.…`` or another part's.
    long_name, unit : str
    ideal : number or None
        Where it does no harm.
    value : number or None
        As it is in the circuit.
    values : tuple
        The ideal value, then others, each worse than the one before; empty where there is no scale.
    """

    key: str
    long_name: str
    unit: str
    ideal: Value
    value: Value
    values: tuple[Value, ...]

    @property
    def is_off(self) -> bool:
        """Whether the circuit has none of it."""
        return bool(self.value == self.ideal)

    @property
    def place(self) -> int:
        """Index in `values` nearest to the circuit's own value, or where harm may begin."""
        if self.is_off or self.value is None:
            return 1 + len(self.values) // 2
        distance = [math.inf, *(abs(math.log(abs(v) / abs(self.value))) for v in self.values[1:] if v is not None)]
        return int(np.argmin(distance))


def nonidealities(settings: Settings) -> list[Nonideality]:
    """All of a circuit's, its parts' after its own, in the order of the cards."""
    made = made_circuit(settings)
    found = list(_of("circuit", made))
    for role, part in vars(made).items():
        found += _of(role, part) if isinstance(part, Part) else []
    device = getattr(made, "device", None)
    if isinstance(device, Device):
        cells = np.linspace(device.g_min, device.g_max, 9)
        idle = [] if device.programming_sigma(cells).any() else ["device.programming_scale"]
        if device.read_noise is None and not device.read_sigma(cells).any():
            found = [replace(one, value=one.ideal) if one.key == "device.read_noise" else one for one in found]
        found = [one for one in found if one.key not in idle]
    keys = {one.key for one in found}
    if {"circuit.noise", "device.read_noise"} <= keys:  # the circuit's replaces the device's
        unused = "circuit.noise" if made.noise is None else "device.read_noise"  # type: ignore[attr-defined]
        found = [one for one in found if one.key != unused]
        found = [
            replace(one, ideal=0.0, values=(0.0, *one.values[1:])) if one.key == "circuit.noise" else one
            for one in found
        ]
    return found


def choose(settings: Settings, names: Iterable[str]) -> list[Nonideality]:
    """Those with the given keys; without a prefix a key is the circuit's.

    Raises
    ------
    InputError
        If a key is unknown, or names what is no nonideality.
    """
    known = {found.key: found for found in nonidealities(settings)}
    chosen = []
    for name in names:
        key = of_card(name.replace("-", "_"))
        if key not in known:
            raise _no_nonideality(settings, name, key, known)
        chosen.append(known[key])
    return chosen


def _no_nonideality(settings: Settings, name: str, key: str, known: Iterable[str]) -> InputError:
    """The error for a key that is none: of something else that a card sets, or of nothing."""
    made = made_circuit(settings)
    holders = {"circuit": made, **{role: part for role, part in vars(made).items() if isinstance(part, Part)}}
    keys = [f"{role}.{item.name}" for role, holder in holders.items() for item in declared(type(holder))]
    meant = [key] if key in keys else [one for one in keys if one.endswith(f".{name.replace('-', '_')}")]
    if len(meant) != 1 or meant[0] in known:
        return unknown("nonideality", name, known)
    return InputError(
        f"{meant[0]} is no nonideality of this circuit: no value is declared at which it does no harm, or another key "
        f"stands for it. There are {', '.join(known)}."
    )


def with_values(settings: Settings, values: Mapping[str, Value]) -> Settings:
    """The settings with some values of cards, in place of options that set the same."""
    given = asdict(settings)
    for key, others in BELONG.items():
        if values.get(key, 1) == 0:
            values = {**values, **others}
    for key, value in values.items():
        given = put(given, key, value)
    return Settings(**given)


def applies(settings: Settings, values: Mapping[str, Value]) -> str:
    """Why the circuit cannot be made with these values; empty if it can."""
    try:
        made_circuit(with_values(settings, values))
    except InputError as error:
        return str(error)
    return ""


def _of(role: str, part: Circuit | Part) -> Iterator[Nonideality]:
    for item in declared(type(part)):
        about = item.metadata
        if "ideal" not in about or (item.name in NEEDS and not getattr(part, NEEDS[item.name])):
            continue
        ideal, unit = about["ideal"], about["unit"]
        yield Nonideality(
            f"{role}.{item.name}", about["meaning"], unit, ideal, getattr(part, item.name), _scale(item.name, about)
        )


def _scale(name: str, about: Mapping[str, Any]) -> tuple[Value, ...]:
    """The ideal value and the grid of worse ones."""
    ideal, unit = about["ideal"], about["unit"]
    if about["whole"]:
        if name == "levels":
            return (ideal, *(2**k for k in range(10, 0, -1)))
        return (ideal, *range(12, 1, -1)) if name.endswith("bits") else ()
    if unit == "dB/Hz":
        return (ideal, *range(int(ideal) + 10, -59, 5))
    falling = ideal == math.inf or name in FALLS
    if unit not in (FALLING if falling else RISING):
        return ()
    first, last = (0.1, 100.0) if name == "programming_scale" else (FALLING if falling else RISING)[unit]
    decades = range(math.floor(math.log10(min(first, last))), math.ceil(math.log10(max(first, last))) + 1)
    grid = [float(f"{m}e{d}") for d in decades for m in RENARD]
    low, high, above = about["low"], about["high"], about["above"]
    inside = [
        v
        for v in grid
        if min(first, last) <= v <= max(first, last) and low <= v <= high and (above is None or v > above)
    ]
    return (ideal, *sorted(inside, reverse=falling))
