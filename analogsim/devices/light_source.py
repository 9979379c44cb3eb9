r"""Light source: an LED or a laser, modulated around a bias so that a signal may have either sign.

.. math:: P = P_0\,(1 + d\,c(f)/c(f_0)), \qquad c(f) = p_1 f + p_2 f^2 + p_3 f^3

with f the drive voltage from the bias, f_0 that of a full signal, d the modulation depth; the polynomial is measured,
p_0 being what a perfect bias would leave. Where the positive and the negative path of a machine were measured apart,
the mean curve is the driver's and the difference of the slopes a gain of the path; what is left of the difference is
below 1 % over the range of the AOC tanh. Relative intensity noise: S_P = P² 10^{RIN/10}.

Measured curves: digital twin of the Analog Optical Computer, doi:10.1038/s41586-025-09430-z,
https://github.com/microsoft/aoc (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import datafile, quantity
from analogsim.devices.base import Array
from analogsim.devices.channels import only_one, pair
from analogsim.devices.optical import Curves, Optical
from analogsim.devices.weighting import Channels
from analogsim.errors import out_of_range
from analogsim.registry import register


@register.device("light-source")
@dataclass(frozen=True, kw_only=True)
class LightSource(Optical):
    """An array of sources, one for each neuron.

    Parameters
    ----------
    power : float
        P_0, optical power of one source at its bias, W; > 0.
    depth : float
        d, modulation of a full signal; at 1 the light goes out at the negative end.
    drive : float
        f_0, V.
    curve_plus, curve_minus : list of four floats
        p_3, p_2, p_1, p_0 of the positive and the negative path, in a common unit.
    bandwidth : float
        −3 dB frequency, Hz.
    rin : float
        Relative intensity noise, dB/Hz.
    efficiency : float
        Optical over electrical power.
    spread : float
        Relative standard deviation of the power over the sources, without a measured calibration.
    calibration : path, optional
        CSV with the ``row`` of both paths for each source: its light over the mean.
    """

    power: float = quantity("optical power of one source at its bias", "W", above=0)
    depth: float = quantity("modulation depth of a full signal", above=0, high=1)
    drive: float = quantity("drive voltage of a full signal", "V", above=0)
    curve_plus: tuple[float, ...] = quantity("cubic transfer of the positive path, p3 p2 p1 p0", shape=(4,))
    curve_minus: tuple[float, ...] = quantity("cubic transfer of the negative path, p3 p2 p1 p0", shape=(4,))
    bandwidth: float = quantity("−3 dB frequency", "Hz", above=0)
    rin: float = quantity("relative intensity noise", "dB/Hz", high=0, default=-200.0, ideal=-200.0)
    efficiency: float = quantity("optical over electrical power", above=0, high=1)
    spread: float = quantity("relative spread of the sources' power", low=0, high=0.3, default=0.0, ideal=0.0)
    calibration: str | None = datafile("measured light of every source", default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        only_one(self, "spread")
        f = np.linspace(-self.drive, self.drive, 101)
        if not all((np.polyval(np.polyder(np.array(c)), f) > 0).all() for c in (self.curve_plus, self.curve_minus)):
            raise out_of_range("source.drive", self.drive, "a range over which the cubic transfer rises")

    def transfer(self, voltage: ArrayLike, path: str = "plus") -> Array:
        """p_3 f³ + p_2 f² + p_1 f + p_0 as measured."""
        return np.polyval({"plus": self.curve_plus, "minus": self.curve_minus}[path], np.asarray(voltage, dtype=float))

    def driver(self, full: float) -> Array:
        """Limits and c_1, c_2, c_3 of the drivers for signals up to ``full``, the slope at the bias being one."""
        p3, p2, p1, _ = (np.array(self.curve_plus) + np.array(self.curve_minus)) / 2
        volt = self.drive / full
        return np.array([-full, full, 1.0, p2 / p1 * volt, p3 / p1 * volt**2])

    def path_gain(self) -> Array:
        """Slope of the two paths over their mean, (2,)."""
        slopes = np.array([self.curve_plus[2], self.curve_minus[2]])
        return slopes / slopes.mean()

    def rows(self, senders: Channels, channels: int, rng: np.random.Generator) -> Array:
        """Light of each sender in both paths over the nominal one, (2, m)."""
        if self.calibration:
            return pair(self.calibration, "row")[:, senders]
        drawn = np.maximum(1.0 + self.spread * rng.standard_normal(channels), 0.0)
        return np.stack([drawn, drawn])[:, senders]

    def relative_noise(self, bandwidth: float) -> float:
        """σ_P/P in a noise bandwidth in Hz."""
        return float(np.sqrt(10.0 ** (self.rin / 10.0) * bandwidth))

    def curves(self) -> Curves:
        """Both transfers over the drive voltage."""
        f = np.linspace(-self.drive, self.drive, 200)
        shown = {f"{path} path": self.transfer(f, path) for path in ("plus", "minus")}
        return Curves(f, shown, "drive from the bias (V)", "light from the bias (measured units)")

    def words(self) -> list[str]:
        """Say how bright and how linear the sources are."""
        ends = [abs(self.transfer(end)) / (self.drive * self.curve_plus[2]) for end in (-self.drive, self.drive)]
        said = [f"sources of {self.power:.3g} W, depth {self.depth:g}, {self.bandwidth:.3g} Hz, RIN {self.rin:g} dB/Hz"]
        return [
            *said,
            f"a full signal brings {float(min(ends)):.1%} to {float(max(ends)):.1%} of a linear source's light",
        ]
