r"""Phase-change memory: programming noise, drift and 1/f read noise fitted to arrays of real cells.

With x = G/G_max:

.. math::
    G_\mathrm{prog} &= \max(G_T + \sigma(x)\,\xi, 0), & \sigma(x) &= \textstyle\sum_i c_i x^i \\
    G(t) &= G_\mathrm{prog} \left(\frac{t + t_0}{t_0}\right)^{-\nu}, & \nu &= |\mu_\nu(x) + \sigma_\nu(x)\,\xi| \\
    \sigma_\mathrm{read} &= G(t)\,Q(x_\mathrm{prog}) \sqrt{\ln\frac{t + t_0 + T_r}{2 T_r}}

`PCM` has :math:`\mu_\nu, \sigma_\nu = \mathrm{clip}(m \ln x + c, lo, hi)` and :math:`Q = \min(q\,x^{-p}, q_\max)`.
`Hermes` has, for each of μ_ν, σ_ν and Q, that clipped logarithm below a point x_b and a polynomial in x above it.

The laws of ν were fitted over the conductance that cells aimed at, x = G_T/G_max, and σ_ν is the spread of all cells
with one target: the deviation of a cell from its target is part of it and must not be counted twice. A cell that is
further from its target than most may lie above G_max, where no law was fitted and the polynomials of `Hermes` turn
negative or rise: they are taken at x = 1 there.

The read noise is 1/f noise from 1/(t + t_0 + T_r) to 1/(2 T_r): see `analogsim.devices.slow_noise`.

Nandakumar et al., ICECS 2019, doi:10.1109/ICECS46596.2019.8964852; Joshi et al., Nat. Commun. 11, 2473 (2020),
doi:10.1038/s41467-020-16108-9; Le Gallo et al., Nat. Electron. 6, 680 (2023), doi:10.1038/s41928-023-01010-1.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array, Device
from analogsim.registry import register

_SMALLEST = 1e-7
"""Least G/G_max in a logarithm or power; every law below is clipped long before it."""

_LOG_LAW = "slope, constant, lower and upper limit in ln(G/g_max)"


@dataclass(frozen=True, kw_only=True)
class PhaseChange(Device):
    """What all phase-change cells share.

    Parameters
    ----------
    programming : list of float
        c_i, S; they scale with g_max / programming_range.
    programming_range : float
        G_max of the fit of c_i, S.
    t0 : float
        Time of the first read after programming, to which G_prog refers, s.
    read_time : float
        T_r, duration of one read, s.
    """

    programming: tuple[float, ...] = quantity(
        "coefficients of the programming σ in powers of G/g_max", "S", shape=(None,)
    )
    programming_range: float = quantity("g_max at which the coefficients were fitted", "S", above=0)
    t0: float = quantity("time of the first read after programming", "s", above=0)
    read_time: float = quantity("duration of a read", "s", above=0)

    @abstractmethod
    def drift_exponent(self, conductance: ArrayLike) -> tuple[Array, Array]:
        """Mean and standard deviation of ν before its absolute value is taken, over the target."""

    @abstractmethod
    def flicker_coefficient(self, programmed: ArrayLike) -> Array:
        """Q(x)."""

    def relative(self, conductance: ArrayLike) -> Array:
        """Return x = G/g_max, kept off zero."""
        return np.maximum(np.asarray(conductance, dtype=float) / self.g_max, _SMALLEST)

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """σ(x), S; never negative."""
        x = np.asarray(conductance, dtype=float) / self.g_max
        scale = self.g_max / self.programming_range
        return np.maximum(polyval(x, np.array(self.programming) * scale), 0.0)

    def drift_factor(self, conductance: ArrayLike, seconds: float) -> Array:
        """G(t)/G_prog of a cell with the mean exponent."""
        mean, _ = self.drift_exponent(conductance)
        return np.exp(-mean * np.log1p(seconds / self.t0))

    def age(
        self, conductance: ArrayLike, seconds: float, rng: np.random.Generator, target: ArrayLike | None = None
    ) -> Array:
        """Drift for `seconds`; `rng` draws each cell's exponent, at its target or, without one, where it is."""
        programmed = np.asarray(conductance, dtype=float)
        if seconds == 0:
            return programmed
        mean, spread = self.drift_exponent(programmed if target is None else target)
        exponent = np.abs(mean + spread * rng.standard_normal(programmed.shape))
        return programmed * np.exp(-exponent * np.log1p(seconds / self.t0))

    def relative_read_sigma(self, programmed: ArrayLike, seconds: float = 0.0) -> Array:
        """σ_read / G(t) of cells as programmed."""
        spread = np.sqrt(np.log((seconds + self.t0 + self.read_time) / (2 * self.read_time)))
        return self.flicker_coefficient(programmed) * spread

    def read_sigma(self, conductance: ArrayLike, seconds: float = 0.0, programmed: ArrayLike | None = None) -> Array:
        """1/f noise accumulated since programming, S, or `read_noise` times G where that is set."""
        if self.read_noise is not None:
            return super().read_sigma(conductance, seconds)
        now = np.asarray(conductance, dtype=float)
        return now * self.relative_read_sigma(now if programmed is None else programmed, seconds)

    def flicker_band(self, seconds: float = 0.0) -> tuple[float, float] | None:
        """From 1/(t + t_0 + T_r) to 1/(2 T_r), Hz; None where `read_noise` is set."""
        if self.read_noise is not None:
            return None
        return 1.0 / (seconds + self.t0 + self.read_time), 1.0 / (2.0 * self.read_time)


@register.device("pcm")
@dataclass(frozen=True, kw_only=True)
class PCM(PhaseChange):
    """Mushroom cells of one million-cell array.

    Parameters
    ----------
    drift_mean, drift_spread : list of 4 floats
        Slope m, constant c, lower and upper limit of μ_ν and σ_ν in ln x.
    flicker, flicker_power, flicker_limit : float
        q, p and q_max of the 1/f read noise.
    """

    drift_mean: tuple[float, ...] = quantity(f"mean drift exponent: {_LOG_LAW}", shape=(4,))
    drift_spread: tuple[float, ...] = quantity(f"spread of the drift exponent: {_LOG_LAW}", shape=(4,))
    flicker: float = quantity("1/f read noise of a cell at g_max", low=0)
    flicker_power: float = quantity("exponent of its growth towards small conductance", low=0)
    flicker_limit: float = quantity("upper limit of the 1/f coefficient", low=0)

    def drift_exponent(self, conductance: ArrayLike) -> tuple[Array, Array]:
        """Mean and standard deviation of ν before its absolute value is taken."""
        log_x = np.log(self.relative(conductance))
        return _clipped(log_x, self.drift_mean), _clipped(log_x, self.drift_spread)

    def flicker_coefficient(self, programmed: ArrayLike) -> Array:
        """Q(x) = min(q x^-p, q_max)."""
        power = np.exp(-self.flicker_power * np.log(self.relative(programmed)))
        return np.minimum(self.flicker * power, self.flicker_limit)


@register.device("hermes")
@dataclass(frozen=True, kw_only=True)
class Hermes(PhaseChange):
    """Cells of the HERMES project chip, one or two to a unit; fitted up to g_max.

    Parameters
    ----------
    drift_mean, drift_spread, flicker : list of 5 floats
        x_b, then slope, constant, lower and upper limit of the logarithm below it.
    drift_mean_above, drift_spread_above, flicker_above : list of float
        Coefficients of the polynomial in x from x_b on.
    """

    drift_mean: tuple[float, ...] = quantity(f"mean drift exponent: G/g_max below which, {_LOG_LAW}", shape=(5,))
    drift_mean_above: tuple[float, ...] = quantity("mean drift exponent above, in powers of G/g_max", shape=(None,))
    drift_spread: tuple[float, ...] = quantity(f"spread of the drift exponent: below which, {_LOG_LAW}", shape=(5,))
    drift_spread_above: tuple[float, ...] = quantity("spread above, in powers of G/g_max", shape=(None,))
    flicker: tuple[float, ...] = quantity(f"1/f coefficient: G/g_max below which, {_LOG_LAW}", shape=(5,))
    flicker_above: tuple[float, ...] = quantity("1/f coefficient above, in powers of G/g_max", shape=(None,))

    def drift_exponent(self, conductance: ArrayLike) -> tuple[Array, Array]:
        """Mean and standard deviation of ν before its absolute value is taken."""
        x = self._fitted(conductance)
        return _branched(x, self.drift_mean, self.drift_mean_above), _branched(
            x, self.drift_spread, self.drift_spread_above
        )

    def flicker_coefficient(self, programmed: ArrayLike) -> Array:
        """Q(x)."""
        return _branched(self._fitted(programmed), self.flicker, self.flicker_above)

    def _fitted(self, conductance: ArrayLike) -> Array:
        """Return x within the range of the fits."""
        return np.minimum(self.relative(conductance), 1.0)

    def words(self) -> list[str]:
        """Say where the laws end."""
        end = f"{self.g_max * 1e6:g} µS"
        return [*super().words(), f"1/f noise of cells programmed above {end}, where its fit ends, as at {end}"]


def _clipped(log_x: Array, law: tuple[float, ...]) -> Array:
    slope, constant, low, high = law
    return np.clip(slope * log_x + constant, low, high)


def _branched(x: Array, below: tuple[float, ...], above: tuple[float, ...]) -> Array:
    return np.where(x < below[0], _clipped(np.log(x), below[1:]), polyval(x, above))
