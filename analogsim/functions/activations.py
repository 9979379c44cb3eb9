"""Activation functions: value, slope, compiled code and SPICE expression of each, under one name and one code.

To add one: an entry in `ACTIVATIONS`, and its line in `activate`, `slope` and `value`. Those three are plain Python, so
that this module loads without numba; `analogsim.functions.machine_code` compiles them. They branch on the code and not
on a function handed over, because a loop for each function is what the processor runs several lanes at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from analogsim.errors import one_of

LEAK = 0.01
"""Slope of leaky-relu below zero."""
FLAT = 0.01
"""A neuron counts as saturated where its slope is below this share of the activation's largest."""

AOC_48 = (
    *(3.5803695186081548, -0.02169700659220347, 4.265220983736163),
    *(0.21508362120079133, 4.3230277607263917e-4, 0.004796866609376989),
)
AOC_16 = (3.650472665, 0.0, 3.920930171, 0.085337389, 0.0, 0.0)
"""a, b, c, d, e, g of `analogsim.devices.aoc_tanh`: the measured nonlinearity of the two Analog Optical Computers.

A test holds them against the cards ``aoc-tanh-48`` and ``aoc-tanh-16``, which say where they come from.
"""

Array = NDArray[np.floating]

IDENTITY, RELU, LEAKY_RELU, HARD_SIGMOID, TANH, SIGMOID, AOC_TANH, AOC_TANH_16 = range(8)
"""Codes that the compiled functions branch on."""


@dataclass(frozen=True)
class Activation:
    """s = f(a), with its derivative and its largest slope.

    At a kink the derivative is that of the left branch: 0 for ReLU at 0, so that a silent neuron stays silent.

    Attributes
    ----------
    name : str
    code : int
        What compiled code knows it by.
    function, derivative : callable
        f and f' of an array, element by element.
    slope_max : float
        Largest f'.
    netlist : str or None
        f as an expression of SPICE in the voltage ``V(a)``, with ``{vs}`` for the volts of one unit of activity; None
        where there is no circuit for it.
    """

    name: str
    code: int
    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    slope_max: float
    netlist: str | None = None

    def __call__(self, a: Array) -> Array:
        return self.function(a)

    def saturated(self, a: Array) -> NDArray[np.bool_]:
        """Where |f'(a)| is below `FLAT` times the largest slope; for ReLU these are the silent neurons."""
        return np.abs(self.derivative(a)) < FLAT * self.slope_max


def _step(a: Array) -> Array:
    return (a > 0).astype(a.dtype)


def _logistic(a: Array) -> Array:
    return np.asarray(scipy.special.expit(a))


def soft_clip(z: Array, coefficients: Sequence[float]) -> Array:
    """f(z) = d u/(1 + |u|^c)^{1/c} + e + g z with u = a z + b."""
    a, b, c, d, e, g = coefficients
    u = a * z + b
    found: Array = d * u / (1 + np.abs(u) ** c) ** (1 / c) + e + g * z
    return found


def _soft_clip_slope(z: Array, coefficients: Sequence[float]) -> Array:
    a, b, c, d, _, g = coefficients
    found: Array = a * d * (1 + np.abs(a * z + b) ** c) ** (-1 / c - 1) + g
    return found


def _measured(name: str, code: int, values: Sequence[float]) -> Activation:
    steepest = values[0] * values[3] + values[5]
    return Activation(name, code, lambda z: soft_clip(z, values), lambda z: _soft_clip_slope(z, values), steepest)


ACTIVATIONS = {
    item.name: item
    for item in (
        Activation("identity", IDENTITY, lambda a: a, np.ones_like, 1.0, "V(a)"),
        Activation("relu", RELU, lambda a: np.maximum(a, 0), _step, 1.0, "max(V(a),0)"),
        Activation(
            "leaky-relu",
            LEAKY_RELU,
            lambda a: np.where(a > 0, a, a * a.dtype.type(LEAK)),
            lambda a: np.where(a > 0, a.dtype.type(1), a.dtype.type(LEAK)),
            1.0,
            f"max(V(a),{LEAK!r}*V(a))",
        ),
        Activation(
            "hard-sigmoid",
            HARD_SIGMOID,
            lambda a: np.clip(a / 2, 0, 1),
            lambda a: ((a > 0) & (a < 2)).astype(a.dtype) / 2,
            0.5,
            "{vs}*min(max(0.5*V(a)/{vs},0),1)",
        ),
        Activation("tanh", TANH, np.tanh, lambda a: 1 - np.tanh(a) ** 2, 1.0, "{vs}*tanh(V(a)/{vs})"),
        Activation(
            "sigmoid",
            SIGMOID,
            _logistic,
            lambda a: _logistic(a) * (1 - _logistic(a)),
            0.25,
            "{vs}/(1+exp(-V(a)/{vs}))",
        ),
        _measured("aoc-tanh", AOC_TANH, AOC_48),
        _measured("aoc-tanh-16", AOC_TANH_16, AOC_16),
    )
}


def activation(name: str) -> Activation:
    """Look an activation up by its name.

    Parameters
    ----------
    name : str
        A key of `ACTIVATIONS`.

    Raises
    ------
    InputError
        If there is none of that name; the message names the nearest.
    """
    return ACTIVATIONS[one_of("activation", name, ACTIVATIONS)]


# To be compiled: no calls of Python functions, and no allocations.


def activate(code, a, s):
    """s = f(a), element by element, on flat arrays."""
    n = a.size
    if code == IDENTITY:
        for i in range(n):
            s[i] = a[i]
    elif code == RELU:
        for i in range(n):
            s[i] = max(a[i], a.dtype.type(0))
    elif code == LEAKY_RELU:
        leak = a.dtype.type(LEAK)
        for i in range(n):
            s[i] = a[i] if a[i] > 0 else leak * a[i]
    elif code == HARD_SIGMOID:
        half, zero, one = a.dtype.type(0.5), a.dtype.type(0), a.dtype.type(1)
        for i in range(n):
            s[i] = min(max(half * a[i], zero), one)
    elif code == TANH:
        for i in range(n):
            s[i] = np.tanh(a[i])
    elif code == SIGMOID:
        for i in range(n):
            s[i] = 1 / (1 + np.exp(-a[i]))
    else:
        k, b, c, d, e, g = AOC_48 if code == AOC_TANH else AOC_16
        for i in range(n):
            u = k * a[i] + b
            s[i] = d * u / (1 + abs(u) ** c) ** (1 / c) + e + g * a[i]


def slope(code, a, d):
    """d = f'(a), element by element, with the left-hand value at a kink."""
    for i in range(a.size):
        x = a[i]
        if code == IDENTITY:
            d[i] = 1
        elif code == RELU:
            d[i] = 1 if x > 0 else 0
        elif code == LEAKY_RELU:
            d[i] = 1 if x > 0 else LEAK
        elif code == HARD_SIGMOID:
            d[i] = 0.5 if 0 < x < 2 else 0
        elif code == TANH:
            d[i] = 1 - np.tanh(x) ** 2
        elif code == SIGMOID:
            s = 1 / (1 + np.exp(-x))
            d[i] = s * (1 - s)
        else:
            k, b, c, top, _, g = AOC_48 if code == AOC_TANH else AOC_16
            d[i] = k * top * (1 + abs(k * x + b) ** c) ** (-1 / c - 1) + g


def value(code, a):
    """f(a) of one number, for loops that do more with it."""
    if code == RELU:
        return max(a, a * 0)
    if code == LEAKY_RELU:
        return a if a > 0 else a * LEAK
    if code == HARD_SIGMOID:
        return min(max(a * 0.5, a * 0), a * 0 + 1)
    if code == TANH:
        return math.tanh(a)
    if code == SIGMOID:
        return 1 / (1 + math.exp(-a))
    if code >= AOC_TANH:
        k, b, c, d, e, g = AOC_48 if code == AOC_TANH else AOC_16
        u = k * a + b
        return d * u / (1 + abs(u) ** c) ** (1 / c) + e + g * a
    return a
