r"""How a cell moves under any share of a write pulse's voltage: by its own law, or by a ratio where it has none.

A device with a rate law moves by :math:`\dot x = r(x, v)` at whatever voltage v its cell really sees; the sign of that
voltage, not the pulse's purpose, says which way. A family without a voltage moves at the rate ±1 in a pulse that writes
it, and at `half_select` times that where it gets a part of the voltage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.devices.base import Device
from analogsim.devices.dynamic import Dynamic
from analogsim.errors import InputError

Array = NDArray[np.floating]

TOLERANCE = 1e-5
"""Error allowed in a step of a cell that a pulse moves, in ranges of the state."""


class Law(Protocol):
    """What writing asks of the cells; voltages are shares of the pulse that raises or lowers conductances."""

    def state(self, conductance: Array) -> Array:
        """What the pulses move, of conductances in S."""
        ...

    def conductance(self, state: Array) -> Array:
        """Its inverse."""
        ...

    def volt(self, up: bool) -> float | None:
        """Voltage of the pulse that raises conductances, or of the one that lowers them, V; None if not known."""
        ...

    def time(self, start: Array, end: Array, share: ArrayLike, up: bool) -> Array:
        """Duration of a pulse that moves cells from one state to another, s; inf where it cannot."""
        ...

    def moved(self, state: Array, share: ArrayLike, up: bool, seconds: ArrayLike) -> Array:
        """States after a pulse; cells that do not move keep their very bits."""
        ...

    def is_still(self, share: float) -> bool:
        """Whether no cell, whatever its state, moves at this share of either pulse."""
        ...


@dataclass(frozen=True)
class Rated:
    """The law of a device with a state and a rate.

    Parameters
    ----------
    device : Dynamic
        With `set_voltage` and `reset_voltage`.

    Raises
    ------
    InputError
        If they are missing, or do not move the cells the way that they should.
    """

    device: Dynamic

    def __post_init__(self) -> None:
        ways = []
        for name, up in (("set_voltage", True), ("reset_voltage", False)):
            if getattr(self.device, name) is None:
                raise InputError(
                    f"device.{name} is missing: writing a passive array needs the voltages of the pulses that raise "
                    "and lower a conductance; give both, as in --set device.set_voltage=1.2."
                )
            low, high = self.device.limits
            inside = np.linspace(low, high, 101)[1:-1]
            way = np.sign(self.device.rate(inside, self.volt(up))) * np.sign(self.device.steepness)
            ways.append((name, way if up else -way))
        for name, way in ways:
            if (way < 0).any() or not (way > 0).any():
                does = "moves cells the other way" if (way < 0).any() else "is below every threshold and moves no cell"
                raise InputError(f"device.{name} = {getattr(self.device, name):g} V {does}.")

    def state(self, conductance: Array) -> Array:
        return self.device.state(conductance)

    def conductance(self, state: Array) -> Array:
        return self.device.low_field_conductance(state)

    def volt(self, up: bool) -> float:
        found = self.device.set_voltage if up else self.device.reset_voltage
        assert found is not None
        return found

    def time(self, start: Array, end: Array, share: ArrayLike, up: bool) -> Array:
        return self.device.pulse_times(start, end, np.asarray(share) * self.volt(up))

    def moved(self, state: Array, share: ArrayLike, up: bool, seconds: ArrayLike) -> Array:
        return self.device.moved(state, np.asarray(share) * self.volt(up), seconds, tol=TOLERANCE)

    def is_still(self, share: float) -> bool:
        low, high = self.device.limits
        states = np.linspace(low, high, 1001)
        return not any(self.device.rate(states, share * self.volt(up)).any() for up in (True, False))


@dataclass(frozen=True)
class Ratio:
    """Cells whose state is the conductance: a full pulse moves them by 1 S in a unit of time, a part by its ratio.

    Parameters
    ----------
    device : Device
        Its `disturb_ratios` say how a part of the voltage compares with all of it.
    """

    device: Device

    def state(self, conductance: Array) -> Array:
        return conductance

    def conductance(self, state: Array) -> Array:
        return state

    def volt(self, up: bool) -> None:
        return None

    def time(self, start: Array, end: Array, share: ArrayLike, up: bool) -> Array:
        return np.maximum((end - start) * (1.0 if up else -1.0), 0.0)

    def moved(self, state: Array, share: ArrayLike, up: bool, seconds: ArrayLike) -> Array:
        part, speed = np.broadcast_to(np.asarray(share), state.shape), np.zeros(state.shape)
        for value in np.unique(part).tolist():
            at = part == value
            speed[at] = 1.0 if value == 1 else self._ratio(state[at], value, up) if value else 0.0
        step = speed * np.asarray(seconds) * (1.0 if up else -1.0)
        # A cell that was written beyond a limit, as noise may do, is not pulled back by a pulse that does not move it.
        low, high = np.minimum(state, self.device.g_min), np.maximum(state, self.device.g_max)
        return np.where(step == 0, state, np.clip(state + step, low, high))

    def _ratio(self, state: Array, share: float, up: bool) -> Array:
        found: Array = self.device.disturb_ratios(state, share)[0 if up else 1]
        return found

    def is_still(self, share: float) -> bool:
        g = np.linspace(self.device.g_min, self.device.g_max, 101)
        return not (share and self.device.disturb_ratios(g, share).any())


def law(device: Device) -> Law:
    """The law by which cells of a device move under parts of a write voltage.

    Parameters
    ----------
    device : Device
    """
    return Rated(device) if isinstance(device, Dynamic) else Ratio(device)
