r"""Phase-change memory: programming noise, drift and 1/f read noise fitted to arrays of real cells.

With x = G/G_max:

.. math::
    G_\mathrm{prog} &= \max(G_T + \sigma(x)\,\xi, 0), & \sigma(x) &= \textstyle\sum_i c_i x^i \\
    G(t) &= G_\mathrm{prog} \left(\frac{t + t_0}{t_0}\right)^{-\nu},
        & \nu &= |\mu_\nu(x) + \sigma_\nu(x)\,\xi|,\quad \mu_\nu, \sigma_\nu = \mathrm{clip}(m \ln x + c, lo, hi) \\
    \sigma_\mathrm{read} &= G(t)\,Q(x_\mathrm{prog}) \sqrt{\ln\frac{t + t_0 + T_r}{2 T_r}},
        & Q(x) &= \min(q\, x^{-p}, q_\mathrm{max})

Nandakumar et al., ICECS 2019, doi:10.1109/ICECS46596.2019.8964852; Joshi et al., Nat. Commun. 11, 2473 (2020),
doi:10.1038/s41467-020-16108-9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array, Device

_SMALLEST = 1e-7
"""Least G/G_max in a logarithm or power; every law below is clipped long before it."""


@dataclass(frozen=True, kw_only=True)
class PCM(Device):
    """A phase-change cell.

    Parameters
    ----------
    programming : list of float
        c_i, S; they scale with g_max / programming_range.
    programming_range : float
        G_max of the fit of c_i, S.
    drift_mean, drift_spread : list of 4 floats
        Slope m, constant c, lower and upper limit of μ_ν and σ_ν in ln x.
    t0 : float
        Time of the first read after programming, to which G_prog refers, s.
    flicker, flicker_power, flicker_limit : float
        q, p and q_max of the 1/f read noise.
    read_time : float
        T_r, duration of one read, s.
    """

    programming: tuple[float, ...] = quantity(
        "coefficients of the programming σ in powers of G/g_max", "S", shape=(None,)
    )
    programming_range: float = quantity("g_max at which the coefficients were fitted", "S", above=0)
    drift_mean: tuple[float, ...] = quantity(
        "slope, constant and limits of the mean drift exponent in ln(G/g_max)", shape=(4,)
    )
    drift_spread: tuple[float, ...] = quantity("slope, constant and limits of its standard deviation", shape=(4,))
    t0: float = quantity("time of the first read after programming", "s", above=0)
    flicker: float = quantity("1/f read noise of a cell at g_max", low=0)
    flicker_power: float = quantity("exponent of its growth towards small conductance", low=0)
    flicker_limit: float = quantity("upper limit of the 1/f coefficient", low=0)
    read_time: float = quantity("duration of a read", "s", above=0)

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """σ(x), S; never negative."""
        x = np.asarray(conductance, dtype=float) / self.g_max
        scale = self.g_max / self.programming_range
        return np.maximum(polyval(x, np.array(self.programming) * scale), 0.0)

    def drift_exponent(self, conductance: ArrayLike) -> tuple[Array, Array]:
        """Mean and standard deviation of ν before its absolute value is taken."""
        log_x = np.log(np.maximum(np.asarray(conductance, dtype=float) / self.g_max, _SMALLEST))
        laws = (self.drift_mean, self.drift_spread)
        mean, spread = (np.clip(slope * log_x + constant, low, high) for slope, constant, low, high in laws)
        return mean, spread

    def drift_factor(self, conductance: ArrayLike, seconds: float) -> Array:
        """G(t)/G_prog of a cell with the mean exponent."""
        mean, _ = self.drift_exponent(conductance)
        return np.exp(-mean * np.log1p(seconds / self.t0))

    def age(self, conductance: ArrayLike, seconds: float, rng: np.random.Generator) -> Array:
        """Drift for `seconds`; `rng` draws each cell's exponent."""
        programmed = np.asarray(conductance, dtype=float)
        if seconds == 0:
            return programmed
        mean, spread = self.drift_exponent(programmed)
        exponent = np.abs(mean + spread * rng.standard_normal(programmed.shape))
        return programmed * np.exp(-exponent * np.log1p(seconds / self.t0))

    def relative_read_sigma(self, programmed: ArrayLike, seconds: float = 0.0) -> Array:
        """σ_read / G(t) of cells as programmed."""
        x = np.maximum(np.asarray(programmed, dtype=float) / self.g_max, _SMALLEST)
        coefficient = np.minimum(self.flicker * np.exp(-self.flicker_power * np.log(x)), self.flicker_limit)
        return coefficient * np.sqrt(np.log((seconds + self.t0 + self.read_time) / (2 * self.read_time)))

    def read_sigma(self, conductance: ArrayLike, seconds: float = 0.0, programmed: ArrayLike | None = None) -> Array:
        """1/f noise accumulated since programming, S, or `read_noise` times G where that is set."""
        if self.read_noise is not None:
            return super().read_sigma(conductance, seconds)
        now = np.asarray(conductance, dtype=float)
        return now * self.relative_read_sigma(now if programmed is None else programmed, seconds)
