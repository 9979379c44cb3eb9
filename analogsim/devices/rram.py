r"""Filamentary RRAM described by statistics: a programming σ that depends on the state and grows with time.

With x = G/G_ref and polynomials given at times t_1 < t_2 < …, σ between them linear in ln t and never below what it
was at an earlier time (fits of different times may cross where there are few data):

.. math::
    \sigma(G, t) = \max(\textstyle\sum_i c_i(t)\,x^i, 0), \qquad
    G(t) = G_\mathrm{prog} + \sqrt{\max(\sigma^2(G, t) - \sigma^2(G, t_1), 0)}\;\xi

and the current is ohmic, or, for `CubicRRAM`, with g = log₁₀(G/S),

.. math:: I = G V + k_2(g)\,V^2 + k_3(g)\,V^3, \qquad k_n(g) = \textstyle\sum_i k_{n,i}\,g^i .

Wan et al., Nature 608, 504 (2022), doi:10.1038/s41586-022-04992-8; Milo et al., IRPS 2021,
doi:10.1109/IRPS46558.2021.9405119.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array, Device
from analogsim.errors import InputError, out_of_range
from analogsim.registry import register


@register.device("rram")
@dataclass(frozen=True, kw_only=True)
class RRAM(Device):
    """An ohmic cell with a time-dependent spread.

    Parameters
    ----------
    times : list of float
        When the spread was measured, s after programming, ascending. Only one: nothing is known of retention.
    spread : list of lists of float
        c_i at each of these times, S.
    spread_range : float
        G_ref, S.
    """

    times: tuple[float, ...] = quantity("times after programming of the measurements", "s", low=0, shape=(None,))
    spread: tuple[tuple[float, ...], ...] = quantity(
        "coefficients of σ in powers of G/spread_range, a list for each time", "S", shape=(None, None)
    )
    spread_range: float = quantity("conductance in units of which the spread is given", "S", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.times) != len(self.spread) or list(self.times) != sorted(set(self.times)):
            raise InputError(
                f"device.times = {self.times}: ascending, one for each of {len(self.spread)} rows of spread."
            )

    def sigma_at(self, conductance: ArrayLike, seconds: float) -> Array:
        """σ(G, t), S, around the target.

        Raises
        ------
        InputError
            If `seconds` is later than the last measurement.
        """
        x = np.asarray(conductance, dtype=float) / self.spread_range
        if seconds > self.times[-1]:
            known = f"≤ {self.times[-1]:g} s, the last measurement of this device"
            raise out_of_range("age", seconds, known, hint="Nothing is published beyond.")
        rows = np.maximum.accumulate([np.maximum(polyval(x, np.array(row)), 0.0) for row in self.spread])
        if seconds <= self.times[0]:
            return rows[0]
        k = int(np.searchsorted(self.times, seconds))
        start, end = self.times[k - 1 : k + 1]
        share = np.log(seconds / start) / np.log(end / start)
        return (1 - share) * rows[k - 1] + share * rows[k]

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """σ at the first time, S."""
        return self.sigma_at(conductance, 0.0)

    def age(
        self, conductance: ArrayLike, seconds: float, rng: np.random.Generator, target: ArrayLike | None = None
    ) -> Array:
        """Conductances after `seconds`, S: a normal deviate is added whose variance is what σ² has grown by."""
        programmed = np.asarray(conductance, dtype=float)
        first, later = self.sigma_at(programmed, 0.0), self.sigma_at(programmed, seconds)
        grown = np.sqrt(np.maximum(later**2 - first**2, 0.0))
        if not grown.any():
            return programmed
        return np.maximum(programmed + grown * rng.standard_normal(programmed.shape), 0.0)


@register.device("cubic-rram")
@dataclass(frozen=True, kw_only=True)
class CubicRRAM(RRAM):
    """The same with a cubic current-voltage curve.

    Parameters
    ----------
    quadratic, cubic : list of float
        k_{2,i} in A/V² and k_{3,i} in A/V³, in powers of log₁₀(G/S).
    v_max : float
        Largest |V| of the fit, V.
    """

    quadratic: tuple[float, ...] = quantity("coefficients of V² in powers of log10(G/S)", "A/V^2", shape=(None,))
    cubic: tuple[float, ...] = quantity("coefficients of V³ in powers of log10(G/S)", "A/V^3", shape=(None,))
    v_max: float = quantity("largest voltage of the fit", "V", above=0)

    def current(self, conductance: ArrayLike, voltage: ArrayLike) -> Array:
        """I(V), A; raises `InputError` beyond v_max."""
        g, v = np.asarray(conductance, dtype=float), np.asarray(voltage, dtype=float)
        if np.abs(v).max(initial=0.0) > self.v_max:
            raise out_of_range("voltage", float(np.abs(v).max()), f"|V| ≤ {self.v_max:g} V, the fitted range")
        log_g = np.log10(np.clip(g, self.g_min, self.g_max))
        return g * v + polyval(log_g, np.array(self.quadratic)) * v**2 + polyval(log_g, np.array(self.cubic)) * v**3
