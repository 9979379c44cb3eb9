"""Mismatch of the neurons: how far each one's two compartments are from what was drawn.

A nonideality is declared once, as a `mismatch`: what a card may say about it, what it is drawn into, and the words for
it. One of your own is a field of a subclass, and no more:

    slow_mismatch: float = mismatch("relative spread of slow leaks", into="gain", words="slow leak {:.2%}")
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, make_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.constants import Boltzmann

from analogsim.cards import quantity
from analogsim.cards.quantities import declared
from analogsim.chip.compartments import DEVIATIONS, Neurons
from analogsim.chip.gates import Array
from analogsim.chip.noise_levels import NodeLevels
from analogsim.circuits.base import Circuit, child
from analogsim.errors import one_of
from analogsim.functions.node_noises import COLOURED, NODE_NOISES
from analogsim.network import Network

NOMINAL = {item.name: item for item in DEVIATIONS}


def mismatch(
    meaning: str, *, into: str, words: str = "", law: str = "normal", high: float = np.inf, required: bool = False
) -> float:
    """Declare a nonideality of the neurons: the standard deviation of what is drawn once for each of them.

    Parameters
    ----------
    meaning : str
        For cards, `analogsim show` and errors.
    into : str
        Field of `analogsim.chip.compartments.Neurons` that it goes into; several add up. Its shape says whether every
        compartment draws its own.
    words : str
        For the start of a run, to be formatted with the value; nothing is said without them.
    law : {"normal", "log-normal"}
        Nominal value plus a normal, or times a log-normal of median 1.
    high : float
        Greatest value allowed; the least is 0, where it does no harm.
    required : bool
        Whether every card has to say it.
    """
    item = quantity(meaning, low=0, high=high, ideal=0.0)
    one_of("into", into, NOMINAL)
    about = {**item.metadata, "into": into, "words": words, "law": law}
    found: float = field(metadata=about) if required else field(default=0.0, metadata=about)
    return found


if TYPE_CHECKING:
    NodeNoises = Circuit
else:
    NodeNoises = make_dataclass(
        "NodeNoises",
        [
            item
            for kind in COLOURED
            for item in (
                (kind.field, float, quantity(kind.meaning, low=0, default=0.0, ideal=0.0)),
                *((part.name, float, quantity(part.meaning, above=0, default=part.default)) for part in kind.parts),
            )
        ],
        bases=(Circuit,),
        namespace={
            "__doc__": "The fields of a circuit that follow from `analogsim.functions.node_noises`.",
            "__module__": __name__,
        },
        frozen=True,
        kw_only=True,
    )


@dataclass(frozen=True, kw_only=True)
class NeuronCircuit(NodeNoises):
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
        Standard deviations of noise with a memory, added to what each compartment leaks towards, in activities; all
        that `analogsim.functions.node_noises` has.
    ou_time, flicker_low, flicker_high, telegraph_low, telegraph_high : float
        Its correlation time, band (frequencies) and mean dwell times, in units of ``time_unit``.
    node_capacitance, temperature : float
        Capacitance of a node, F, whose thermal noise √(kT/C) adds to it in quadrature, if it is given, and K.
    """

    tau_spread: float = mismatch(
        "standard deviation of ln τ over the compartments", into="tau", law="log-normal", high=2, required=True
    )
    gain_mismatch: float = mismatch(
        "relative standard deviation of each compartment's gain",
        into="gain",
        words="gain mismatch {:.2%}",
        required=True,
    )
    offset_spread: float = mismatch(
        "standard deviation of each compartment's offset, in activities",
        into="offset",
        words="offset σ {:g}",
        required=True,
    )
    divider_mismatch: float = mismatch(
        "standard deviation of the ratio mixing the compartments",
        into="divider",
        words="divider mismatch {:.2%}",
        required=True,
    )
    mirror_mismatch: float = mismatch(
        "relative standard deviation of each compartment's feedback mirror",
        into="mirror",
        words="feedback mirror mismatch {:.2%}",
        required=True,
    )
    nudge_mismatch: float = mismatch(
        "relative standard deviation of each output compartment's nudge",
        into="nudge",
        words="nudge mismatch {:.2%}",
        required=True,
    )
    node_noise: float = quantity(
        "stationary standard deviation of white noise at each node, in activities", low=0, ideal=0.0
    )

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

    def neurons(self, network: Network, seed: int) -> tuple[Neurons, ...]:
        """Draw the neurons of every layer but the input, with the biases of a network."""
        found = []
        for j, bias in enumerate(network.biases):
            is_read = j == network.layers - 1
            name = network.output_activation if is_read else network.activation
            drawn = self._deviations(len(bias), j, seed, is_read=is_read)
            found.append(Neurons(bias, name, nudge=drawn.pop("nudge", None), **drawn))
        return tuple(found)

    def _deviations(self, n: int, j: int, seed: int, *, is_read: bool) -> dict[str, Array]:
        """Draw the deviations of the n neurons of layer j+1."""
        found: dict[str, Array] = {}
        for item in _mismatches(type(self)):
            into = item.metadata["into"]
            if into == "nudge" and not is_read:
                continue
            about = NOMINAL[into].metadata
            # The first one into a field is drawn by the field's name, whatever a card calls it; more have their own.
            name = f"{into}.{item.name}" if into in found else into
            spread, shape = getattr(self, item.name), (2, n) if about["compartments"] else (n,)
            drawn = spread * child(seed, name, j).standard_normal(shape) if spread else np.zeros(shape)
            before = found.get(into, about["nominal"])
            found[into] = before * np.exp(drawn) if item.metadata["law"] == "log-normal" else before + drawn
        return found

    def offsets(self, n: int, j: int, seed: int) -> Array:
        """Offsets of the n neurons of layer j+1, as they were drawn."""
        return self._deviations(n, j, seed, is_read=False)["offset"]

    def node_levels(self) -> NodeLevels:
        """Noise at the nodes."""
        coloured = {kind.field: getattr(self, kind.field) for kind in COLOURED}
        parameters = {kind.parameter: kind.joined([getattr(self, p.name) for p in kind.parts]) for kind in COLOURED}
        return NodeLevels(node_noise=self.total_node_noise, **coloured, **parameters)

    def neuron_words(self) -> list[str]:
        """Say which deviations are switched on."""
        said = [f"τ = {self.time_unit:.3g} s" + (f" ± {self.tau_spread:.1%}" if self.tau_spread else "")]
        for item in _mismatches(type(self)):
            value, words = getattr(self, item.name), item.metadata["words"]
            said += [words.format(value)] if words and value else []
        for kind in NODE_NOISES:
            sigma = getattr(self, kind.field) if kind.parameter else self.total_node_noise
            said += [f"{kind.words.format(**vars(self))} σ {sigma:.3g}"] if sigma else []
        return said


@lru_cache(maxsize=64)
def _mismatches(cls: type) -> tuple[Field[object], ...]:
    """The fields of a circuit that are drawn into its neurons."""
    return tuple(item for item in declared(cls) if "into" in item.metadata)


def thermal_voltage(capacitance: float, temperature: float = 300.0) -> float:
    """Return √(kT/C), the thermal noise of a capacitor's voltage, V; it does not depend on the resistance."""
    return float(np.sqrt(Boltzmann * temperature / capacitance))
