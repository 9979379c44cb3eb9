"""Lines of a crossbar: wires, terminals and access transistors, as they change what an array of cells conducts.

Inputs are word lines, outputs are bit lines. The cells of a pair sit in two arrays, each with wires of its own; a
layer's input is driven into the word lines of both and read at their bit lines, the feedback the other way round. Cells
that are not ohmic are replaced by the conductance I/V that they show at the read voltage, before the wires: the forward
signals are taken positive, the feedback, which has both signs, sees the mean of both polarities.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analogsim import cards
from analogsim.cards import Carded, choice, quantity
from analogsim.devices.base import Device
from analogsim.errors import InputError

Array = NDArray[np.floating]

ENDS = ("same", "opposite")
PARTIAL_SUMS = ("digital", "current")
NEGLIGIBLE = 0.01
"""Share of a neuron's time constant below which the delay of the lines is not simulated."""


@dataclass(frozen=True, kw_only=True)
class WireTable(Carded):
    """Resistance of a wire segment, one cell long, by technology node.

    Parameters
    ----------
    nodes : list of int
        Technology nodes in nm.
    crosspoint, transistor : list of float
        Ohm for a cell of 2F without and of 4F with an access transistor.
    """

    nodes: tuple[int, ...] = quantity("technology nodes, nm", above=0, whole=True, shape=(None,))
    crosspoint: tuple[float, ...] = quantity("a segment of 2F", "ohm", above=0, shape=(None,))
    transistor: tuple[float, ...] = quantity("a segment of 4F", "ohm", above=0, shape=(None,))


@cache
def wire_table(name: str = "cmos") -> WireTable:
    """Read a card of wires."""
    return cards.resolve(WireTable, cards.read("wire", name))


@dataclass(frozen=True, kw_only=True)
class Lines(Carded):
    """Wires and terminals of every array of a circuit.

    Parameters
    ----------
    r_word, r_bit : float
        Ohm for one segment of a word line (input) and of a bit line (output), one segment a cell; ≥ 0.
    c_word, c_bit : float
        Capacitance of the same segments to ground, F; ≥ 0. `relax` sees them as one lag for each sensed line, of its
        Elmore delay (`analogsim.circuits.wires.elmore`), where a line of the chip is slower than 1 % of ``time_unit``.
    node : int, optional
        Technology node in nm whose wire sets both, for a cell of 2F, or of 4F with an access transistor.
    r_driver, r_sense : float
        Resistance in series with each driven and each sensed line, ohm.
    tile : int
        Lines of the largest array; a larger one is split evenly into tiles with wires of their own. 0 does not split.
    partial_sums : {"digital", "current"}
        How what the tiles of a sensed line return is added: digitally, each tile with amplifiers, subtractors and a
        converter of its own at that line, or as currents in front of one amplifier and one converter. What drives a
        line, its DAC and its inverter too, serves all of its tiles.
    feedback_ends : {"same", "opposite"}
        Whether the feedback is driven and sensed at the ends that the forward read uses, which is reciprocal as long as
        r_driver = r_sense, or at the others.
    access_resistance : float, optional
        Small-signal resistance of the transistor in series with each cell, ohm; nominally 5 to 15 kΩ.
    access_overdrive : float
        Its gate overdrive, V.
    """

    r_word: float = quantity("resistance of one segment of a word line", "ohm", low=0, default=0.0, ideal=0.0)
    r_bit: float = quantity("resistance of one segment of a bit line", "ohm", low=0, default=0.0, ideal=0.0)
    c_word: float = quantity("capacitance of one segment of a word line", "F", low=0, default=0.0, ideal=0.0)
    c_bit: float = quantity("capacitance of one segment of a bit line", "F", low=0, default=0.0, ideal=0.0)
    node: int | None = quantity("technology node of the wires, nm", above=0, whole=True, default=None, ideal=None)
    r_driver: float = quantity("resistance in series with each driven line", "ohm", low=0, default=0.0, ideal=0.0)
    r_sense: float = quantity("resistance in series with each sensed line", "ohm", low=0, default=0.0, ideal=0.0)
    tile: int = quantity("lines of the largest array, 0 for no limit", low=0, whole=True, default=0)
    partial_sums: str = choice("how the outputs of tiles are added", PARTIAL_SUMS, default="digital")
    feedback_ends: str = choice("ends at which the feedback is driven and sensed", ENDS, default="same")
    access_resistance: float | None = quantity(
        "small-signal resistance of the access transistor", "ohm", above=0, default=None, ideal=None
    )
    access_overdrive: float = quantity("gate overdrive of the access transistor", "V", above=0, default=1.0)

    def check_lines(self) -> None:
        """Raise `InputError` for what cannot be combined."""
        if self.node is not None and (self.r_word or self.r_bit):
            raise InputError(
                f"circuit.node = {self.node} and circuit.r_word or r_bit are both set: give the node or the ohms."
            )
        if (wanted := self.node) is not None and wanted not in wire_table().nodes:
            known = ", ".join(map(str, wire_table().nodes))
            nearest = min(wire_table().nodes, key=lambda n: abs(n - wanted))
            raise InputError(f"circuit.node = {self.node}: no such node; did you mean {nearest}? Known: {known}.")

    @property
    def segments(self) -> tuple[float, float]:
        """Ohm for one segment of a word and of a bit line."""
        if self.node is None:
            return self.r_word, self.r_bit
        table = wire_table()
        row = table.crosspoint if self.access_resistance is None else table.transistor
        return (row[table.nodes.index(self.node)],) * 2

    @property
    def has_wires(self) -> bool:
        """Whether anything resistive lies between the cells and their drivers and amplifiers."""
        return any((*self.segments, self.r_driver, self.r_sense))

    def is_reciprocal(self, device: Device) -> bool:
        """Whether the reverse read of an array of these cells is the transpose of the forward one."""
        wires = not self.has_wires or (self.feedback_ends == "same" and self.r_driver == self.r_sense)
        return wires and device.is_linear and self.access_resistance is None

    def cell_conductance(self, device: Device, conductance: Array, volt: float, read: str) -> Array:
        """I/V of each cell, with its transistor, at the read voltage; S."""
        g = conductance
        if not device.is_linear:
            g = device.current(g, volt) / volt
            if read == "reverse":
                g = (g - device.current(conductance, -volt) / volt) / 2.0
        if self.access_resistance is None:
            return g
        from analogsim.circuits.wires import AccessTransistor

        cell = AccessTransistor(self.access_resistance, self.access_overdrive)
        if read == "forward":
            return cell.cell_conductance(g, volt)
        ohmic = np.asarray(g, dtype=np.float64)
        up, _ = cell.evaluate(ohmic, np.full(g.shape, -volt), read)
        down, _ = cell.evaluate(ohmic, np.full(g.shape, volt), read)
        return (down - up) / (2.0 * volt)

    def effective(self, cells: Array, read: str) -> Array:
        """Conductance between each driven and each sensed line with the wires, for cells (…, output, input); S."""
        if not self.has_wires:
            return cells
        from analogsim.circuits.wires import effective_conductance

        found = np.empty(cells.shape)
        for index in np.ndindex(cells.shape[:-2]):
            # The solver counts word lines first, and a reverse read is (bit line, word line).
            matrix = effective_conductance(cells[index].T, *self.segments, read, **self.terminals(read))
            found[index] = matrix.T if read == "forward" else matrix
        return found

    def slowest(self, outputs: int, inputs: int) -> float:
        """Elmore delay to the far ends of the longest word and bit line of an array, without cells that load them; s.

        Cells only make lines faster: no read of the array is slower.
        """
        (word, bit), end = self.segments, max(self.r_driver, self.r_sense)
        along, down = (min(k, self.tile or k) for k in (outputs, inputs))
        return self.c_word * along * (end + word * (along + 1) / 2) + self.c_bit * down * (end + bit * (down + 1) / 2)

    def delays(self, cells: Array, read: str) -> Array:
        """Elmore delay of each sensed line, for cells (…, output, input): (…, line), s."""
        from analogsim.circuits.wires import line_delays

        arrays = cells.reshape(-1, *cells.shape[-2:])
        options = self.terminals(read)
        found = [line_delays(g.T, *self.segments, self.c_word, self.c_bit, read, **options) for g in arrays]
        return np.reshape(found, (*cells.shape[:-2], -1))

    def power(self, cells: Array, volts: Array, read: str) -> Array:
        """Power that the drivers of all arrays supply at the voltages (sample, driven line); W for each sample."""
        arrays = cells.reshape(-1, *cells.shape[-2:])
        if not self.has_wires:
            return volts**2 @ arrays.sum(axis=(0, 1) if read == "forward" else (0, 2))
        from analogsim.circuits.wires import solve

        options = self.terminals(read)
        return np.sum([solve(g.T, volts, *self.segments, read, **options).supplied for g in arrays], axis=0)

    def terminals(self, read: str) -> dict[str, Any]:
        from analogsim.circuits.wires import Terminals

        ends = ("right", "top") if read == "reverse" and self.feedback_ends == "opposite" else ("left", "bottom")
        return {"terminals": Terminals(*ends, self.r_driver, self.r_sense), "tile": self.tile or None}

    def line_words(self) -> list[str]:
        """Say what lies between cells and periphery."""
        word, bit = self.segments
        said = []
        if self.has_wires:
            origin = f" ({self.node} nm)" if self.node is not None else ""
            tiles = f", in tiles of {self.tile}" if self.tile else ""
            said.append(f"exact wires, {word:g} Ω a segment on word and {bit:g} Ω on bit lines{origin}{tiles}")
            said.append(
                f"drivers {self.r_driver:g} Ω, sense {self.r_sense:g} Ω, feedback at the {self.feedback_ends} ends"
            )
        if self.access_resistance is not None:
            volt = self.access_overdrive
            said.append(f"access transistors of {self.access_resistance:g} Ω at {volt:g} V overdrive, linearised")
        return said
