r"""Memristors as differential equations: a state moves with the voltage, the current follows the state.

.. math:: I = I(x, V), \qquad \dot x = r(x, V), \qquad x_\mathrm{low} \le x \le x_\mathrm{high}

The state rests at its limits, and the limits of the conductance are those of the state unless a card narrows them. In a
crossbar such a cell is programmed exactly (a closed loop) and read at one voltage.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad, solve_ivp
from scipy.special import expit, logit

from analogsim.cards import quantity
from analogsim.devices.base import Array, Cells, Device
from analogsim.errors import InputError, number
from analogsim.foreign import gives, numbers

LOW_FIELD = 2.0**-30
"""Voltage at which a conductance is low-field, V; a power of two, so that Ohm's law comes out without rounding."""
ROUNDED = 1e-4
"""Share of the range by which a conductance that a card rounds may miss the limits."""
FAR = 40.0
"""Where log(x/(1 − x)) ends: the time spent closer to a limit that is left at some speed is below rounding."""


@dataclass(frozen=True, kw_only=True)
class Dynamic(Device):
    """A cell with one state variable.

    Parameters
    ----------
    g_min, g_max : float, optional
        Limits of the conductances used, S; by default low-field conductances of the limits of the state. Limits of a
        card's own must have states within the state's limits.
    """

    g_max: float = quantity("greatest conductance used, by default the state's", "S", above=0, default=None)
    g_min: float = quantity("least conductance used, by default the state's", "S", low=0, default=None)

    def _complete(self) -> None:
        super()._complete()
        if not np.diff(self.limits) > 0:
            raise InputError(f"device: the limits of the state, {self.limits}, must ascend.")
        ends = sorted(float(self.state_current(x, LOW_FIELD)) / LOW_FIELD for x in self.limits)
        for name, end in zip(("g_min", "g_max"), ends, strict=True):
            given = getattr(self, name)
            if given is None:
                self._follow("S", **{name: end})
            elif not (1 - ROUNDED) * ends[0] <= given <= (1 + ROUNDED) * ends[1]:
                raise InputError(
                    f"device.{name} = {given:g} S is out of range: the states of this model reach from "
                    f"{ends[0]:.4g} to {ends[1]:.4g} S. Leave {name} out, and it follows from the model."
                )

    def program(self, conductance: ArrayLike, rng: np.random.Generator, cells: Cells | None = None) -> Array:
        """As every device, but no cell leaves the limits of its state, whatever its own factor."""
        return np.clip(super().program(conductance, rng, cells), self.g_min, self.g_max)

    @property
    @abstractmethod
    def limits(self) -> tuple[float, float]:
        """Least and greatest state."""

    @abstractmethod
    @gives(numbers("state", "voltage"))
    def rate(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """dx/dt, in states per second, inside the limits."""

    @abstractmethod
    @gives(numbers("state", "voltage", unit="A"))
    def state_current(self, state: ArrayLike, voltage: ArrayLike) -> Array:
        """I(x, V), A."""

    @abstractmethod
    @gives(numbers("conductance"))
    def state(self, conductance: ArrayLike) -> Array:
        """State of a cell with a low-field conductance, S; models pass what they find through `inside`."""

    def inside(self, state: ArrayLike, conductance: ArrayLike) -> Array:
        """Return the states of conductances, rounding at the limits taken off.

        Raises
        ------
        InputError
            If a conductance is none that the model can have.
        """
        x, (low, high) = np.asarray(state, dtype=float), self.limits
        beyond = ~(np.abs(x - (low + high) / 2) <= (0.5 + ROUNDED) * (high - low))
        if beyond.any():
            g, worst = (np.broadcast_to(value, x.shape)[beyond].flat[0] for value in (np.asarray(conductance), x))
            raise InputError(
                f"a conductance of {g:g} S has the state {worst:g}, outside [{low:g}, {high:g}]: "
                f"this cell reaches from {self.g_min:.4g} to {self.g_max:.4g} S."
            )
        return np.clip(x, low, high)

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
        """Time at a constant voltage from one state to another, s: t = ∫ dx / r(x, V).

        The integral is taken over u with x = x_low + (x_high − x_low)/(1 + e^{−u}), in which the zeros that windows
        have at the limits are no peaks. The rate is smooth in x, so a state where it vanishes is neither left nor
        reached in a finite time: the integral diverges there.

        Parameters
        ----------
        voltage : float
            V.
        start, end : float
            Within the limits of the state.

        Returns
        -------
        float
            s, ≥ 0; inf if the state never gets there.

        Raises
        ------
        InputError
            If a state lies outside the limits, or an argument is no finite number.
        """
        low, high = self.limits
        for name, value in (("start", start), ("end", end)):
            if not low <= number(name, value) <= high:
                raise InputError(f"switching_time({name}={value:g}): the state lies in [{low:g}, {high:g}].")
        if not np.isfinite(number("voltage", voltage)):
            raise InputError(f"switching_time(voltage={voltage:g}): expected a finite number.")
        if start == end:
            return 0.0
        way, span = (1.0 if end > start else -1.0), high - low
        first, last = np.clip(logit((np.array([start, end]) - low) / span), -FAR, FAR).tolist()
        near = low + span * expit(np.linspace(first, last, 2001))[1:-1]
        on_the_way = np.concatenate([np.linspace(start, end, 2001), near])
        # A point that rounds to the limit itself says nothing: that is asked at the ends.
        met = (on_the_way > low) & (on_the_way < high)
        if not (way * self.rate(np.array([start, end]), voltage) > 0).all():
            return float("inf")
        if not (way * self.rate(on_the_way[met], voltage) > 0).all():
            return float("inf")

        def slowness(u: float) -> float:
            x = min(max(low + span * expit(u), min(start, end)), max(start, end))
            return float(span * expit(u) * expit(-u) / self.rate(x, voltage))

        return float(quad(slowness, first, last, epsabs=0.0, epsrel=1e-11, limit=500, full_output=1)[0])

    def _held(self, x: Array, rate: Array) -> Array:
        low, high = self.limits
        outward = ((x >= high) & (rate > 0)) | ((x <= low) & (rate < 0))
        return np.where(outward, 0.0, rate)
