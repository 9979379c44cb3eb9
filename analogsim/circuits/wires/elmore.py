"""Delay of lines with capacitance: the first moment of what comes out of them after a step.

Every node of the wires has a capacitance C to ground. With Y the conductance matrix of the nodes and x₀ their voltages
at rest, the current into a sensed line for a step of the driven ones is, in the Laplace domain, I₀ − s I₁ + …, with

    I₁ = the change of the current for the charges C x₀ drawn out of the nodes,      T = I₁ / I₀ = ∫ (1 − I(t)/I₀) dt

which is the delay of W. C. Elmore, J. Appl. Phys. 19 (1948) 55. A lag of that time constant has the right first moment:
behind a neuron of time constant τ ≫ T its step response differs from the line's by some 0.1 T/τ during the first few T,
and by O((T/τ)²) from then on, where no lag at all differs by T/τ. That is for a step on all lines; the response to one
line alone may differ by some 0.3 T/τ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.circuits.wires.geometry import LARGEST, Terminals
from analogsim.circuits.wires.tiles import Problem
from analogsim.errors import number

Array = NDArray[np.float64]


def line_delays(
    conductance: ArrayLike,
    r_word: float,
    r_bit: float,
    c_word: float,
    c_bit: float,
    read: str = "forward",
    *,
    terminals: Terminals | None = None,
    tile: int | tuple[int, int] | None = None,
) -> Array:
    """Elmore delay of the current into each sensed line, for a step on all driven lines at once; ohmic cells.

    Parameters
    ----------
    conductance, r_word, r_bit, read, terminals, tile
        As in `currents`.
    c_word, c_bit : float
        Capacitance of one segment of a word and of a bit line to ground, farad, ≥ 0.

    Returns
    -------
    (n,) array; (m,) for a reverse read
        Seconds; 0 for a line without current.

    Raises
    ------
    InputError
        For what `currents` refuses, and capacitances that are negative or not finite.
    """
    parts = Problem(conductance, r_word, r_bit, read, terminals, tile)
    c = [number(name, value, low=0, high=LARGEST) for name, value in (("c_word", c_word), ("c_bit", c_bit))]
    c_row, c_column = c if read == "forward" else c[::-1]
    rest, moment = np.zeros((2, parts.sensed))
    for part in parts:
        ladder = part.ladder
        m, _ = ladder.shape
        factors, still = ladder.factor(), np.zeros(m)
        _, row, column, _ = ladder.nodes(np.ones(m), factors)
        drawn = c_column * column
        # Currents drawn out of the nodes are, for the cells, a voltage in series with each of them.
        source = ladder.g * (ladder.drops(c_row * row, still)[0] + ladder.drops(drawn, still)[1])
        _, up, down, _ = ladder.nodes(still, factors, source=source)
        lost = ladder.g * (up - down) + source
        rest[part.sense] += part.view.sensed((ladder.g * (row - column)).sum(0))
        moment[part.sense] += part.view.sensed(drawn.sum(0) - lost.sum(0))
    return np.divide(moment, rest, out=np.zeros_like(rest), where=rest > 0)
