r"""The model of Yakopcic: a sinh current and a state that moves beyond thresholds.

.. math::
    I &= a_1 x \sinh(bV)\ (V \ge 0), \quad a_2 x \sinh(bV)\ (V < 0), & \dot x &= \eta\,g(V)\,f(x) \\
    g &= A_p(e^V - e^{V_p})\ (V > V_p), & g &= -A_n(e^{-V} - e^{V_n})\ (V < -V_n), \quad 0\ \text{between} \\
    f &= e^{-\alpha_p(x - x_p)}\left(\frac{x_p - x}{1 - x_p} + 1\right)\ (x \ge x_p,\ \text{rising}), &
    f &= e^{\alpha_n(x + x_n - 1)}\frac{x}{1 - x_n}\ (x \le 1 - x_n,\ \text{falling}), \quad 1\ \text{else}

Yakopcic et al., IEEE EDL 32, 1436 (2011), doi:10.1109/LED.2011.2163292; IEEE TCAD 32, 1201 (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.dynamic import Dynamic
from analogsim.registry import register


@register.device("yakopcic")
@dataclass(frozen=True, kw_only=True)
class Yakopcic(Dynamic):
    """A threshold memristor with sinh current; the state x lies in [0, 1].

    Parameters
    ----------
    a1, a2, b : float
        Current.
    speed_up, speed_down, v_up, v_down : float
        A_p, A_n (1/s) and V_p, V_n (V).
    alpha_up, alpha_down, x_up, x_down : float
        α_p, α_n, x_p, x_n of the window.
    """

    a1: float = quantity("current scale for V ≥ 0", "A", above=0)
    a2: float = quantity("current scale for V < 0", "A", above=0)
    b: float = quantity("curvature of the sinh", "1/V", above=0)
    speed_up: float = quantity("A_p, speed of the rising state", "1/s", low=0)
    speed_down: float = quantity("A_n, speed of the falling state", "1/s", low=0)
    v_up: float = quantity("V_p, threshold of the rising state", "V", above=0)
    v_down: float = quantity("V_n, size of the threshold of the falling state", "V", above=0)
    alpha_up: float = quantity("α_p, decay of the rising motion", low=0)
    alpha_down: float = quantity("α_n, decay of the falling motion", low=0)
    x_up: float = quantity("x_p, state above which rising slows down", low=0, high=1)
    x_down: float = quantity("x_n, falling slows down below 1 − x_n", low=0, high=1)
    polarity: float = quantity("η: 1 if a positive voltage raises the state, −1 if it lowers it", default=1.0)

    @property
    def limits(self) -> tuple[float, float]:
        """0 and 1."""
        return 0.0, 1.0

    def rate(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """dx/dt, 1/s."""
        x, v = np.broadcast_arrays(np.asarray(state, dtype=float), np.asarray(voltage, dtype=float))
        up = self.speed_up * np.maximum(np.exp(v) - np.exp(self.v_up), 0.0)
        down = self.speed_down * np.maximum(np.exp(-v) - np.exp(self.v_down), 0.0)
        rising = self.polarity * (up - down) > 0
        # (x_p − x)/(1 − x_p) + 1 = (1 − x)/(1 − x_p); with x_p or x_n = 1 the motion stops at the limit alone.
        slow_up = np.exp(-self.alpha_up * (x - self.x_up)) * (1.0 - x) / ((1.0 - self.x_up) or 1.0)
        slow_down = np.exp(self.alpha_down * (x + self.x_down - 1.0)) * x / ((1.0 - self.x_down) or 1.0)
        window = np.where(
            rising, np.where(x >= self.x_up, slow_up, 1.0), np.where(x <= 1.0 - self.x_down, slow_down, 1.0)
        )
        return self.polarity * (up - down) * window

    def state_current(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """I(x, V), A."""
        v = np.asarray(voltage, dtype=float)
        return np.where(v >= 0, self.a1, self.a2) * np.asarray(state, dtype=float) * np.sinh(self.b * v)

    def state(self, conductance: ArrayLike) -> Array:
        """x of a low-field conductance a₁ b x."""
        return self.inside(np.asarray(conductance, dtype=float) / (self.a1 * self.b), conductance)
