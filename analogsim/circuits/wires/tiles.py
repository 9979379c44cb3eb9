"""A read as a sequence of tiles, each turned as the kernels see it, and what comes out of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.circuits.wires.curves import Curve
from analogsim.circuits.wires.dissection import transfer_matrix
from analogsim.circuits.wires.geometry import (
    Terminals,
    View,
    check_conductance,
    check_ends,
    check_resistance,
    check_tile,
    even_split,
)
from analogsim.circuits.wires.ladder import Ladder
from analogsim.circuits.wires.newton_solver import newton
from analogsim.errors import instance

Array = NDArray[np.float64]

# A dissection costs about as much as this many iterations of conjugate gradients (measured, 128² to 512²).
_DISSECTION = 250


@dataclass(frozen=True)
class Solution:
    """A read in full. p inputs on an (m, n) array; lines of the driven and of the sensed kind by the read.

    Parameters
    ----------
    currents : (p, sensed lines)
        Currents into the virtual grounds, A.
    inputs : (p, driven lines)
        Currents out of the sources, A; those of a line are summed over its tiles.
    word, bit : (p, m, n)
        Voltages of the word and of the bit node of each cell, V.
    device : (p, m, n)
        Current of each cell from its word to its bit node, A.
    supplied, dissipated : (p,)
        Power from the sources, and power turned to heat in cells, wires and terminal resistances, W. Both sides of
        the balance are computed on their own.
    iterations : (p,)
        Of Newton's method with a `curve`, of conjugate gradients without.
    """

    currents: Array
    inputs: Array
    word: Array
    bit: Array
    device: Array
    supplied: Array
    dissipated: Array
    iterations: NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """One tile, as the kernels see it, and where it lies in the array."""

    ladder: Ladder
    view: View
    conductance: Array
    rows: slice
    columns: slice
    read: str

    @property
    def drive(self) -> slice:
        """The driven lines."""
        return self.columns if self.view.transposed else self.rows

    @property
    def sense(self) -> slice:
        """The sensed lines."""
        return self.rows if self.view.transposed else self.columns

    def outputs(self, inputs: Array, tol: float) -> Array:
        """Currents of ohmic cells, (p, sensed lines), by whichever of the two methods is the faster."""
        ladder, volts = self.ladder, self.view.driven(inputs)
        out = np.empty((len(volts), ladder.shape[1]))
        factors = ladder.factor()
        for k, row in enumerate(volts):
            out[k], iterations = ladder.solve(row, factors, tol)
            if (len(volts) - k - 1) * iterations > _DISSECTION and ladder.resistive:
                out[k + 1 :] = volts[k + 1 :] @ transfer_matrix(*ladder.arrays)
                break
        return self.view.sensed(out)

    def linear(self, inputs: Array, tol: float) -> Solution:
        """All there is to know of ohmic cells."""
        factors = self.ladder.factor()
        found = [self.ladder.nodes(row, factors, tol) for row in self.view.driven(inputs)]
        out, word, bit = (np.stack([f[k] for f in found]) for k in range(3))
        return self._solution(inputs, out, word, bit, self.ladder.g * (word - bit), [f[3] for f in found])

    def nonlinear(self, inputs: Array, curve: Curve, tol: float, start: Solution | None) -> Solution:
        """All there is to know of cells with a curve."""
        view, sign = self.view, self.view.sign
        cells = curve.part(self.rows, self.columns)

        def evaluate(v: Array) -> tuple[Array, Array]:
            current, slope = cells.evaluate(self.conductance, sign * view.back(v), self.read)
            return np.ascontiguousarray(sign * view.turn(current)), np.ascontiguousarray(view.turn(slope))

        found = []
        for k, row in enumerate(view.driven(inputs)):
            first = None if start is None else sign * view.turn(start.device[k, self.rows, self.columns])
            found.append(newton(self.ladder, evaluate, np.ascontiguousarray(row), first, tol))
        word, bit, device = (np.stack([f[k] for f in found]) for k in range(3))
        return self._solution(inputs, device.sum(1), word, bit, device, [f[3] for f in found])

    def _solution(
        self, inputs: Array, out: Array, word: Array, bit: Array, flow: Array, iterations: list[int]
    ) -> Solution:
        view = self.view
        source = view.driven(flow.sum(2))
        heat = (flow * (word - bit)).sum((1, 2)) + self.ladder.heat(flow)
        if view.transposed:
            word, bit, flow = bit, word, -flow
        word, bit, flow = (view.back(field) for field in (word, bit, flow))
        power = (inputs * source).sum(1)
        return Solution(view.sensed(out), source, word, bit, flow, power, heat, np.array(iterations))


class Problem:
    """The tiles of a checked array, in turn."""

    def __init__(
        self, conductance: ArrayLike, r_word: float, r_bit: float, read: str, terminals: Terminals | None, tile: object
    ) -> None:
        instance("terminals", terminals, Terminals | None, "a Terminals")
        terminals = terminals or Terminals()
        self.g = check_conductance(conductance)
        self.shape: tuple[int, int] = self.g.shape
        self.view = View.of(read, terminals)
        self.read = read
        r_word, r_bit = check_resistance("r_word", r_word), check_resistance("r_bit", r_bit)
        forward = read == "forward"
        self.r = (r_word, r_bit) if forward else (r_bit, r_word)
        self.driven, self.sensed = self.shape if forward else self.shape[::-1]
        self.ends = (
            check_ends("r_driver", terminals.r_driver, self.driven),
            check_ends("r_sense", terminals.r_sense, self.sensed),
        )
        self.tile = check_tile(tile, self.shape)

    def __iter__(self) -> Iterator[Part]:
        view = self.view
        for rows in even_split(self.shape[0], self.tile[0]):
            for columns in even_split(self.shape[1], self.tile[1]):
                drive, sense = (columns, rows) if view.transposed else (rows, columns)
                block = self.g[rows, columns]
                ladder = Ladder(
                    view.turn(block),
                    self.r[0],
                    view.driven(self.ends[0][drive]) + self.r[0],
                    self.r[1],
                    view.sensed(self.ends[1][sense]) + self.r[1],
                )
                yield Part(ladder, view, block, rows, columns, self.read)
