"""The chip: what a circuit made of a network, in parts. All that the engine knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from operator import is_
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from analogsim.chip import file
from analogsim.chip.columns import INPUTS, REACH
from analogsim.chip.compartments import Neurons
from analogsim.chip.connections import Connection
from analogsim.chip.flat_names import ALL, REQUIRED, Parts, assembled
from analogsim.chip.gates import LARGEST, Array
from analogsim.chip.noise_levels import NodeLevels, ReadClock
from analogsim.chip.state import NOTHING, DeviceState
from analogsim.chip.transfer import NO_CONVERTER, STRAIGHT, Converter, Driver, Periphery
from analogsim.errors import InputError, instance, number, one_of, unknown
from analogsim.functions.losses import LOSSES
from analogsim.network import Network
from analogsim.text import as_html


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Chip(Parts):
    """A programmed circuit: arrays by connection, neurons by layer, compartments as rows (+, −).

    With the nominal wiring (F, B, N, n) of the caller, neuron i of layer k obeys, in units of the activity and of
    ``time_unit``,

        τ^c da^c/dt = −a^c + g^c (W u^c + m^c V v^c) + b + o^c ∓ (1 + ν^c) n^c β ∇ℓ(r^c) + noise

    where u = (F + δ [1, −1]) s with δ the divider error of the sending neuron and m = 1 + mirror. What an array gets
    of a signal u is c(u) = c₁u + c₂u² + c₃u³ with u clipped to a range, and what it returns is clipped to the rails of
    its amplifiers; both are the identity unless a circuit says otherwise. If the two rows of F (or B) are proportional,
    the array is read once, with the larger row, and the result is scaled for each compartment. Driver curve, rails and
    noise then apply to that single read.

    Arrays are taken as they are, not copied, and must not be written to afterwards: the engine keeps what it made of
    them for the next call.

    Parameters
    ----------
    connections : sequence of Connection
        On a chain, connection j leads from layer j to layer j+1.
    neurons : sequence of Neurons
        Of layer 1, 2, …; the last one is what the loss reads.
    nodes : NodeLevels
        Noise at the nodes of the neurons.
    reads : ReadClock
        When the noise of the reads is drawn.
    periphery : Periphery
        Rails, and the amplifiers' limits.
    loss : str
    time_unit, activity_unit : float
        Seconds for one unit of t, and volts (watts in optics) for one unit of a.
    devices : DeviceState or mapping of str to array
        State of the devices: conductances, age, pulse counts.
    record : mapping
        What was programmed, in words and resolved cards; JSON.
    flat : arrays
        In place of parts, or to change some of them: ``forward``, ``feedback``, ``tau``, … (`Parts` has them all). A
        chip made of them alone needs forward, feedback, biases, tau, gain, offset, divider, mirror and nudge.

    Raises
    ------
    InputError
        If parts do not fit together, an entry is NaN or Inf, or a name is unknown.
    """

    connections: tuple[Connection, ...]
    neurons: tuple[Neurons, ...]
    nodes: NodeLevels
    reads: ReadClock
    periphery: Periphery
    loss: str
    time_unit: float
    activity_unit: float
    devices: DeviceState
    record: Mapping[str, Any]

    def __init__(
        self,
        *,
        loss: str = "mse",
        time_unit: float = 1.0,
        activity_unit: float = 1.0,
        record: Mapping[str, Any] | None = None,
        **parts_and_flat: object,
    ) -> None:
        _known(parts_and_flat)
        for part, needed in REQUIRED.items():
            if part not in parts_and_flat and (missing := [name for name in needed if name not in parts_and_flat]):
                raise InputError(f"Chip: {', '.join(missing)} missing; give {part}, or {', '.join(needed)}.")
        kept = {"loss": loss, "time_unit": time_unit, "activity_unit": activity_unit, "record": record or {}}
        self._take(None, {**kept, **parts_and_flat})

    @classmethod
    def draft(cls, **parts: object) -> Chip:
        """A chip that nothing has checked yet, of all its parts: for a circuit that writes its arrays next.

        It does so by `replace`, which checks the whole; so that is done once for each chip that is programmed.
        """
        new = object.__new__(cls)
        new.__dict__.update({"devices": NOTHING, **parts})
        return new

    def _take(self, old: Chip | None, changes: dict[str, object]) -> None:
        """Take over the parts of an old chip with some changes, and check the whole."""
        parts: dict[str, object] = (
            {name: getattr(old, name) for name in FIELDS}
            if old
            else {"nodes": NodeLevels(), "reads": ReadClock(), "periphery": Periphery(), "devices": NOTHING}
        )
        given = {name: value for name, value in changes.items() if name in FIELDS}
        if flat := {name: value for name, value in changes.items() if name in ALL}:
            base = object.__new__(Chip)
            base.__dict__.update({"connections": (), "neurons": (), **parts, **given})
            given |= assembled(base, flat)
        self.__dict__.update({**parts, **given})
        self._close()
        self._check()

    def _close(self) -> None:
        """Make what was given unchangeable."""
        found = self.__dict__
        for name, kind in (("connections", Connection), ("neurons", Neurons)):
            instance(f"Chip.{name}", found.get(name), tuple | list, f"a list of {kind.__name__} records")
            for item in found[name]:
                instance(f"an entry of Chip.{name}", item, kind, f"a {kind.__name__} record")
        for name in ("devices", "record"):
            instance(f"Chip.{name}", found[name], Mapping, "a mapping")
        found["connections"] = tuple(c.closed() for c in self.connections)
        found["neurons"] = tuple(layer.closed(j) for j, layer in enumerate(self.neurons))
        if not isinstance(self.devices, DeviceState):
            found["devices"] = DeviceState.of(self.devices)
        found["record"] = MappingProxyType(dict(self.record))

    def _check(self) -> None:
        layers = len(self.connections)
        if not layers or any(c.forward.weights.ndim != 2 or not c.forward.weights.size for c in self.connections):
            raise InputError("Chip.forward: expected a matrix (outputs, inputs) for each layer, at least one.")
        if len(self.neurons) != layers:
            raise InputError(f"Chip.neurons has {len(self.neurons)} entries; expected one for each of {layers} layers.")
        sizes = self.sizes
        for j, (connection, layer) in enumerate(zip(self.connections, self.neurons, strict=True)):
            connection.check(j, sizes)
            layer.check(j, sizes[j + 1], is_read=j == layers - 1)
        instance("Chip.periphery", self.periphery, Periphery, "a Periphery")
        instance("Chip.reads", self.reads, ReadClock, "a ReadClock")
        instance("Chip.nodes", self.nodes, NodeLevels, "NodeLevels")
        self.periphery.check()
        self.reads.check()
        paths = [path for c in self.connections for path in c.paths]
        amplified = self.periphery.bandwidth is not None
        if any((path.amplifiers is not None) != amplified for path in paths):
            raise InputError("Chip.tia: amplifiers with dynamics stand at every read of a chip, or at none.")
        for way in ([c.forward for c in self.connections], [c.feedback for c in self.connections if c.feedback]):
            if len({path.converter for path in way}) > 1:
                raise InputError("Chip.converters: all reads of one direction have the same converter.")
        if self.has_echo and (self.is_shaped or self.is_limited or self.is_converted or amplified):
            raise InputError(
                "Chip.forward_echo, feedback_echo: arrays driven at both ends are simulated without driver curves, "
                "rails, converters or the dynamics of amplifiers; leave those ideal."
            )
        one_of("loss", self.loss, tuple(LOSSES))
        for quantity in ("time_unit", "activity_unit"):
            number(f"Chip.{quantity}", getattr(self, quantity), above=0, high=LARGEST)

    @classmethod
    def ideal(cls, network: Network, **changes: Any) -> Chip:
        """Exact weights, V = Wᵀ, τ = 1, no noise; `changes` override fields."""
        found: dict[str, Any] = {
            "forward": network.weights,
            "feedback": tuple(w.T.copy() if j else None for j, w in enumerate(network.weights)),
            "neurons": nominal(network),
            "loss": network.loss,
        }
        return cls(**{**found, **changes})

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, the input first."""
        return (self.forward[0].shape[1], *(w.shape[0] for w in self.forward))

    @property
    def layers(self) -> int:
        """L, the number of layers with weights."""
        return len(self.connections)

    # An update changes neither drivers nor rails, so `rewritten` hands these on.
    @cached_property
    def is_shaped(self) -> bool:
        """Whether any driver is not the identity."""
        return any(path.driver != STRAIGHT for c in self.connections for path in c.paths)

    @cached_property
    def is_limited(self) -> bool:
        """Whether any amplifier saturates."""
        return bool(np.isfinite([self.periphery.low, self.periphery.high]).any())

    @cached_property
    def is_converted(self) -> bool:
        """Whether any read goes through converters."""
        return any(path.converter != NO_CONVERTER for c in self.connections for path in c.paths)

    @cached_property
    def has_echo(self) -> bool:
        """Whether any array is driven at both ends at once, so that layers hear themselves."""
        return any(path.echo is not None for c in self.connections for path in c.paths)

    def sent(self, u: Array, direction: int, j: int) -> Array:
        """Return c(u), what array j gets of a signal u: forward (direction 0) or feedback (1)."""
        if self.is_shaped:
            u = Driver(*self.driver[direction, j]).send(u)
        return Converter(*self.converters[direction]).send(u) if self.is_converted else u

    def returned(self, current: Array, direction: int, reach: float = 1.0) -> Array:
        """Return what is left of the currents of an array after rails and converter, which reach so much further."""
        if self.is_limited:
            current = np.clip(current, *(reach * self.rails))
        if not self.is_converted:
            return current
        dac, adc, bow = self.converters[direction]
        return Converter(dac, reach * adc, bow).receive(current, reach * self.rails[1])

    def read(self, sent: Array, direction: int, j: int, transposed: Array | None = None) -> Array:
        """Return what array j makes of what was `sent` into it: forward (direction 0) or feedback (1).

        Parameters
        ----------
        sent : (…, m) array
        direction, j : int
        transposed : (m, n) array, optional
            The transpose of its matrix, in the type that the result shall have.
        """
        path = self.connections[j].paths[direction]
        matrix = path.weights.T if transposed is None else transposed
        if path.tiles is None:
            return self.returned(sent @ matrix, direction)
        ends = np.cumsum(path.tiles[INPUTS], dtype=int)
        found = np.zeros((*sent.shape[:-1], matrix.shape[1]), np.result_type(sent, matrix))
        for end, count, reach in zip(ends, path.tiles[INPUTS], path.tiles[REACH], strict=True):
            here = slice(end - int(count), end)
            found += self.returned(sent[..., here] @ matrix[here], direction, float(reach))
        return found

    @cached_property
    def has_noise(self) -> bool:
        """Whether anything on the chip is random in time."""
        noisy = self.node_noise > 0 or self.has_coloured_noise
        return noisy or any(path.is_noisy for c in self.connections for path in c.paths)

    @property
    def has_coloured_noise(self) -> bool:
        """Whether a node carries noise with a memory."""
        return self.nodes.is_coloured

    def network(self) -> Network:
        """The network that the forward matrices realise; for digital references on the chip's own weights."""
        return Network(self.forward, self.biases, self.activation, self.loss, self.output_activation)

    def replace(self, **changes: object) -> Chip:
        """Return a validated copy with some parts or flat fields changed, as in ``chip.replace(tau=...)``."""
        _known(changes)
        new = object.__new__(Chip)
        new._take(self, changes)
        return new

    def rewritten(
        self,
        *,
        forward: Sequence[Array] | None = None,
        feedback: Sequence[Array | None] | None = None,
        forward_noise: Sequence[Array | None] | None = None,
        feedback_noise: Sequence[Array | None] | None = None,
        biases: Sequence[Array] | None = None,
        devices: Mapping[str, Array] | None = None,
    ) -> Chip:
        """`replace` without its checks, for updates in a training loop: arrays of the same shapes, known to be finite.

        Like them, the arrays must not be written to afterwards.
        """
        new = object.__new__(Chip)
        found = new.__dict__
        found.update(self.__dict__)
        if forward is not None or feedback is not None or forward_noise is not None or feedback_noise is not None:
            ahead = self.forward if forward is None else tuple(forward)
            back = self.feedback if feedback is None else tuple(feedback)
            ahead_noise = self.forward_noise if forward_noise is None else tuple(forward_noise)
            back_noise = self.feedback_noise if feedback_noise is None else tuple(feedback_noise)
            arrays = (ahead, back, ahead_noise, back_noise)
            found["forward"], found["feedback"], found["forward_noise"], found["feedback_noise"] = arrays
            found["connections"] = tuple(map(Connection.rewired, self.connections, *arrays))
            if forward_noise is not None or feedback_noise is not None:
                found.pop("has_noise", None)
        if biases is not None:
            found["biases"] = biases = tuple(biases)
            found["neurons"] = tuple(map(Neurons.biased, self.neurons, biases))
        if devices is not None:
            found["devices"] = devices if isinstance(devices, DeviceState) else DeviceState.of(devices)
        return new

    @cached_property
    def frame(self) -> tuple[object, ...]:
        """All but the weights, the noise, the biases and the devices; `rewritten` hands the same one on."""
        whole = (self.loss, self.time_unit, self.activity_unit, self.nodes, self.reads, self.periphery)
        return (
            *whole,
            *(part for layer in self.neurons for part in layer.frame()),
            *(part for c in self.connections for path in c.paths for part in path.frame()),
        )

    def differs_in_weights_only(self, other: Chip) -> bool:
        """Whether all but weights, their noise, biases and devices are the same objects, as after an update."""
        mine, its = self.frame, other.frame
        return mine is its or (len(mine) == len(its) and all(map(is_, mine, its)))

    def trimmed(self, residual: float) -> Chip:
        """The chip after a one-time trim of its neurons that leaves a share of every deviation between compartments.

        Idealised: it reaches every neuron, also those that are silent on any calibration data.
        """
        return self.replace(neurons=tuple(layer.trimmed(residual) for layer in self.neurons))

    def __getstate__(self) -> dict[str, Any]:
        """What pickle and `copy.deepcopy` keep: views that only read their dictionaries cannot be copied."""
        return {**self.__dict__, "record": dict(self.record)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take it over and close it again: copies of arrays that cannot be written to can be."""
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update({**state, "record": MappingProxyType(state["record"])})

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` that `load_chip` reads. No pickle."""
        file.save(self, path)

    def __repr__(self) -> str:
        """Sizes, units, and what deviates from an ideal chip, in a few lines."""
        sizes = "-".join(map(str, self.sizes))
        last = f" and {self.output_activation} output" if self.layers > 1 else ""
        lines = [f"Chip of {sizes} neurons, {self.activation}{last}, {self.loss} loss"]
        lines += [f"circuit {name}" for name in [self.record.get("circuit", {}).get("name")] if name]
        lines.append(f"1 time unit = {self.time_unit:.3g} s, 1 unit of activity = {self.activity_unit:.3g} V")
        lines += [f"layer {k}: {'; '.join(said)}" for k, n in enumerate(self.neurons, 1) if (said := n.words())]
        for c in self.connections:
            lines += [f"layer {c.sender} to {c.receiver}: {'; '.join(said)}" for said in [c.words()] if said]
        if self.has_noise and any(path.is_noisy for c in self.connections for path in c.paths):
            lines.append(self.reads.words())
        lines += [*self.nodes.words(), *self.periphery.words()]
        held = self.devices.words()
        return "\n  ".join(lines + ([f"devices keep {', '.join(held)}"] if held else []))

    def _repr_html_(self) -> str:
        return as_html(repr(self))


FIELDS = tuple(item.name for item in fields(Chip))
"""The parts of a chip, and what is one for the whole."""


def nominal(network: Network) -> tuple[Neurons, ...]:
    """Perfect neurons of every layer of a network but the input."""
    last = network.layers - 1
    return tuple(
        Neurons(b, network.output_activation) if j == last else Neurons(b, network.activation, nudge=None)
        for j, b in enumerate(network.biases)
    )


def _known(names: Mapping[str, object]) -> None:
    """Raise `InputError` for what is no field of a chip."""
    for name in names:
        if name not in ALL and name not in FIELDS:
            raise unknown("field of Chip", name, [*FIELDS, *ALL])
