r"""Linear ion drift: a doped region that grows with the charge passed.

.. math::
    M = R_\mathrm{on} x + R_\mathrm{off}(1 - x), \qquad
    \dot x = \frac{\mu R_\mathrm{on}}{D^2}\,i\,f(x), \qquad f(x) = 1 - (2x - 1)^{2p}

Strukov et al., Nature 453, 80 (2008), doi:10.1038/nature06932; window of Joglekar & Wolf, arXiv 0807.3994.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.dynamic import Dynamic
from analogsim.registry import register


@register.device("ion-drift")
@dataclass(frozen=True, kw_only=True)
class IonDrift(Dynamic):
    """The memristor of the first publication; the state x is the share of the film that is doped, 0 to 1.

    Parameters
    ----------
    r_on, r_off : float
        Resistances of the doped and the undoped film, ohm.
    mobility : float
        µ, m²/V/s.
    thickness : float
        D, m.
    window : int
        p of the window; 0 switches the window off.
    """

    r_on: float = quantity("resistance of the doped film", "ohm", above=0)
    r_off: float = quantity("resistance of the undoped film", "ohm", above=0)
    mobility: float = quantity("mobility of the dopants", "m^2/V/s", above=0)
    thickness: float = quantity("thickness of the film", "m", above=0)
    window: int = quantity("power of the window, 0 for none", low=0, high=100, whole=True)

    @property
    def limits(self) -> tuple[float, float]:
        """Undoped and doped."""
        return 0.0, 1.0

    def rate(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """dx/dt, 1/s."""
        x = np.asarray(state, dtype=float)
        return self.mobility * self.r_on / self.thickness**2 * self.state_current(x, voltage) * self._window(x)

    def state_current(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """V / M(x), A."""
        x = np.asarray(state, dtype=float)
        return np.asarray(voltage, dtype=float) / (self.r_on * x + self.r_off * (1.0 - x))

    def state(self, conductance: ArrayLike) -> Array:
        """x of a conductance."""
        with np.errstate(divide="ignore"):
            resistance = 1.0 / np.asarray(conductance, dtype=float)
        return self.inside((self.r_off - resistance) / (self.r_off - self.r_on), conductance)

    def _window(self, x: Array) -> Array:
        """f(x), without loss of digits close to the limits."""
        if not self.window:
            return np.ones_like(x)
        with np.errstate(divide="ignore"):
            return -np.expm1(2 * self.window * np.log1p(-2.0 * np.minimum(x, 1.0 - x)))

    def drift_time(self, voltage: float) -> float:
        """t_0 = D²/(µ V), the time scale of switching, s."""
        return self.thickness**2 / (self.mobility * voltage)
