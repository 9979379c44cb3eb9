r"""Cells that learn by pulses: one pulse up or down moves a normalised weight w by a step that depends on w.

.. math::
    w &\leftarrow w + \Delta_u\,f_u(w)\,(1 + s\,\xi) \quad\text{up}, &
    w &\leftarrow w - \Delta_d\,f_d(w)\,(1 + s\,\xi) \quad\text{down},

clipped to the cell's bounds [b_min, b_max]; with `additive` noise the step is Δ(f + s ξ), and a noise floor ε and slope
η make it Δ f + s (Δ f + ε + η|w|) ξ. The shapes f are in `analogsim.devices.step_shapes`. The cells differ:
b_max = w_max(1 + σ ξ), b_min likewise, and Δ_{u,d} = Δ(1 + σ ξ ± σ_ud ξ'), the down step less `up_down` Δ if that is
positive and the up step plus it if not. What is seen of a weight is w + write_noise Δ ξ, with ξ drawn when its cell is
written and kept until it is written again. A weight is a conductance, linear, with w_min at g_min; cells whose own
lower bound is below w_min go below g_min, so a card with such cells has g_min above 0 S.

One-way cells can be raised by pulses but not lowered: a pair of them learns by raising the one or the other, and when
both are high it is reset and its difference written anew (refresh).

The families and their names follow Rasch et al., arXiv 2104.02184.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.cards import flag, quantity
from analogsim.devices.base import Array, Cells, Device
from analogsim.devices.endurance import Counts
from analogsim.errors import InputError
from analogsim.foreign import gives, numbers

FLOW, LONGEST_FLOW = 0.02, 200
"""Share of the range that parts of pulses move a cell by in one step of their flow, and most steps."""


@dataclass(frozen=True, kw_only=True)
class Pulsed(Device):
    """A cell moved by pulses.

    Parameters
    ----------
    step : float
        Δ, mean step at w = 0 of a typical cell, in weights.
    step_spread, lognormal
        σ of the cells' steps, and whether they spread as exp(σ ξ).
    cycle_noise, additive
        s, relative deviation of each step, and whether it adds to the step or scales with it.
    noise_floor, noise_slope : float
        ε and η, in weights and for each unit of |w|.
    up_down, up_down_spread : float
        Asymmetry of up and down steps and its spread over the cells.
    w_max, w_min, w_max_spread, w_min_spread : float
        Bounds of a typical cell and their relative spread.
    write_noise : float
        Deviation of the weight seen from the weight held, in units of Δ; of every write anew.
    reference_spread : float
        Standard deviation of what a cell is read against, where that stands for its symmetry point, in weights.
    lifetime : float
        Updates in which a weight leaks by a factor e; inf does not leak.
    one_way : bool
        Whether pulses can only raise a cell.
    refresh_high, refresh_low : float
        Shares of the range: a pair is refreshed if one of its cells is above the first, the other above the second.
    reset, reset_spread : float
        Weight that a reset leaves, and its standard deviation over the cells.
    lifetime_spread : float
        Relative spread of the lifetime over the cells.
    """

    step: float = quantity("mean step of a typical cell at w = 0, in weights", above=0)
    step_spread: float = quantity("relative spread of the step over the cells", low=0, default=0.0, ideal=0.0)
    lognormal: bool = flag("whether the steps of the cells are log-normal", default=False)
    cycle_noise: float = quantity("relative deviation of each step from the cell's mean", low=0, default=0.0, ideal=0.0)
    additive: bool = flag("whether the deviation adds to the step instead of scaling with it", default=False)
    noise_floor: float = quantity("deviation of a step at w = 0 besides its own, in weights", low=0, default=0.0)
    noise_slope: float = quantity("growth of that deviation with |w|", low=0, default=0.0)
    up_down: float = quantity("asymmetry of up and down steps", low=-1, high=1, default=0.0, ideal=0.0)
    up_down_spread: float = quantity("spread of the asymmetry over the cells", low=0, default=0.0, ideal=0.0)
    w_max: float = quantity("upper bound of a typical cell's weight")
    w_min: float = quantity("lower bound of a typical cell's weight")
    w_max_spread: float = quantity("relative spread of the upper bound", low=0, default=0.0, ideal=0.0)
    w_min_spread: float = quantity("relative spread of the lower bound", low=0, default=0.0, ideal=0.0)
    write_noise: float = quantity("noise on the weight seen after a write, in steps", low=0, default=0.0, ideal=0.0)
    reference_spread: float = quantity(
        "error of the reference that stands for a cell's symmetry point, in weights", low=0, default=0.0, ideal=0.0
    )
    lifetime: float = quantity("updates in which a weight leaks by a factor e", above=0, default=np.inf, infinite=True)

    one_way: bool = flag("whether pulses can only raise a cell", default=False)
    refresh_high: float = quantity("share of the range above which a pair is refreshed", low=0, high=1, default=0.75)
    refresh_low: float = quantity("... if its other cell is above this share", low=0, high=1, default=0.25)
    reset: float = quantity("weight after a reset", default=0.0)
    reset_spread: float = quantity("its standard deviation over the cells", low=0, default=0.0)
    lifetime_spread: float = quantity("relative spread of the lifetime over the cells", low=0, default=0.0, ideal=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.w_min < self.w_max:
            raise InputError(f"device.w_min = {self.w_min:g} must be below w_max = {self.w_max:g}.")
        if self.d2d or self.verify_attempts > 1:
            raise InputError("cells updated by pulses have spreads of their own: leave d2d and verify_attempts alone.")

    @property
    def moves_both_ways(self) -> bool:
        """Whether pulses move a cell up and down."""
        return not self.one_way

    @abstractmethod
    @gives(numbers("w"))
    def shape_up(self, w: Array, cells: Cells) -> Array:
        """f_u(w)."""

    @abstractmethod
    @gives(numbers("w"))
    def shape_down(self, w: Array, cells: Cells) -> Array:
        """f_d(w)."""

    def typical(self) -> Cells:
        """The cell without spread."""
        down = self.step * (1 - max(self.up_down, 0.0))
        up = self.step * (1 + min(self.up_down, 0.0))
        values = {"up": up, "down": down, "b_max": self.w_max, "b_min": self.w_min}
        return {key: np.asarray(value) for key, value in values.items()}

    def cells(self, shape: tuple[int, ...], rng: np.random.Generator) -> Cells:
        """Draw steps and bounds of each cell, beside what every device draws."""
        size, skew, top, bottom = rng.standard_normal((4, *shape))
        size = np.exp(self.step_spread * size) if self.lognormal else 1 + self.step_spread * size
        skew *= self.up_down_spread
        ends = self.w_max * (1 + self.w_max_spread * top), self.w_min * (1 + self.w_min_spread * bottom)
        drawn = {
            "up": self.step * np.maximum(size + min(self.up_down, 0.0) + skew, 0.0),
            "down": self.step * np.maximum(size - max(self.up_down, 0.0) - skew, 0.0),
            # A large spread may turn a bound's sign; the upper one stays above zero and the lower one below.
            "b_max": np.abs(np.maximum(*ends)),
            "b_min": -np.abs(np.minimum(*ends)),
        }
        if self.one_way:
            drawn["reset"] = self.reset + self.reset_spread * rng.standard_normal(shape)
        if self.lifetime_spread:
            # Less than nothing, as a normal spread may give, is as far from the mean on the other side of zero.
            drawn["lifetime"] = self.lifetime * np.abs(1 + self.lifetime_spread * rng.standard_normal(shape))
        return {**drawn, **super().cells(shape, rng)}

    @gives(numbers("conductance"))
    def weight(self, conductance: ArrayLike) -> Array:
        """Normalised weight of a conductance."""
        share = (np.asarray(conductance, dtype=float) - self.g_min) / self.span
        return self.w_min + share * (self.w_max - self.w_min)

    @gives(numbers("weight", low=0, unit="S"))
    def conductance(self, weight: ArrayLike) -> Array:
        """Conductance of a normalised weight, S; never negative."""
        share = (np.asarray(weight, dtype=float) - self.w_min) / (self.w_max - self.w_min)
        return np.maximum(self.g_min + share * self.span, 0.0)

    def program(self, conductance: ArrayLike, rng: np.random.Generator, cells: Cells | None = None) -> Array:
        """Write in a closed loop: exact, but within each cell's own bounds."""
        cells = cells or self.typical()
        inside = np.clip(self.weight(self.target(conductance)), cells["b_min"], cells["b_max"])
        return self._frozen(self.conductance(inside), cells)

    @gives(numbers("w"))
    def step_up(self, w: ArrayLike) -> Array:
        """Mean step of one pulse up on a typical cell."""
        cells = self.typical()
        return cells["up"] * self.shape_up(np.asarray(w, dtype=float), cells)

    @gives(numbers("w"))
    def step_down(self, w: ArrayLike) -> Array:
        """Mean size of the step of one pulse down on a typical cell."""
        cells = self.typical()
        return cells["down"] * self.shape_down(np.asarray(w, dtype=float), cells)

    def steps_over_range(self) -> float:
        """(w_max − w_min)/Δ."""
        return (self.w_max - self.w_min) / self.step

    def pulse_size(self) -> float:
        """Step that a pulse is counted as, in weights: Δ, or the one in the middle of a one-way cell's range."""
        return float(self.step_up((self.w_max + self.w_min) / 2)) if self.one_way else self.step

    @gives(numbers("counts", low=0, unit="S"))
    def pulse(
        self,
        conductance: Array,
        counts: NDArray[np.integer],
        rng: np.random.Generator,
        cells: Cells | None = None,
        *,
        against: NDArray[np.integer] | None = None,
    ) -> Array:
        """Give each cell |counts| pulses, up where positive, one after another.

        Parameters
        ----------
        conductance : array
            Present conductances, S.
        counts : array of int
            Pulses for each cell.
        rng : numpy.random.Generator
            Cycle-to-cycle noise and the order of pulses.
        cells : mapping, optional
            From `cells`; default: typical ones.
        against : array of int, optional
            Pulses in the other direction, ≥ 0, in random order with the others. They do not cancel: two steps of
            different size remain.
        """
        cells = cells or self.typical()
        shape = np.shape(counts)
        held = np.broadcast_to(conductance, shape).flatten()
        first, down = np.abs(np.ravel(counts)), np.ravel(counts) < 0
        other = np.zeros_like(first) if against is None else np.ravel(against).copy()
        # Most pulses first: the cells that still get one are always the first few.
        moved = np.flatnonzero(first + other)
        moved = moved[np.argsort(-(first + other)[moved], kind="stable")]
        left, opposed, sign = (first + other)[moved], other[moved], np.where(down[moved], -1, 1)
        these = {key: np.broadcast_to(cells[key], shape).ravel()[moved] for key in self.typical()}
        x = self.weight(held[moved])
        for done in range(int(left.max(initial=0))):
            active = slice(int(np.searchsorted(-left, -done)))
            at = {key: value[active] for key, value in these.items()}
            way = sign[active]
            if opposed.any():
                turned = rng.random(len(way)) * (left[active] - done) < opposed[active]
                opposed[active] -= turned
                way = np.where(turned, -way, way)
            size = np.where(way > 0, at["up"], at["down"])
            step = size * np.where(way > 0, self.shape_up(x[active], at), self.shape_down(x[active], at))
            if self.cycle_noise:
                spread = size if self.additive else step + self.noise_floor + self.noise_slope * np.abs(x[active])
                step = step + self.cycle_noise * spread * rng.standard_normal(len(step))
            x[active] = np.clip(x[active] + way * step, at["b_min"], at["b_max"])
        # Only these: the others keep their very bits.
        held[moved] = self.conductance(x)
        return self._frozen(held.reshape(shape), cells)

    @gives(numbers("conductance", low=0, unit="S"))
    def half_pulses(
        self, conductance: Array, up: Counts, down: Counts, cells: Cells | None = None, share: float = 0.5
    ) -> Array:
        """Move cells by the parts of pulses that they get while others are written; mean motion, without cycle noise.

        A part of a pulse moves a cell by `disturb_ratios` times its step; many are followed as one flow, up and down
        mixed evenly.

        Parameters
        ----------
        conductance : array
            Present conductances, S.
        up, down : arrays of int
            Such pulses for each cell.
        cells : mapping, optional
            From `cells`; default: typical ones.
        share : float
            Of the voltage that the cells get, as of `disturb_ratios`.
        """
        cells = cells or self.typical()
        ratios = self.disturb_ratios(conductance, share)
        if not ((ratios[0] * up).any() or (ratios[1] * down).any()):
            return conductance
        low, high = (np.broadcast_to(cells[key], conductance.shape) for key in ("b_min", "b_max"))

        def slope(w: Array) -> Array:
            rise, fall = self.disturb_ratios(self.conductance(w), share)
            rise = rise * up * cells["up"] * self.shape_up(w, cells)
            fall = fall * down * cells["down"] * self.shape_down(w, cells)
            return rise - fall

        w = self.weight(conductance)
        first = slope(w)
        parts = max(1, int(np.ceil(np.abs(first).max() / (FLOW * (self.w_max - self.w_min)))))
        for _ in range(min(parts, LONGEST_FLOW)):
            middle = np.clip(w + slope(w) / (2 * parts), low, high)
            w = np.clip(w + slope(middle) / parts, low, high)
        return self._frozen(np.where(first == 0, conductance, self.conductance(w)), cells)

    @gives(numbers())
    def balance(self, cells: Cells | None = None) -> Array:
        """Weight at which a pulse up and a pulse down cancel, by bisection; 0 where a cell has none."""
        cells = cells or self.typical()

        def excess(w: Array) -> Array:
            return cells["up"] * self.shape_up(w, cells) - cells["down"] * self.shape_down(w, cells)

        low, high = np.array(cells["b_min"], float), np.array(cells["b_max"], float)
        crosses = (excess(low) > 0) & (excess(high) < 0)
        for _ in range(60):
            middle = (low + high) / 2
            up = excess(middle) > 0
            low, high = np.where(up, middle, low), np.where(up, high, middle)
        return np.where(crosses, (low + high) / 2, 0.0)

    @gives(numbers())
    def reference(self, cells: Cells, rng: np.random.Generator) -> Array:
        """Weight that stands for zero where a cell is read against its symmetry point: missed by the reference's error.

        The reference is a cell of its own, set to where the first one came to rest.
        """
        found = self.balance(cells)
        return found + self.reference_spread * rng.standard_normal(found.shape) if self.reference_spread else found

    def pulses_for(self, change: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        """Number of pulses for a wanted change of conductance, S, rounded at random so that its mean is right."""
        wanted = change / self.span * (self.w_max - self.w_min) / self.pulse_size()
        return np.floor(wanted + rng.random(wanted.shape)).astype(np.int64)

    def due(self, pairs: Array) -> NDArray[np.bool_]:
        """Which pairs (2, …) of one-way cells are both high and must be refreshed."""
        share = (pairs - self.g_min) / self.span
        high: NDArray[np.bool_] = (share.max(axis=0) > self.refresh_high) & (share.min(axis=0) > self.refresh_low)
        return high

    @gives(numbers("pairs", low=0, unit="S"))
    def refreshed(self, pairs: Array, rng: np.random.Generator, cells: Cells) -> Array:
        """Reset pairs (2, …) of one-way cells that are both high, and write their difference anew in a closed loop."""
        due = self.due(pairs)
        if not due.any():
            return pairs
        empty = self.conductance(np.clip(cells["reset"], cells["b_min"], cells["b_max"]))
        difference = pairs[0] - pairs[1]
        wanted = np.maximum(empty, np.stack([empty[1] + difference, empty[0] - difference]))
        return np.where(due, self.program(wanted, rng, cells), pairs)

    @gives(numbers("conductance", low=0, unit="S"))
    def leak(self, conductance: Array, updates: int = 1, cells: Cells | None = None) -> Array:
        """Let the weights decay towards w = 0 for some updates."""
        if np.isinf(self.lifetime):
            return conductance
        lifetime = (cells or {}).get("lifetime", np.asarray(self.lifetime))
        return self.conductance(self.weight(conductance) * np.exp(-updates / lifetime))

    def written(
        self,
        cells: Cells,
        rng: np.random.Generator,
        where: NDArray[np.bool_] | None = None,
        noise: Array | None = None,
    ) -> Array | None:
        """Write noise of each cell after a write: what is seen of its conductance beyond what it holds, S.

        Parameters
        ----------
        cells : mapping
            From `cells`; stuck ones have no noise.
        rng : numpy.random.Generator
        where : array of bool, optional
            Cells that were written; default: all.
        noise : array, optional
            Before the write; it stays where nothing was written. Where it is not known, all are drawn anew.

        Returns
        -------
        array or None
            None if the device has no write noise.
        """
        if not self.write_noise:
            return None
        sigma = self.write_noise * self.step * self.span / (self.w_max - self.w_min)
        found: Array
        if where is None or noise is None:
            found = sigma * rng.standard_normal(np.shape(cells["b_max"]))
        else:
            found, at = noise.flatten(), np.flatnonzero(where)
            found[at] = sigma * rng.standard_normal(len(at))
            found = found.reshape(noise.shape)
        return self._frozen(found, cells, 0.0)

    @staticmethod
    def seen(conductance: Array, noise: Array | None) -> Array:
        """Conductances as they appear, S: what is held and the noise of each cell's last write, never negative."""
        return conductance if noise is None else np.maximum(conductance + noise, 0.0)

    def grounded(self) -> float:
        """Share of the cells whose lower bound is below 0 S; they stop at 0 S instead."""
        deviation = abs(self.w_min) * self.w_min_spread
        return erfc((self.w_min - float(self.weight(0.0))) / (sqrt(2) * deviation)) / 2 if deviation else 0.0

    def words(self) -> list[str]:
        """Say how cells learn."""
        said = [f"pulses of {self.pulse_size() / (self.w_max - self.w_min):.2%} of the range"]
        said += ["one-way cells, refreshed in pairs"] if self.one_way else []
        if (share := self.grounded()) > 1e-3:
            said.append(f"{share:.1%} of the cells stop at 0 S before their lower bound (more room: a higher g_min)")
        return [*said, *super().words()]

    @staticmethod
    def _frozen(values: Array, cells: Cells, instead: float | None = None) -> Array:
        """Values of the free cells; the stuck ones have their conductance, or something instead."""
        frozen = cells.get("frozen")
        if frozen is None:
            return values
        return np.where(np.isnan(frozen), values, frozen if instead is None else instead)
