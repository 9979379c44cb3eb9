"""The memristor crossbar with differential pairs.

    w = (G⁺ − G⁻) w_max / (g_max − g_min),   G^± = g_min + max(±w/w_max, 0) (g_max − g_min) before programming,

w_max being the layer's largest weight or ``full_scale`` times its root mean square. The feedback path is the transposed
read of the same array, V = Wᵀ, or a second array programmed separately; in both a relative error can be added,
V += asymmetry · rms(W) · ξ with ξ ~ N(0, 1) drawn once for a chip. Biases are digital and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analogsim.cards import choice, quantity
from analogsim.circuits.base import Array, Deltas, checked_deltas, child
from analogsim.circuits.chip import CORRELATIONS, READ_MODES, Chip
from analogsim.circuits.neurons import NeuronCircuit
from analogsim.devices.base import Device
from analogsim.errors import InputError
from analogsim.network import Network

FEEDBACK = ("shared", "second-array")


@dataclass(frozen=True, kw_only=True)
class Crossbar(NeuronCircuit):
    """A crossbar of differential pairs for each layer.

    Parameters
    ----------
    device : Device
        The cells.
    feedback : {"shared", "second-array"}
        Whether V is the transposed read of the forward array or an array of its own.
    asymmetry : float
        Standard deviation of V − Wᵀ in units of rms(W), on top of what the devices do.
    full_scale : float
        Weight at g_max in units of the layer's rms weight; larger weights are clipped. Never more than the largest
        weight, so ``inf`` clips nothing. The scale follows the weights at every update (a programmable gain).
    age : float
        Seconds between programming and use.
    noise : float, optional
        Relative standard deviation of each weight at each read, in place of the device's read noise.
    read_mode, read_period, read_correlation
        The read clock; see `Chip`.
    """

    device: Device
    feedback: str = choice("path of the feedback", FEEDBACK, default="shared")
    asymmetry: float = quantity("standard deviation of V − Wᵀ in units of rms(W)", low=0)
    full_scale: float = quantity("weight at g_max in units of the layer's rms weight", above=0)
    age: float = quantity("time between programming and use", "s", low=0)
    noise: float | None = quantity("relative standard deviation of each weight at each read", low=0, default=None)
    read_mode: str = choice("how long a draw of the read noise holds", READ_MODES, default="per-read")
    read_period: float = quantity("period (or correlation time) of the read noise, in time constants", above=0)
    read_correlation: str = choice("draw of the two compartments", CORRELATIONS, default="common")

    def _program(self, network: Network, seed: int) -> Chip:
        nominal: dict[str, Any] = {
            **{name: getattr(network, name) for name in ("activation", "loss", "output_activation")},
            **{name: getattr(self, name) for name in ("read_mode", "read_period", "read_correlation")},
            **self.draw_neurons(network.sizes, seed),
        }
        arrays = self._write(network.weights, network.biases, seed, child(seed, "programming"))
        about: dict[str, Any] = {"circuit": dict(self.record), "device": dict(self.device.record)}
        return Chip(**nominal, **arrays, record={**about, "seed": seed, "words": self.words()})

    def update(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Add the deltas to the target weights and program every cell anew, with fresh programming noise.

        The neurons, the stuck cells and the pattern of the feedback error stay those of the chip.
        """
        if "target.0" not in chip.devices or "seed" not in chip.record:
            raise InputError("update: this chip was not programmed by a crossbar.")
        weights = [chip.devices[f"target.{j}"] + dw for j, (dw, _) in enumerate(checked_deltas(chip, deltas))]
        biases = tuple(b + db for b, (_, db) in zip(chip.biases, deltas, strict=True))
        return chip.replace(**self._write(weights, biases, int(chip.record["seed"]), rng))

    def _write(self, weights: Any, biases: Any, seed: int, rng: np.random.Generator) -> dict[str, Any]:
        """Program all arrays; returns the fields of the chip that depend on the weights."""
        state: dict[str, Array] = {}
        forward: list[Array] = []
        forward_noise: list[Array | None] = []
        feedback: list[Array | None] = []
        feedback_noise: list[Array | None] = []
        for j, target in enumerate(weights):
            realised, sigma, cells = self._array(target, seed, f"forward.{j}", rng)
            state |= {f"target.{j}": target, f"conductance.{j}": cells}
            forward.append(realised)
            forward_noise.append(sigma)
            if j == 0:
                feedback.append(None)
                feedback_noise.append(None)
                continue
            back, back_sigma = realised, sigma
            if self.feedback == "second-array":
                back, back_sigma, state[f"feedback_conductance.{j}"] = self._array(target, seed, f"feedback.{j}", rng)
            back = back.T.copy()
            if self.asymmetry:
                error = child(seed, "asymmetry", j).standard_normal(back.shape)
                back += self.asymmetry * np.sqrt(np.mean(target**2)) * error
            feedback.append(back)
            feedback_noise.append(None if back_sigma is None else back_sigma.T.copy())
        return {
            **{"forward": tuple(forward), "feedback": tuple(feedback), "biases": tuple(biases)},
            **{"forward_noise": tuple(forward_noise), "feedback_noise": tuple(feedback_noise)},
            "devices": {**state, "age": np.asarray(self.age)},
        }

    def _array(
        self, target: Array, seed: int, name: str, rng: np.random.Generator
    ) -> tuple[Array, Array | None, Array]:
        """Program one array; returns realised weights, their read noise, and conductances (2, n_out, n_in)."""
        device = self.device
        span = device.g_max - device.g_min
        largest = np.abs(target).max()
        w_max = min(largest, self.full_scale * np.sqrt(np.mean(target**2))) or 1.0
        wanted = np.empty((2, *target.shape))
        np.multiply(target, span / w_max, out=wanted[0])
        np.negative(wanted[0], out=wanted[1])
        np.clip(wanted, 0.0, span, out=wanted)
        wanted += device.g_min
        programmed = device.program(wanted, rng)
        if device.p_stuck_lrs or device.p_stuck_hrs:
            programmed = device.stick(programmed, device.faults(programmed.shape, child(seed, "faults", name)))
        cells = device.age(programmed, self.age, child(seed, "drift", name)) if self.age else programmed
        scale = w_max / span
        realised = (cells[0] - cells[1]) * scale
        return realised, self._read_sigma(realised, cells, programmed, scale), cells

    def _read_sigma(self, realised: Array, cells: Array, programmed: Array, scale: float) -> Array | None:
        if self.noise is not None:
            return self.noise * np.abs(realised) if self.noise else None
        sigma = self.device.read_sigma(cells, self.age, programmed)
        return np.sqrt(sigma[0] ** 2 + sigma[1] ** 2) * scale if sigma.any() else None

    def words(self) -> list[str]:
        """Say what is simulated: device, mapping, feedback path, read clock and every deviation."""
        device = self.device
        about = device.record
        source = "; ".join(about.get("cite", [])) or "nominal"
        said = [f"device {about.get('name', type(device).__name__)}: {about.get('title', '')} [{source}]"]
        said += device.words()
        path = "transposed read of the same array" if self.feedback == "shared" else "a second array"
        said.append(f"differential pairs, feedback through {path}")
        said += [f"feedback error {self.asymmetry:.1%} of rms(W)"] if self.asymmetry else []
        said += [f"weights clipped at {self.full_scale:g} rms"] if np.isfinite(self.full_scale) else []
        said += [f"used {self.age:.3g} s after programming"] if self.age else []
        own = "the device's own" if device.read_noise is None else f"{device.read_noise:.2%} of each conductance"
        if (self.noise is None and device.read_sigma(np.array([device.g_max])).any()) or self.noise:
            size = own if self.noise is None else f"{self.noise:.2%} of each weight"
            clock = {"per-read": "every", "quasi-static": "once", "ou": "OU process of"}[self.read_mode]
            period = "" if self.read_mode == "quasi-static" else f" {self.read_period:g} τ"
            said.append(f"read noise {size}, drawn {clock}{period}, {self.read_correlation} to the compartments")
        else:
            said.append("no read noise")
        return said + self.neuron_words()
