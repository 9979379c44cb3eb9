"""Tables of numbers beside a card, as spreadsheets and instruments write them.

Columns are separated by commas, semicolons or tabs; the last two allow a decimal comma. A byte order mark, empty lines,
comments (#), and a separator at the end of a line are passed over.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from analogsim.cards.quantities import LARGEST
from analogsim.devices.base import Array
from analogsim.errors import InputError, shown
from analogsim.files import read_text

LARGEST_FILE = 20_000_000
"""Bytes of a table."""


def read(path: str | Path) -> tuple[list[str], Array]:
    """Read the names of the columns and the numbers, (row, column).

    Raises
    ------
    InputError
        Missing or unreadable file, a name given twice, no rows, rows of other lengths, a cell that is no finite number.
    """
    header, *rows = _cells(path) or [[]]
    if not rows or not header or len(set(header)) < len(header):
        raise InputError(f"{path}: expected a header with a name for each column, none twice, and at least one row.")
    values = np.empty((len(rows), len(header)))
    for i, row in enumerate(rows):
        if len(row) != len(header):
            raise InputError(f"{path}: row {i + 1} has {len(row)} cells; the header needs {len(header)} numbers.")
        values[i] = [_number(path, i + 1, cell) for cell in row]
    return header, values


def _cells(path: str | Path) -> list[list[str]]:
    lines = [line.partition("#")[0].strip(" ") for line in read_text(path, limit=LARGEST_FILE).splitlines()]
    lines = [line for line in lines if line.strip(" \t,;")]
    separator = next((mark for mark in "\t;" if lines and mark in lines[0]), ",")
    try:
        return [_trimmed(row) for row in csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)]
    except csv.Error as error:
        raise InputError(f"{path}: not a readable CSV ({error}).") from None


def _trimmed(row: list[str]) -> list[str]:
    """Without the empty cells that a separator at the end of the line makes."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _number(path: str | Path, row: int, cell: str) -> float:
    plain = cell.replace("\u2212", "-")  # the minus of typesetters
    plain = plain.replace(",", ".") if plain.count(",") == 1 and "." not in plain else plain
    try:
        found = float(plain) if "_" not in plain else np.nan
    except ValueError:
        found = np.nan
    if not abs(found) <= LARGEST:
        raise InputError(f"{path}: row {row}: {shown(cell)} is no finite number.")
    return found
