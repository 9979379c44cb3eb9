r"""A device from measured data: the programming σ and the read σ as tables over the conductance.

The table is a CSV file beside the card with a header of names and units, as in

.. code-block:: text

    conductance [uS], programming [uS], read [uS]
    0, 0.25, 0.05
    25, 1.05, 0.40

where ``read`` may be missing. Between the rows σ is linear; beyond them it holds. Rows ascend or descend; how the file
may be written otherwise is said in `analogsim.devices.measured_columns`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import datafile
from analogsim.cards.quantities import scaled, split_unit
from analogsim.devices import measured_columns
from analogsim.devices.base import Array, Device
from analogsim.errors import InputError, one_of, shown
from analogsim.registry import register

COLUMNS = ("conductance", "programming", "read")


@register.device("table")
@dataclass(frozen=True, kw_only=True)
class Table(Device):
    """A cell described by measurements.

    Parameters
    ----------
    file : str
        The CSV file; a relative path starts at the card.

    Attributes
    ----------
    columns : dict
        Name of a column -> its numbers, in S.
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
        As of `columns.read`; unknown column, unit that is no conductance, or unsorted rows.
    """
    header, values = measured_columns.read(path)
    found = {}
    for title, cells in zip(header, values.T, strict=True):
        match = re.fullmatch(r"(\w+)\s*\[(.+?)\]", title)
        if not match:
            raise InputError(f"{path}: column {shown(title)}; expected a name with its unit, as in 'conductance [uS]'.")
        name = one_of("column", match[1], COLUMNS, where=str(path))
        power, base = split_unit(match[2])
        if base != "S":
            raise InputError(f"{path}: column {name} has unit {shown(match[2])}; expected 'S' or a multiple of it.")
        if name in found:
            raise InputError(f"{path}: column {name} is there twice.")
        found[name] = np.array(scaled(cells.tolist(), power))
    if "conductance" not in found or "programming" not in found:
        raise InputError(f"{path}: needs the columns conductance and programming.")
    if found["conductance"][0] > found["conductance"][-1]:
        found = {name: cells[::-1] for name, cells in found.items()}
    if not (np.diff(found["conductance"]) > 0).all() or min(cells.min() for cells in found.values()) < 0:
        raise InputError(f"{path}: conductances must ascend or descend, and no entry be negative.")
    return found
