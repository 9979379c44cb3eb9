r"""Passive metal-oxide crosspoints: a cubic current-voltage curve that depends on state and temperature.

.. math::
    I &= A_1 V + A_3 V^3 \\
    A_1 &= a_0 + a_1 G_0 + a_2 T, & A_3 &= b_0 G_0 + b_1 G_0^2 + b_2 T^{-1.33} \\
    \sigma_{A_1} &= p_0 + p_1 G_0 + p_2 T + p_3 G_0^2,
        & \sigma_{A_3} &= q_0 + q_1 G_0 + q_2 T + q_3 G_0^2 + q_4 G_0 T

with T in degrees Celsius (the fit's unit: at 25 °C, G_0 = 100 µS gives A_1 = 98 µS). σ_{A1} is the spread of the
low-field conductance over cells tuned to the same state G_0; here it spreads what programming reaches.

Nili et al., IEEE Trans. Nanotechnol. 2020, arXiv 1811.10385.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array, Device
from analogsim.registry import register


@register.device("metal-oxide")
@dataclass(frozen=True, kw_only=True)
class MetalOxide(Device):
    """A metal-oxide crosspoint; its conductance is the state G_0, S.

    Parameters
    ----------
    temperature : float
        T, °C.
    a0, a1, a2, b0, b1, b2 : float
        Mean curve.
    p0, p1, p2, p3, q0, q1, q2, q3, q4 : float
        Spread over the cells.
    """

    temperature: float = quantity("temperature", "degC", low=10, high=100)
    a0: float = quantity("A1: constant", "S")
    a1: float = quantity("A1: factor of G0", above=0)
    a2: float = quantity("A1: factor of T", "S/degC")
    b0: float = quantity("A3: factor of G0", "1/V^2")
    b1: float = quantity("A3: factor of G0^2", "1/S/V^2")
    b2: float = quantity("A3: factor of T^-1.33", "degC^1.33 S/V^2")
    p0: float = quantity("spread of A1: constant", "S")
    p1: float = quantity("spread of A1: factor of G0")
    p2: float = quantity("spread of A1: factor of T", "S/degC")
    p3: float = quantity("spread of A1: factor of G0^2", "1/S")
    q0: float = quantity("spread of A3: constant", "S/V^2")
    q1: float = quantity("spread of A3: factor of G0", "1/V^2")
    q2: float = quantity("spread of A3: factor of T", "S/degC/V^2")
    q3: float = quantity("spread of A3: factor of G0^2", "1/S/V^2")
    q4: float = quantity("spread of A3: factor of G0 T", "1/degC/V^2")

    def coefficients(self, conductance: ArrayLike) -> tuple[Array, Array]:
        """A_1, S, and A_3, S/V²."""
        g, t = np.asarray(conductance, dtype=float), self.temperature
        return self.a0 + self.a1 * g + self.a2 * t, self.b0 * g + self.b1 * g**2 + self.b2 * t**-1.33

    def low_field(self, conductance: ArrayLike) -> Array:
        """A_1, S."""
        return self.coefficients(conductance)[0]

    def spreads(self, conductance: ArrayLike) -> tuple[Array, Array]:
        """σ of A_1, S, and of A_3, S/V², over cells of one state; never negative."""
        g, t = np.asarray(conductance, dtype=float), self.temperature
        linear = self.p0 + self.p1 * g + self.p2 * t + self.p3 * g**2
        cubic = self.q0 + self.q1 * g + self.q2 * t + self.q3 * g**2 + self.q4 * g * t
        return np.maximum(linear, 0.0), np.maximum(cubic, 0.0)

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """σ of A_1 referred to the state: σ_{A1}/a_1, S."""
        return self.spreads(conductance)[0] / self.a1

    def current(self, conductance: ArrayLike, voltage: ArrayLike) -> Array:
        """I(V), A."""
        linear, cubic = self.coefficients(conductance)
        v = np.asarray(voltage, dtype=float)
        return linear * v + cubic * v**3

    def nonlinearity(self, conductance: ArrayLike, voltage: float) -> Array:
        """I(V) / (A_1 V)."""
        return self.current(conductance, voltage) / (self.low_field(conductance) * voltage)
