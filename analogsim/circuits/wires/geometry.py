"""Which ends of the lines are driven and sensed, and the one orientation in which the kernels see every array."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.arrays import real
from analogsim.errors import InputError, number, one_of, out_of_range, shown

Array = NDArray[np.float64]

READS = ("forward", "reverse")
LARGEST = 1e30
"""Greatest conductance, resistance and voltage; their products do not overflow."""


@dataclass(frozen=True)
class Terminals:
    """The ends of the lines that are connected, and what lies between them and an ideal source or virtual ground.

    A forward read drives the word lines and senses the bit lines, a reverse read the other way round. Both at the same
    ends with the same resistance at each line are reciprocal: the reverse matrix is the transpose of the forward one.

    Parameters
    ----------
    word_end : {"left", "right"}
        Connected end of the word lines (the rows); the other end is open.
    bit_end : {"bottom", "top"}
        Connected end of the bit lines (the columns); the other end is open.
    r_driver, r_sense : float or array over the lines
        Resistance (ohm, ≥ 0) in series with each driven and each sensed line, beside the line's own first segment.
    """

    word_end: str = "left"
    bit_end: str = "bottom"
    r_driver: ArrayLike = 0.0
    r_sense: ArrayLike = 0.0

    def __post_init__(self) -> None:
        for name, valid in (("word_end", ("left", "right")), ("bit_end", ("bottom", "top"))):
            one_of(f"{name} of Terminals", getattr(self, name), valid)


@dataclass(frozen=True)
class View:
    """Turns an array so that its rows are driven at the left and its columns are sensed at the bottom."""

    transposed: bool
    flip_rows: bool
    flip_columns: bool

    @classmethod
    def of(cls, read: str, terminals: Terminals) -> View:
        """The turn for one read at the given terminals."""
        one_of("read", read, READS)
        right, top = terminals.word_end == "right", terminals.bit_end == "top"
        return cls(False, top, right) if read == "forward" else cls(True, not right, not top)

    @property
    def sign(self) -> int:
        """Of the voltage from word to bit node, as the kernels see it."""
        return -1 if self.transposed else 1

    def turn(self, field: Array) -> Array:
        """An (..., m, n) field over the cells as the kernels see it."""
        field = field.swapaxes(-1, -2) if self.transposed else field
        return field[..., :: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def back(self, field: Array) -> Array:
        """The inverse of `turn`."""
        field = field[..., :: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return field.swapaxes(-1, -2) if self.transposed else field

    def driven(self, values: np.ndarray) -> np.ndarray:
        """Values (..., line) of the driven lines, to or from the order of the kernels."""
        return values[..., ::-1] if self.flip_rows else values

    def sensed(self, values: np.ndarray) -> np.ndarray:
        """Values (..., line) of the sensed lines, to or from the order of the kernels."""
        return values[..., ::-1] if self.flip_columns else values


def check_conductance(conductance: ArrayLike) -> Array:
    """An (m, n) array of finite conductances ≥ 0, as float64."""
    g = real("conductance", conductance)
    if g.ndim != 2 or g.size == 0:
        raise InputError(f"conductance has shape {g.shape}; expected (word lines, bit lines), both at least 1.")
    g = g.astype(np.float64, copy=False)
    if not g.min() >= 0:
        i, j = np.argwhere(~(g >= 0))[0]
        raise out_of_range(f"conductance[{i}, {j}]", float(g[i, j]), "every conductance ≥ 0 S and no NaN")
    if g.max() > LARGEST:
        i, j = np.argwhere(g > LARGEST)[0]
        raise out_of_range(
            f"conductance[{i}, {j}]", float(g[i, j]), "finite and at most 1e30 S", hint="More is a short circuit."
        )
    return g


def check_voltages(voltages: ArrayLike, lines: int, read: str) -> Array:
    """Voltages of the driven lines, (p, lines)."""
    v = real("voltages", voltages)
    kind = "word" if read == "forward" else "bit"
    if v.ndim not in (1, 2) or v.shape[-1] != lines:
        hint = " Did you mean its transpose (inputs come first)?" if v.ndim == 2 and v.shape[0] == lines else ""
        raise InputError(
            f"voltages has shape {v.shape}; a {read} read of this array takes (inputs, {lines}): one for each "
            f"{kind} line.{hint}"
        )
    if not (good := np.abs(v.astype(float)) <= LARGEST).all():
        raise out_of_range("voltages", v[~good].flat[0], "finite and at most 1e30 V")
    return v.astype(np.float64, copy=False)


def check_resistance(name: str, value: object) -> float:
    """A resistance of one segment, ≥ 0 and finite."""
    words = f"0 ≤ {name} ≤ 1e30 ohm for one wire segment, and not below 1e-30 unless 0"
    r = number(name, value, low=0, high=LARGEST, words=words)
    return number(name, r, low=1 / LARGEST, words=words) if r else r


def check_ends(name: str, value: ArrayLike, lines: int) -> Array:
    """A terminal resistance for each line."""
    r = real(f"Terminals.{name}", value).astype(np.float64)
    if r.shape not in ((), (lines,)):
        raise InputError(f"Terminals.{name} has shape {r.shape}; expected one number or one for each of {lines} lines.")
    if not (good := (r == 0) | ((r >= 1 / LARGEST) & (r <= LARGEST))).all():
        raise out_of_range(f"Terminals.{name}", float(r.flat[np.argmin(good)]), "0 or from 1e-30 to 1e30 ohm")
    return np.broadcast_to(r, (lines,))


def even_split(lines: int, most: int) -> list[slice]:
    """Runs of lines, none longer than `most` and none more than one longer than another, the longer ones first."""
    count = -(-lines // most)
    base, longer = divmod(lines, count)
    edges = [k * base + min(k, longer) for k in range(count + 1)]
    return [slice(*pair) for pair in pairwise(edges)]


def check_tile(tile: object, shape: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a tile; None is the whole array."""
    if tile is None:
        return shape
    pair = tuple(tile) if isinstance(tile, tuple | list) else (tile, tile)
    if len(pair) != 2 or not all(isinstance(k, int | np.integer) and not isinstance(k, bool) and k >= 1 for k in pair):
        raise InputError(f"tile = {shown(tile)}: expected None, an integer ≥ 1 or a pair (word lines, bit lines).")
    return int(pair[0]), int(pair[1])
