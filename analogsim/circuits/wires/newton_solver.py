"""Newton's method for cells with a nonlinear current-voltage curve between resistive wires.

The state is the current c of every cell; the wires turn it into cell voltages v(c) = volts − R c by running sums, so
that Kirchhoff's laws hold exactly at every iterate and only the curve I(v) = c is left to be met. For a rising curve
this minimises the (convex) co-content of W. Millar, Phil. Mag. 42 (1951) 1150, whose slope along a step (δv, δc) is
Σ (I(v) − c) δv: each Newton step goes down, and a search along it that halves that slope ends at the solution from
any start.

The linear problem of a step is solved by conjugate gradients: for an array of 512 × 512 cells a step takes some ten
iterations, a twentieth of what a dissection of the array would cost, and needs no more memory than a few fields.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analogsim.circuits.wires.ladder import Ladder
from analogsim.errors import InputError

Array = NDArray[np.float64]
_STEPS = 100


def newton(
    ladder: Ladder,
    evaluate: Callable[[Array], tuple[Array, Array]],
    volts: Array,
    start: Array | None,
    tol: float,
) -> tuple[Array, Array, Array, int]:
    """Voltages of row and column nodes, cell currents, and the number of steps.

    `evaluate` gives current and slope of all cells at the voltages between their nodes. The steps end when all cell
    currents agree with their curves within `tol` of the largest one, or within rounding.
    """
    still = np.zeros_like(volts)
    ends = ladder.smallest_ends
    # Beyond this a cell is a short circuit beside its wires, at the solution and on the way.
    steepest = 1e6 / ends if ends > 0 else np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        c = _first(ladder, evaluate, volts) if start is None else np.ascontiguousarray(start)
        for step in range(_STEPS):
            word, bit = ladder.drops(c, volts)
            v = word - bit
            current, slope = evaluate(v)
            if not (np.isfinite(current).all() and np.isfinite(slope).all()):
                break
            excess = current - c
            largest = np.abs(current).max()
            rounding = 8 * np.finfo(float).eps * (np.abs(slope).max() * np.abs(volts).max() + largest)
            if np.abs(excess).max() <= max(tol * largest, rounding):
                return word, bit, c, step
            slope = np.clip(slope, 0.0, steepest)
            _, word, bit, _ = ladder.nodes(still, ladder.factor(slope), 1e-6, excess)
            change = excess + slope * (word - bit)
            word, bit = ladder.drops(change, still)
            c = c + _length(evaluate, v, c, word - bit, change) * change
    raise InputError(
        f"the currents of cells with this curve did not settle in {_STEPS} Newton steps: it must rise over the whole "
        "range of cell voltages. Lower the voltages or check the curve's coefficients."
    )


def _first(ladder: Ladder, evaluate: Callable[[Array], tuple[Array, Array]], volts: Array) -> Array:
    """The ohmic currents, or less of them where the curve is steep: a start near 0 V is safe, one far up is not."""

    def ohmic(g: Array) -> Array:
        _, word, bit, _ = ladder.nodes(volts, ladder.factor(g), 1e-6)
        return g * (word - bit)

    slope = np.maximum(evaluate(np.zeros(ladder.shape))[1], 0.0)
    full = ohmic(slope)
    if ladder.smallest_ends == 0 or _is_near(ladder, evaluate, volts, full):
        return full
    short = ohmic(np.maximum(slope, 100 / ladder.smallest_ends))
    v, dv = (np.subtract(*ladder.drops(c, u)) for c, u in ((short, volts), (full - short, np.zeros_like(volts))))
    return short + _length(evaluate, v, short, dv, full - short) * (full - short)


def _is_near(ladder: Ladder, evaluate: Callable[[Array], tuple[Array, Array]], volts: Array, flow: Array) -> bool:
    """Whether the curve stays within ten times the largest of these currents: then they are as good a start as any."""
    current, _ = evaluate(np.subtract(*ladder.drops(flow, volts)))
    return bool((np.abs(current) <= 10 * np.abs(flow).max()).all())


def _length(evaluate: Callable[[Array], tuple[Array, Array]], v: Array, c: Array, dv: Array, dc: Array) -> float:
    """How far to go: the full step if the co-content's slope is at most half as steep upwards, else a shorter one."""

    def slope(t: float) -> float:
        return float(((evaluate(v + t * dv)[0] - c - t * dc) * dv).sum())

    first = slope(0.0)
    low, high, t = 0.0, 1.0, 1.0
    for _ in range(60):
        at = slope(t)
        if at <= 0.5 * abs(first) and (t == 1.0 or at >= -0.5 * abs(first)):
            break
        if at > 0 or np.isnan(at):
            high = t
        else:
            low = t
        t = (low + high) / 2
    return t
