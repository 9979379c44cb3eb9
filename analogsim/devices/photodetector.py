r"""Photodetector: a photodiode with a transimpedance amplifier, its noise, and the light of the neighbours.

.. math::
    I = R P, \qquad \sigma_I^2 = B\left(2 q (I + I_d) + \frac{4 k T}{R_f} + I^2\,10^{\mathrm{RIN}/10}\right)

in a noise bandwidth B; a single pole at f has B = π f/2. Neighbours of an array see r of each other's light, r_{k→k−1}
and r_{k→k+1} being measured for each detector of both paths, or all equal.

Standard formulas. Measured crosstalk and gains: calibration of the Analog Optical Computer,
doi:10.1038/s41586-025-09430-z, https://github.com/microsoft/aoc (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import Boltzmann, elementary_charge

from analogsim.cards import datafile, quantity
from analogsim.devices.base import Array
from analogsim.devices.channels import calibration, only_one, pair
from analogsim.devices.optical import Curves, Optical
from analogsim.devices.weighting import Channels
from analogsim.registry import register


@register.device("photodetector")
@dataclass(frozen=True, kw_only=True)
class Photodetector(Optical):
    """An array of detectors, two for each output.

    Parameters
    ----------
    responsivity : float
        R, A/W.
    feedback_resistance : float
        R_f of the amplifier, ohm.
    bandwidth : float
        −3 dB frequency, Hz.
    dark_current : float
        I_d, A.
    temperature : float
        K.
    crosstalk : float
        r between neighbours, without a measured calibration.
    gain_spread : float
        Relative standard deviation of the detectors' gain, without a measured calibration.
    power : float
        Electrical power of one detector with its amplifier, W.
    calibration : path, optional
        CSV with ``earlier``, ``later`` and ``gain`` of both paths and ``scaling`` for each detector.
    """

    responsivity: float = quantity("responsivity", "A/W", above=0)
    feedback_resistance: float = quantity("feedback resistance of the amplifier", "ohm", above=0)
    bandwidth: float = quantity("−3 dB frequency", "Hz", above=0)
    dark_current: float = quantity("dark current", "A", low=0, default=0.0, ideal=0.0)
    temperature: float = quantity("temperature", "K", above=0, default=300.0)
    crosstalk: float = quantity(
        "share of a detector's light that each neighbour sees", low=0, high=0.5, default=0.0, ideal=0.0
    )
    gain_spread: float = quantity("relative spread of the detectors' gain", low=0, high=0.3, default=0.0, ideal=0.0)
    power: float = quantity("electrical power of one detector and amplifier", "W", low=0, default=0.0)
    calibration: str | None = datafile("measured crosstalk and gain of every detector", default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        only_one(self, "crosstalk", "gain_spread")

    def current(self, power: ArrayLike) -> Array:
        """I = R P, A."""
        return self.responsivity * np.asarray(power, dtype=float)

    def shot_variance(self, current: ArrayLike, bandwidth: float) -> Array:
        """2 q (I + I_d) B, A²."""
        return 2.0 * elementary_charge * (np.asarray(current, dtype=float) + self.dark_current) * bandwidth

    def thermal_variance(self, bandwidth: float) -> float:
        """4 k T B/R_f, A²."""
        return float(4.0 * Boltzmann * self.temperature * bandwidth / self.feedback_resistance)

    def snr(self, power: ArrayLike, bandwidth: float, rin: float = -np.inf) -> Array:
        """I/σ_I for light of a power in W, with relative intensity noise in dB/Hz."""
        current = self.current(power)
        intensity = current**2 * 10.0 ** (rin / 10.0) * bandwidth
        return current / np.sqrt(self.shot_variance(current, bandwidth) + self.thermal_variance(bandwidth) + intensity)

    def leak(self, outputs: Channels, modules: Channels) -> Array:
        """Crosstalk matrix of both paths without its diagonal, (2, n, n): what row k sees of column l's light."""
        n = len(outputs)
        found = np.zeros((2, n, n))
        if self.calibration:
            earlier, later = (pair(self.calibration, name)[:, outputs] for name in ("earlier", "later"))
        else:
            earlier = later = np.full((2, n), self.crosstalk)
        near = (modules[1:] == modules[:-1]) & (np.diff(outputs) == 1)
        k = np.flatnonzero(near)
        found[:, k, k + 1] = earlier[:, k + 1]
        found[:, k + 1, k] = later[:, k]
        return found

    def gains(self, outputs: Channels, channels: int, rng: np.random.Generator) -> Array:
        """Gain of each output's detectors over the mean, (2, n)."""
        if self.calibration:
            found = pair(self.calibration, "gain") * calibration(self.calibration)["scaling"]
            return (found / found.mean())[:, outputs]
        return (1.0 + self.gain_spread * rng.standard_normal((2, channels)))[:, outputs]

    def curves(self) -> Curves:
        """Signal over noise at the detector's own noise bandwidth, over the power."""
        power = np.logspace(-8, -3, 200)
        snr = self.snr(power, np.pi / 2 * self.bandwidth)
        return Curves(np.log10(power), {"SNR": np.log10(snr)}, "log₁₀ of the optical power (W)", "log₁₀ of I/σ (1)")

    def words(self) -> list[str]:
        """Say how the light is detected."""
        r_f, band = self.feedback_resistance, self.bandwidth
        said = [f"detectors of {self.responsivity:g} A/W, {r_f:.3g} ohm, {band:.3g} Hz; shot and thermal noise"]
        said += [f"{self.crosstalk:.1%} crosstalk to each neighbour"] if self.crosstalk else []
        return said + (["measured crosstalk and gain of every detector"] if self.calibration else [])
