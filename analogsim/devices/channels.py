"""Measured calibration of every channel of a machine: a CSV with one row for each channel, beside the card."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from analogsim.cards import Carded
from analogsim.devices import measured_columns
from analogsim.devices.base import Array
from analogsim.errors import InputError, unknown


@cache
def calibration(path: str | Path) -> dict[str, Array]:
    """Read the columns of a calibration; errors as of `columns.read`."""
    header, values = measured_columns.read(path)
    return dict(zip(header, values.T, strict=True))


def only_one(part: Carded, *names: str) -> None:
    """Raise `InputError` if one of these fields is set although a calibration was measured."""
    for name in names:
        if getattr(part, "calibration", None) and getattr(part, name):
            called = part.record.get("called", type(part).__name__)
            raise InputError(f"{called}.{name} = {getattr(part, name):g}: the measured calibration says it already.")


def pair(path: str, name: str) -> Array:
    """Columns ``name_plus`` and ``name_minus``, (2, channel)."""
    known = calibration(path)
    for key in (f"{name}_plus", f"{name}_minus"):
        if key not in known:
            raise unknown("column", key, known, where=path)
    return np.stack([known[f"{name}_plus"], known[f"{name}_minus"]])
