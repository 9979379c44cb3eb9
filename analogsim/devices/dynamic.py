r"""Memristors as differential equations: a state moves with the voltage, the current follows the state.

.. math:: I = I(x, V), \qquad \dot x = r(x, V), \qquad x_\mathrm{low} \le x \le x_\mathrm{high}

The state rests at its limits, and the limits of the conductance are those of the state unless a card narrows them. In a
crossbar such a cell is programmed exactly (a closed loop) and read at one voltage.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
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
STEPS = 100_000
"""Most steps of a pulse."""
QUADRATURE = 24
"""Points of the integral that gives a pulse's duration."""


@cache
def _quadrature() -> tuple[Array, Array]:
    """Nodes and weights of Gauss and Legendre on [−1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    return nodes, weights


@dataclass(frozen=True, kw_only=True)
class Dynamic(Device):
    """A cell with one state variable.

    Parameters
    ----------
    g_min, g_max : float, optional
        Limits of the conductances used, S; by default low-field conductances of the limits of the state. Limits of a
        card's own must have states within the state's limits.
    set_voltage, reset_voltage : float, optional
        V, of either sign: write pulses that raise and that lower the conductance. What they do to the other cells of a
        passive array follows from `rate`.
    """

    g_max: float = quantity("greatest conductance used, by default the state's", "S", above=0, default=None)
    g_min: float = quantity("least conductance used, by default the state's", "S", low=0, default=None)
    set_voltage: float | None = quantity("voltage of a pulse that raises the conductance", "V", default=None)
    reset_voltage: float | None = quantity("voltage of a pulse that lowers the conductance", "V", default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_select:
            raise InputError(
                f"device.half_select = {self.half_select:g}: this cell has a law of its own, which says what a part of "
                "a write voltage does; leave half_select at 0."
            )

    def _complete(self) -> None:
        super()._complete()
        if not np.diff(self.limits) > 0:
            raise InputError(f"device: the limits of the state, {self.limits}, must ascend.")
        ends = sorted(self.low_field_conductance(self.limits).tolist())
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

    @gives(numbers("state", unit="S"))
    def low_field_conductance(self, state: ArrayLike) -> Array:
        """Conductance of a state at low field, S; the inverse of `state`."""
        return self.state_current(state, LOW_FIELD) / LOW_FIELD

    @property
    def steepness(self) -> float:
        """Change of the low-field conductance over the range of the state, S; negative where it falls."""
        low, high = self.low_field_conductance(self.limits)
        return float(high - low)

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

        from scipy.integrate import solve_ivp  # takes longer to load than all the rest of a crossbar

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

        from scipy.integrate import quad

        return float(quad(slowness, first, last, epsabs=0.0, epsrel=1e-11, limit=500, full_output=1)[0])

    def disturb_ratios(self, conductance: ArrayLike, share: float = 0.5) -> Array:
        """Speed at a share of the write voltages over that at all of it; NaN where no such voltage is known."""
        x = self.state(conductance)
        found = np.full((2, *x.shape), np.nan)
        for k, volt in enumerate((self.set_voltage, self.reset_voltage)):
            if volt is not None:
                with np.errstate(divide="ignore", invalid="ignore"):
                    found[k] = self.rate(x, share * volt) / self.rate(x, volt)
        return found

    @gives(numbers("state", "voltage", "seconds"))
    def moved(self, state: ArrayLike, voltage: ArrayLike, seconds: ArrayLike, *, tol: float = 1e-6) -> Array:
        """States of many cells after constant voltages, each for a time of its own.

        An adaptive pair of orders 2 and 3 (Bogacki & Shampine) over all cells that move; the others keep their bits.

        Parameters
        ----------
        state, voltage, seconds : arrays, broadcast against each other
            States, V and s.
        tol : float
            Error allowed in a step, in ranges of the state.
        """
        parts: list[Array] = [np.asarray(a, dtype=float) for a in (state, voltage, seconds)]
        shape = np.broadcast_shapes(*(a.shape for a in parts))
        y, v, t = (np.broadcast_to(a, shape).ravel() for a in parts)
        found, (low, high) = np.broadcast_to(parts[0], shape).copy(), self.limits
        moving = np.flatnonzero((t > 0) & (v != 0))
        y, v, t = y[moving], v[moving], t[moving]
        k1 = t * self._inside_rate(y, v)

        done, h, near = 0.0, 1.0, tol * (high - low)
        for _ in range(STEPS):
            # A cell next to a limit that it runs towards has arrived: what is left would only make the steps short.
            still = (k1 == 0) | ((k1 > 0) & (high - y < near)) | ((k1 < 0) & (y - low < near))
            if still.any():
                found.put(moving[still], y[still])
                moving, y, v, t, k1 = (a[~still] for a in (moving, y, v, t, k1))
            if done >= 1.0 or not moving.size:
                break
            h = min(h, 1.0 - done)
            k2 = t * self._inside_rate(y + 0.5 * h * k1, v)
            k3 = t * self._inside_rate(y + 0.75 * h * k2, v)
            end = np.clip(y + h * (2 * k1 + 3 * k2 + 4 * k3) / 9, low, high)
            k4 = t * self._inside_rate(end, v)
            off = np.abs(h * (-5 * k1 + 6 * k2 + 8 * k3 - 9 * k4)) / 72
            # A cell that runs into a limit from nearby stops there: that is no error.
            off[((end <= low) | (end >= high)) & (np.abs(h * k1) < 0.1 * (high - low))] = 0.0
            error = float(off.max()) / (high - low)
            if error <= tol or h < 1e-9:
                y, k1, done = end, k4, done + h
            h *= min(max(0.9 * (tol / max(error, 1e-30)) ** (1 / 3), 0.2), 5.0)
        else:
            raise InputError("a write pulse moves these cells too fast to be followed; lower its voltage.")
        found.put(moving, y)
        return found

    def _inside_rate(self, state: Array, voltage: Array) -> Array:
        """dx/dt at states taken back inside the limits, where outward motion ends."""
        low, high = self.limits
        at = np.clip(state, low, high)
        return self._held(at, self.rate(at, voltage))

    @gives(numbers("start", "end", "voltage", low=0, unit="s", infinite=True))
    def pulse_times(self, start: ArrayLike, end: ArrayLike, voltage: ArrayLike) -> Array:
        """Durations of constant voltages that move cells from one state to another, s: ∫ dx / r(x, V) for many cells.

        Gauss-Legendre over log(x/(1 − x)), which ends a millionth of the range short of the limits: a state that only
        an infinite time would reach is approached.

        Parameters
        ----------
        start, end, voltage : arrays, broadcast against each other

        Returns
        -------
        array
            inf where the voltage does not move a cell there; 0 where it is there.
        """
        a, b, v = np.broadcast_arrays(*(np.asarray(one, dtype=float) for one in (start, end, voltage)))
        low, high = self.limits
        u, w = (logit(np.clip((one - low) / (high - low), 1e-6, 1 - 1e-6)) for one in (a, b))
        nodes, weights = _quadrature()
        at = (u + w)[..., None] / 2 + (w - u)[..., None] / 2 * nodes
        x = low + (high - low) * expit(at)
        with np.errstate(divide="ignore"):
            slowness = (high - low) * expit(at) * expit(-at) / self.rate(x, v[..., None])
        found = (w - u) / 2 * (slowness @ weights)
        stuck = ~np.isfinite(slowness).all(axis=-1) | (found < 0)
        return np.where(a == b, 0.0, np.where(stuck, np.inf, found))

    def _held(self, x: Array, rate: Array) -> Array:
        low, high = self.limits
        outward = ((x >= high) & (rate > 0)) | ((x <= low) & (rate < 0))
        return np.where(outward, 0.0, rate)
