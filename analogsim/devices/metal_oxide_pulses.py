r"""Metal-oxide crosspoints updated by voltage pulses: set and reset of a cell of conductance G.

.. math::
    \Delta G_\mathrm{set} &= c_0\,[1 - \tanh c_1(L - c_2)]\,[1 + \tanh(c_3 V - c_4)], \qquad
    \Delta G_\mathrm{reset} = c_0\,[1 + \tanh c_1(L - c_2)]\,[1 - \tanh(c_3 V - c_4)] \\
    \Delta G &\leftarrow \Delta G\,(1 + \xi\,\sigma), \qquad
    \sigma = d_0 + d_1 L^2 + d_2 V L + d_3 V^2 L + d_4 V^3, \qquad L = \log t_p,

with V < 0 in a reset, t_p the duration in s, ξ ~ N(0, 1) drawn once for a cell, and coefficients c and d for each of
eight ranges of G; a cell that would move the wrong way stays. The fit as published with its data takes the natural
logarithm, which the paper could not be asked about; base 10 makes steps some tens of times larger (and the powers of
time and the spread over the cells more moderate). Temperature bends the current-voltage curve, not the pulses.

Nili et al., IEEE Trans. Nanotechnol. 2020, arXiv 1811.10385.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array, Cells
from analogsim.devices.metal_oxide import MetalOxide
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError
from analogsim.registry import register


@register.device("metal-oxide-pulses")
@dataclass(frozen=True, kw_only=True)
class PulsedMetalOxide(MetalOxide, Pulsed):
    """A metal-oxide crosspoint that learns by pulses of one height and duration for set and one for reset.

    Parameters
    ----------
    set_voltage, set_time, reset_voltage, reset_time : float
        V (V, set > 0 > reset) and t_p (s).
    log_base : float
        Base of L.
    edges : list of float
        Least conductance of each range, S; the last one has no end.
    set_mean, set_spread, reset_mean, reset_cells : lists of 5 floats
        c (c_0 in S) and d of each range.
    """

    step: float = quantity("step of a set pulse in the middle of the range, from the fit", above=0, default=None)
    w_max: float = quantity("weight of a cell at g_max", default=1.0)
    w_min: float = quantity("weight of a cell at g_min", default=-1.0)
    set_voltage: float = quantity("height of a set pulse", "V", above=0)
    set_time: float = quantity("duration of a set pulse", "s", above=0)
    reset_voltage: float = quantity("height of a reset pulse", "V", high=0)
    reset_time: float = quantity("duration of a reset pulse", "s", above=0)
    log_base: float = quantity("base of the logarithm of the duration", above=1)
    edges: tuple[float, ...] = quantity("least conductance of each range", "S", above=0, shape=(None,))
    set_mean: tuple[tuple[float, ...], ...] = quantity("c of the set pulse, for each range", shape=(None, 5))
    set_spread: tuple[tuple[float, ...], ...] = quantity("d of the set pulse, for each range", shape=(None, 5))
    reset_mean: tuple[tuple[float, ...], ...] = quantity("c of the reset pulse, for each range", shape=(None, 5))
    reset_cells: tuple[tuple[float, ...], ...] = quantity("d of the reset pulse, for each range", shape=(None, 5))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_select:
            raise InputError(
                f"device.half_select = {self.half_select:g}: this cell has a law of its own, which says what a part of "
                "a write voltage does; leave half_select at 0."
            )
        tables = (self.set_mean, self.set_spread, self.reset_mean, self.reset_cells)
        if {len(table) for table in tables} != {len(self.edges)} or list(self.edges) != sorted(self.edges):
            raise InputError("device.edges must ascend, and every table of the pulses have a row for each of them.")
        if self.step is None:
            middle = self.conductance((self.w_max + self.w_min) / 2)
            change = self.set_change(middle, self.set_voltage, self.set_time)
            self._follow("1", step=float(change) * self._weights)

    def set_change(self, conductance: ArrayLike, voltage: float, duration: float, cell: ArrayLike = 0.0) -> Array:
        """Change of a conductance by a set pulse, S; `cell` is ξ."""
        c, d, log = self._row(self.set_mean, conductance), self._row(self.set_spread, conductance), self._log(duration)
        mean = c[0] * (1.0 - np.tanh(c[1] * (log - c[2]))) * (1.0 + np.tanh(c[3] * voltage - c[4]))
        return mean * self._factor(d, voltage, log, cell)

    def reset_change(self, conductance: ArrayLike, voltage: float, duration: float, cell: ArrayLike = 0.0) -> Array:
        """Change of a conductance by a reset pulse, S, negative; `cell` is ξ."""
        c, d = self._row(self.reset_mean, conductance), self._row(self.reset_cells, conductance)
        log = self._log(duration)
        mean = c[0] * (1.0 + np.tanh(c[1] * (log - c[2]))) * (1.0 - np.tanh(c[3] * voltage - c[4]))
        return mean * self._factor(d, voltage, log, cell)

    def disturb_ratios(self, conductance: ArrayLike, share: float = 0.5) -> Array:
        """Change by a pulse of a share of the height over that of the whole; of a negative share by the other law.

        The fit holds for the pulses of its data; that tanh(c_3 V − c_4) goes on below them is an extrapolation.
        """
        g, found = np.asarray(conductance, dtype=float), []
        laws = (self.set_change, self.reset_change)
        for law, other, volt, time in zip(
            laws, laws[::-1], (self.set_voltage, self.reset_voltage), (self.set_time, self.reset_time), strict=True
        ):
            part = (law if share > 0 else other)(g, share * volt, time)
            found.append(part / law(g, volt, time))
        return np.stack(found) if share else np.zeros((2, *g.shape))

    def typical(self) -> Cells:
        """The cell with ξ = 0."""
        return {**super().typical(), "response": np.asarray(0.0)}

    def cells(self, shape: tuple[int, ...], rng: np.random.Generator) -> Cells:
        """Draw ξ of each cell too."""
        return {**super().cells(shape, rng), "response": rng.spawn(1)[0].standard_normal(shape)}

    def shape_up(self, w: Array, cells: Cells) -> Array:
        """ΔG_set in steps."""
        change = self.set_change(self.conductance(w), self.set_voltage, self.set_time, cells["response"])
        return change * self._weights / self.step

    def shape_down(self, w: Array, cells: Cells) -> Array:
        """−ΔG_reset in steps."""
        change = self.reset_change(self.conductance(w), self.reset_voltage, self.reset_time, cells["response"])
        return -change * self._weights / self.step

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """None: cells are tuned in a closed loop."""
        return np.zeros_like(np.asarray(conductance, dtype=float))

    @property
    def _weights(self) -> float:
        """Weights for a siemens."""
        return (self.w_max - self.w_min) / self.span

    def _row(self, table: tuple[tuple[float, ...], ...], conductance: ArrayLike) -> Array:
        index = np.searchsorted(np.array(self.edges[1:]), np.asarray(conductance, dtype=float), side="right")
        return np.moveaxis(np.array(table)[index], -1, 0)

    def _log(self, duration: float) -> float:
        return float(np.log(duration) / np.log(self.log_base))

    @staticmethod
    def _factor(d: Array, voltage: float, log: float, cell: ArrayLike) -> Array:
        spread = d[0] + d[1] * log**2 + d[2] * voltage * log + d[3] * voltage**2 * log + d[4] * voltage**3
        return np.maximum(1.0 + np.asarray(cell) * spread, 0.0)
