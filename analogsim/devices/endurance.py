r"""Wear: how many writes a cell survives, and what is left of it.

The cycles to failure n of the cells of an array follow a Weibull distribution,

.. math:: F(n) = 1 - \exp\left(-(n/\eta)^\beta\right),

with 63 % of the cells failed after η cycles; the first of K cells fails after some :math:`\eta K^{-1/\beta}`. Pulses of
several kinds add up by Miner's rule, M. A. Miner, J. Appl. Mech. 12 (1945) A159: a cell is worn by
:math:`D = \sum_i n_i s_i` cycles, s_i being what a pulse of kind i wears beside a full write, and fails once D reaches
the life that was drawn for it. It is stuck at g_max or g_min from then on: filaments and phase-change cells fail both
ways. Before that its range may close, from above, in proportion to D over its life.

Distribution and failure modes are customary (statistics of ReRAM arrays: Grossi et al., IEEE Trans. Electron Devices
2019; PCM: MRS Bulletin 2019), their numbers are not: no source gives β for endurance, most published η rest on less
than 20 points of one device (Lanza et al., doi:10.1021/acsnano.1c06980), and weak pulses may last 1e5 times as long as
full cycles (Zhao et al., doi:10.1109/iedm.2018.8614664). So cards give none, and who asks for wear gives the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from analogsim.cards import Carded, quantity
from analogsim.errors import InputError

Array = NDArray[np.floating]
Counts = NDArray[np.int64]
Cells = Mapping[str, Array]


class History(NamedTuple):
    """What the cells of an array have been through."""

    full_pulses: Counts
    """Full pulses up and down, (2, …); a write of an ordinary cell is one in the direction of its change."""
    half_pulses: Counts
    """Pulses of which a cell got a part because another one was written."""
    travel: Array
    """Σ|ΔG| over the updates, S."""

    @classmethod
    def blank(cls, shape: tuple[int, ...]) -> Self:
        """That of new cells."""
        return cls(np.zeros((2, *shape), np.int64), np.zeros(shape, np.int64), np.zeros(shape))

    def with_pulses(self, up: Counts | int = 0, down: Counts | int = 0, half: Counts | int = 0) -> Self:
        """The history with more pulses, each ≥ 0."""
        full = np.stack([self.full_pulses[0] + up, self.full_pulses[1] + down])
        return self._replace(full_pulses=full, half_pulses=self.half_pulses + half)

    def with_travel(self, moved: Array) -> Self:
        """The history with more travel, S."""
        return self._replace(travel=self.travel + moved)


@dataclass(frozen=True, kw_only=True)
class Wearing(Carded):
    """A cell that writing wears out.

    Parameters
    ----------
    endurance : float
        η: cycles after which 63 % of the cells have failed; inf does not wear. A cycle is a full write of a cell, or a
        pulse of one that learns by pulses.
    endurance_shape : float, optional
        β of the Weibull distribution of the cells' lives; needed with `endurance`. No source gives it; 1 to 3 is usual.
    half_stress : float
        What a half-selected pulse wears, in full ones.
    worn_lrs : float
        Share of the worn-out cells that are stuck at g_max; the others at g_min.
    window_loss : float
        Share of g_max − g_min, from above, that a cell has lost when it fails.
    """

    endurance: float = quantity(
        "writes of a cell after which 63 % have failed", above=0, default=np.inf, infinite=True, ideal=np.inf
    )
    endurance_shape: float | None = quantity(
        "shape β of the Weibull distribution of cycles to failure", above=0, high=100, default=None
    )
    half_stress: float = quantity("wear by a half-selected pulse, in full ones", low=0, high=1, default=0.0)
    worn_lrs: float = quantity("share of worn-out cells that are stuck at g_max", low=0, high=1, default=0.5)
    window_loss: float = quantity("share of the range that a cell has lost when it fails", low=0, high=1, default=0.0)

    if TYPE_CHECKING:
        g_min: float
        g_max: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.wears and self.endurance_shape is None:
            raise InputError(
                f"device.endurance = {self.endurance:g} needs device.endurance_shape, the β of its Weibull "
                "distribution; no source gives one (nominally 1.5; 1 to 3 is usual)."
            )
        if not self.wears and (self.endurance_shape is not None or self.half_stress or self.window_loss):
            raise InputError(
                "device.endurance_shape, half_stress and window_loss say how cells wear: set device.endurance, the "
                "writes that they survive, as well."
            )

    @property
    def wears(self) -> bool:
        """Whether cells wear out."""
        return bool(np.isfinite(self.endurance))

    def failed_share(self, cycles: float) -> float:
        """F(n), the share of the cells that have failed after some cycles."""
        if self.endurance_shape is None:
            return 0.0
        return float(-np.expm1(-((cycles / self.endurance) ** self.endurance_shape)))

    def first_failure(self, count: int) -> float:
        """Cycles after which the first of some cells has failed with a chance of 63 %: η K^(−1/β)."""
        return np.inf if self.endurance_shape is None else float(self.endurance * count ** (-1 / self.endurance_shape))

    def lives(self, shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, Array]:
        """Draw the ``life`` of each cell, cycles, and the conductance at which it is ``worn`` out, S."""
        if self.endurance_shape is None:
            return {}
        life = self.endurance * rng.exponential(size=shape) ** (1 / self.endurance_shape)
        return {"life": life, "worn": np.where(rng.random(shape) < self.worn_lrs, self.g_max, self.g_min)}

    def damage(self, history: History) -> Array:
        """Miner's sum D of each cell, in cycles."""
        return history.full_pulses.sum(axis=0) + self.half_stress * history.half_pulses

    def failed(self, cells: Cells, history: History) -> NDArray[np.bool_]:
        """Which cells have worn out."""
        if "life" not in cells:
            return np.zeros(history.travel.shape, dtype=bool)
        found: NDArray[np.bool_] = self.damage(history) >= cells["life"]
        return found

    def fatigued(self, cells: Cells, history: History | None) -> Cells:
        """What is fixed about cells with a history: those that have failed are ``frozen`` as well."""
        if history is None or not (failed := self.failed(cells, history)).any():
            return cells
        frozen = cells.get("frozen", np.full(failed.shape, np.nan))
        return {**cells, "frozen": np.where(failed & np.isnan(frozen), cells["worn"], frozen)}

    def worn(self, conductance: Array, cells: Cells, history: History) -> Array:
        """Conductances just written, S, of cells with a history: inside what is left of their range, or stuck."""
        if "life" not in cells:
            return conductance
        left = conductance
        if self.window_loss:
            lost = self.window_loss * np.minimum(self.damage(history) / cells["life"], 1.0)
            left = np.minimum(conductance, self.g_max - lost * (self.g_max - self.g_min))
        frozen = self.fatigued(cells, history).get("frozen")
        return left if frozen is None else np.where(np.isnan(frozen), left, frozen)

    def wear_words(self) -> list[str]:
        """Say how cells wear."""
        if not self.wears:
            return []
        said = f"endurance of {self.endurance:.3g} writes, Weibull β = {self.endurance_shape:g}"
        closing = f", the range closing by {self.window_loss:.0%} until then" if self.window_loss else ""
        return [f"{said}; worn-out cells are stuck, {self.worn_lrs:.0%} of them at g_max{closing}"]
