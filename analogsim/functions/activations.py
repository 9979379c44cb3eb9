"""Activation functions and their slopes, by name; the codes are what the compiled kernel switches on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from analogsim.errors import one_of

LEAK = 0.01
"""Slope of leaky-relu below zero."""

AOC_48 = (
    *(3.5803695186081548, -0.02169700659220347, 4.265220983736163),
    *(0.21508362120079133, 4.3230277607263917e-4, 0.004796866609376989),
)
AOC_16 = (3.650472665, 0.0, 3.920930171, 0.085337389, 0.0, 0.0)
"""a, b, c, d, e, g of `analogsim.devices.aoc_tanh`: the measured nonlinearity of the two Analog Optical Computers."""

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Activation:
    """s = f(a), with its derivative and its largest slope.

    At a kink the derivative is that of the left branch: 0 for ReLU at 0, so that a silent neuron stays silent.
    """

    name: str
    code: int
    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    slope_max: float

    def __call__(self, a: Array) -> Array:
        return self.function(a)


def _step(a: Array) -> Array:
    return (a > 0).astype(a.dtype)


def _logistic(a: Array) -> Array:
    return np.asarray(scipy.special.expit(a))


def soft_clip(z: Array, coefficients: Sequence[float]) -> Array:
    """f(z) = d u/(1 + |u|^c)^{1/c} + e + g z with u = a z + b."""
    a, b, c, d, e, g = coefficients
    u = a * z + b
    return d * u / (1 + np.abs(u) ** c) ** (1 / c) + e + g * z


def _soft_clip_slope(z: Array, coefficients: Sequence[float]) -> Array:
    a, b, c, d, _, g = coefficients
    return a * d * (1 + np.abs(a * z + b) ** c) ** (-1 / c - 1) + g


def _measured(name: str, code: int, values: Sequence[float]) -> Activation:
    steepest = values[0] * values[3] + values[5]
    return Activation(name, code, lambda z: soft_clip(z, values), lambda z: _soft_clip_slope(z, values), steepest)


ACTIVATIONS = {
    item.name: item
    for item in (
        Activation("identity", 0, lambda a: a, np.ones_like, 1.0),
        Activation("relu", 1, lambda a: np.maximum(a, 0), _step, 1.0),
        Activation(
            "leaky-relu",
            2,
            lambda a: np.where(a > 0, a, a * a.dtype.type(LEAK)),
            lambda a: np.where(a > 0, a.dtype.type(1), a.dtype.type(LEAK)),
            1.0,
        ),
        Activation(
            "hard-sigmoid",
            3,
            lambda a: np.clip(a / 2, 0, 1),
            lambda a: ((a > 0) & (a < 2)).astype(a.dtype) / 2,
            0.5,
        ),
        Activation("tanh", 4, np.tanh, lambda a: 1 - np.tanh(a) ** 2, 1.0),
        Activation("sigmoid", 5, _logistic, lambda a: _logistic(a) * (1 - _logistic(a)), 0.25),
        _measured("aoc-tanh", 6, AOC_48),
        _measured("aoc-tanh-16", 7, AOC_16),
    )
}


def activation(name: str) -> Activation:
    """Look an activation up by its name.

    Raises
    ------
    InputError
        If there is none of that name; the message names the nearest.
    """
    return ACTIVATIONS[one_of("activation", name, ACTIVATIONS)]
