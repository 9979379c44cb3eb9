"""The memristor crossbar.

A weight w is mapped to cells (`.mapping`), w_max being the layer's largest weight or ``full_scale``
times its root mean square. Cells whose current is not linear count with their conductance I(V)/V at an activity of
one. The feedback path is the reverse read of the same array (time-multiplexed), or a second array programmed
separately; in both a relative error can be added, V += asymmetry · rms(W) · ξ with ξ ~ N(0, 1) drawn once for a chip.
What lines and periphery do is in `.lines` and `.periphery`; without them V = Wᵀ for a shared array.
Biases are digital and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from analogsim.cards.quantities import FollowsName
from analogsim.chip.connections import Connection, ReadPath
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Array, child
from analogsim.circuits.crossbar import duplex
from analogsim.circuits.crossbar.electronic_noise import bandwidth
from analogsim.circuits.crossbar.programming import held_by
from analogsim.circuits.crossbar.updating import Updated
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError
from analogsim.network import Network
from analogsim.registry import register


@register.circuit("crossbar", "arrays of memory cells with their wires, amplifiers and converters")
@dataclass(frozen=True, kw_only=True)
class Crossbar(Updated):
    """A crossbar of memory cells for each layer; parameters in `Programmed`, `Reads`, `Arrays` and `NeuronCircuit`."""

    cost_assumptions: ClassVar[str] = (
        "arrays only, no amplifiers, neurons, converters, control or writes; power drawn until settled; an array that\n"
        "serves both directions in turns takes twice the settling time."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.slices * self.slice_bits > 24 and self.slices > 1:
            raise InputError(f"circuit.slices · slice_bits = {self.slices * self.slice_bits}; at most 24 bits in all.")
        if isinstance(self.device, Pulsed) and (self.slices > 1 or self.age):
            raise InputError("cells updated by pulses can neither be sliced nor aged: set slices = 1 and age = 0.")
        if isinstance(self.device, Pulsed) and self.device.one_way and self.mapping == "reference":
            raise InputError("circuit.mapping = 'reference': cells that pulses only raise need pairs; use one-sided.")
        if self.feedback == "full-duplex":
            duplex.check(self)
        self.check_lines()
        self.check_tiles()
        self.check_selection(self.feedback)
        self.check_periphery(self.mapping, self.feedback)
        if self.has_dynamics:
            self._check_dynamics("circuit.tia_bandwidth: the amplifiers' dynamics are", "leave tia_bandwidth at inf")

    def _check_dynamics(self, what: str, otherwise: str) -> None:
        for name, bad, hint in (
            ("node noise", self.total_node_noise > 0, "set node_noise = 0"),
            ("quasi-static read noise", self.read_mode == "quasi-static", "set read_mode = per-read or ou"),
            ("converters", self.dac_bits or self.adc_bits, "set dac_bits = adc_bits = 0"),
            ("tia_saturation", np.isfinite(self.tia_saturation), "leave it at inf"),
            ("full duplex", self.feedback == "full-duplex", "set feedback = shared"),
        ):
            if bad:
                raise InputError(f"{what} not simulated together with {name}; {hint}, or {otherwise}.")

    def _program(self, network: Network, seed: int) -> Chip:
        if self.is_lagging(network.sizes):
            delay = "circuit.c_word, c_bit: the lines of these layers are slow, and their delay is"
            self._check_dynamics(delay, "leave c_word and c_bit at 0")
        (driver, converter), (driver_back, converter_back) = self.ends(self.activity_unit)
        blank = Chip.draft(
            connections=[
                Connection(
                    j,
                    j + 1,
                    ReadPath(w, tiles=self.tiles(w.shape[1], "forward"), driver=driver, converter=converter),
                    ReadPath(w.T, tiles=self.tiles(len(w), "reverse"), driver=driver_back, converter=converter_back)
                    if j
                    else None,
                )
                for j, w in enumerate(network.weights)
            ],
            neurons=self.neurons(network, seed),
            nodes=self.node_levels(),
            reads=self.read_clock(self.age),
            periphery=self.rails(self.activity_unit),
            loss=network.loss,
            time_unit=self.time_unit,
            activity_unit=self.activity_unit,
            record={
                "circuit": dict(self.record),
                "device": dict(self.device.record),
                "seed": seed,
                "words": [*self.words(), *self.lag_words(network.sizes), *self.tile_words(network.sizes)],
            },
        )
        return self.rewrite(blank, network.weights, network.biases, child(seed, "programming"))

    def conductances(self, chip: Chip, j: int, read: str, *, wires: bool = True) -> Array:
        """Conductance of each cell of layer j+1: aged, with its transistor at the read voltage, and behind the wires.

        Parameters
        ----------
        chip : Chip
            Programmed by this circuit.
        j : int
            0-based layer; a reverse read has none at 0.
        read : {"forward", "reverse"}
        wires : bool
            Whether to give what its lines see, or the cell alone.
        """
        second, state = read == "reverse" and self.feedback == "second-array", chip.devices
        name = "feedback" if second else "conductance"
        held = held_by(state)[name]
        if j not in held and self.is_exact and j in state.target:
            return self.wanted(state.target[j], float(state.scale[j]))
        if j not in held:
            raise InputError(f"this chip holds no array {name!r} of layer {j + 1}: it is of another circuit.")
        now, _ = self.present(held[j], name, j, int(chip.record["seed"]), state.target[j], float(state.scale[j]))
        cells = self.cell_conductance(self.device, now, self.activity_unit, read)
        return self.effective(cells, read) if wires else cells

    def words(self) -> list[str]:
        """Say what is simulated: device, mapping, feedback path, read clock and every deviation."""
        device = self.device
        about = device.record
        source = "; ".join(about.get("cite", [])) or "nominal"
        said = [f"device {about.get('name', type(device).__name__)}: {about.get('title', '')} [{source}]"]
        said += device.words()
        mapping = "cells with a reference column" if self.mapping == "reference" else f"{self.mapping} pairs"
        if device.moves_both_ways and isinstance(self.mapping, FollowsName):
            mapping += " (as cells that pulses move both ways need)"
        path = {
            "shared": "the reverse read of the same array",
            "second-array": "a second array",
            "full-duplex": f"the same array at the same time (full duplex; new), echo trimmed to its {self.echo_trim}",
        }[self.feedback]
        said.append(f"weights as {mapping}, feedback through {path}")
        said += [f"{self.slices} slices of {self.slice_bits} bits"] if self.slices > 1 else []
        said += [f"feedback error {self.asymmetry:.1%} of rms(W)"] if self.asymmetry else []
        said += [f"weights clipped at {self.full_scale:g} rms"] if np.isfinite(self.full_scale) else []
        said += [f"used {self.age:.3g} s after programming"] if self.age else []
        said += [] if device.is_linear else [f"nonlinear cells, taken at {self.activity_unit:g} V"]
        noises = [self._noise_words(), *self._electronic_words()]
        lines = [*self.selection_words(), *self.line_words(), *self.periphery_words()]
        return [*said, *lines, *noises, *self.neuron_words()]

    def _electronic_words(self) -> list[str]:
        if not self.has_electronic_noise:
            return []
        band = bandwidth(self.read_period * self.time_unit, self.read_mode)
        factor = "" if self.electronic_noise == 1 else f"{self.electronic_noise:g} times "
        amplifiers = f"amplifiers of {self.amplifier_noise * 1e9:g} nV/√Hz"
        warm = f"resistors and cells at {self.temperature:g} K"
        return [f"electronic noise: {factor}that of {amplifiers}, {warm} in {band / 1e6:.3g} MHz"]

    def _noise_words(self) -> str:
        device = self.device
        if self.noise is not None:
            size = f"{self.noise:.2%} of each weight" if self.noise else ""
        elif not device.read_sigma(np.array([device.g_max]), self.age).any():
            size = ""
        else:
            own = device.read_noise
            size = "as the device's own" if own is None else f"{own:.2%} of each conductance"
        if not size:
            return "no read noise"
        clock = {
            "per-read": f"drawn every {self.read_period:g} τ",
            "quasi-static": "drawn once",
            "ou": f"correlated over {self.read_period:g} τ",
        }[self.read_mode]
        if (found := self.flicker(self.age)) is not None:
            slow, held = (part / sum(found[1]) for part in found[1][:2])
            clock += f" ({slow:.0%} of σ² is part of the weights over a batch, {held:.0%} stands still over a sample)"
        return f"read noise {size}, {clock}, {self.read_correlation} to the compartments"
