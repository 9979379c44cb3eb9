r"""Writing an array cell by cell or row by row, with what each pulse does to all the other cells.

The controller knows the state of the cell that it writes and gives it a pulse of just the duration that takes it to its
target at the voltage that it sees; then the next one. What later pulses do to it is seen by nobody until another sweep.
Every pulse finds the states that the ones before have left, so the order matters and is fixed:

``cell``
    Word line by word line, along each the bit lines in turn.
``row``
    Word line by word line, all cells of one at once: first those that are raised, then those that are lowered. A bit
    line is selected for as long as its own cell needs; the word line until the last one is done.

With resistive wires every cell sees what the exact solve of the array leaves of its voltage, with the conductances at
the start of the sweep; in a row all of its cells are taken to draw their current throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analogsim.circuits.wires import Terminals
from analogsim.circuits.writing.biasing import share_of
from analogsim.circuits.writing.disturbance import Law
from analogsim.circuits.writing.pulse_drop import Fields
from analogsim.errors import InputError, one_of, whole

Array = NDArray[np.floating]
Counts = NDArray[np.int64]

ORDERS = ("row", "cell")


@dataclass
class Written:
    """What writing an array left and took.

    Parameters
    ----------
    conductance : (m, n) array
        S.
    full_pulses : (2, m, n) array of int
        Pulses that wrote each cell, up and down.
    half_pulses : (m, n) array of int
        Pulses of which each cell got a part.
    travel : (m, n) array
        Σ|ΔG| of each cell, S.
    seconds, joules : float
        Time that the pulses take, and heat in the cells; NaN for families without a voltage.
    missed : int
        Cells that the voltage which reached them could not write.
    """

    conductance: Array
    full_pulses: Counts
    half_pulses: Counts
    travel: Array
    seconds: float = 0.0
    joules: float = 0.0
    missed: int = 0


@dataclass(frozen=True, kw_only=True)
class Lines:
    """What lies between the drivers and the cells, and the voltages on it.

    Parameters
    ----------
    scheme : {"half", "five-twelfths", "third", "transistor"} or float
    order : {"row", "cell"}
    r_word, r_bit : float
        Ohm for one segment.
    terminals : Terminals
        `r_driver` belongs to the word lines, `r_sense` to the bit lines.
    boost : bool
        Whether each pulse is raised by what the wires take of it for its own cell; cell by cell only.
    """

    scheme: str | float = "half"
    order: str = "row"
    r_word: float = 0.0
    r_bit: float = 0.0
    terminals: Terminals = field(default_factory=Terminals)
    boost: bool = False

    def __post_init__(self) -> None:
        one_of("order of writing", self.order, ORDERS)
        if not self.is_selective:
            share_of(self.scheme)
        if self.boost and self.order != "cell":
            raise InputError("boosting gives each cell a voltage of its own: write cell by cell (order = 'cell').")

    @property
    def is_selective(self) -> bool:
        """Whether transistors keep the pulse from all other cells."""
        return self.scheme == "transistor"

    @property
    def is_resistive(self) -> bool:
        """Whether the cells see less than the drivers give."""
        ends = self.terminals.r_driver, self.terminals.r_sense
        return bool(self.r_word or self.r_bit or any(np.any(r) for r in ends))


def write_array(
    law: Law,
    present: Array,
    wanted: Array,
    lines: Lines | None = None,
    *,
    sweeps: int = 1,
    free: NDArray[np.bool_] | None = None,
) -> Written:
    """Write every cell of an array once, or in several sweeps.

    Parameters
    ----------
    law : Law
        Of the cells; see `analogsim.circuits.writing.law`.
    present, wanted : (m, n) arrays
        Conductances of word line i and bit line j, S.
    lines : Lines, optional
        V/2, row by row, without wires if not given.
    sweeps : int
        How often the whole array is gone through; each sweep sees what the one before left.
    free : (m, n) array of bool, optional
        Cells that can move; default: all.

    Returns
    -------
    Written
    """
    lines, shape = lines or Lines(), np.shape(present)
    if np.ndim(present) != 2 or np.shape(wanted) != shape:
        raise InputError(f"present {shape} and wanted {np.shape(wanted)}: both (word lines, bit lines).")
    zero = np.zeros(shape, np.int64)
    done = Written(np.asarray(present, dtype=float), np.stack([zero, zero]), zero.copy(), np.zeros(shape))
    can = np.array(zero == 0, dtype=np.bool_) if free is None else free
    for _ in range(whole("sweeps", sweeps, low=1)):
        _Sweep(law, lines, done, np.asarray(wanted, dtype=float), can).run()
    return done


class _Sweep:
    """One go through an array; `done` is changed."""

    def __init__(self, law: Law, lines: Lines, done: Written, wanted: Array, free: NDArray[np.bool_]) -> None:
        self.law, self.lines, self.done, self.wanted, self.free = law, lines, done, wanted, free
        self.g = done.conductance.copy()
        self.state, self.end = law.state(self.g).copy(), law.state(wanted)
        self.shape: tuple[int, int] = self.g.shape
        self.share = 0.0 if lines.is_selective else share_of(lines.scheme)
        self.across = 0.0 if lines.is_selective else 2 * self.share - 1.0
        self.fields: Fields | None = None
        if lines.is_resistive:
            if law.volt(True) is None:
                raise InputError(
                    "writing through wires needs cells whose model has a voltage; these have a ratio, half_select: set "
                    "the resistances of the wires to 0."
                )
            if lines.is_selective:
                raise InputError("the wire drop of a write pulse is simulated for arrays without transistors.")
            self.fields = Fields(self.g, lines.r_word, lines.r_bit, lines.scheme, lines.terminals)
        self.quiet = self.fields is None and law.is_still(self.share) and law.is_still(self.across)

    def run(self) -> None:
        """Write the array."""
        m, n = self.shape
        width = n if self.lines.order == "row" else 1
        for word in range(m):
            for first in range(0, n, width):
                bits = np.arange(first, first + width)
                # Read once, before any of them is written.
                lacks = np.where(self.free[word, bits], self.wanted[word, bits] - self.g[word, bits], 0.0)
                for up, chosen in ((True, bits[lacks > 0]), (False, bits[lacks < 0])):
                    if chosen.size:
                        self.pulse(word, chosen, up)
        self.done.conductance = self.g

    def pulse(self, word: int, chosen: NDArray[np.intp], up: bool) -> None:
        """Give some cells of a word line their pulses."""
        local = self._voltages(word, chosen)
        times = self.law.time(self.state[word, chosen], self.end[word, chosen], local[word, chosen], up)
        if not (reached := np.isfinite(times)).all():
            self.done.missed += int((~reached).sum())
            if not reached.any():
                return
            chosen, times = chosen[reached], times[reached]
            local = self._voltages(word, chosen)
        self.done.full_pulses[0 if up else 1, word, chosen] += 1
        longest = float(times.max())
        self.done.seconds += longest if self.law.volt(up) is not None else np.nan
        own = np.full(self.shape, longest)
        own[:, chosen] = times
        self._apply(local, up, own)
        # The controller stops where the target is, however the pulse was integrated.
        self._move((np.full(len(chosen), word), chosen), self.end[word, chosen], self.wanted[word, chosen])
        if self.lines.is_selective:
            return
        touched = local != 0
        touched[word, chosen] = False
        self.done.half_pulses += touched
        if len(chosen) > 1:
            left = np.zeros(self.shape)
            left[:, chosen] = longest - times
            self._apply(self._voltages(word, chosen[:0]), up, left)

    def _voltages(self, word: int, chosen: NDArray[np.intp]) -> Array:
        """Share of the pulse's voltage at each cell while some of a word line are selected."""
        if self.fields is not None:
            local = self.fields.selecting(word, chosen)
            return local / local[word, chosen[0]] if self.lines.boost and chosen.size else local
        local = np.full(self.shape, self.across)
        local[word] = self.share
        local[:, chosen] = self.share
        local[word, chosen] = 1.0
        return local

    def _apply(self, local: Array, up: bool, seconds: Array) -> None:
        """Move all the cells as their own voltages do."""
        volt = self.law.volt(up)
        self.done.joules += np.nan if volt is None else volt**2 * float((local**2 * self.g * seconds).sum())
        if self.quiet:
            return
        moved = self.law.moved(self.state, local, up, seconds)
        at = np.nonzero((moved != self.state) & self.free)
        if at[0].size:
            self._move(at, moved[at], self.law.conductance(moved[at]))

    def _move(self, at: tuple[NDArray[np.intp], ...], state: Array, conductance: Array) -> None:
        self.done.travel[at] += np.abs(conductance - self.g[at])
        self.state[at], self.g[at] = state, conductance
