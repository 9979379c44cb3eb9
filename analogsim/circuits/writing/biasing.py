r"""Line voltages that write one cell of an array, and what they cost with ideal lines.

One number a makes a family of schemes. The selected word line is at V and the selected bit line at 0; the other word
lines are at aV and the other bit lines at (1 − a)V. With ideal lines the cells see

==============================================  =================
selected                                        V
half-selected, 2(N − 1) on the two lines        aV
unselected, (N − 1)² elsewhere                  −(1 − 2a)V
==============================================  =================

a = ½ is V/2, ⅓ is V/3, 5/12 lies between them (Sun et al., Semicond. Sci. Technol. 2016). A pulse of duration t turns

.. math:: E = V^2 t\,\bigl[G_s + a^2 \textstyle\sum_\mathrm{half} G + (1-2a)^2 \sum_\mathrm{unselected} G\bigr]

to heat in the cells; for equal cells that is least at a = (N − 1)/(2N − 1), which floating lines find by themselves.
With access transistors the gates of the other rows are off: nothing is half-selected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.circuits.wires.geometry import check_conductance
from analogsim.errors import InputError, number, one_of, whole

Array = NDArray[np.float64]

SHARES = {"half": 1 / 2, "five-twelfths": 5 / 12, "third": 1 / 3}
"""a of the schemes that have one."""
SCHEMES = (*SHARES, "floating", "transistor")


def share_of(scheme: str | float) -> float:
    """a of a scheme by its name, or the number itself.

    Parameters
    ----------
    scheme : {"half", "five-twelfths", "third"} or float
        0 ≤ a ≤ ½.

    Raises
    ------
    InputError
        For another name or number, and for "floating" and "transistor", which have no a.
    """
    if isinstance(scheme, str):
        return SHARES[one_of("writing scheme", scheme, tuple(SHARES))]
    return number("writing scheme a", scheme, low=0, high=0.5, words="0 ≤ a ≤ 1/2 (V/2 is 0.5, V/3 is 1/3)")


def line_voltages(shape: tuple[int, int], word: int, bit: int, scheme: str | float = "half") -> tuple[Array, Array]:
    """Voltages of the word lines (m,) and of the bit lines (n,) that select one cell, in units of V.

    Parameters
    ----------
    shape : (m, n)
    word, bit : int
        Of the selected cell.
    scheme : str or float
        As of `share_of`.
    """
    a, (m, n) = share_of(scheme), shape
    check_cell(shape, word, bit)
    words, bits = np.full(m, a), np.full(n, 1.0 - a)
    words[word], bits[bit] = 1.0, 0.0
    return words, bits


def check_cell(shape: tuple[int, int], word: int, bit: int) -> None:
    """Raise `InputError` for a cell outside the array."""
    whole("word", word, low=0, high=shape[0] - 1)
    whole("bit", bit, low=0, high=shape[1] - 1)


def floating_voltages(conductance: ArrayLike, word: int, bit: int) -> tuple[Array, Array]:
    """Voltages of the word and of the bit lines when all but the selected two float, ideal lines, in units of V.

    They settle where no current flows into them, which depends on the data: beside a resistive row the half-selected
    cells of the other rows may see almost all of V.

    Parameters
    ----------
    conductance : (m, n) array
        S; every floating line needs a conducting cell.
    word, bit : int
    """
    g = check_conductance(conductance)
    (m, n), lines = g.shape, sum(g.shape)
    check_cell((m, n), word, bit)
    y = np.zeros((lines, lines))
    y[:m, m:], y[m:, :m] = -g, -g.T
    np.fill_diagonal(y, np.r_[g.sum(axis=1), g.sum(axis=0)])
    free = np.delete(np.arange(lines), (word, m + bit))
    volts = np.zeros(lines)
    volts[word] = 1.0
    try:
        volts[free] = np.linalg.solve(y[np.ix_(free, free)], -y[free, word])
    except np.linalg.LinAlgError:
        raise InputError("conductance: a floating line without a conducting cell has no voltage.") from None
    return volts[:m], volts[m:]


def cell_voltages(conductance: ArrayLike, word: int, bit: int, scheme: str | float = "half") -> Array:
    """Voltage of every cell while one is written over ideal lines, (m, n), in units of V.

    Parameters
    ----------
    conductance : (m, n) array
        S; decides the voltages of floating lines, and nothing else.
    word, bit : int
    scheme : {"half", "five-twelfths", "third", "floating", "transistor"} or float
    """
    g = check_conductance(conductance)
    if scheme == "transistor":
        check_cell(g.shape, word, bit)
        alone = np.zeros(g.shape)
        alone[word, bit] = 1.0
        return alone
    words, bits = floating_voltages(g, word, bit) if scheme == "floating" else line_voltages(g.shape, word, bit, scheme)
    return words[:, None] - bits


def pulse_energy(
    conductance: ArrayLike, word: int, bit: int, volt: float, seconds: float, scheme: str | float = "half"
) -> float:
    """Heat in the cells of one pulse over ideal lines, J.

    Parameters
    ----------
    conductance : (m, n) array
        S, during the pulse.
    word, bit : int
    volt : float
        V.
    seconds : float
    scheme : str or float
        As of `cell_voltages`.
    """
    g = check_conductance(conductance)
    return float(volt**2 * seconds * (g * cell_voltages(g, word, bit, scheme) ** 2).sum())


def energy_factor(lines: int, scheme: str | float = "half") -> float:
    """Energy of a pulse in an array of equal cells over that of the selected cell alone.

    Parameters
    ----------
    lines : int
        N of an N × N array.
    scheme : str or float
        As of `cell_voltages`.
    """
    n = whole("lines", lines, low=1)
    if scheme == "transistor":
        return 1.0
    a = (n - 1) / (2 * n - 1) if scheme == "floating" else share_of(scheme)
    return 1.0 + 2 * (n - 1) * a**2 + (n - 1) ** 2 * (1 - 2 * a) ** 2


def stability_limit(lines: int, scheme: str = "half") -> float:
    """Disturb ratio below which sweeps over an array, each cell written exactly in its turn, come to rest.

    The disturb ratio is the change of another cell over that of the selected one in the same pulse. In V/2 the limit is
    ½. In V/3 the (N − 1)² unselected cells move the other way, each later write has to overshoot, and the limit is
    1/((N − 1)(N − 3)): the extreme eigenvalues of the rook's graph.

    Parameters
    ----------
    lines : int
        N of an N × N array.
    scheme : {"half", "third"}
    """
    n = whole("lines", lines, low=2)
    if one_of("scheme", scheme, ("half", "third")) == "half":
        return 0.5
    return 1.0 / ((n - 1) * (n - 3)) if n > 3 else np.inf


def array_time(
    shape: tuple[int, int], seconds: float, by: str = "row", *, pulses: int = 1, signed: bool = True
) -> float:
    """Time to write every cell of an array once, s.

    Cell by cell m n pulses; row by row (word lines) 2 m, a pass for each polarity; an outer product, whatever the size,
    two passes of all its slots where the inputs have one sign and four where they have both.

    Parameters
    ----------
    shape : (m, n)
    seconds : float
        Of one pulse, with its read.
    by : {"cell", "row", "outer-product"}
    pulses : int
        For each cell; slots of an outer product.
    signed : bool
        Whether the inputs of an outer product have both signs.
    """
    m, n = shape
    passes = {"cell": m * n, "row": 2 * m, "outer-product": 4 if signed else 2}
    return passes[one_of("by", by, tuple(passes))] * pulses * number("seconds", seconds, low=0)
