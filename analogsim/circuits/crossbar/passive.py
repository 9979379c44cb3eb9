"""Arrays without transistors: what writing one cell does to the others, in programming and in every update.

Each array of a connection (the two of a pair, each slice) has lines of its own: inputs on word lines, outputs on bit
lines, a reference column among them. Cells that are programmed are written in turns, each to what a closed loop
reaches, from where they are; a chip starts from erased cells at their lower limit. Cells that take pulses get whole
ones first and then, as one flow, the parts of the others' pulses of the same update. The physics is in
`analogsim.circuits.writing`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from analogsim.cards import choice, flag, quantity
from analogsim.chip.pulse_counts import Counts, Strain
from analogsim.circuits.base import Array
from analogsim.circuits.crossbar.tiling import Tiled
from analogsim.devices.base import Cells
from analogsim.devices.dynamic import Dynamic
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError

SELECTORS = ("transistor", "none")
SCHEMES = ("half", "five-twelfths", "third")
ORDERS = ("row", "cell")


@dataclass(frozen=True, kw_only=True)
class Passive(Tiled):
    """How the cells of a circuit are selected when they are written.

    Parameters
    ----------
    selector : {"transistor", "none"}
        What keeps a write pulse from the other cells of its lines: a transistor in each cell, or nothing.
    write_scheme : {"half", "five-twelfths", "third"}, optional
        Voltages of the other lines where there is no selector; V/2 if neither this nor `write_share` is given.
    write_share : float, optional
        The same as a number a: the other word lines at a V, the other bit lines at (1 − a) V.
    write_order : {"row", "cell"}
        Whether all cells of a word line are written at once, or one cell after another.
    write_sweeps : int
        How often a write goes through the whole array.
    write_boost : bool
        Whether each pulse is raised by what resistive wires take of it; needs write_order = "cell".
    """

    selector: str = choice("what keeps a write pulse from other cells", SELECTORS, default="transistor")
    write_scheme: str | None = choice("voltages of the other lines, where there is no selector", SCHEMES, default=None)
    write_share: float | None = quantity(
        "a: the other word lines at a V, the other bit lines at (1 − a) V", low=0, high=0.5, default=None
    )
    write_order: str = choice("what is written at once, where there is no selector", ORDERS, default="row")
    write_sweeps: int = quantity(
        "sweeps of a write over a whole array without selector", low=1, high=1000, whole=True, default=1
    )
    write_boost: bool = flag("whether pulses are raised by what wires take of them", default=False)

    def _complete(self) -> None:
        super()._complete()
        if self.is_passive and self.write_scheme is None and self.write_share is None:
            self._follow("1", write_scheme="half")

    @property
    def is_passive(self) -> bool:
        """Whether nothing keeps a write pulse from the other cells of its lines."""
        return self.selector == "none"

    @property
    def share(self) -> float:
        """a, the share of the write voltage that half-selected cells get."""
        from analogsim.circuits.writing import share_of

        if self.write_share is not None:
            return self.write_share
        return share_of(self.write_scheme or "half")

    def check_selection(self, feedback: str) -> None:
        """Raise `InputError` for what cannot be combined."""
        if not self.is_passive:
            for name, off in (
                ("write_scheme", None), ("write_share", None), ("write_order", "row"), ("write_sweeps", 1),
                ("write_boost", False),
            ):  # fmt: skip
                if (value := getattr(self, name)) != off:
                    raise InputError(
                        f"circuit.{name} = {value} is for arrays without transistors: set circuit.selector=none too."
                    )
            return
        if self.write_scheme is not None and self.write_share is not None:
            raise InputError("circuit.write_scheme and circuit.write_share are both set: give the name or the number.")
        for bad, what, hint in (
            (self.access_resistance is not None, "access transistors", "leave access_resistance unset"),
            (feedback == "second-array", "a second array for the feedback", "set feedback = 'shared'"),
            (self.tile > 0, "tiles", "set tile = 0"),
            (self.write_boost and self.write_order != "cell", "boosting", "set write_order = 'cell'"),
        ):
            if bad:
                raise InputError(f"circuit.selector = 'none' is not simulated with {what} as set; {hint}.")
        from analogsim.circuits.writing import law

        law(self.device)  # refuses a device that lacks its write voltages

    def in_turns(self, present: Array | None, aimed: Array, cells: Cells) -> tuple[Array, Strain]:
        """Write the arrays of a connection, (…, output, input), in turns to what a closed loop reaches."""
        from analogsim.circuits.writing import Lines, law, write_array

        device = self.device
        free = np.isnan(cells["frozen"]) if "frozen" in cells else np.ones(aimed.shape, dtype=bool)
        start = np.where(free, device.g_min, aimed) if present is None else present
        wires = self.has_wires and isinstance(device, Dynamic)
        options = {"terminals": self.terminals("forward")["terminals"]} if wires else {}
        r_word, r_bit = self.segments if wires else (0.0, 0.0)
        lines = Lines(
            scheme=self.share, order=self.write_order, r_word=r_word, r_bit=r_bit, boost=self.write_boost, **options
        )
        found, moves = np.empty(aimed.shape), law(device)
        strain = Strain(
            np.zeros((2, *aimed.shape), np.int64), np.zeros(aimed.shape, np.int64), np.zeros(aimed.shape), 0.0, 0.0
        )
        seconds, joules, missed = 0.0, 0.0, 0
        for at in np.ndindex(aimed.shape[:-2]):
            # Word lines come first there, outputs here.
            done = write_array(
                moves, start[at].T, aimed[at].T, lines, sweeps=self.write_sweeps, free=np.ascontiguousarray(free[at].T)
            )
            found[at] = done.conductance.T
            strain.full_pulses[(slice(None), *at)] = done.full_pulses.transpose(0, 2, 1)
            strain.half_pulses[at], strain.travel[at] = done.half_pulses.T, done.travel.T
            # The arrays are written at the same time, by drivers of their own.
            seconds, joules, missed = max(seconds, done.seconds), joules + done.joules, missed + done.missed
        if np.isnan(joules):
            seconds = np.nan
        if missed and present is None:
            share, (n, m) = missed / aimed.size, aimed.shape[-2:]
            warnings.warn(
                f"{share:.0%} of the cells of an array of {n} × {m} got too little of the write "
                "voltage through its wires and stay unwritten; lower the resistance of the lines, set "
                "circuit.write_boost and write_order = 'cell', or keep transistors.",
                stacklevel=2,
            )
        travel = np.zeros_like(strain.travel) if present is None else strain.travel
        return found, Strain(strain.full_pulses, strain.half_pulses, travel, seconds, joules)

    def disturbed(
        self,
        before: Array,
        present: Array,
        rise: Counts,
        fall: Counts | None,
        cells: Cells,
        firing: tuple[Counts, Counts] | None,
    ) -> tuple[Array, Strain]:
        """Cells after the parts of the pulses that others of an update got, whose own are already counted in.

        Parameters
        ----------
        before, present : (…, output, input) arrays
            Conductances before the update and after the cells' own pulses, S.
        rise, fall : arrays of int
            Their own pulses, up and down.
        cells : mapping
        firing : pair of arrays, optional
            How often the lines of the outputs and of the inputs fired, if the pulses are an outer product; they are
            given in turns otherwise.
        """
        from analogsim.circuits.writing import half_events, serial_events

        device = self.device
        assert isinstance(device, Pulsed)
        fall = np.zeros_like(rise) if fall is None else fall
        if firing is None:
            (up, across_up), (down, across_down) = (serial_events(n, self.write_order) for n in (rise, fall))
            present = device.half_pulses(present, up, down, cells, self.share)
            if self.share < 0.5:
                present = device.half_pulses(present, across_up, across_down, cells, 2 * self.share - 1)
                up, down = up + across_up, down + across_down
        else:
            rows, columns = firing
            # The arrays of a pair take turns; one-way cells have a pass for each.
            turns = 2 if rise.ndim > 2 and not device.one_way else 1
            rows = np.pad(rows, (0, rise.shape[-2] - len(rows)))
            up, down = half_events(rows // turns, columns // turns, rise, fall)
            down = np.zeros_like(down) if device.one_way else down
            present = device.half_pulses(present, up, down, cells)
        return present, Strain(np.stack([rise, fall]), up + down, np.abs(present - before))

    def selection_words(self) -> list[str]:
        """Say how cells are selected, and what follows from it."""
        if not self.is_passive:
            return []
        name = {"half": "V/2", "five-twelfths": "5/12 V", "third": "V/3"}
        scheme = f"a = {self.write_share:g}" if self.write_share is not None else name[self.write_scheme or "half"]
        by = {"row": "row by row", "cell": "cell by cell"}[self.write_order]
        device, said = self.device, []
        sweeps = f", {self.write_sweeps} sweeps a write" if self.write_sweeps > 1 else ""
        said.append(f"passive array: no selectors, cells written {by} with {scheme}{sweeps}")
        g = device.g_min + device.span * np.linspace(0.05, 0.95, 19)
        with np.errstate(all="ignore"):
            half, across = (np.abs(device.disturb_ratios(g, share)) for share in (self.share, 2 * self.share - 1))
        if not (half.any() or across.any()):
            known = isinstance(device, Dynamic)
            said.append(
                "by its own law a half-selected cell does not move"
                if known
                else "device.half_select = 0: half-selected cells are taken not to move"
            )
            return said
        said.append(f"a half-selected cell moves by {half.min():.2g} to {half.max():.2g} of the selected one")
        if isinstance(device, Dynamic) and np.allclose(half, self.share, rtol=1e-6):
            said.append(
                "WARNING: this device is linear: line voltages change its array by a row's plus a column's share, "
                "whatever the pulses, and cannot write it; it needs transistors (selector = 'transistor')"
            )
        elif np.nanmax(across) >= 1:
            said.append(
                "WARNING: a pulse moves unselected cells further than the selected one, the other way: thresholds that "
                "differ by more than three (in V/3) destroy the array; use V/2 (write_scheme = 'half')"
            )
        elif across.any():
            said.append(
                f"unselected cells move by up to {np.nanmax(across):.2g}, the other way: V/3 diverges on N lines above "
                "1/((N − 1)(N − 3))"
            )
        return said
