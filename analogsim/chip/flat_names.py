"""The flat names of a chip: ``chip.forward[j]``, ``chip.tau[j]``, …, as views of its parts and as a way to change them.

On a chain both count from 0: ``forward[j]`` is W_{j+1}, ``feedback[j]`` is V_{j+1}, into layer j from layer j+1
(``feedback[0]`` is None), and ``tau[j]`` belongs to layer j+1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from analogsim.chip.amplifiers import TIA
from analogsim.chip.compartments import DEVIATIONS, Neurons
from analogsim.chip.connections import ARRAYS, Connection, ReadPath
from analogsim.chip.gates import Array, fixed
from analogsim.chip.noise_levels import Level, NodeLevels, ReadClock
from analogsim.chip.state import DeviceState
from analogsim.chip.transfer import NO_CONVERTER, STEADY, STRAIGHT, Converter, Driver, Light, Periphery
from analogsim.errors import InputError, instance
from analogsim.functions.activations import activation
from analogsim.functions.node_noises import COLOURED, NODE_NOISES

T = TypeVar("T")
Each = tuple[Array, ...]
Some = tuple[Array | None, ...]


class Parts:
    """What a chip is made of, and the flat names as views of it.

    Attributes
    ----------
    forward, feedback : matrices of each connection
    forward_noise, feedback_noise, forward_floor, feedback_floor : arrays or None of each connection
    forward_tiles, feedback_tiles : (2, k) arrays or None of each connection
    forward_echo, feedback_echo : arrays or None of each layer that has neurons
        Full duplex only. ``forward_echo[j]``: crosstalk matrix from the signals layer j+1 sends back into its own
        forward read. ``feedback_echo[j]``: the same for the feedback read.
    biases, tau, gain, offset, divider, mirror, feedback_offset : arrays of each layer that has neurons
    nudge : (2, n_L) array
        Of the layer that the loss reads.
    driver : (2, L, 5) array
        `Driver` of each forward (row 0) and feedback (row 1) matrix.
    light : (2, L, 3) array
        `Light` of each, in the same order.
    converters : (2, 3) array
        `Converter` of the forward and of the feedback reads.
    rails : (2,) array
    """

    connections: tuple[Connection, ...]
    neurons: tuple[Neurons, ...]
    nodes: NodeLevels
    reads: ReadClock
    periphery: Periphery
    devices: DeviceState

    forward: cached_property[Each] = cached_property(lambda chip: tuple(c.forward.weights for c in chip.connections))
    feedback: cached_property[Some] = cached_property(lambda chip: _back(chip, "weights"))
    forward_noise: cached_property[Some] = cached_property(lambda chip: _ahead(chip, "noise"))
    feedback_noise: cached_property[Some] = cached_property(lambda chip: _back(chip, "noise"))
    forward_floor: cached_property[Some] = cached_property(lambda chip: _ahead(chip, "floor"))
    feedback_floor: cached_property[Some] = cached_property(lambda chip: _back(chip, "floor"))
    forward_tiles: cached_property[Some] = cached_property(lambda chip: _ahead(chip, "tiles"))
    feedback_tiles: cached_property[Some] = cached_property(lambda chip: _back(chip, "tiles"))
    forward_echo: cached_property[Some] = cached_property(lambda chip: _ahead(chip, "echo"))
    feedback_echo: cached_property[Some] = cached_property(lambda chip: (*_back(chip, "echo")[1:], None))

    biases: cached_property[Each] = cached_property(lambda chip: _layers(chip, "biases"))
    tau: cached_property[Each] = cached_property(lambda chip: _layers(chip, "tau"))
    gain: cached_property[Each] = cached_property(lambda chip: _layers(chip, "gain"))
    offset: cached_property[Each] = cached_property(lambda chip: _layers(chip, "offset"))
    divider: cached_property[Each] = cached_property(lambda chip: _layers(chip, "divider"))
    mirror: cached_property[Each] = cached_property(lambda chip: _layers(chip, "mirror"))
    feedback_offset: cached_property[Each] = cached_property(lambda chip: _layers(chip, "feedback_offset"))
    nudge: cached_property[Array] = cached_property(lambda chip: _layers(chip, "nudge")[-1])

    @cached_property
    def driver(self) -> Array:
        rows = [[c.forward.driver for c in self.connections]]
        rows += [[STRAIGHT if c.feedback is None else c.feedback.driver for c in self.connections]]
        return _closed(np.array(rows))

    @cached_property
    def light(self) -> Array:
        rows = [[c.forward.light for c in self.connections]]
        rows += [[STEADY if c.feedback is None else c.feedback.light for c in self.connections]]
        return _closed(np.array(rows))

    @cached_property
    def converters(self) -> Array:
        return _closed(np.array(_converters(self.connections)))

    @cached_property
    def rails(self) -> Array:
        return _closed(np.array([self.periphery.low, self.periphery.high]))

    @cached_property
    def tia(self) -> TIA | None:
        """Dynamics of the amplifiers that read the arrays, where they are followed."""
        bandwidth = self.periphery.bandwidth
        if bandwidth is None:
            return None
        ahead = tuple(c.forward.amplifiers for c in self.connections)
        back = tuple(c.feedback and c.feedback.amplifiers for c in self.connections)
        return TIA(ahead, back, self.periphery.gain, bandwidth)  # type: ignore[arg-type]  # checked to be there

    @property
    def activation(self) -> str:
        """Of the hidden layers; of the output where there are none."""
        return self.neurons[0].activation

    @property
    def output_activation(self) -> str:
        """Of the last layer."""
        return self.neurons[-1].activation

    @property
    def read_mode(self) -> str:
        return self.reads.mode

    @property
    def read_period(self) -> float:
        return self.reads.period

    @property
    def read_correlation(self) -> str:
        return self.reads.correlation

    @property
    def read_held(self) -> float:
        return self.reads.held

    @property
    def node_noise(self) -> float:
        """Stationary standard deviation of each compartment from white noise at its node."""
        return self.nodes.sigma(NODE_NOISES[0])


def _level(name: str) -> Callable[[Parts], Level]:
    return lambda parts: parts.nodes[name]


for _kind in COLOURED:
    for _name in (_kind.field, _kind.parameter):
        setattr(Parts, _name, property(_level(_name), doc=f"{_kind.name} noise of the nodes."))


def _ahead(chip: Parts, name: str) -> Some:
    return tuple(getattr(c.forward, name) for c in chip.connections)


def _back(chip: Parts, name: str) -> Some:
    return tuple(None if c.feedback is None else getattr(c.feedback, name) for c in chip.connections)


def _layers(chip: Parts, name: str) -> Each:
    return tuple(getattr(layer, name) for layer in chip.neurons)


def _closed(array: Array) -> Array:
    array.flags.writeable = False
    return array


def _converters(connections: Sequence[Connection]) -> list[Converter]:
    """Converter of each direction, the same for all connections."""
    back = [c.feedback.converter for c in connections if c.feedback is not None]
    return [connections[0].forward.converter, back[0] if back else NO_CONVERTER]


FORWARD = {"forward": "weights", **{f"forward_{name}": name for name in ARRAYS[1:]}}
FEEDBACK = {"feedback": "weights", **{f"feedback_{name}": name for name in ARRAYS[1:]}}
LAYERS = ("biases", *(item.name for item in DEVIATIONS if item.name != "nudge"))
READS = {"read_mode": "mode", "read_period": "period", "read_correlation": "correlation", "read_held": "held"}
NODES = (*(kind.field for kind in NODE_NOISES), *(kind.parameter for kind in COLOURED))
PER_LAYER = (*FORWARD, *FEEDBACK, *LAYERS)
"""Flat names with an entry for each connection or layer."""
ALL = (
    *PER_LAYER,
    *NODES,
    *READS,
    *("nudge", "driver", "light", "rails", "converters", "tia", "activation", "output_activation"),
)
REQUIRED = {"connections": ("forward", "feedback"), "neurons": (*LAYERS[:-1], "nudge")}
"""The flat names that are needed in place of a part."""


def assembled(old: Parts, flat: Mapping[str, object]) -> dict[str, object]:
    """The parts that flat names change, from those of an old chip; its connections and neurons may be none yet.

    Raises
    ------
    InputError
        If something has no entry for each layer, is no array, or is missing.
    """
    for name in PER_LAYER:
        if name in flat:
            instance(f"Chip.{name}", flat[name], tuple | list, "a list with an array for each layer")
    found: dict[str, object] = {}
    if flat.keys() & {*FORWARD, *FEEDBACK, "driver", "light", "converters", "tia"}:
        found["connections"] = _connections(old.connections, flat)
    if flat.keys() & {*LAYERS, "nudge", "activation", "output_activation"}:
        found["neurons"] = _neurons(old.neurons, flat)
    if nodes := {name: flat[name] for name in NODES if name in flat}:
        found["nodes"] = NodeLevels(**{**old.nodes, **nodes})
    if reads := {key: flat[name] for name, key in READS.items() if name in flat}:
        found["reads"] = replace(old.reads, **reads)  # type: ignore[arg-type]  # checked later
    if flat.keys() & {"rails", "tia"}:
        found["periphery"] = _periphery(old.periphery, flat)
    return found


def _entries(name: str, values: object, layers: int) -> list[Array | None]:
    """An array or None for each layer."""
    assert isinstance(values, tuple | list)
    found = [None if v is None else fixed(f"Chip.{name}", v) for v in values]
    if len(found) != layers:
        raise InputError(f"Chip.{name} has {len(found)} entries; expected one for each of {layers} layers.")
    return found


def _connections(old: Sequence[Connection], flat: Mapping[str, object]) -> tuple[Connection, ...]:
    if "forward" in flat:
        given = flat["forward"]
        assert isinstance(given, tuple | list)
        matrices = _entries("forward", given, len(given))
        if not matrices or any(w is None or w.ndim != 2 or not w.size for w in matrices):
            raise InputError("Chip.forward: expected a matrix (outputs, inputs) for each layer, at least one.")
        if len(matrices) != len(old):
            old = [Connection(j, j + 1, ReadPath(w)) for j, w in enumerate(matrices) if w is not None]
    layers = len(old)
    changed: list[tuple[dict[str, object], dict[str, object]]] = [({}, {}) for _ in old]
    for way, names in enumerate((FORWARD, FEEDBACK)):
        for name in names.keys() & flat.keys():
            values = _entries(name, flat[name] or (None,) * layers, layers)
            if name == "feedback_echo":
                if values[-1] is not None:
                    raise InputError(f"Chip.feedback_echo[{layers - 1}] must be None: no layer feeds back to the last.")
                values = [None, *values[:-1]]
            for change, value in zip(changed, values, strict=True):
                change[way][names[name]] = value
    for way, ends in enumerate(_drivers(flat.get("driver"), layers)):
        for change, driver in zip(changed, ends, strict=True):
            change[way]["driver"] = driver
    for way, sources in enumerate(_lights(flat.get("light"), layers)):
        for change, light in zip(changed, sources, strict=True):
            change[way]["light"] = light
    for way, converter in enumerate(_given_converters(flat.get("converters"))):
        for change in changed:
            change[way]["converter"] = converter
    if "tia" in flat:
        tia = flat["tia"]
        instance("Chip.tia", tia, TIA | None, "a TIA or None")
        if isinstance(tia, TIA) and len(tia.forward) != layers:
            raise InputError(
                f"Chip.tia has amplifiers of {len(tia.forward)} layers; expected one entry for each of {layers}."
            )
        for j, change in enumerate(changed):
            for way, name in enumerate(("forward", "feedback")):
                change[way]["amplifiers"] = getattr(tia, name)[j] if isinstance(tia, TIA) else None
    return tuple(_connection(c, *change) for c, change in zip(old, changed, strict=True))


def _connection(old: Connection, ahead: dict[str, object], back: dict[str, object]) -> Connection:
    """A connection with some fields of its two paths changed."""
    forward = replace(old.forward, **ahead) if ahead else old.forward  # type: ignore[arg-type]
    weights = back.get("weights", old.feedback and old.feedback.weights)
    if weights is None:
        for name, value in back.items():
            if name in ARRAYS and value is not None:
                raise InputError(
                    f"Chip.feedback_{name}[{old.sender}] must be None: nothing feeds back into the clamped input."
                )
        return replace(old, forward=forward, feedback=None)
    feedback = ReadPath(**back) if old.feedback is None else replace(old.feedback, **back)  # type: ignore[arg-type]
    return replace(old, forward=forward, feedback=feedback)


def _neurons(old: Sequence[Neurons], flat: Mapping[str, object]) -> tuple[Neurons, ...]:
    biases = flat.get("biases")
    if isinstance(biases, tuple | list) and len(biases) != len(old):
        old = [Neurons(np.empty(0) if b is None else fixed("Chip.biases", b), nudge=None) for b in biases]
    changed: list[dict[str, object]] = [{} for _ in old]
    for name in LAYERS:
        if name in flat:
            blank = (np.empty(0),) * len(old) if name == "feedback_offset" else ()
            for change, value in zip(changed, _entries(name, flat[name] or blank, len(old)), strict=True):
                change[name] = value
    if "nudge" in flat and changed:
        changed[-1]["nudge"] = fixed("Chip.nudge", flat["nudge"])
    for name, layers in (("activation", changed[:-1]), ("output_activation", changed[-1:])):
        if name in flat:
            activation(flat[name])  # type: ignore[arg-type]  # refuses what is no name
            for change in layers:
                change["activation"] = flat[name]
    return tuple(replace(layer, **change) for layer, change in zip(old, changed, strict=True))  # type: ignore[arg-type]


def _drivers(value: object, layers: int) -> list[list[Driver]]:
    """The drivers of each direction; nothing if none are given."""
    if value is None:
        return []
    array = np.asarray(fixed("Chip.driver", value), dtype=float)
    if not array.size:
        return [[STRAIGHT] * layers] * 2
    if array.shape != (2, layers, 5) or np.isnan(array).any() or not np.isfinite(array[..., 2:]).all():
        raise InputError(f"Chip.driver has shape {array.shape} or is not finite; expected (2, {layers}, 5).")
    return [[Driver(*map(float, row)) for row in way] for way in array]


def _lights(value: object, layers: int) -> list[list[Light]]:
    """The sources of each direction; nothing if none are given."""
    if value is None:
        return []
    array = np.asarray(fixed("Chip.light", value), dtype=float)
    if array.shape != (2, layers, 3):
        raise InputError(f"Chip.light has shape {array.shape}; expected (2, {layers}, 3).")
    return [[Light(*map(float, row)) for row in way] for way in array]


def _given_converters(value: object) -> list[Converter]:
    if value is None:
        return []
    array = np.asarray(fixed("Chip.converters", value), dtype=float)
    if array.shape != (2, 3) or not (array[:, :2] >= 0).all() or not np.isfinite(array).all():
        raise InputError(f"Chip.converters = {array.tolist()}; expected (2, 3), finite, with steps ≥ 0.")
    return [Converter(*map(float, row)) for row in array]


def _periphery(old: Periphery, flat: Mapping[str, object]) -> Periphery:
    found = old
    if "rails" in flat:
        rails = np.asarray(fixed("Chip.rails", flat["rails"]), dtype=float)
        if rails.shape != (2,):
            raise InputError(f"Chip.rails has shape {rails.shape}; expected (low, high) with low < 0 < high.")
        found = replace(found, low=float(rails[0]), high=float(rails[1]))
    if "tia" in flat:
        tia = flat["tia"]
        gain, bandwidth = (tia.gain, tia.bandwidth) if isinstance(tia, TIA) else (np.inf, None)
        found = replace(found, gain=gain, bandwidth=bandwidth)
    return found
