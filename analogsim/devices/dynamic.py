r"""Memristors as differential equations: a state moves with the voltage, the current follows the state.

.. math:: I = I(x, V), \qquad \dot x = r(x, V), \qquad x_\mathrm{low} \le x \le x_\mathrm{high}

The state rests at its limits. In a crossbar such a cell is programmed exactly (a closed loop) and read at one voltage.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from analogsim.devices.base import Array, Device
from analogsim.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Dynamic(Device):
    """A cell with one state variable."""

    @property
    @abstractmethod
    def limits(self) -> tuple[float, float]:
        """Least and greatest state."""

    @abstractmethod
    def rate(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """dx/dt, in states per second, inside the limits."""

    @abstractmethod
    def state_current(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """I(x, V), A."""

    @abstractmethod
    def state(self, conductance: ArrayLike) -> Array:
        """State of a cell with a low-field conductance, S."""

    def current(self, conductance: ArrayLike, voltage: ArrayLike) -> Array:
        """Current of a cell of some low-field conductance before it moves, A."""
        return self.state_current(self.state(conductance), voltage)

    def drive(
        self,
        voltage: Callable[[float], float],
        times: ArrayLike,
        state: float,
        *,
        rtol: float = 1e-8,
        max_step: float | None = None,
    ) -> tuple[Array, Array]:
        """Apply a voltage and record what happens.

        Parameters
        ----------
        voltage : callable
            V(t), V.
        times : (time,) array
            When to record, s, ascending.
        state : float
            x at the first time.
        rtol : float
            Relative tolerance; absolute: the same times the range of the state.
        max_step : float, optional
            Longest step, s; default: the spacing of `times`, so that no feature of V(t) is stepped over.

        Returns
        -------
        state, current : (time,) arrays
        """
        at = np.asarray(times, dtype=float)
        low, high = self.limits
        if at.ndim != 1 or len(at) < 2 or not (np.diff(at) > 0).all():
            raise InputError("drive(times=…): at least two times, ascending.")
        if not low <= state <= high:
            raise InputError(f"drive(state={state:g}): the state lies in [{low:g}, {high:g}].")

        def slope(t: float, x: Array) -> Array:
            return self._held(x, self.rate(np.clip(x, low, high), voltage(t)))

        done = solve_ivp(
            slope,
            (at[0], at[-1]),
            [state],
            t_eval=at,
            rtol=rtol,
            atol=rtol * (high - low),
            max_step=max_step or float(np.diff(at).max()),
        )
        if not done.success:
            raise InputError(f"drive: the integration stopped ({done.message}).")
        x = np.clip(done.y[0], low, high)
        return x, self.state_current(x, np.array([voltage(t) for t in at]))

    def switching_time(self, voltage: float, start: float, end: float) -> float:
        """Time at a constant voltage from one state to another, s: ∫ dx / r(x, V); inf if it never gets there."""
        grid = np.linspace(start, end, 20001)
        rate = self.rate((grid[1:] + grid[:-1]) / 2, voltage)
        steps = np.diff(grid)
        if not (rate * steps > 0).all():
            return float("inf")
        return float((steps / rate).sum())

    def _held(self, x: Array, rate: Array) -> Array:
        low, high = self.limits
        outward = ((x >= high) & (rate > 0)) | ((x <= low) & (rate < 0))
        return np.where(outward, 0.0, rate)
