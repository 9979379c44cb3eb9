r"""Outer products: both signals stand on the lines as pulse trains of half the voltage, and cells add them up.

In a slot the word line of input j fires with ±V/2 and the bit line of output i with ∓V/2; where both do, the cell gets
V, where one does, half of it. The four pairs of signs take a pass each (two passes where the inputs have one sign), in
each of which every line of that sign replays its train. With R_i and C_j the slots in which output i and input j fire
and K^± the coincidences that raise and lower a cell, it gets

.. math:: R_i + C_j - 2K^+_{ij} \text{ half pulses upwards and } R_i + C_j - 2K^-_{ij} \text{ downwards}.

With p and q the probabilities of the two lines, that is p + q − 2pq half pulses for pq full ones: at p = q = 0.1 an
unwanted motion of 18 times the disturb ratio, in the form of a drift of row and column means.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def half_events(rows: Counts, columns: Counts, up: Counts, down: Counts) -> tuple[Counts, Counts]:
    """Half pulses up and down that each cell gets in the passes of an outer product.

    Parameters
    ----------
    rows : (n,) array of int
        Slots in which each output's line fires, of one replay.
    columns : (m,) array of int
        The same of the inputs' lines.
    up, down : (n, m) arrays of int
        Coincidences.
    """
    every = rows[:, None] + columns
    return np.maximum(every - 2 * up, 0), np.maximum(every - 2 * down, 0)


def serial_events(pulses: Counts, order: str = "row") -> tuple[Counts, Counts]:
    """Half pulses of cells, and pulses at the unselected voltage, when whole pulses are given in turns.

    Cell by cell each pulse half-selects its two lines; row by row all cells of a word line get theirs at once, so that
    the word line is selected for as many slots as the cell with the most pulses needs.

    Parameters
    ----------
    pulses : (…, n, m) array of int
        Of one polarity, for each cell (bit line, word line).
    order : {"row", "cell"}

    Returns
    -------
    half, across : arrays of int
    """
    along_bit = pulses.sum(axis=-1, keepdims=True)
    along_word = (pulses.max if order == "row" else pulses.sum)(axis=-2, keepdims=True)
    slots = along_word.sum(axis=-1, keepdims=True)
    half = along_bit + along_word - 2 * pulses
    return half, slots - half - pulses
