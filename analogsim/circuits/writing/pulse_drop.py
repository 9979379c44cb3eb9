r"""The write pulse behind resistive wires: every voltage, the power, and the selected cell's voltage as a map.

Both kinds of line are driven. Ohmic cells are the sum of two reads, one with the word lines and one with the bit lines
driven; cells with a curve take one read, in which the bit lines' own voltages shift the curve.

What each cell gets when it is the selected one takes 2N solves instead of N²: let C be the field with no line selected,
F_i that of 1 V on word line i alone, and B_j that of −1 V on bit line j alone; then

.. math:: V_\mathrm{sel}(i, j) = V\,\bigl[C + (1-a)(F_i + B_j)\bigr]_{ij}.

For equal cells R and segments r on an N × N array, V/2, far corner: V_sel ≈ V R/(R + R_th) sech(N√(r/R)) with
R_th ≈ 2√(rR) tanh(N√(r/R)), within 1 % for N√(r/R) < 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.circuits.wires import Solution, Terminals, solve
from analogsim.circuits.wires.curves import Curve
from analogsim.circuits.wires.geometry import check_conductance, check_ends
from analogsim.circuits.writing.biasing import check_cell, line_voltages, share_of
from analogsim.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

OPEN = 1e18
"""Resistance at the end of a floating line, ohm."""
BLOCK = 2_000_000
"""Voltages that are kept at once while a map is made."""


@dataclass(frozen=True)
class PulseField:
    """One write pulse on an (m, n) array.

    Parameters
    ----------
    word, bit : (m, n)
        Voltages of the word and of the bit node of each cell, V.
    current : (m, n)
        Through each cell from its word to its bit node, A.
    word_current, bit_current : (m,), (n,)
        Out of the driver of each line into the array, A.
    supplied, dissipated, in_cells : float
        Power from the drivers; power turned to heat in cells, wires and drivers; in the cells alone; W. The first two
        are computed each on its own.
    """

    word: Array
    bit: Array
    current: Array
    word_current: Array
    bit_current: Array
    supplied: float
    dissipated: float
    in_cells: float

    @property
    def cell(self) -> Array:
        """Voltage of each cell, V."""
        return self.word - self.bit


@dataclass(frozen=True)
class _Shifted:
    """A curve between nodes whose bit lines are counted from voltages of their own."""

    curve: Curve
    offset: Array

    def evaluate(self, conductance: Array, v: Array, read: str) -> tuple[Array, Array]:
        return self.curve.evaluate(conductance, v - self.offset, read)

    def part(self, rows: slice, columns: slice) -> Self:
        return replace(self, curve=self.curve.part(rows, columns), offset=self.offset[columns])


def pulse_field(
    conductance: ArrayLike,
    word: int,
    bit: int,
    volt: float = 1.0,
    *,
    r_word: float = 0.0,
    r_bit: float = 0.0,
    scheme: str | float = "half",
    terminals: Terminals | None = None,
    curve: Curve | None = None,
) -> PulseField:
    """Solve an array exactly while one of its cells is written.

    Parameters
    ----------
    conductance : (m, n) array
        S, of word line i and bit line j.
    word, bit : int
        Of the selected cell.
    volt : float
        V, of either sign.
    r_word, r_bit : float
        Ohm for one segment; 0 is exact.
    scheme : {"half", "five-twelfths", "third", "floating"} or float
    terminals : Terminals, optional
        Connected ends; `r_driver` belongs to the word lines and `r_sense` to the bit lines.
    curve : Curve, optional
        Of the cells; ohmic by default.
    """
    g, terminals = check_conductance(conductance), terminals or Terminals()
    (m, n), floating = g.shape, scheme == "floating"
    if floating:
        check_cell((m, n), word, bit)
        words, bits = np.zeros(m), np.zeros(n)
        words[word] = volt
        r_driver, r_sense = np.full(m, OPEN), np.full(n, OPEN)
        r_driver[word] = check_ends("r_driver", terminals.r_driver, m)[word]
        r_sense[bit] = check_ends("r_sense", terminals.r_sense, n)[bit]
        terminals = replace(terminals, r_driver=r_driver, r_sense=r_sense)
    else:
        words, bits = (volt * v for v in line_voltages((m, n), word, bit, scheme))
    if curve is not None:
        one = solve(g, words, r_word, r_bit, terminals=terminals, curve=_Shifted(curve, bits))
        nodes = one.word[0], one.bit[0] + bits, one.device[0]
        return _field(*nodes, one.inputs[0], -one.currents[0], words, bits, (r_word, r_bit), terminals)
    ahead = solve(g, words, r_word, r_bit, terminals=terminals)
    back = solve(g, bits, r_word, r_bit, "reverse", terminals=_turned(terminals))
    nodes = tuple((getattr(ahead, name) + getattr(back, name))[0] for name in ("word", "bit", "device"))
    into = ahead.inputs[0] - back.currents[0], back.inputs[0] - ahead.currents[0]
    return _field(*nodes, *into, words, bits, (r_word, r_bit), terminals)


def _turned(terminals: Terminals) -> Terminals:
    """The same resistances at the same lines when the bit lines are the driven ones."""
    return replace(terminals, r_driver=terminals.r_sense, r_sense=terminals.r_driver)


def _field(
    word: Array,
    bit: Array,
    current: Array,
    into_words: Array,
    into_bits: Array,
    words: Array,
    bits: Array,
    segments: tuple[float, float],
    terminals: Terminals,
) -> PulseField:
    in_cells = float((current * (word - bit)).sum())
    heat = in_cells
    for flow, r, ends, connected in (
        (current, segments[0], terminals.r_driver, terminals.word_end == "left"),
        (current.T, segments[1], terminals.r_sense, terminals.bit_end == "top"),
    ):
        # Current in each segment of a line: all that the cells beyond it take.
        towards = flow[:, ::-1].cumsum(axis=1)[:, ::-1] if connected else flow.cumsum(axis=1)
        heat += r * float((towards**2).sum()) + float((np.asarray(ends) * flow.sum(axis=1) ** 2).sum())
    supplied = float(words @ into_words + bits @ into_bits)
    return PulseField(word, bit, current, into_words, into_bits, supplied, heat, in_cells)


def selected_voltages(
    conductance: ArrayLike,
    r_word: float,
    r_bit: float,
    scheme: str | float = "half",
    *,
    terminals: Terminals | None = None,
) -> Array:
    """Voltage of each cell when it is the one that is written, (m, n), in units of V; exact, ohmic cells.

    Parameters
    ----------
    conductance : (m, n) array
        S.
    r_word, r_bit : float
        Ohm for one segment.
    scheme : {"half", "five-twelfths", "third"} or float
    terminals : Terminals, optional
        As in `pulse_field`.
    """
    fields, found = Fields(conductance, r_word, r_bit, scheme, terminals), np.empty(np.shape(conductance))
    for at, by_word in fields.of_words():
        rows = np.arange(at, at + len(by_word))
        found[rows] = by_word[np.arange(len(rows)), rows]
    for at, by_bit in fields.of_bits():
        columns = np.arange(at, at + len(by_bit))
        found[:, columns] += by_bit[np.arange(len(columns)), :, columns].T
    return fields.at_rest + (1.0 - fields.share) * found


def voltage_map(
    conductance: ArrayLike,
    r_word: float,
    r_bit: float,
    scheme: str | float = "half",
    *,
    terminals: Terminals | None = None,
) -> xr.Dataset:
    """What `selected_voltages` gives as a dataset, of which ``.analogsim.plot()`` makes a picture.

    Parameters
    ----------
    conductance, r_word, r_bit, scheme, terminals
        As of `selected_voltages`.

    Returns
    -------
    xarray.Dataset
        ``selected_voltage`` (word, bit), in units of V.
    """
    import xarray as xr

    found = selected_voltages(conductance, r_word, r_bit, scheme, terminals=terminals)
    about = {"long_name": "voltage of the selected cell", "units": "write voltages"}
    lines = {
        name: (name, np.arange(size), {"long_name": f"{name} line", "units": "1"})
        for name, size in zip(("word", "bit"), found.shape, strict=True)
    }
    return xr.Dataset({"selected_voltage": (("word", "bit"), found, about)}, lines)


class Fields:
    """Voltages of all cells for one line at a time, of which every write pulse is a sum; per volt, ohmic cells.

    Parameters
    ----------
    conductance, r_word, r_bit, scheme, terminals
        As of `selected_voltages`.
    """

    def __init__(
        self,
        conductance: ArrayLike,
        r_word: float,
        r_bit: float,
        scheme: str | float = "half",
        terminals: Terminals | None = None,
    ) -> None:
        self.g, self.share, self.r = check_conductance(conductance), share_of(scheme), (r_word, r_bit)
        self.terminals = terminals or Terminals()
        self._kept: tuple[Array, Array] | None = None

    @property
    def at_rest(self) -> Array | float:
        """Voltages with no line selected; none in V/2, where all lines are at the same voltage."""
        if self.share == 0.5:
            return 0.0
        m, n = self.g.shape
        ahead = self._solve(np.full((1, m), self.share), "forward")
        back = self._solve(np.full((1, n), 1.0 - self.share), "reverse")
        return (ahead.word - ahead.bit + back.word - back.bit)[0]

    def of_words(self) -> Iterator[tuple[int, Array]]:
        """First word line and fields (lines, m, n) of 1 V on one after another, in blocks."""
        yield from self._blocks(self.g.shape[0], 1.0, "forward")

    def of_bits(self) -> Iterator[tuple[int, Array]]:
        """The same of −1 V on the bit lines."""
        yield from self._blocks(self.g.shape[1], -1.0, "reverse")

    def selecting(self, word: int, bits: NDArray[np.intp]) -> Array:
        """Voltages (m, n) while a word line and some bit lines are selected."""
        if self._kept is None:
            if (size := self.g.size * sum(self.g.shape)) > 100_000_000:
                raise InputError(f"writing with wires keeps {size:.2g} voltages of an array; set circuit.tile.")
            every = (np.concatenate([block for _, block in blocks]) for blocks in (self.of_words(), self.of_bits()))
            self._kept = next(every), next(every)
            self._rest = self.at_rest
        by_word, by_bit = self._kept
        return self._rest + (1.0 - self.share) * (by_word[word] + by_bit[bits].sum(axis=0))

    def _blocks(self, lines: int, volt: float, read: str) -> Iterator[tuple[int, Array]]:
        step = max(1, BLOCK // self.g.size)
        for at in range(0, lines, step):
            found = self._solve(volt * np.eye(lines)[at : at + step], read)
            yield at, found.word - found.bit

    def _solve(self, volts: Array, read: str) -> Solution:
        terminals = self.terminals if read == "forward" else _turned(self.terminals)
        return solve(self.g, volts, *self.r, read, terminals=terminals)
