"""Full duplex: one array read in both directions at the same time, every line driven and sensed at one end.

With complementary cells, word lines at v and the bit lines of a pair at ±u, the currents into the array are

    word line:  Σ (G⁺ + G⁻) v − (G⁺ − G⁻) u,        pair of bit lines:  Σ (G⁺ + G⁻) u − (G⁺ − G⁻)ᵀ v,

the wanted products and an echo of a line's own signal. For perfect cells that is (g_max + g_min) for each of them,
which one conductor a line cancels; what is left makes every neuron feed itself a little, and wires spread it to its
neighbours through all the conductances among the terminals. The wanted products stay reciprocal.

This scheme was derived for this simulator; no published circuit of it was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError

if TYPE_CHECKING:
    from analogsim.circuits.crossbar.programming import Programmed

Array = NDArray[np.floating]

TRIMS = ("nominal", "mean")


def check(circuit: Programmed) -> None:
    """Raise `InputError` for what is not simulated together with full duplex."""
    for bad, what, hint in (
        (circuit.mapping != "differential", f"mapping = {circuit.mapping!r}", "mapping = 'differential'"),
        (circuit.slices > 1, f"slices = {circuit.slices}", "slices = 1"),
        (not circuit.device.is_linear, "cells that are not ohmic", "an ohmic device"),
        (circuit.access_resistance is not None, "access transistors", "access_resistance unset"),
        (circuit.feedback_ends != "same", "feedback_ends = 'opposite'", "feedback_ends = 'same'"),
        (circuit.r_driver != circuit.r_sense, "r_driver ≠ r_sense", "one resistance: each terminal drives and senses"),
        (bool(circuit.tile) and circuit.has_wires, f"tile = {circuit.tile}", "tile = 0"),
        (not circuit.is_plain or np.isfinite(circuit.tia_saturation), "real amplifiers", "an ideal periphery"),
    ):
        if bad:
            raise InputError(f"circuit.feedback = 'full-duplex' is not simulated with {what}; it needs {hint}.")


def echoes(circuit: Programmed, cells: Array, scale: float) -> tuple[Array, Array]:
    """The echo that each line's own signal leaves in the currents sensed on its side, less what is cancelled.

    Parameters
    ----------
    circuit : Programmed
    cells : (2, n, m) array
        Conductances of the pairs, S.
    scale : float
        Weight of a full range of conductance.

    Returns
    -------
    (n, n) and (m, m) arrays
        In units of the weights: current of each output for the signal of each output, and likewise of the inputs.
    """
    n, m = cells.shape[1:]
    found = []
    for heard, count in zip(_among_terminals(circuit, cells), (m, n), strict=True):
        nominal = count * (circuit.device.g_max + circuit.device.g_min)
        cancelled = np.diagonal(heard).mean() if circuit.echo_trim == "mean" else nominal
        found.append(scale / circuit.device.span * (cancelled * np.eye(len(heard)) - heard))
    return found[0], found[1]


def _among_terminals(circuit: Programmed, cells: Array) -> tuple[Array, Array]:
    """Conductances among the bit lines and among the word lines, summed over the arrays of the pair; S."""
    if not circuit.has_wires:
        total = cells.sum(axis=0)
        return np.diag(total.sum(axis=1)), np.diag(total.sum(axis=0))
    from analogsim.circuits.wires import terminal_conductance

    m, terminals = cells.shape[-1], circuit.terminals("forward")["terminals"]
    each = [terminal_conductance(g.T, *circuit.segments, terminals=terminals) for g in cells]
    y = sum(each[1:], start=each[0])
    return y[m:, m:], y[:m, :m]
