r"""A device from measured data: the programming σ and the read σ as tables over the conductance.

The table is a CSV file beside the card with a header of names and units, as in

.. code-block:: text

    conductance [uS], programming [uS], read [uS]
    0, 0.25, 0.05
    25, 1.05, 0.40

where ``read`` may be missing. Between the rows σ is linear; beyond them it holds.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import datafile
from analogsim.cards.quantities import scaled, split_unit
from analogsim.devices.base import Array, Device
from analogsim.errors import InputError, unknown

COLUMNS = ("conductance", "programming", "read")


@dataclass(frozen=True, kw_only=True)
class Table(Device):
    """A cell described by measurements.

    Parameters
    ----------
    file : str
        The CSV file; a relative path starts at the card.
    """

    file: str = datafile("CSV with columns conductance, programming and (optional) read, each with its unit")
    columns: dict[str, Array] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "columns", read_columns(self.file))

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """σ of programming, S."""
        return np.interp(np.asarray(conductance), self.columns["conductance"], self.columns["programming"])

    def read_sigma(self, conductance: ArrayLike, seconds: float = 0.0, programmed: ArrayLike | None = None) -> Array:
        """σ of a read, S, or `read_noise` times G where that is set."""
        if self.read_noise is not None or "read" not in self.columns:
            return super().read_sigma(conductance, seconds)
        return np.interp(np.asarray(conductance), self.columns["conductance"], self.columns["read"])


def read_columns(path: str | Path) -> dict[str, Array]:
    """Read the CSV of a `Table` in siemens.

    Raises
    ------
    InputError
        Missing file, unknown column, unit that is no conductance, a cell that is no number, or unsorted rows.
    """
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            header, *rows = [row for row in csv.reader(stream, skipinitialspace=True) if row]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: not a readable CSV with a header ({error}).") from None
    powers = {}
    for title in header:
        match = re.fullmatch(r"\s*(\w+)\s*\[(.+?)\]\s*", title)
        if not match:
            raise InputError(f"{path}: column {title!r}; expected a name with its unit, as in 'conductance [uS]'.")
        if match[1] not in COLUMNS:
            raise unknown("column", match[1], COLUMNS, where=str(path))
        power, base = split_unit(match[2])
        if base != "S":
            raise InputError(f"{path}: column {match[1]} has unit {match[2]!r}; expected 'S' or a multiple of it.")
        powers[match[1]] = power
    try:
        values = np.array(
            [[scaled(float(cell), p) for cell, p in zip(row, powers.values(), strict=True)] for row in rows]
        )
    except ValueError as error:
        raise InputError(f"{path}: {error}; expected {len(powers)} numbers in every row.") from None
    columns = dict(zip(powers, values.T, strict=True)) if values.size else {}
    if "conductance" not in columns or "programming" not in columns:
        raise InputError(f"{path}: needs the columns conductance and programming with at least one row.")
    if not (np.diff(columns["conductance"]) > 0).all() or not np.isfinite(values).all() or (values < 0).any():
        raise InputError(f"{path}: conductances must ascend, and no entry be negative, NaN or Inf.")
    return columns
