"""Reads of an array with wires: currents, the matrix they amount to, node voltages and power."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.circuits.wires.curves import Curve, _Cells
from analogsim.circuits.wires.dissection import terminal_matrix, transfer_matrix
from analogsim.circuits.wires.geometry import Terminals, check_voltages
from analogsim.circuits.wires.tiles import Problem, Solution
from analogsim.errors import InputError, number, shown

Array = NDArray[np.float64]


def currents(
    conductance: ArrayLike,
    voltages: ArrayLike,
    r_word: float,
    r_bit: float,
    read: str = "forward",
    *,
    terminals: Terminals | None = None,
    tile: int | tuple[int, int] | None = None,
    curve: Curve | None = None,
    tol: float = 1e-12,
) -> Array:
    """Exact output currents of a crossbar with resistive word and bit lines.

    Word line i has a node w_ij and bit line j a node b_ij at each cell, joined by the cell's conductance g_ij, and a
    wire segment between neighbouring nodes and before the first node at its terminal: n segments of `r_word` on each
    word line, m of `r_bit` on each bit line. Driven terminals are ideal voltage sources, sensed ones virtual grounds.
    At r_word = r_bit = 0 the currents are ``voltages @ conductance``.

    Parameters
    ----------
    conductance : (m, n) array
        g_ij of word line i and bit line j, siemens, ≥ 0.
    voltages : (p, m) or (m,) array; (p, n) or (n,) in a reverse read
        Of the driven lines, volts.
    r_word, r_bit : float
        Ohms for one segment, ≥ 0; 0 is exact.
    read : {"forward", "reverse"}
        Word lines driven and bit lines sensed, or bit lines driven and word lines sensed, at the same ends.
    terminals : Terminals, optional
        Ends and terminal resistances; by default the left end of word lines, the bottom of bit lines and no resistance.
    tile : int or (rows, columns), optional
        Split an array larger than this evenly (22 lines by 5: 5, 5, 4, 4, 4) into tiles with wires and terminals of
        their own, whose outputs are summed.
    curve : Curve, optional
        Current-voltage curve of the cells (`Cubic`, `Sinh`, `AccessTransistor`); ohmic by default.
    tol : float
        Relative tolerance of the iteration, in the norm of the energy.

    Returns
    -------
    (p, n) array, or (p, m) in a reverse read
        Amperes, positive into the virtual ground. Without the first axis if `voltages` has none.

    Raises
    ------
    InputError
        On wrong shapes, negative or non-finite values; with a falling `curve`, if no solution is found.

    Notes
    -----
    Few inputs: conjugate gradients on the bit nodes, which converge for every array; many: `effective_conductance`.
    Both are exact to about 1e-12; which one is used depends on the number of inputs.
    """
    parts = Problem(conductance, r_word, r_bit, read, terminals, tile)
    v = check_voltages(voltages, parts.driven, read)
    _check(curve, tol, parts.shape)
    rows = np.atleast_2d(v)
    out = np.zeros((len(rows), parts.sensed))
    for part in parts:
        if curve is None:
            result = part.outputs(rows[:, part.drive], tol)
        else:
            result = part.nonlinear(rows[:, part.drive], curve, tol, None).currents
        out[:, part.sense] += result
    return out if v.ndim == 2 else out[0]


def effective_conductance(
    conductance: ArrayLike,
    r_word: float,
    r_bit: float,
    read: str = "forward",
    *,
    terminals: Terminals | None = None,
    tile: int | tuple[int, int] | None = None,
) -> Array:
    """The matrix that an array with wires amounts to: ``currents = voltages @ effective_conductance``.

    Parameters
    ----------
    conductance, r_word, r_bit, read, terminals, tile
        As in `currents`.

    Returns
    -------
    (m, n) array; (n, m) for a reverse read
        Siemens. The reverse matrix at the same terminals with the same resistances is the transpose.
    """
    parts = Problem(conductance, r_word, r_bit, read, terminals, tile)
    out = np.zeros((parts.driven, parts.sensed))
    for part in parts:
        ladder = part.ladder
        if ladder.resistive:
            block = transfer_matrix(*ladder.arrays)
        else:
            factors = ladder.factor()
            block = np.stack([ladder.solve(unit, factors)[0] for unit in np.eye(ladder.shape[0])])
        out[part.drive, part.sense] = part.view.sensed(part.view.driven(block.T).T)
    return out


def terminal_conductance(
    conductance: ArrayLike,
    r_word: float,
    r_bit: float,
    read: str = "forward",
    *,
    terminals: Terminals | None = None,
) -> Array:
    """Conductance matrix of the array between all its terminals, for driving both kinds of line at once (full duplex).

    Parameters
    ----------
    conductance, r_word, r_bit, terminals
        As in `currents`.
    read : {"forward", "reverse"}
        Says which lines `Terminals.r_driver` belongs to: the word lines or the bit lines.

    Returns
    -------
    (m+n, m+n) array
        Y with (currents into the word lines, currents into the bit lines) = Y @ (word voltages, bit voltages), siemens;
        symmetric. ``-Y[:m, m:]`` is the effective conductance.
    """
    (part,) = Problem(conductance, r_word, r_bit, read, terminals, None)
    ladder, view = part.ladder, part.view
    rows, columns = ladder.shape
    if ladder.resistive:
        y = terminal_matrix(*ladder.arrays)
    else:
        y = np.empty((rows + columns, rows + columns))
        for side in (ladder, ladder.turned()):
            factors = side.factor()
            for k, unit in enumerate(np.eye(side.shape[0])):
                _, word, bit, _ = side.nodes(unit, factors)
                flow = side.g * (word - bit)
                if side is ladder:
                    y[:, k] = np.r_[flow.sum(1), -flow.sum(0)]
                else:  # both kinds of line run backwards
                    y[::-1, -1 - k] = np.r_[flow.sum(1), -flow.sum(0)]
    order = np.r_[view.driven(np.arange(rows)), view.sensed(np.arange(rows, rows + columns))]
    if read == "reverse":
        order = np.r_[order[rows:], order[:rows]]
    return y[np.ix_(order, order)]


def solve(
    conductance: ArrayLike,
    voltages: ArrayLike,
    r_word: float,
    r_bit: float,
    read: str = "forward",
    *,
    terminals: Terminals | None = None,
    tile: int | tuple[int, int] | None = None,
    curve: Curve | None = None,
    start: Solution | None = None,
    tol: float = 1e-12,
) -> Solution:
    """Read an array as `currents` does, and return node voltages, cell currents and power too.

    Parameters
    ----------
    conductance, voltages, r_word, r_bit, read, terminals, tile, curve, tol
        As in `currents`; the results always have an axis of inputs.
    start : Solution, optional
        An earlier solution of as many inputs on an array of this shape, from which Newton's method starts.
    """
    parts = Problem(conductance, r_word, r_bit, read, terminals, tile)
    v = np.atleast_2d(check_voltages(voltages, parts.driven, read))
    _check(curve, tol, parts.shape)
    p, (m, n) = len(v), parts.shape
    if start is not None and start.device.shape != (p, m, n):
        raise InputError(f"start is a solution of shape {start.device.shape}; expected {(p, m, n)}.")
    word, bit, device = (np.empty((p, m, n)) for _ in range(3))
    outputs, inputs = np.zeros((p, parts.sensed)), np.zeros((p, parts.driven))
    total = Solution(outputs, inputs, word, bit, device, np.zeros(p), np.zeros(p), np.zeros(p, np.int64))
    for part in parts:
        volts = v[:, part.drive]
        one = part.linear(volts, tol) if curve is None else part.nonlinear(volts, curve, tol, start)
        total.currents[:, part.sense] += one.currents
        total.inputs[:, part.drive] += one.inputs
        for name in ("word", "bit", "device"):
            getattr(total, name)[:, part.rows, part.columns] = getattr(one, name)
        for name in ("supplied", "dissipated"):
            getattr(total, name)[:] += getattr(one, name)
        np.maximum(total.iterations, one.iterations, out=total.iterations)
    return total


def _check(curve: Curve | None, tol: float, shape: tuple[int, int]) -> None:
    number("tol", tol, low=1e-15, high=1)
    if curve is not None and not callable(getattr(curve, "evaluate", None)):
        raise InputError(f"curve = {shown(curve)}; expected a Cubic, Sinh or AccessTransistor.")
    if isinstance(curve, _Cells):
        curve.check(shape)
