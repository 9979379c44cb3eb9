"""An array in the orientation of the kernels: rows driven at the left, columns sensed at the bottom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analogsim.circuits.wires.line_kernels import conjugate_gradients, drops, factor

Array = NDArray[np.float64]


class Ladder:
    """Conductances g (rows, columns), the resistances of a segment, and of the end segments with their terminals.

    The kernels sweep four rows at a time: rows without devices are added at the top, where the columns are open.
    """

    def __init__(self, g: Array, r_row: float, end_row: Array, r_column: float, end_column: Array) -> None:
        self.shape: tuple[int, int] = g.shape
        self.r_row, self.r_column = r_row, r_column
        self._pad = -g.shape[0] % 4
        self._g = self._padded(g)
        self._end_row = np.concatenate([np.full(self._pad, r_row), end_row])
        self._end_column = np.ascontiguousarray(end_column)

    @property
    def g(self) -> Array:
        """Conductances (rows, columns)."""
        return self._g[self._pad :]

    @property
    def resistive(self) -> bool:
        """Whether every segment has a resistance."""
        return self.r_row > 0 and self.r_column > 0

    @property
    def arrays(self) -> tuple[Array, float, Array, float, Array]:
        """What `terminal_matrix` takes."""
        return self.g, self.r_row, self._end_row[self._pad :], self.r_column, self._end_column

    @property
    def smallest_ends(self) -> float:
        """Resistance from a driven to a sensed terminal by way of the nearest cell, without the cell."""
        _, _, end_row, _, end_column = self.arrays
        return float(end_row.min() + end_column.min())

    def turned(self) -> Ladder:
        """The same array with its columns driven and its rows sensed; both run backwards."""
        g, r_row, end_row, r_column, end_column = self.arrays
        return Ladder(g.T[::-1, ::-1], r_column, end_column[::-1], r_row, end_row[::-1])

    def factor(self, g: Array | None = None) -> tuple[Array, Array, Array]:
        """Padded conductances, by default the array's own, and the factors of all the lines."""
        padded = self._g if g is None else self._padded(g)
        return padded, *factor(padded, self.r_row, self._end_row, self.r_column, self._end_column)

    def solve(self, volts: Array, factors: tuple[Array, Array, Array], tol: float = 1e-12) -> tuple[Array, int]:
        """Currents out of the columns, and iterations used."""
        out, _, _, iterations = self._gradients(volts, None, factors, False, tol)
        return out, iterations

    def nodes(
        self, volts: Array, factors: tuple[Array, Array, Array], tol: float = 1e-12, source: Array | None = None
    ) -> tuple[Array, Array, Array, int]:
        """Currents, voltages of the row and of the column nodes, iterations; `source` flows beside each device."""
        out, word, bit, iterations = self._gradients(volts, source, factors, True, tol)
        return out, word[self._pad :], bit[self._pad :], iterations

    def drops(self, flow: Array, volts: Array) -> tuple[Array, Array]:
        """Voltages of the row and of the column nodes when the cells carry the currents `flow`."""
        _, _, end_row, _, end_column = self.arrays
        return drops(np.ascontiguousarray(flow), volts, self.r_row, end_row, self.r_column, end_column)

    def heat(self, flow: Array) -> Array:
        """Power lost in wires and terminals when the cells carry `flow` (p, rows, columns)."""
        _, _, end_row, _, end_column = self.arrays
        in_rows = flow[:, :, ::-1].cumsum(2) ** 2
        in_columns = flow.cumsum(1) ** 2
        return (
            self.r_row * in_rows[:, :, :-1].sum((1, 2))
            + in_rows[:, :, -1] @ end_row
            + self.r_column * in_columns[:, :-1].sum((1, 2))
            + in_columns[:, -1] @ end_column
        )

    def _padded(self, field: Array) -> Array:
        if not self._pad:
            return np.ascontiguousarray(field)
        out = np.zeros((field.shape[0] + self._pad, field.shape[1]))
        out[self._pad :] = field
        return out

    def _gradients(
        self, volts: Array, source: Array | None, factors: tuple[Array, Array, Array], nodes: bool, tol: float
    ) -> Any:
        padded_volts = np.zeros(len(volts) + self._pad)
        padded_volts[self._pad :] = volts
        extra = np.empty((0, 0)) if source is None else self._padded(source)
        cap = 1000 + 10 * sum(self.shape)
        g, *lines = factors
        ends = (self.r_row, self._end_row, self.r_column, self._end_column)
        found = conjugate_gradients(g, *lines, *ends, padded_volts, extra, nodes, tol, cap)
        if found[3] >= cap:
            raise ArithmeticError(f"conjugate gradients did not reach tol = {tol:g} in {cap} iterations")
        return found
