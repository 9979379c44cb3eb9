r"""SONOS charge-trap transistors in subthreshold: statistics of the cell current I = G V_read.

.. math::
    \sigma(I, t) = A(t)\left(1 - e^{-I/B(t)}\right), \qquad
    I(t) = I_\mathrm{prog} + \textstyle\sum_i p_i(t)\,I^i + \sqrt{\max(\sigma^2(I, t) - \sigma^2(I, 0), 0)}\;\xi,
    \qquad \sigma_\mathrm{read}(I) = A_r\left(1 - e^{-I/B_r}\right)

with A, B and the mean shift p_i linear in t between the days of the measurement.

Agrawal et al., IEDM 2022, doi:10.1109/IEDM45625.2022.10019564.
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

_NANO = 1e-9


@register.device("sonos")
@dataclass(frozen=True, kw_only=True)
class SONOS(Device):
    """A SONOS cell.

    Parameters
    ----------
    read_voltage : float
        V_read that turns the published currents into conductances, V.
    times : list of float
        When the spread was measured, s; the first is 0.
    amplitude, scale : list of float
        A and B at these times, A.
    shift : list of lists of float
        p_i at these times, for currents in nA.
    read_amplitude, read_scale : float
        A_r and B_r, A.
    """

    read_voltage: float = quantity("read voltage, which makes currents of conductances", "V", above=0)
    times: tuple[float, ...] = quantity("times after programming of the measurements", "s", low=0, shape=(None,))
    amplitude: tuple[float, ...] = quantity("saturated σ of the current at these times", "A", low=0, shape=(None,))
    scale: tuple[float, ...] = quantity("current at which it saturates, at these times", "A", above=0, shape=(None,))
    shift: tuple[tuple[float, ...], ...] = quantity(
        "coefficients of the mean shift in nA in powers of I/nA, a list for each time", shape=(None, None)
    )
    read_amplitude: float = quantity("saturated σ of one read of the current", "A", low=0)
    read_scale: float = quantity("current at which it saturates", "A", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len({len(self.times), len(self.amplitude), len(self.scale), len(self.shift)}) != 1 or self.times[0] != 0:
            raise InputError("device.times, amplitude, scale and shift: one entry for each time, the first time 0.")

    def sigma_at(self, conductance: ArrayLike, seconds: float) -> Array:
        """σ(I, t)/V_read, S."""
        if seconds > self.times[-1]:
            raise out_of_range("age", seconds, f"≤ {self.times[-1]:g} s, the last measurement of this device")
        amplitude, scale = (np.interp(seconds, self.times, row) for row in (self.amplitude, self.scale))
        return self._saturating(conductance, float(amplitude), float(scale))

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """σ(I, 0)/V_read, S."""
        return self.sigma_at(conductance, 0.0)

    def mean_shift(self, conductance: ArrayLike, seconds: float) -> Array:
        """Mean of G(t) − G_prog, S."""
        nanoampere = np.asarray(conductance, dtype=float) * self.read_voltage / _NANO
        rows = np.array([polyval(nanoampere, np.array(row)) for row in self.shift])
        k = int(np.clip(np.searchsorted(self.times, seconds), 1, len(self.times) - 1))
        share = (seconds - self.times[k - 1]) / (self.times[k] - self.times[k - 1])
        return ((1 - share) * rows[k - 1] + share * rows[k]) * _NANO / self.read_voltage

    def age(
        self, conductance: ArrayLike, seconds: float, rng: np.random.Generator, target: ArrayLike | None = None
    ) -> Array:
        """Shift and spread for `seconds`."""
        programmed = np.asarray(conductance, dtype=float)
        if seconds == 0:
            return programmed
        grown = np.maximum(self.sigma_at(programmed, seconds) ** 2 - self.sigma_at(programmed, 0.0) ** 2, 0.0)
        moved = programmed + self.mean_shift(programmed, seconds)
        return np.maximum(moved + np.sqrt(grown) * rng.standard_normal(programmed.shape), 0.0)

    def read_sigma(self, conductance: ArrayLike, seconds: float = 0.0, programmed: ArrayLike | None = None) -> Array:
        """σ_read(I)/V_read, S, or `read_noise` times G where that is set."""
        if self.read_noise is not None:
            return super().read_sigma(conductance, seconds)
        return self._saturating(conductance, self.read_amplitude, self.read_scale)

    def _saturating(self, conductance: ArrayLike, amplitude: float, scale: float) -> Array:
        current = np.asarray(conductance, dtype=float) * self.read_voltage
        return -amplitude * np.expm1(-current / scale) / self.read_voltage
