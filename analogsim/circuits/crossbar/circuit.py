"""The memristor crossbar.

A weight w is mapped to cells (`.mapping`), w_max being the layer's largest weight or ``full_scale``
times its root mean square. Cells whose current is not linear count with their conductance I(V)/V at an activity of
one. The feedback path is the reverse read of the same array (time-multiplexed), or a second array programmed
separately; in both a relative error can be added, V += asymmetry · rms(W) · ξ with ξ ~ N(0, 1) drawn once for a chip.
What lines and periphery do is in `.lines` and `.periphery`; without them V = Wᵀ for a shared array.
Biases are digital and exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from analogsim.cards import choice, quantity
from analogsim.chip.amplifiers import TIA
from analogsim.chip.whole import CORRELATIONS, READ_MODES, Chip
from analogsim.circuits.base import Array, Deltas, checked_deltas, child
from analogsim.circuits.crossbar import duplex
from analogsim.circuits.crossbar.cell_arrays import Arrays, Read
from analogsim.circuits.crossbar.mapping import shares, sliced
from analogsim.circuits.neurons import NeuronCircuit
from analogsim.devices.base import Cells
from analogsim.devices.ideal import Ideal
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError
from analogsim.network import Network

FEEDBACK = ("shared", "second-array", "full-duplex")

Counts = Sequence[NDArray[np.int64]]
Cause = Callable[[str, int, Cells], Array]
"""What gives the cells of an array, by its name and layer, their conductances."""


@dataclass(frozen=True, kw_only=True)
class Crossbar(Arrays, NeuronCircuit):
    """A crossbar of memory cells for each layer; further parameters in `Arrays` and `NeuronCircuit`.

    Parameters
    ----------
    feedback : {"shared", "second-array"}
        Whether V is the reverse read of the forward array, in turns with the forward read, or an array of its own that
        is read at the same time, or the forward array driven at both ends at once (`.duplex`).
    echo_trim : {"nominal", "mean"}
        What the conductor that cancels the echo of full duplex is: what perfect cells would need, or trimmed to the
        mean of all the lines on that side of the array.
    asymmetry : float
        Standard deviation of V − Wᵀ in units of rms(W), on top of what the devices do.
    full_scale : float
        Weight at g_max in units of the layer's rms weight; larger weights are clipped. Never more than the largest
        weight, so ``inf`` clips nothing. The scale follows the weights at every update (a programmable gain), except
        where the cells are updated by pulses.
    headroom : float
        Weight at g_max over the largest weight: room to grow for cells whose scale stays.
    age : float
        Seconds between programming and use.
    read_mode, read_period, read_correlation
        The read clock; see `Chip`.
    """

    cost_assumptions: ClassVar[str] = (
        "arrays only, no amplifiers, neurons, converters, control or writes; power drawn until settled; an array that\n"
        "serves both directions in turns takes twice the settling time."
    )

    feedback: str = choice("path of the feedback", FEEDBACK, default="shared")
    echo_trim: str = choice("what cancels the echo of full duplex", duplex.TRIMS, default="mean")
    asymmetry: float = quantity("standard deviation of V − Wᵀ in units of rms(W)", low=0, ideal=0.0)
    full_scale: float = quantity(
        "weight at g_max in units of the layer's rms weight", above=0, infinite=True, ideal=np.inf
    )
    headroom: float = quantity("weight at g_max over the layer's largest weight", low=1, default=1.0)
    age: float = quantity("time between programming and use", "s", low=0, ideal=0.0)
    read_mode: str = choice("how long a draw of the read noise holds", READ_MODES, default="per-read")
    read_period: float = quantity("period (or correlation time) of the read noise, in time constants", above=0)
    read_correlation: str = choice("draw of the two compartments", CORRELATIONS, default="common")

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
        self.check_periphery(self.mapping, self.feedback)
        if self.has_dynamics:
            for name, bad, hint in (
                ("node noise", self.total_node_noise > 0, "set node_noise = 0"),
                ("quasi-static read noise", self.read_mode == "quasi-static", "set read_mode = per-read or ou"),
            ):
                if bad:
                    raise InputError(
                        f"circuit.tia_bandwidth: the amplifiers' dynamics are not simulated together with {name}; "
                        f"{hint}, or leave tia_bandwidth at inf."
                    )

    def _program(self, network: Network, seed: int) -> Chip:
        nominal: dict[str, Any] = {
            **{name: getattr(network, name) for name in ("activation", "loss", "output_activation")},
            **{name: getattr(self, name) for name in ("read_mode", "read_period", "read_correlation")},
            **self.draw_neurons(network.sizes, seed),
            **self.converter_fields(network.layers, self.activity_unit),
        }
        arrays = self._rewrite(network.weights, network.biases, seed, child(seed, "programming"))
        about: dict[str, Any] = {"circuit": dict(self.record), "device": dict(self.device.record)}
        return Chip(**{**nominal, **arrays}, record={**about, "seed": seed, "words": self.words()})

    def update(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Change the weights through the devices.

        Ordinary cells are all programmed anew towards the target weights plus the deltas, with fresh programming
        noise. Cells of the update families get whole pulses, the number rounded at random, from where they are.
        The neurons, the stuck cells and the pattern of the feedback error stay those of the chip.
        """
        if "target.0" not in chip.devices or "seed" not in chip.record:
            raise InputError("update: this chip was not programmed by a crossbar.")
        seed = int(chip.record["seed"])
        biases = tuple(b + db for b, (_, db) in zip(chip.biases, checked_deltas(chip, deltas), strict=True))
        if isinstance(self.device, Pulsed):
            counts = [
                np.floor(dw / self.granularity(chip, j) + rng.random(dw.shape)).astype(np.int64)
                for j, (dw, _) in enumerate(deltas)
            ]
            return self.pulse(
                chip, [np.maximum(c, 0) for c in counts], [np.maximum(-c, 0) for c in counts], biases, rng
            )
        weights = [chip.devices[f"target.{j}"] + dw for j, (dw, _) in enumerate(deltas)]
        if self.is_exact:
            return chip.rewritten(**self._exact(weights, biases, seed))
        return chip.replace(**self._rewrite(weights, biases, seed, rng))

    @property
    def is_exact(self) -> bool:
        """Whether the arrays hold any weights as they are wanted, so that cells need not be looked at."""
        plain = type(self.device) is Ideal and not (self.device.levels or self.device.d2d or self.device.faults)
        quiet = self.noise is not None or not self.device.read_noise
        return (
            plain
            and quiet
            and self.is_plain
            and not self.has_wires
            and self.access_resistance is None
            and (self.slices == 1 and self.full_scale == np.inf)
            and self.feedback != "full-duplex"
        )

    def _exact(self, weights: Any, biases: Any, seed: int) -> dict[str, Any]:
        """What `_rewrite` comes to for exact cells; their conductances are left out, `conductances` works them out."""
        state: dict[str, Array] = {"age": np.asarray(self.age)}
        feedback: list[Array | None] = [None]
        for j, target in enumerate(weights):
            state |= {f"target.{j}": target, f"scale.{j}": np.asarray(self.headroom * _scale(target, self.full_scale))}
            if j and self.asymmetry:
                feedback.append(target.T + self._error(seed, j, target.T.shape, target).astype(target.dtype))
            elif j:
                feedback.append(target.T.copy())
        fields: dict[str, Any] = {"forward": tuple(weights), "feedback": tuple(feedback), "biases": tuple(biases)}
        if self.noise:
            for name in ("forward", "feedback"):
                fields[f"{name}_noise"] = tuple(None if w is None else self.noise * np.abs(w) for w in fields[name])
        return {**fields, "devices": state}

    def _error(self, seed: int, j: int, shape: tuple[int, ...], weights: Array) -> Array:
        """The feedback error of layer j+1: its pattern is fixed, its size follows the weights."""
        return self.asymmetry * np.sqrt(np.mean(weights**2)) * _pattern(seed, j, shape)

    def _rewrite(
        self, weights: Any, biases: Any, seed: int, rng: np.random.Generator, scales: list[float] | None = None
    ) -> dict[str, Any]:
        """Program every cell for target weights, at scales that follow them unless they are given."""
        scales = scales or [self.headroom * _scale(target, self.full_scale) for target in weights]

        def written(name: str, j: int, cells: Cells) -> Array:
            return self._programmed(self._wanted(weights[j], scales[j]), rng, cells)

        return self._realise(written, weights, scales, biases, seed, rng)

    def _wanted(self, weights: Array, scale: float) -> Array:
        """Conductances that stand for weights, S."""
        wanted = shares(np.clip(weights / scale, -1.0, 1.0), self.mapping)
        if self.slices > 1:
            wanted = sliced(wanted, self.slices, self.slice_bits)
            if self.mapping == "reference":
                wanted[:, -1] = 0.5
        wanted *= self.device.span
        wanted += self.device.g_min
        return wanted

    def _programmed(self, wanted: Array, rng: np.random.Generator, cells: Cells) -> Array:
        """Conductances after programming; the reference column is set to its half even if that is no level."""
        device = self.device
        if self.mapping == "reference" and device.levels:
            wanted[..., :-1, :] = device.target(wanted[..., :-1, :])
            device = replace(device, levels=0)
        return device.program(wanted, rng, cells)

    def granularity(self, chip: Chip, j: int) -> float:
        """Change of a weight of layer j+1 by one pulse of a typical cell at w = 0, or by one conductance level.

        Raises
        ------
        InputError
            If the cells have neither.
        """
        device, scale = self.device, float(chip.devices[f"scale.{j}"])
        if isinstance(device, Pulsed):
            # A pulse goes to one cell of a pair; against a reference a cell's whole range counts twice.
            share = device.pulse_size() / (device.w_max - device.w_min)
            return scale * (2.0 if self.mapping == "reference" else 1.0) * share
        if device.levels:
            return scale * (1.0 if self.mapping == "one-sided" else 2.0) / (device.levels - 1)
        raise InputError("the cells have neither pulses nor levels: set device.levels, or take a device with pulses.")

    def pulse(self, chip: Chip, up: Counts, down: Counts, biases: Any, rng: Any) -> Chip:
        """Give the weights whole pulses, for cells that are updated by pulses.

        Parameters
        ----------
        chip : Chip
        up, down : sequences of (n_{j+1}, n_j) arrays of int
            Pulses for each weight, ≥ 0, in random order. Of a pair the cells take turns: the
            first in the weight's direction, the second against it; one-way cells
            take the pulses of one direction each.
        biases : sequence of arrays
            New ones.
        rng : numpy.random.Generator
        """
        device, before, seed = self.device, chip.devices, int(chip.record["seed"])
        if not isinstance(device, Pulsed):
            raise InputError(f"{type(device).__name__} cells are not updated by pulses; try --device gokmen-vlasov.")

        def moved(name: str, j: int, cells: Cells) -> Array:
            if device.one_way:
                rise = np.stack([up[j], down[j]])
                present = device.pulse(device.leak(before[f"{name}.{j}"]), rise, rng, cells)
                return device.refreshed(present, rng, cells)
            if self.mapping == "reference":
                none = np.zeros((1, up[j].shape[1]), dtype=np.int64)
                rise, fall = np.vstack([up[j], none]), np.vstack([down[j], none])
            else:
                first, second = ((n + rng.integers(0, 2, n.shape)) // 2 for n in (up[j], down[j]))
                rise = np.stack([first, down[j] - second])
                fall = np.stack([second, up[j] - first])
            return device.pulse(device.leak(before[f"{name}.{j}"]), rise, rng, cells, against=fall)

        scales = [float(before[f"scale.{j}"]) for j in range(chip.layers)]
        targets = [before[f"target.{j}"] + self.granularity(chip, j) * (up[j] - down[j]) for j in range(chip.layers)]
        return chip.replace(**self._realise(moved, targets, scales, biases, seed, rng))

    def write(self, chip: Chip, weights: Sequence[Array], biases: Any, rng: Any) -> Chip:
        """Program every cell for given weights at the chip's present scales; larger weights are clipped."""
        scales = [float(chip.devices[f"scale.{j}"]) for j in range(chip.layers)]
        return chip.replace(**self._rewrite(weights, biases, int(chip.record["seed"]), rng, scales))

    def later(self, chip: Chip, seconds: float, rng: np.random.Generator) -> Chip:
        """The chip so many seconds after its last write, with the drift of its cells."""
        weights, scales = ([chip.devices[f"{name}.{j}"] for j in range(chip.layers)] for name in ("target", "scale"))
        stale, seed = replace(self, age=self.age + seconds), int(chip.record["seed"])

        def present(name: str, j: int, cells: Cells) -> Array:
            if f"{name}.{j}" in chip.devices:
                return chip.devices[f"{name}.{j}"]
            return self._wanted(weights[j], float(scales[j]))

        return chip.replace(**stale._realise(present, weights, [float(s) for s in scales], chip.biases, seed, rng))

    def _realise(
        self, cause: Cause, targets: Any, scales: Any, biases: Any, seed: int, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Make the fields of the chip that depend on the weights."""
        state: dict[str, Array] = {"age": np.asarray(self.age)}
        reads: dict[str, list[Any]] = {"forward": [], "feedback": [None]}
        heard: dict[str, list[Any]] = {"forward_echo": [None], "feedback_echo": []}
        for j, (target, scale) in enumerate(zip(targets, scales, strict=True)):
            state |= {f"target.{j}": target, f"scale.{j}": np.asarray(scale)}
            cells, sigma = self._array("conductance", j, cause, target.shape, seed, rng, state)
            ahead = self.read(cells, sigma, scale, "forward", j, seed)
            reads["forward"].append(ahead)
            if j == 0:
                continue
            second = self.feedback == "second-array"
            if second:
                cells, sigma = self._array("feedback", j, cause, target.shape, seed, rng, state)
            if second or not (self.is_reciprocal(self.device) and self.is_plain):
                back = self.read(cells, sigma, scale, "reverse", j, seed)
            else:
                back = Read(ahead.weights.T.copy(), None if ahead.sigma is None else ahead.sigma.T.copy())
            if self.feedback == "full-duplex":
                outputs, inputs = duplex.echoes(self, cells, scale)
                heard["forward_echo"].append(outputs)
                heard["feedback_echo"].append(inputs)
            if self.asymmetry:
                back.add(self._error(seed, j, back.weights.shape, ahead.weights), self.tia_gain)
            reads["feedback"].append(back)
        fields: dict[str, Any] = {
            **{name: tuple(r and r.weights for r in found) for name, found in reads.items()},
            **{f"{name}_noise": tuple(r and r.sigma for r in found) for name, found in reads.items()},
            **{"biases": tuple(biases), "devices": state},
        }
        if self.feedback == "full-duplex":
            fields |= {"forward_echo": tuple(heard["forward_echo"]), "feedback_echo": (*heard["feedback_echo"], None)}
        if self.has_dynamics:
            amplifiers = {name: tuple(r and r.amplifiers for r in found) for name, found in reads.items()}
            bandwidth = 2 * np.pi * self.tia_bandwidth * self.time_unit
            fields["tia"] = TIA(**amplifiers, gain=self.tia_gain, bandwidth=bandwidth)
        if self.tia_offset:
            sizes = (targets[0].shape[1], *(target.shape[0] for target in targets))
            own = self.draw_neurons(sizes, seed)["offset"]
            fields["offset"] = tuple(o + r.offset for o, r in zip(own, reads["forward"], strict=True))
            fields["feedback_offset"] = (*(r.offset for r in reads["feedback"][1:]), np.zeros(sizes[-1]))
        return fields

    def _array(
        self,
        name: str,
        j: int,
        cause: Cause,
        shape: tuple[int, ...],
        seed: int,
        rng: np.random.Generator,
        state: dict[str, Array],
    ) -> tuple[Array, Array | None]:
        """Conductances of an array when it is read, and their read noise; the state keeps what was programmed."""
        device = self.device
        cells = self._cells(name, j, shape, seed)
        programmed = cause(name, j, cells)
        state[f"{name}.{j}"] = programmed
        now = self._aged(programmed, name, j, seed)
        if isinstance(device, Pulsed):
            now = device.seen(now, rng)
        return now, None if self.noise is not None else device.read_sigma(now, self.age, programmed)

    def _cells(self, name: str, j: int, shape: tuple[int, ...], seed: int) -> Cells:
        """What is fixed about the cells of an array; kept, as every update needs it."""
        kept = self.__dict__.setdefault("_drawn", {})
        key = (name, j, shape, seed)
        if key not in kept:
            if len(kept) > 64:
                kept.clear()
            kept[key] = self.device.cells(self.cells_shape(shape), child(seed, "cells", name, j))
        return kept[key]

    def _aged(self, programmed: Array, name: str, j: int, seed: int) -> Array:
        return self.device.age(programmed, self.age, child(seed, "drift", name, j)) if self.age else programmed

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
        name = "feedback" if read == "reverse" and self.feedback == "second-array" else "conductance"
        if f"{name}.{j}" not in chip.devices and self.is_exact and f"target.{j}" in chip.devices:
            return self._wanted(chip.devices[f"target.{j}"], float(chip.devices[f"scale.{j}"]))
        if f"{name}.{j}" not in chip.devices:
            raise InputError(f"this chip holds no array {name!r} of layer {j + 1}: it is of another circuit.")
        now = self._aged(chip.devices[f"{name}.{j}"], name, j, int(chip.record["seed"]))
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
        return [*said, *self.line_words(), *self.periphery_words(), self._noise_words(), *self.neuron_words()]

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
        return f"read noise {size}, {clock}, {self.read_correlation} to the compartments"


@lru_cache(maxsize=64)
def _pattern(seed: int, j: int, shape: tuple[int, ...]) -> Array:
    """The feedback error of a chip's layer in units of its standard deviation; kept, as every update needs it."""
    return child(seed, "asymmetry", j).standard_normal(shape)


def _scale(target: Array, full_scale: float) -> float:
    """w_max of a layer; 1 where every weight is zero."""
    largest = float(max(target.max(), -target.min()))
    limit = full_scale * float(np.sqrt(np.mean(target**2))) if np.isfinite(full_scale) else largest
    return min(largest, limit) or 1.0
