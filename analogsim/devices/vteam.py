r"""VTEAM: a state that moves only beyond voltage thresholds.

.. math::
    \dot x = \begin{cases}
        k_\mathrm{off}\,(V/v_\mathrm{off} - 1)^{\alpha_\mathrm{off}} & V > v_\mathrm{off} > 0 \\
        k_\mathrm{on}\,(V/v_\mathrm{on} - 1)^{\alpha_\mathrm{on}} & V < v_\mathrm{on} < 0 \\
        0 & \text{between}
    \end{cases}, \qquad R = R_\mathrm{on} + (R_\mathrm{off} - R_\mathrm{on})\,x/D

Kvatinsky et al., IEEE TCAS-II 62, 786 (2015), doi:10.1109/TCSII.2015.2433536.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.dynamic import Dynamic
from analogsim.registry import register


@register.device("vteam")
@dataclass(frozen=True, kw_only=True)
class VTEAM(Dynamic):
    """A threshold memristor; the state x is a length.

    Parameters
    ----------
    r_on, r_off : float
        Resistances at x = 0 and x = D, ohm.
    thickness : float
        D, m.
    k_on, k_off : float
        Speeds, m/s; k_on < 0 < k_off.
    alpha_on, alpha_off : float
        Powers.
    v_on, v_off : float
        Thresholds, V; v_on < 0 < v_off.
    """

    r_on: float = quantity("resistance at x = 0", "ohm", above=0)
    r_off: float = quantity("resistance at x = D", "ohm", above=0)
    thickness: float = quantity("range of the state", "m", above=0)
    k_on: float = quantity("speed towards x = 0", "m/s", high=0)
    k_off: float = quantity("speed towards x = D", "m/s", low=0)
    alpha_on: float = quantity("power towards x = 0", low=0)
    alpha_off: float = quantity("power towards x = D", low=0)
    v_on: float = quantity("threshold towards x = 0", "V", high=-1e-9)
    v_off: float = quantity("threshold towards x = D", "V", above=0)

    @property
    def limits(self) -> tuple[float, float]:
        """0 and D, m."""
        return 0.0, self.thickness

    def rate(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """dx/dt, m/s."""
        v = np.asarray(voltage, dtype=float)
        off = self.k_off * np.maximum(v / self.v_off - 1.0, 0.0) ** self.alpha_off
        on = self.k_on * np.maximum(v / self.v_on - 1.0, 0.0) ** self.alpha_on
        return np.where(v > self.v_off, off, np.where(v < self.v_on, on, 0.0)) + np.zeros(np.shape(state))

    def state_current(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """V / R(x), A."""
        x = np.asarray(state, dtype=float)
        return np.asarray(voltage, dtype=float) / (self.r_on + (self.r_off - self.r_on) * x / self.thickness)

    def state(self, conductance: ArrayLike) -> Array:
        """x of a conductance, m."""
        with np.errstate(divide="ignore"):
            resistance = 1.0 / np.asarray(conductance, dtype=float)
        return self.inside((resistance - self.r_on) / (self.r_off - self.r_on) * self.thickness, conductance)
