r"""The Stanford-PKU model: a filament with a tunnelling gap that thermally activated ions open and close.

.. math::
    I &= I_0\,e^{-g/g_0} \sinh(V/V_0), \qquad T = T_0 + |V I|\,R_\mathrm{th} \\
    \dot g &= -v_0\,e^{-q E_a/kT} \sinh\!\frac{\gamma\,a_0\,q V}{t_\mathrm{ox}\,k T}, \qquad
    \gamma = \gamma_0 - \beta\,(g/1\,\mathrm{nm})^3,

with no motion where :math:`\gamma |V|/t_\mathrm{ox} < F_\mathrm{min}`.

Guan, Yu & Wong, IEEE EDL 33, 1405 (2012), doi:10.1109/LED.2012.2210856.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import Boltzmann, elementary_charge

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.dynamic import Dynamic
from analogsim.registry import register

_NANO = 1e-9


@register.device("stanford-pku")
@dataclass(frozen=True, kw_only=True)
class StanfordPKU(Dynamic):
    """A filamentary cell; the state is the gap g, m.

    Parameters
    ----------
    i0, v0, g0 : float
        I_0 (A), V_0 (V), g_0 (m) of the tunnelling current.
    gap_min, gap_max : float
        Limits of the gap, m.
    velocity, activation : float
        v_0 (m/s) and E_a (eV).
    enhancement, enhancement_loss : float
        γ_0 and β.
    hop, oxide : float
        a_0 and t_ox, m.
    field_min : float
        F_min, V/m.
    temperature, heating : float
        T_0 (K) and R_th (K/W).
    """

    i0: float = quantity("current scale", "A", above=0)
    v0: float = quantity("voltage scale of the sinh", "V", above=0)
    g0: float = quantity("decay length of tunnelling", "m", above=0)
    gap_min: float = quantity("smallest gap", "m", low=0)
    gap_max: float = quantity("largest gap", "m", above=0)
    velocity: float = quantity("velocity of the ions without barrier", "m/s", above=0)
    activation: float = quantity("activation energy", "eV", low=0)
    enhancement: float = quantity("field enhancement at zero gap", above=0)
    enhancement_loss: float = quantity("loss of the enhancement for each nm³ of gap³", low=0)
    hop: float = quantity("hopping distance", "m", above=0)
    oxide: float = quantity("oxide thickness", "m", above=0)
    field_min: float = quantity("field below which nothing moves", "V/m", low=0)
    temperature: float = quantity("ambient temperature", "K", above=0)
    heating: float = quantity("thermal resistance", "K/W", low=0)

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest gap, m."""
        return self.gap_min, self.gap_max

    def rate(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """dg/dt, m/s."""
        gap, v = np.broadcast_arrays(np.asarray(state, dtype=float), np.asarray(voltage, dtype=float))
        kelvin = self.temperature + np.abs(v * self.state_current(gap, v)) * self.heating
        gamma = self.enhancement - self.enhancement_loss * (gap / _NANO) ** 3
        thermal = Boltzmann * kelvin / elementary_charge
        push = gamma * self.hop * v / (self.oxide * thermal)
        moving = gamma * np.abs(v) / self.oxide >= self.field_min
        return np.where(moving, -self.velocity * np.exp(-self.activation / thermal) * np.sinh(push), 0.0)

    def state_current(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """I(g, V), A."""
        gap, v = np.asarray(state, dtype=float), np.asarray(voltage, dtype=float)
        return self.i0 * np.exp(-gap / self.g0) * np.sinh(v / self.v0)

    def state(self, conductance: ArrayLike) -> Array:
        """Gap of a low-field conductance I_0 e^{−g/g_0}/V_0, m."""
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = -self.g0 * np.log(np.asarray(conductance, dtype=float) * self.v0 / self.i0)
        return self.inside(gap, conductance)
