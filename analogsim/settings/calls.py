"""What a call in Python asks for, as settings: ``run("crossbar", alpha=0.3, noise=0.05, **{"device.d2d": 0.1})``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from analogsim.errors import InputError, unknown
from analogsim.settings.keyed import FIELDS, full
from analogsim.settings.record import Settings


def called_with(circuit: object, options: Mapping[str, object]) -> Settings:
    """The settings of a call.

    Parameters
    ----------
    circuit : object
        A circuit as `Settings` takes it, or whole `Settings`, which the options then change.
    options : mapping
        Fields of `Settings`, and values of cards by keys with a point, as in ``device.read_noise``.

    Raises
    ------
    InputError
        If there is no such field, a value is not allowed, or a value of a card is given twice.
    """
    options = {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}
    fields = dict(vars(circuit)) if isinstance(circuit, Settings) else {"circuit": circuit}
    if isinstance(circuit, Path):
        fields["circuit"] = str(circuit)
    values = {key: value for key, value in options.items() if "." in key}
    named = {name: value for name, value in options.items() if name not in values}
    for name in named:
        if name not in FIELDS:
            hint = "A value of a card has the name of its part before it, as in device.read_noise or circuit.offset."
            raise unknown("option", name, FIELDS, hint=hint)
    given = named.get("overrides", {})
    for key in values:
        if isinstance(given, Mapping) and full(key) in map(full, given):
            raise InputError(f"{key} is given twice: by itself and in overrides.")
    fields |= named
    for key, value in values.items():
        others = fields.get("overrides", {})
        if isinstance(others, Mapping):  # else `Settings` says so
            kept = {name: other for name, other in others.items() if full(name) != full(key)}
            fields["overrides"] = {**kept, key: value}
    return Settings(**fields)
