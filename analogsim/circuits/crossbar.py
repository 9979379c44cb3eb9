"""The memristor crossbar.

A weight w is mapped to cells (`analogsim.circuits.mapping`), w_max being the layer's largest weight or ``full_scale``
times its root mean square. Cells whose current is not linear count with their conductance I(V)/V at an activity of
one. The feedback path is the transposed read of the same array, V = Wᵀ, or a second array programmed separately; in
both a relative error can be added, V += asymmetry · rms(W) · ξ with ξ ~ N(0, 1) drawn once for a chip. Biases are
digital and exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analogsim.cards import choice, quantity
from analogsim.circuits.base import Array, Deltas, checked_deltas, child
from analogsim.circuits.chip import CORRELATIONS, READ_MODES, Chip
from analogsim.circuits.mapping import MAPPINGS, relative_sigma, relative_weights, shares, slice_weights, sliced
from analogsim.circuits.neurons import NeuronCircuit
from analogsim.devices.base import Cells, Device
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError
from analogsim.network import Network

FEEDBACK = ("shared", "second-array")

Cause = Callable[[str, int, Cells], Array]
"""What gives the cells of an array, by its name and layer, their conductances."""


@dataclass(frozen=True, kw_only=True)
class Crossbar(NeuronCircuit):
    """A crossbar of memory cells for each layer.

    Parameters
    ----------
    device : Device
        The cells.
    mapping : {"one-sided", "differential", "reference"}
        How a weight becomes cells.
    slices, slice_bits : int
        Cells for one share, each with so many bits; one slice is analog.
    feedback : {"shared", "second-array"}
        Whether V is the transposed read of the forward array or an array of its own.
    asymmetry : float
        Standard deviation of V − Wᵀ in units of rms(W), on top of what the devices do.
    full_scale : float
        Weight at g_max in units of the layer's rms weight; larger weights are clipped. Never more than the largest
        weight, so ``inf`` clips nothing. The scale follows the weights at every update (a programmable gain), except
        where the cells are updated by pulses.
    age : float
        Seconds between programming and use.
    noise : float, optional
        Relative standard deviation of each weight at each read, in place of the device's read noise.
    read_mode, read_period, read_correlation
        The read clock; see `Chip`.
    """

    device: Device
    mapping: str = choice("how a weight becomes cells", MAPPINGS, default="one-sided")
    slices: int = quantity("cells that share the bits of one", low=1, high=8, whole=True, default=1)
    slice_bits: int = quantity("bits of a slice, where there are several", low=1, high=8, whole=True, default=2)
    feedback: str = choice("path of the feedback", FEEDBACK, default="shared")
    asymmetry: float = quantity("standard deviation of V − Wᵀ in units of rms(W)", low=0)
    full_scale: float = quantity("weight at g_max in units of the layer's rms weight", above=0)
    age: float = quantity("time between programming and use", "s", low=0)
    noise: float | None = quantity("relative standard deviation of each weight at each read", low=0, default=None)
    read_mode: str = choice("how long a draw of the read noise holds", READ_MODES, default="per-read")
    read_period: float = quantity("period (or correlation time) of the read noise, in time constants", above=0)
    read_correlation: str = choice("draw of the two compartments", CORRELATIONS, default="common")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.slices * self.slice_bits > 24 and self.slices > 1:
            raise InputError(f"circuit.slices · slice_bits = {self.slices * self.slice_bits}; at most 24 bits in all.")
        if isinstance(self.device, Pulsed) and (self.slices > 1 or self.age):
            raise InputError("cells updated by pulses can neither be sliced nor aged: set slices = 1 and age = 0.")

    def _program(self, network: Network, seed: int) -> Chip:
        nominal: dict[str, Any] = {
            **{name: getattr(network, name) for name in ("activation", "loss", "output_activation")},
            **{name: getattr(self, name) for name in ("read_mode", "read_period", "read_correlation")},
            **self.draw_neurons(network.sizes, seed),
        }
        arrays = self._rewrite(network.weights, network.biases, seed, child(seed, "programming"))
        about: dict[str, Any] = {"circuit": dict(self.record), "device": dict(self.device.record)}
        return Chip(**nominal, **arrays, record={**about, "seed": seed, "words": self.words()})

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
            return chip.replace(**self._pulse(self.device, chip.devices, deltas, biases, seed, rng))
        weights = [chip.devices[f"target.{j}"] + dw for j, (dw, _) in enumerate(deltas)]
        return chip.replace(**self._rewrite(weights, biases, seed, rng))

    def _rewrite(self, weights: Any, biases: Any, seed: int, rng: np.random.Generator) -> dict[str, Any]:
        """Program every cell for target weights."""
        scales = [_scale(target, self.full_scale) for target in weights]

        def written(name: str, j: int, cells: Cells) -> Array:
            wanted = shares(np.clip(weights[j] / scales[j], -1.0, 1.0), self.mapping)
            if self.slices > 1:
                wanted = sliced(wanted, self.slices, self.slice_bits)
            wanted *= self.device.span
            wanted += self.device.g_min
            return self.device.program(wanted, rng, cells)

        return self._realise(written, weights, scales, biases, seed, rng)

    def _pulse(
        self, device: Pulsed, before: Mapping[str, Array], deltas: Deltas, biases: Any, seed: int, rng: Any
    ) -> dict[str, Any]:
        """Move every cell by pulses; both cells of a pair take half of the change."""
        scales = [float(before[f"scale.{j}"]) for j in range(len(deltas))]
        targets = [before[f"target.{j}"] + dw for j, (dw, _) in enumerate(deltas)]

        def moved(name: str, j: int, cells: Cells) -> Array:
            half = deltas[j][0] / scales[j] * device.span / 2.0
            still = np.zeros((1, half.shape[1]))
            change = np.vstack([half, still]) if self.mapping == "reference" else np.stack([half, -half])
            present = device.leak(before[f"{name}.{j}"])
            return device.pulse(present, device.pulses_for(change, rng), rng, cells)

        return self._realise(moved, targets, scales, biases, seed, rng)

    def _realise(
        self, cause: Cause, targets: Any, scales: Any, biases: Any, seed: int, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Make the fields of the chip that depend on the weights."""
        state: dict[str, Array] = {"age": np.asarray(self.age)}
        forward: list[Array] = []
        forward_noise: list[Array | None] = []
        feedback: list[Array | None] = [None]
        feedback_noise: list[Array | None] = [None]
        for j, (target, scale) in enumerate(zip(targets, scales, strict=True)):
            state |= {f"target.{j}": target, f"scale.{j}": np.asarray(scale)}
            weights, sigma = self._read("conductance", j, cause, target.shape, scale, seed, rng, state)
            forward.append(weights)
            forward_noise.append(sigma)
            if j == 0:
                continue
            if self.feedback == "second-array":
                weights, sigma = self._read("feedback", j, cause, target.shape, scale, seed, rng, state)
            back = weights.T.copy()
            if self.asymmetry:
                error = child(seed, "asymmetry", j).standard_normal(back.shape)
                back += self.asymmetry * np.sqrt(np.mean(forward[-1] ** 2)) * error
            feedback.append(back)
            feedback_noise.append(None if sigma is None else sigma.T.copy())
        return {
            **{"forward": tuple(forward), "feedback": tuple(feedback), "biases": tuple(biases)},
            **{"forward_noise": tuple(forward_noise), "feedback_noise": tuple(feedback_noise), "devices": state},
        }

    def _read(
        self,
        name: str,
        j: int,
        cause: Cause,
        shape: tuple[int, ...],
        scale: float,
        seed: int,
        rng: np.random.Generator,
        state: dict[str, Array],
    ) -> tuple[Array, Array | None]:
        """Realised weights of one array and their read noise; its conductances are added to the state."""
        device = self.device
        cells = device.cells(self._cells_shape(shape), child(seed, "cells", name, j))
        programmed = cause(name, j, cells)
        state[f"{name}.{j}"] = programmed
        now = device.age(programmed, self.age, child(seed, "drift", name, j)) if self.age else programmed
        if isinstance(device, Pulsed):
            now = device.seen(now, rng)
        sigma = None if self.noise is not None else device.read_sigma(now, self.age, programmed)
        if not device.is_linear:
            now = device.current(now, self.activity_unit) / self.activity_unit
        share = (now - device.g_min) / device.span
        if self.slices > 1:
            parts = slice_weights(self.slices, self.slice_bits)
            share = np.tensordot(parts, share, axes=1)
            sigma = None if sigma is None else np.sqrt(np.tensordot(parts**2, sigma**2, axes=1))
        weights = scale * relative_weights(share, self.mapping)
        if self.noise is not None:
            return weights, self.noise * np.abs(weights) if self.noise else None
        if sigma is None or not sigma.any():
            return weights, None
        return weights, scale * relative_sigma(sigma / device.span, self.mapping)

    def _cells_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        n, m = shape
        cells = (n + 1, m) if self.mapping == "reference" else (2, n, m)
        return (self.slices, *cells) if self.slices > 1 else cells

    def words(self) -> list[str]:
        """Say what is simulated: device, mapping, feedback path, read clock and every deviation."""
        device = self.device
        about = device.record
        source = "; ".join(about.get("cite", [])) or "nominal"
        said = [f"device {about.get('name', type(device).__name__)}: {about.get('title', '')} [{source}]"]
        said += device.words()
        mapping = "cells with a reference column" if self.mapping == "reference" else f"{self.mapping} pairs"
        path = "the transposed read of the same array" if self.feedback == "shared" else "a second array"
        said.append(f"weights as {mapping}, feedback through {path}")
        said += [f"{self.slices} slices of {self.slice_bits} bits"] if self.slices > 1 else []
        said += [f"feedback error {self.asymmetry:.1%} of rms(W)"] if self.asymmetry else []
        said += [f"weights clipped at {self.full_scale:g} rms"] if np.isfinite(self.full_scale) else []
        said += [f"used {self.age:.3g} s after programming"] if self.age else []
        said += [] if device.is_linear else [f"nonlinear cells, taken at {self.activity_unit:g} V"]
        return [*said, self._noise_words(), *self.neuron_words()]

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


def _scale(target: Array, full_scale: float) -> float:
    """w_max of a layer; 1 where every weight is zero."""
    largest = float(np.abs(target).max())
    limit = full_scale * float(np.sqrt(np.mean(target**2))) if np.isfinite(full_scale) else largest
    return min(largest, limit) or 1.0
