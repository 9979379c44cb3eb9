"""Mismatch of the neurons: how far each one's two compartments are from what was drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.constants import Boltzmann

from analogsim.cards import quantity
from analogsim.circuits.base import Circuit, child
from analogsim.settings.noises import COLOURED, NODE_NOISES, NodeNoise


@dataclass(frozen=True, kw_only=True)
class NeuronCircuit(Circuit):
    """A circuit whose neurons are real: two leaky integrators with mirrors, dividers and amplifiers.

    Every compartment of every neuron draws its own deviation: τ from a log-normal of median 1, the rest from normals.

    Parameters
    ----------
    tau_spread : float
        Standard deviation of ln τ.
    gain_mismatch, mirror_mismatch, nudge_mismatch : float
        Relative standard deviations of the gain for all array currents, of the mirror that brings the feedback in, and
        of the nudge of the output neurons.
    offset_spread : float
        Standard deviation of the offset, in units of the activity.
    divider_mismatch : float
        Standard deviation of the ratio that mixes a neuron's compartments into its forward signal.
    node_noise : float
        Stationary standard deviation from white noise at each node, in units of the activity.
    ou_noise, flicker_noise, telegraph_noise : float
        Standard deviations of noise with a memory, added to what each compartment leaks towards, in activities.
    ou_time, flicker_low, flicker_high, telegraph_low, telegraph_high : float
        Its correlation time, band (frequencies) and mean dwell times, in units of ``time_unit``.
    node_capacitance, temperature : float
        Capacitance of a node, F, whose thermal noise √(kT/C) adds to it in quadrature, if it is given, and K.
    """

    tau_spread: float = quantity("standard deviation of ln τ over the compartments", low=0, high=2, ideal=0.0)
    gain_mismatch: float = quantity("relative standard deviation of each compartment's gain", low=0, ideal=0.0)
    offset_spread: float = quantity("standard deviation of each compartment's offset, in activities", low=0, ideal=0.0)
    divider_mismatch: float = quantity("standard deviation of the ratio mixing the compartments", low=0, ideal=0.0)
    mirror_mismatch: float = quantity(
        "relative standard deviation of each compartment's feedback mirror", low=0, ideal=0.0
    )
    nudge_mismatch: float = quantity("relative standard deviation of each output compartment's nudge", low=0, ideal=0.0)
    node_noise: float = quantity(
        "stationary standard deviation of white noise at each node, in activities", low=0, ideal=0.0
    )

    ou_noise: float = quantity(
        "standard deviation of Ornstein-Uhlenbeck noise, in activities", low=0, default=0.0, ideal=0.0
    )
    ou_time: float = quantity("its correlation time, in time units", above=0, default=1.0)
    flicker_noise: float = quantity(
        "standard deviation of 1/f noise in its band, in activities", low=0, default=0.0, ideal=0.0
    )
    flicker_low: float = quantity("lowest frequency of the 1/f noise, in 1/time unit", above=0, default=0.01)
    flicker_high: float = quantity("highest frequency of the 1/f noise, in 1/time unit", above=0, default=1.0)
    telegraph_noise: float = quantity(
        "standard deviation of random telegraph noise, in activities", low=0, default=0.0, ideal=0.0
    )
    telegraph_low: float = quantity("mean dwell time of its low level, in time units", above=0, default=1.0)
    telegraph_high: float = quantity("mean dwell time of its high level, in time units", above=0, default=1.0)

    node_capacitance: float | None = quantity(
        "capacitance of a node, for its kT/C noise", "F", above=0, default=None, ideal=None
    )
    temperature: float = quantity("temperature of the neurons", "K", above=0, default=300.0)

    @property
    def total_node_noise(self) -> float:
        """Standard deviation of a node with its kT/C noise, in units of the activity."""
        if self.node_capacitance is None:
            return self.node_noise
        return float(
            np.hypot(self.node_noise, thermal_voltage(self.node_capacitance, self.temperature) / self.activity_unit)
        )

    def draw_neurons(self, sizes: tuple[int, ...], seed: int) -> dict[str, Any]:
        """Draw τ, gain, offset, divider, mirror and nudge of a chip whose layers have `sizes`, the input first."""

        def normal(name: str, spread: float, j: int) -> np.ndarray:
            shape = (2, sizes[j + 1])
            return spread * child(seed, name, j).standard_normal(shape) if spread else np.zeros(shape)

        layers = range(len(sizes) - 1)
        return {
            "tau": tuple(np.exp(normal("tau", self.tau_spread, j)) for j in layers),
            "gain": tuple(1.0 + normal("gain", self.gain_mismatch, j) for j in layers),
            "offset": tuple(normal("offset", self.offset_spread, j) for j in layers),
            "divider": tuple(normal("divider", self.divider_mismatch, j) for j in layers),
            "mirror": tuple(normal("mirror", self.mirror_mismatch, j) for j in layers),
            "nudge": normal("nudge", self.nudge_mismatch, layers[-1]),
            "node_noise": self.total_node_noise,
            **{kind.field: getattr(self, kind.field) for kind in COLOURED},
            **{kind.parameter: self._parameter(kind) for kind in COLOURED},
            "time_unit": self.time_unit,
            "activity_unit": self.activity_unit,
        }

    def _parameter(self, kind: NodeNoise) -> Any:
        """How noise of a kind changes in time: one number, or several."""
        values = tuple(getattr(self, name) for name in kind.parts)
        return values if len(values) > 1 else values[0]

    def neuron_words(self) -> list[str]:
        """Say which deviations are switched on."""
        said = [f"τ = {self.time_unit:.3g} s" + (f" ± {self.tau_spread:.1%}" if self.tau_spread else "")]
        for what, spread in (
            ("gain", self.gain_mismatch),
            ("divider", self.divider_mismatch),
            ("feedback mirror", self.mirror_mismatch),
            ("nudge", self.nudge_mismatch),
        ):
            said += [f"{what} mismatch {spread:.2%}"] if spread else []
        said += [f"offset σ {self.offset_spread:g}"] if self.offset_spread else []
        for kind in NODE_NOISES:
            sigma = getattr(self, kind.field) if kind.parameter else self.total_node_noise
            said += [f"{kind.words.format(**vars(self))} σ {sigma:.3g}"] if sigma else []
        return said


def thermal_voltage(capacitance: float, temperature: float = 300.0) -> float:
    """Return √(kT/C), the thermal noise of a capacitor's voltage, V; it does not depend on the resistance."""
    return float(np.sqrt(Boltzmann * temperature / capacitance))
