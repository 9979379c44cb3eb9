"""Current-voltage curves of the cells, for reads with wires beyond Ohm's law.

A curve gives the current from the word into the bit node at the voltage v between them, and its slope, for cells of
small-signal conductance G. Where it rises everywhere the solution is unique and is always found.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.arrays import finite
from analogsim.errors import InputError, number, one_of, out_of_range

Array = NDArray[np.float64]


class Curve(Protocol):
    """What a nonlinear read asks of a cell."""

    def evaluate(self, conductance: Array, v: Array, read: str) -> tuple[Array, Array]:
        """Current and slope dI/dv at v, (..., m, n)."""
        ...

    def part(self, rows: slice, columns: slice) -> Self:
        """The curve of some of the cells."""
        ...


@dataclass(frozen=True)
class _Cells:
    """Parameters that are one number, or one for each cell."""

    def check(self, shape: tuple[int, int]) -> None:
        """Raise unless every parameter is one number or one for each cell of an array."""
        for f in fields(self):
            if np.shape(getattr(self, f.name)) not in ((), shape):
                got = np.shape(getattr(self, f.name))
                raise InputError(f"{type(self).__name__}.{f.name} has shape {got}; expected one number or {shape}.")

    def part(self, rows: slice, columns: slice) -> Self:
        """The curve of some of the cells."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: np.asarray(a)[rows, columns] for k, a in arrays.items() if np.ndim(a) == 2})


def _positive(name: str, value: ArrayLike) -> None:
    if not (finite(name, value, largest=1e30) >= 1e-30).all():
        raise out_of_range(name, value, f"{name} > 0, from 1e-30 to 1e30")


@dataclass(frozen=True)
class Cubic(_Cells):
    """I = G v + NL2 v² + NL3 v³.

    Rises everywhere if and only if NL2² ≤ 3 G NL3; outside it the read is tried and refused if it does not settle.

    Parameters
    ----------
    quadratic, cubic : float or (m, n) array
        NL2 in A/V² and NL3 in A/V³. Fits for HfO₂: V. Milo et al., IRPS 2021.
    """

    quadratic: ArrayLike
    cubic: ArrayLike

    def __post_init__(self) -> None:
        finite("quadratic", self.quadratic, largest=1e30)
        finite("cubic", self.cubic, largest=1e30)

    def evaluate(self, conductance: Array, v: Array, read: str) -> tuple[Array, Array]:
        """Current and slope."""
        q, c = np.asarray(self.quadratic), np.asarray(self.cubic)
        return v * (conductance + v * (q + v * c)), conductance + v * (2 * q + 3 * c * v)


@dataclass(frozen=True)
class Sinh(_Cells):
    """I = G v₀ sinh(v / v₀): a filament's gap or a selector; v₀ → ∞ is ohmic.

    Parameters
    ----------
    scale : float or (m, n) array
        v₀ in volts, > 0.
    """

    scale: ArrayLike

    def __post_init__(self) -> None:
        _positive("scale", self.scale)

    def evaluate(self, conductance: Array, v: Array, read: str) -> tuple[Array, Array]:
        """Current and slope."""
        scale = np.asarray(self.scale)
        x = v / scale
        return conductance * scale * np.sinh(x), conductance * np.cosh(x)


@dataclass(frozen=True)
class AccessTransistor(_Cells):
    """A device G in series with its access transistor on the bit line's side (1T1R).

    With x the node between them, and the transistor a level-1 MOSFET, alike in both directions,

        I = G (w − x) = (κ/2) [(V_ov − b)₊² − (V_ov − x)₊²],   κ = 1 / (R_on V_ov)

    Forward the bit line is at 0 V and so is the transistor's source; in a reverse read the word line is at 0 V and the
    device lifts the source, so that the cell conducts less: the two directions of one array differ, and the more so the
    larger the signal. The wire drop of the sensed line (millivolts) is neglected against V_ov in the gate drive, not in
    the cell's voltage.

    Parameters
    ----------
    r_on : float or (m, n) array
        Small-signal resistance R_on of the transistor, ohm, > 0 (nominally 5 to 15 kΩ).
    overdrive : float or (m, n) array
        V_ov = V_gate − V_threshold, volts, > 0.
    """

    r_on: ArrayLike
    overdrive: ArrayLike

    def __post_init__(self) -> None:
        _positive("r_on", self.r_on)
        _positive("overdrive", self.overdrive)

    def evaluate(self, conductance: Array, v: Array, read: str) -> tuple[Array, Array]:
        """Current and slope."""
        g, over = conductance, np.asarray(self.overdrive)
        on = 1 / np.asarray(self.r_on)
        kappa = on / over
        total = g + on
        if read == "forward":
            square = total**2 - 2 * kappa * g * v
            triode = square > g**2
            x = 2 * g * v / (total + np.sqrt(np.where(triode, square, g**2)))
            drain = kappa * (over - x)
            slope = g * drain / np.where(triode, g + drain, 1.0)
            return np.where(triode, x * (on - kappa * x / 2), on * over / 2), np.where(triode, slope, 0.0)
        gate = np.maximum(over + v, 0.0)  # V_ov − b with w = 0
        push = kappa / 2 * (over**2 - gate**2)
        x = 2 * push / (total + np.sqrt(total**2 - 2 * kappa * push))
        return -g * x, g * kappa * gate / (g + kappa * (over - x))

    def cell_conductance(self, conductance: ArrayLike, voltage: float, read: str = "forward") -> Array:
        """Conductance I/V of the cells at one read voltage: the linear stand-in for small signals.

        Parameters
        ----------
        conductance : (m, n) array
            Of the devices alone, siemens.
        voltage : float
            Voltage (V, ≥ 0) on the driven line; 0 gives 1 / (1/G + R_on).
        read : {"forward", "reverse"}
        """
        g = np.asarray(conductance, dtype=np.float64)
        number("voltage", voltage, low=0, high=1e30)
        one_of("read", read, ("forward", "reverse"))
        v = np.full(g.shape, voltage if read == "forward" else -voltage)
        current, slope = self.evaluate(g, v, read)
        return slope if voltage == 0 else current / v
