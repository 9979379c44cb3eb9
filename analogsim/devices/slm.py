r"""Spatial light modulator: pixels that pass a share of the light, a positive and a negative path for each weight.

With the command t = max(±w̃, 0) of a path, rounded to steps, column c transmits

.. math:: T_c^\pm = q_{2,c}^\pm t^2 + q_{1,c}^\pm t + q_{0,c}^\pm, \qquad w = (T^+ - T^-)/\overline{(q_1 + q_2)},

in units of the mean full transmission of a pixel. Without a measured calibration q_2 = `bend`, q_0 = 1/`contrast`,
q_1 = 1 − q_0 − q_2, with a relative spread of gain and floor over columns and paths. The floor q_0 carries no weight
but light, and so noise. Correction inverts each column's curve, at the range of the weakest column, and takes the
difference of its two floors off the weights.

The paths come from a polarising beam splitter; each source is fanned out over the columns: a share T/(2n) arrives.

Equation and values: digital twin and calibration of the Analog Optical Computer, doi:10.1038/s41586-025-09430-z,
https://github.com/microsoft/aoc (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import datafile, quantity
from analogsim.devices.base import Array
from analogsim.devices.channels import only_one, pair
from analogsim.devices.optical import Curves
from analogsim.devices.weighting import Channels, Realised, Weighting
from analogsim.errors import InputError
from analogsim.registry import register


@register.device("slm")
@dataclass(frozen=True, kw_only=True)
class SLM(Weighting):
    """An amplitude modulator.

    Parameters
    ----------
    contrast : float
        Greatest over least transmission; > 1. Required without a calibration; with one, the measured floors are scaled
        so that the mean contrast is this.
    bend : float
        q_2, curvature of the transmission.
    gain_spread, floor_spread : float
        Relative standard deviation of q_1 and q_2, and of q_0, over columns and paths.
    response_time : float
        Time of the pixels to follow a new frame, s.
    calibration : path, optional
        CSV with q0, q1, q2 of both paths for each column.
    """

    bits: int = quantity("bits of a signed weight", low=4, high=10, whole=True)
    contrast: float | None = quantity("greatest over least transmission", above=1, default=None, ideal=None)
    bend: float = quantity("curvature of the transmission over the command", low=-0.5, high=0.5, default=0.0, ideal=0.0)
    gain_spread: float = quantity("relative spread of the columns' gain", low=0, high=0.5, default=0.0, ideal=0.0)
    floor_spread: float = quantity("relative spread of the columns' floor", low=0, high=0.5, default=0.0, ideal=0.0)
    response_time: float = quantity("time of the pixels to follow a new frame", "s", low=0, default=0.0)
    calibration: str | None = datafile("measured curve of every column", default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        only_one(self, "bend", "gain_spread", "floor_spread")
        if not self.calibration and self.contrast is None:
            raise InputError("device.contrast is missing: needed without a measured calibration.")
        if self.calibration and len(pair(self.calibration, "q1")[0]) != self.channels:
            count = len(pair(self.calibration, "q1")[0])
            raise InputError(f"{self.calibration} has {count} channels; device.channels = {self.channels}.")

    def coefficients(self, outputs: Channels, rng: np.random.Generator) -> Array:
        """q_2, q_1, q_0 of the columns of some outputs, (3, 2, n)."""
        if self.calibration:
            return self._measured()[:, :, outputs]
        floor = self.extinction_floor()
        gain, dark = rng.standard_normal((2, 2, self.channels))[:, :, outputs]
        gain, dark = 1.0 + self.gain_spread * gain, 1.0 + self.floor_spread * dark
        return np.stack([self.bend * gain, (1.0 - floor - self.bend) * gain, np.maximum(floor * dark, 0.0)])

    def nominal(self) -> Array:
        """Mean q_2, q_1, q_0 over all columns and paths, (3,)."""
        if self.calibration:
            return self._measured().mean(axis=(1, 2))
        floor = self.extinction_floor()
        return np.array([self.bend, 1.0 - floor - self.bend, floor])

    def extinction_floor(self, path: str = "plus") -> float:
        """Mean over the columns of q_0/(q_0 + q_1 + q_2) as ratio of means: least over greatest transmission."""
        if not self.calibration:
            return 1.0 / float(self.contrast or np.inf)
        q2, q1, q0 = self._measured()[:, ("plus", "minus").index(path)].mean(axis=1)
        return float(q0 / (q0 + q1 + q2))

    def _measured(self) -> Array:
        """q_2, q_1, q_0 of every column of both paths, (3, 2, channel), the floors scaled to a wanted contrast."""
        q2, q1, q0 = (pair(str(self.calibration), name) for name in ("q2", "q1", "q0"))
        if self.contrast is not None:
            q0 = q0 * (q1 + q2).mean() / q0.mean() / (self.contrast - 1.0)
        return np.stack([q2, q1, q0])

    def transmission(self, command: ArrayLike) -> Array:
        """T of the mean column for commands between 0 and 1."""
        return np.polyval(self.nominal(), np.asarray(command, dtype=float))

    def realise(
        self, relative: Array, outputs: Channels, fixed: np.random.Generator, fresh: np.random.Generator, correct: bool
    ) -> Realised:
        """Write the pixels; the rounding is that of the commands."""
        q2, q1, q0 = self.coefficients(outputs, fixed)[:, :, :, None]
        span = float((q1 + q2).min()) if correct else float(self.nominal()[:2].sum())
        if correct:
            relative = relative - (q0[0] - q0[1]) / span
        command = np.stack([np.maximum(relative, 0.0), np.maximum(-relative, 0.0)])
        if correct:
            command = _inverse(q2, q1, command * span)
        command = self.quantise(command)
        transmitted = (q2 * command + q1) * command + q0
        share = 1.0 / (2 * min(len(relative), self.channels))
        plus, minus = transmitted / span
        return Realised(plus, minus, q0 / span, transmitted.sum(axis=0) * share, span * share)

    def curves(self) -> Curves:
        """Transmission over command of the mean column."""
        t = np.linspace(0, 1, 200)
        return Curves(t, {"transmission": self.transmission(t)}, "command (1)", "transmission (1)")

    def words(self) -> list[str]:
        """Say how dark the darkest pixel is."""
        floor = self.extinction_floor()
        said = [*super().words(), f"contrast {1 / floor:.3g}:1, so that {floor:.1%} of the light carries no weight"]
        return said + (["measured curve of every column"] if self.calibration else [])


def _inverse(q2: Array, q1: Array, wanted: Array) -> Array:
    """Solve q_2 t² + q_1 t = wanted for the branch that starts at 0."""
    root = np.sqrt(np.maximum(q1**2 + 4 * q2 * wanted, 0.0))
    return 2 * wanted / (q1 + root)
