"""What stands between neurons and arrays: drivers, converters, rails, and the limits of the amplifiers.

Compiled code reads them as rows of numbers, whose columns `analogsim.chip.columns` names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analogsim.chip.gates import Array
from analogsim.errors import InputError, out_of_range


class Driver(NamedTuple):
    """Transfer curve in front of a matrix: u is clipped to [low, high], then c(u) = c₁u + c₂u² + c₃u³.

    Signals are in units of the activity; a driver without arguments passes every signal on as it is.

    Parameters
    ----------
    low, high : float
        Clip; low < high.
    c1, c2, c3 : float
        Coefficients of the curve.
    """

    low: float = -np.inf
    high: float = np.inf
    c1: float = 1.0
    c2: float = 0.0
    c3: float = 0.0

    def send(self, u: Array) -> Array:
        """Return c(u)."""
        low, high, c1, c2, c3 = self
        u = np.clip(u, low, high)
        return u * (c1 + u * (c2 + u * c3))

    def check(self, name: str) -> None:
        """Raise `InputError` unless the range is one and the curve is finite."""
        if any(map(math.isnan, self)) or not all(map(math.isfinite, self[2:])):
            raise InputError(f"{name} = {tuple(self)} is not finite; only its limits may be infinite.")
        if not self.low < self.high:
            raise InputError(f"{name} takes signals from {self.low:g} to {self.high:g}; expected low < high.")


class Converter(NamedTuple):
    """Converters at the ends of a read: steps in activities, 0 for none.

    Signals are rounded to ``dac`` before they enter, currents to ``adc`` when they come back, after the bow of the ADC,
    y → y (1 + bow (y²/rail² − 1)).

    Parameters
    ----------
    dac, adc : float
        Step of the rounding; ≥ 0, 0 for none.
    bow : float
        Relative deviation of a signal of zero; 0 at the rail.
    """

    dac: float = 0.0
    adc: float = 0.0
    bow: float = 0.0

    def send(self, u: Array) -> Array:
        """Return the signal that the DAC makes of `u`."""
        return _rounded(u, self.dac)

    def receive(self, current: Array, rail: float) -> Array:
        """Return what the ADC makes of a current whose upper rail is `rail`."""
        if self.bow:
            current = current * (1.0 + self.bow * ((current / rail) ** 2 - 1.0))
        return _rounded(current, self.adc)

    def check(self, name: str) -> None:
        """Raise `InputError` unless all is finite and the steps are ≥ 0."""
        if not all(map(math.isfinite, self)) or self.dac < 0 or self.adc < 0:
            raise InputError(f"{name} = {tuple(self)}; expected finite (dac, adc, bow) with steps ≥ 0.")


class Light(NamedTuple):
    """Intensity noise of the light sources in front of a matrix, common to all the outputs that a source lights.

    A signal u becomes u + (relative · u + bias) ξ, with one standard normal ξ for each source, drawn on the read clock.

    Parameters
    ----------
    relative : float
        Standard deviation of a source's intensity over its mean; ≥ 0.
    bias : float
        The same of the light that is there without a signal, in activities; ≥ 0.
    outputs : float
        Outputs in a row that one set of sources lights; ≥ 1, inf for all.
    """

    relative: float = 0.0
    bias: float = 0.0
    outputs: float = np.inf

    def groups(self, outputs: int) -> list[slice]:
        """The outputs of each set of sources."""
        step = int(min(self.outputs, outputs))
        return [slice(at, at + step) for at in range(0, outputs, step)]

    def check(self, name: str) -> None:
        """Raise `InputError` unless the deviations are finite and ≥ 0, and every source lights something."""
        if not (np.isfinite(self[:2]).all() and min(self[:2]) >= 0 and self.outputs >= 1):
            raise InputError(f"{name} = {tuple(self)}; expected finite (relative, bias) ≥ 0 and outputs ≥ 1.")


def _rounded(values: Array, step: float) -> Array:
    return step * np.floor(values / step + 0.5) if step else values


STRAIGHT, NO_CONVERTER, STEADY = Driver(), Converter(), Light()


@dataclass(frozen=True)
class Periphery:
    """What all the reads of a chip share.

    Parameters
    ----------
    low, high : float
        Rails: least and greatest current that an array can return to a neuron by each of its reads, in units of the
        activity; low < 0 < high, infinite without rails.
    gain : float
        A₀, open-loop gain of the amplifiers whose dynamics are followed; > 0, inf allowed.
    bandwidth : float, optional
        Their ω_u, rad per ``time_unit``, inf where only the lines lag; None where nothing has dynamics.
    """

    low: float = -np.inf
    high: float = np.inf
    gain: float = np.inf
    bandwidth: float | None = None

    def check(self) -> None:
        """Raise `InputError` for rails that do not enclose 0 and amplifiers that cannot be."""
        if not self.low < 0 < self.high:
            raise InputError(f"Chip.rails = ({self.low:g}, {self.high:g}); expected (low, high) with low < 0 < high.")
        if not self.gain > 0:
            raise out_of_range("Chip.tia.gain", self.gain, "gain > 0")
        if self.bandwidth is not None and not self.bandwidth > 0:
            raise out_of_range("Chip.tia.bandwidth", self.bandwidth, "bandwidth > 0 (rad per time_unit)")

    def words(self) -> list[str]:
        """Say what is limited."""
        said = [f"rails ({self.low:.3g}, {self.high:.3g})"] if np.isfinite([self.low, self.high]).any() else []
        return said + ([f"amplifiers of {self.bandwidth:.3g} rad per time unit"] if self.bandwidth else [])
