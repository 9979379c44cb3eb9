r"""Conductive-metal-oxide/HfOx RRAM: very fine programming, then a relaxation that does not depend on the state.

.. math::
    \sigma_\mathrm{accepted} &= p_0 + p_1 G \\
    G(t) &= G_\mathrm{accepted} + d\,\ln\frac{t}{1\,\mathrm s} + \left(s_0 + s_1 \ln\frac{t}{1\,\mathrm s}\right)\xi,
        \quad t \ge 1\,\mathrm s \\
    \sigma_\mathrm{read} &= r \log_{10}\!\frac{G}{1\,\mathrm{µS}}\,\sqrt{\ln\frac{t + T_r}{2 T_r}}

The first read that was published is 1 s after programming, and the cells have relaxed by s_0 until then: many times
what the finer acceptance range leaves. So programming includes s_0, and a chip that is used earlier is taken as it is
at 1 s. Later the spread grows to s_0 + s_1 ln(t/1 s).

Falcone et al., arXiv 2502.04524.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array, Cells, Device
from analogsim.registry import register

_FIRST = 1.0
"""Time of the first read after programming, s."""
_MICRO = 1e-6


@register.device("cmo")
@dataclass(frozen=True, kw_only=True)
class CMO(Device):
    """A CMO/HfOx cell.

    Parameters
    ----------
    programming_offset, programming_slope : float
        p_0, S, and p_1; they belong to one acceptance range of the loop that writes the cells.
    decay_mean : float
        d, S.
    decay_spread : list of 2 floats
        s_0, s_1, S.
    read_coefficient, read_time : float
        r, S, and T_r, s.
    """

    programming_offset: float = quantity("σ of an accepted write at zero conductance", "S", low=0)
    programming_slope: float = quantity("growth of that σ with the conductance", low=0)
    decay_mean: float = quantity("mean shift for each unit of ln(t/1 s)", "S")
    decay_spread: tuple[float, ...] = quantity("spread of the shift: constant, growth with ln(t/1 s)", "S", shape=(2,))
    read_coefficient: float = quantity("read noise coefficient", "S", low=0)
    read_time: float = quantity("duration of a read", "s", above=0)

    def accepted_sigma(self, conductance: ArrayLike) -> Array:
        """p_0 + p_1 G, S: the spread when the last pulse was given, before the cells relax."""
        return self.programming_offset + self.programming_slope * np.asarray(conductance, dtype=float)

    def relaxed_spread(self, seconds: float) -> float:
        """s_0 + s_1 ln t, S."""
        return float(polyval(np.log(max(seconds, _FIRST)), self.decay_spread))

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """Spread around the target at the first read, S."""
        return np.hypot(self.accepted_sigma(conductance), self.relaxed_spread(_FIRST))

    def program(self, conductance: ArrayLike, rng: np.random.Generator, cells: Cells | None = None) -> Array:
        """Return the conductances at the first read, S, within the limits."""
        return np.clip(super().program(conductance, rng, cells), self.g_min, self.g_max)

    def mean_shift(self, seconds: float) -> float:
        """Mean of G(t) − G_prog, S."""
        return self.decay_mean * float(np.log(max(seconds, _FIRST)))

    def age(
        self, conductance: ArrayLike, seconds: float, rng: np.random.Generator, target: ArrayLike | None = None
    ) -> Array:
        """Relax further than at the first read, within the conductance limits."""
        programmed = np.asarray(conductance, dtype=float)
        if seconds <= _FIRST:
            return programmed
        grown = np.sqrt(max(self.relaxed_spread(seconds) ** 2 - self.relaxed_spread(_FIRST) ** 2, 0.0))
        relaxed = programmed + self.mean_shift(seconds) + grown * rng.standard_normal(programmed.shape)
        return np.clip(relaxed, self.g_min, self.g_max)

    def read_sigma(self, conductance: ArrayLike, seconds: float = 0.0, programmed: ArrayLike | None = None) -> Array:
        """Accumulated 1/f noise, S, or `read_noise` times G where that is set."""
        if self.read_noise is not None:
            return super().read_sigma(conductance, seconds)
        now = np.asarray(conductance, dtype=float)
        since = max(seconds, _FIRST)
        decades = np.log10(np.maximum(now / _MICRO, 1.0))
        return self.read_coefficient * decades * np.sqrt(np.log((since + self.read_time) / (2 * self.read_time)))

    def flicker_band(self, seconds: float = 0.0) -> tuple[float, float] | None:
        """From 1/(t + T_r) to 1/(2 T_r), Hz; None where `read_noise` is set."""
        if self.read_noise is not None:
            return None
        return 1.0 / (max(seconds, _FIRST) + self.read_time), 1.0 / (2.0 * self.read_time)
