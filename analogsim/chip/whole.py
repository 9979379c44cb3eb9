"""The chip: a plain record of what a circuit made of a network. All that the engine knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analogsim.arrays import finite
from analogsim.chip.amplifiers import TIA
from analogsim.chip.columns import DAC, HIGH, LOW, STRAIGHT
from analogsim.errors import InputError, instance, number, one_of, out_of_range, shown, unknown
from analogsim.files import atomic, read_npz
from analogsim.functions.activations import activation
from analogsim.functions.losses import LOSSES
from analogsim.network import Network
from analogsim.settings.noises import COLOURED

Array = NDArray[np.floating]

READ_MODES = ("per-read", "quasi-static", "ou")
LARGEST = 1e30
CORRELATIONS = ("common", "differential")


@dataclass(frozen=True)
class Chip:
    """A programmed circuit: layer j+1 of the network is index j, compartments are rows (+, −).

    With the nominal wiring (F, B, N, n) of the caller, neuron i of layer k obeys, in units of the activity and of
    ``time_unit``,

        τ^c da^c/dt = −a^c + g^c (W u^c + m^c V v^c) + b + o^c ∓ (1 + ν^c) n^c β ∇ℓ(r^c) + noise

    where u = (F + δ [1, −1]) s with δ the divider error of the sending neuron and m = 1 + mirror. What an array gets
    of a signal u is c(u) = c₁u + c₂u² + c₃u³ with u clipped to a range, and what it returns is clipped to the rails of
    its amplifiers; both are the identity unless a circuit says otherwise. Where the rows of F or of B are proportional,
    the larger one is read once and shared out: curve, rails and the noise of the read-out are those of this one read.

    Parameters
    ----------
    forward : (n_{j+1}, n_j) arrays
        W_{j+1} as realised, in activity per activity.
    feedback : None and (n_j, n_{j+1}) arrays
        V_{j+1} as realised, into layer j from layer j+1; ``feedback[0]`` is None.
    biases : (n_{j+1},) arrays
    tau : (2, n_{j+1}) arrays
        Time constants in units of ``time_unit``; > 0.
    gain : (2, n_{j+1}) arrays
        g, nominally 1: gain of each compartment for all that comes from the arrays.
    offset : (2, n_{j+1}) arrays
        o, in units of the activity.
    divider : (2, n_{j+1}) arrays
        δ, error of the ratio that mixes a neuron's compartments into what it sends forward (row = receiver's
        compartment). Where the nominal rows of F are equal there is one divider, and row 0 holds for both.
    mirror : (2, n_{j+1}) arrays
        Relative error of the mirror that brings the feedback into each compartment.
    nudge : (2, n_L) array
        ν, relative error of the nudge of each output compartment.
    forward_noise, feedback_noise : arrays shaped as ``forward``, ``feedback``, or None
        Standard deviation of each weight at each read, in units of the weight.
    read_mode : {"per-read", "quasi-static", "ou"}
        Held for ``read_period`` and drawn again; drawn once; or an OU process with that correlation time.
    read_period : float
        In units of ``time_unit``; > 0.
    read_correlation : {"common", "differential"}
        Whether both compartments see the same draw of the array's noise or each its own.
    feedback_offset : (n_{j+1},) arrays
        Offset of the array current that comes back to a neuron, before its mirrors, in units of the activity; it enters
        the compartments as the feedback does.
    tia : TIA, optional
        Dynamics of the amplifiers that read the arrays. Only `relax` follows them; their resting gain is in ``forward``
        and ``feedback`` already.
    node_noise : float
        Stationary standard deviation of each compartment from white noise at its node; ≥ 0.
    ou_noise, flicker_noise, telegraph_noise : float
        Standard deviations of coloured processes added to what each compartment leaks towards; ≥ 0.
    ou_time : float
        Correlation time of the OU process, in units of ``time_unit``.
    flicker_band : (float, float)
        Lowest and highest frequency of the 1/f noise, in 1/``time_unit``.
    telegraph_dwell : (float, float)
        Mean times in the low and the high level, in units of ``time_unit``.
    time_unit, activity_unit : float
        Seconds for one unit of t, and volts (watts in optics) for one unit of a.
    driver : (2, L, 5) array
        Transfer curve of the drivers in front of each forward (row 0) and feedback (row 1) matrix: the least and
        greatest signal that they take, and c₁, c₂, c₃.
    rails : (2,) array
        Least and greatest current that an array can return to a neuron by each of its reads, in units of the activity.
    converters : (2, 3) array
        Forward and feedback: the step to which signals are rounded (DAC), the step to which currents are rounded (ADC),
        in activities, 0 for none, and the bow κ of the ADC, y → y (1 + κ (y²/rail² − 1)).
    forward_floor, feedback_floor : (outputs,) arrays or None
        Standard deviation of each output of a read that is there without any signal, in units of the activity. It is
        drawn on the clock of the read noise and has its correlation.
    forward_echo, feedback_echo : (n_{j+1}, n_{j+1}) arrays or None
        Of arrays that are driven at both ends at once (full duplex): what the forward read of W_{j+1} gets of the
        signals that neurons of layer j+1 send back, and what they get from above of the signals that they send on.
        Shared out as the read that it enters; needs as many feedback as forward reads, and no driver, rails or
        converters.
    devices : mapping of str to array
        State of the devices: conductances, age, pulse counts.
    record : mapping
        What was programmed, in words and resolved cards; JSON.
    """

    forward: tuple[Array, ...]
    feedback: tuple[Array | None, ...]
    biases: tuple[Array, ...]
    tau: tuple[Array, ...]
    gain: tuple[Array, ...]
    offset: tuple[Array, ...]
    divider: tuple[Array, ...]
    mirror: tuple[Array, ...]
    nudge: Array
    activation: str = "relu"
    loss: str = "mse"
    output_activation: str = "identity"
    forward_noise: tuple[Array | None, ...] = ()
    feedback_noise: tuple[Array | None, ...] = ()
    feedback_offset: tuple[Array, ...] = ()
    tia: TIA | None = None
    read_mode: str = "per-read"
    read_period: float = 1.0
    read_correlation: str = "common"
    node_noise: float = 0.0
    ou_noise: float = 0.0
    ou_time: float = 1.0
    flicker_noise: float = 0.0
    flicker_band: tuple[float, float] = (1e-2, 1.0)
    telegraph_noise: float = 0.0
    telegraph_dwell: tuple[float, float] = (1.0, 1.0)
    time_unit: float = 1.0
    activity_unit: float = 1.0
    driver: Array = field(default_factory=lambda: np.empty(0))
    rails: Array = field(default_factory=lambda: np.array([-np.inf, np.inf]))
    converters: Array = field(default_factory=lambda: np.zeros((2, 3)))
    forward_floor: tuple[Array | None, ...] = ()
    feedback_floor: tuple[Array | None, ...] = ()
    forward_echo: tuple[Array | None, ...] = ()
    feedback_echo: tuple[Array | None, ...] = ()
    devices: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        for name in _PER_LAYER:
            instance(f"Chip.{name}", getattr(self, name), tuple | list, "a list with an array for each layer")
        layers = len(self.forward)
        for name in _OPTIONAL:
            if not getattr(self, name):
                set_(self, name, (None,) * layers)
        if not self.feedback_offset:
            set_(self, "feedback_offset", tuple(np.zeros(len(w)) for w in map(np.atleast_1d, self.forward)))
        for name in _PER_LAYER:
            value = tuple(None if v is None else _fixed(f"Chip.{name}", v) for v in getattr(self, name))
            if name == "forward" and (not layers or any(v is None or v.ndim != 2 or not v.size for v in value)):
                raise InputError("Chip.forward: expected a matrix (outputs, inputs) for each layer, at least one.")
            if len(value) != layers:
                raise InputError(f"Chip.{name} has {len(value)} entries; expected one for each of {layers} layers.")
            set_(self, name, value)
        set_(self, "nudge", _fixed("Chip.nudge", self.nudge))
        linear = np.tile(STRAIGHT, (2, layers, 1))
        for name in _WHOLE[1:]:
            # These may be infinite, where nothing is limited.
            set_(self, name, np.asarray(_fixed(f"Chip.{name}", getattr(self, name)), dtype=float))
        set_(self, "driver", self.driver if self.driver.size else linear)
        sizes = self.sizes
        for j in range(layers):
            n, m = sizes[j + 1], sizes[j]
            back = None if j == 0 else (m, n)
            shapes = {"forward": (n, m), "feedback": back, "biases": (n,), "feedback_offset": (n,)}
            shapes |= dict.fromkeys(("tau", "gain", "offset", "divider", "mirror"), (2, n))
            for name, shape in shapes.items():
                _check(f"Chip.{name}[{j}]", getattr(self, name)[j], shape)
            if not (self.tau[j] > 0).all():
                raise out_of_range(f"Chip.tau[{j}]", float(self.tau[j].min()), "every time constant > 0")
            for name, shape in (("forward_noise", (n, m)), ("feedback_noise", back)):
                if (sigma := getattr(self, name)[j]) is not None:
                    _check(f"Chip.{name}[{j}]", sigma, shape)
            for name, size in (("forward_floor", n), ("feedback_floor", m)):
                if (sigma := getattr(self, name)[j]) is not None:
                    _check(f"Chip.{name}[{j}]", sigma, None if name == "feedback_floor" and j == 0 else (size,))
            for name in ("forward_echo", "feedback_echo"):
                if (echo := getattr(self, name)[j]) is not None:
                    _check(f"Chip.{name}[{j}]", echo, (n, n))
        _check("Chip.nudge", self.nudge, (2, sizes[-1]))
        instance("Chip.tia", self.tia, TIA | None, "a TIA or None")
        if self.tia is not None:
            for name in ("forward", "feedback"):
                for j, (matrix, part) in enumerate(zip(getattr(self, name), getattr(self.tia, name), strict=True)):
                    if matrix is not None:
                        _check(f"Chip.tia.{name}[{j}]", part.weights[0], matrix.shape)
        self._check_curves(layers)
        activation(self.activation)
        activation(self.output_activation)
        for kind, choice, valid in (
            ("loss", self.loss, tuple(LOSSES)),
            ("read mode", self.read_mode, READ_MODES),
            ("read correlation", self.read_correlation, CORRELATIONS),
        ):
            one_of(kind, choice, valid)
        for quantity in ("read_period", "time_unit", "activity_unit", "ou_time"):
            number(f"Chip.{quantity}", getattr(self, quantity), above=0, high=LARGEST)
        for quantity in ("node_noise", *_COLOURED):
            number(f"Chip.{quantity}", getattr(self, quantity), low=0, high=LARGEST)
        for name in ("flicker_band", "telegraph_dwell"):
            pair = getattr(self, name)
            if not isinstance(pair, tuple | list | np.ndarray) or len(pair) != 2:
                raise InputError(f"Chip.{name} = {shown(pair)}; expected two numbers.")
            set_(self, name, tuple(number(f"Chip.{name}", item, above=0) for item in pair))
        if not self.flicker_band[0] < self.flicker_band[1]:
            raise out_of_range("Chip.flicker_band", self.flicker_band, "0 < lowest < highest frequency")
        for name in ("devices", "record"):
            instance(f"Chip.{name}", getattr(self, name), Mapping, "a mapping")
        set_(self, "devices", MappingProxyType(dict(self.devices)))
        set_(self, "record", MappingProxyType(dict(self.record)))

    def _check_curves(self, layers: int) -> None:
        driver, rails, converters = self.driver, self.rails, self.converters
        if converters.shape != (2, 3) or not (converters[:, :2] >= 0).all() or not np.isfinite(converters).all():
            raise InputError(f"Chip.converters = {converters.tolist()}; expected (2, 3), finite, with steps ≥ 0.")
        if driver.shape != (2, layers, 5) or np.isnan(driver).any() or not np.isfinite(driver[..., 2:]).all():
            raise InputError(f"Chip.driver has shape {driver.shape} or is not finite; expected (2, {layers}, 5).")
        if self.has_echo and (self.is_shaped or self.is_limited or converters.any() or self.tia is not None):
            raise InputError(
                "Chip.forward_echo, feedback_echo: arrays driven at both ends are simulated without driver curves, "
                "rails, converters or the dynamics of amplifiers; leave those ideal."
            )
        if rails.shape != (2,) or not rails[0] < 0 < rails[1] or not (driver[..., LOW] < driver[..., HIGH]).all():
            raise InputError(
                "Chip.rails and the limits of Chip.driver: (low, high) with low < high, the rails around 0."
            )

    @classmethod
    def ideal(cls, network: Network, **changes: Any) -> Chip:
        """Exact weights, V = Wᵀ, τ = 1, no noise; `changes` override fields."""
        rows = [(2, n) for n in network.sizes[1:]]
        nominal: dict[str, Any] = {
            "forward": network.weights,
            "feedback": tuple(w.T.copy() if j else None for j, w in enumerate(network.weights)),
            "biases": network.biases,
            **{name: tuple(np.ones(r) for r in rows) for name in ("tau", "gain")},
            **{name: tuple(np.zeros(r) for r in rows) for name in ("offset", "divider", "mirror")},
            "nudge": np.zeros(rows[-1]),
            **{name: getattr(network, name) for name in ("activation", "loss", "output_activation")},
        }
        return cls(**{**nominal, **changes})

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, the input first."""
        return (self.forward[0].shape[1], *(w.shape[0] for w in self.forward))

    @property
    def layers(self) -> int:
        """L, the number of layers with weights."""
        return len(self.forward)

    # An update changes neither drivers nor rails, so `rewritten` hands these two on.
    @cached_property
    def is_shaped(self) -> bool:
        """Whether any driver is not the identity."""
        return bool((self.driver != STRAIGHT).any())

    @cached_property
    def is_limited(self) -> bool:
        """Whether any amplifier saturates."""
        return bool(np.isfinite(self.rails).any())

    @property
    def has_echo(self) -> bool:
        """Whether any array is driven at both ends at once, so that layers hear themselves."""
        return any(echo is not None for echo in (*self.forward_echo, *self.feedback_echo))

    def sent(self, u: Array, direction: int, j: int) -> Array:
        """Return c(u), what array j gets of a signal u: forward (direction 0) or feedback (1)."""
        if not self.is_shaped:
            return _rounded(u, self.converters[direction, DAC])
        low, high, c1, c2, c3 = self.driver[direction, j]
        u = np.clip(u, low, high)
        return _rounded(u * (c1 + u * (c2 + u * c3)), self.converters[direction, DAC])

    def returned(self, current: Array, direction: int) -> Array:
        """Return what is left of the currents of an array after rails and converter."""
        if self.is_limited:
            current = np.clip(current, *self.rails)
        _, step, bow = self.converters[direction]
        if bow:
            current = current * (1.0 + bow * ((current / self.rails[1]) ** 2 - 1.0))
        return _rounded(current, step)

    @property
    def has_noise(self) -> bool:
        """Whether anything on the chip is random in time."""
        arrays = (*self.forward_noise, *self.feedback_noise, *self.forward_floor, *self.feedback_floor)
        return self.node_noise > 0 or self.has_coloured_noise or any(a is not None and a.any() for a in arrays)

    @property
    def has_coloured_noise(self) -> bool:
        """Whether a node carries noise with a memory."""
        return any(getattr(self, name) > 0 for name in _COLOURED)

    def network(self) -> Network:
        """The network that the forward matrices realise; for digital references on the chip's own weights."""
        return Network(self.forward, self.biases, self.activation, self.loss, self.output_activation)

    def replace(self, **changes: Any) -> Chip:
        """Return a validated copy with some fields changed, as in ``chip.replace(tau=...)``."""
        valid = [f.name for f in fields(self)]
        for name in changes:
            if name not in valid:
                raise unknown("field of Chip", name, valid)
        return replace(self, **changes)

    def rewritten(self, **weights: Any) -> Chip:
        """`replace` without its checks, for updates in a training loop: arrays of the same shapes, known to be finite.

        Like them, the arrays must not be written to afterwards.
        """
        new = object.__new__(Chip)
        new.__dict__.update(self.__dict__)
        new.__dict__.update(weights)
        return new

    def __getstate__(self) -> dict[str, Any]:
        """What pickle and `copy.deepcopy` keep: views that only read their dictionaries cannot be copied."""
        return {**self.__dict__, "devices": dict(self.devices), "record": dict(self.record)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take it over and close it again: copies of arrays that cannot be written to can be."""
        closed: dict[str, Any] = {"nudge": _fixed("Chip.nudge", state["nudge"])}
        for name in _PER_LAYER:
            closed[name] = tuple(None if v is None else _fixed(f"Chip.{name}", v) for v in state[name])
        for name in ("devices", "record"):
            closed[name] = MappingProxyType(state[name])
        self.__dict__.update({**state, **closed})

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` that `load_chip` reads. No pickle."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _WHOLE}
        for name in _PER_LAYER:
            arrays |= {f"{name}.{j}": a for j, a in enumerate(getattr(self, name)) if a is not None}
        arrays |= {f"devices.{key}": np.asarray(value) for key, value in self.devices.items()}
        if self.tia is not None:
            arrays |= {f"tia.{key}": value for key, value in self.tia.to_arrays().items()}
        arrays["plain"] = np.array(json.dumps({**{n: getattr(self, n) for n in _PLAIN}, "record": dict(self.record)}))
        with atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **arrays)


_COLOURED = tuple(kind.field for kind in COLOURED)
_PLAIN = (
    *("activation", "loss", "output_activation", "read_mode", "read_period", "read_correlation"),
    *("node_noise", "ou_time", "flicker_band", "telegraph_dwell", "time_unit", "activity_unit"),
    *_COLOURED,
)
_OPTIONAL = (
    *("forward_noise", "feedback_noise", "forward_floor", "feedback_floor"),
    *("forward_echo", "feedback_echo"),
)
_PER_LAYER = (
    *("forward", "feedback", "biases", "tau", "gain", "offset", "divider", "mirror"),
    *(*_OPTIONAL, "feedback_offset"),
)
_WHOLE = ("nudge", "driver", "rails", "converters")


@dataclass(frozen=True)
class Population:
    """Chips programmed from one network with different seeds; results gain a dimension ``chip``."""

    chips: tuple[Chip, ...]
    seeds: tuple[int, ...]

    def __iter__(self) -> Iterator[Chip]:
        return iter(self.chips)

    def __len__(self) -> int:
        return len(self.chips)

    def __getitem__(self, index: int) -> Chip:
        return self.chips[index]


def load_chip(path: str | Path) -> Chip:
    """Read a chip that `Chip.save` wrote.

    Raises
    ------
    InputError
        If the file is missing, corrupt or no chip.
    """
    arrays = read_npz(path)
    try:
        plain = json.loads(str(arrays["plain"]))
        layers = sum(key.startswith("forward.") for key in arrays)
        parts: dict[str, Any] = {name: tuple(arrays.get(f"{name}.{j}") for j in range(layers)) for name in _PER_LAYER}
        devices = {key.removeprefix("devices."): value for key, value in arrays.items() if key.startswith("devices.")}
        tia = TIA.from_arrays({k.removeprefix("tia."): v for k, v in arrays.items() if k.startswith("tia.")}, layers)
        whole = {name: arrays[name] for name in _WHOLE}
        return Chip(**parts, **whole, tia=tia, devices=devices, **plain)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not a chip written by Chip.save ({error}).") from None


def _rounded(values: Array, step: float) -> Array:
    return step * np.floor(values / step + 0.5) if step else values


def _fixed(name: str, value: Any) -> Array:
    """A view that cannot be written through: what was validated stays so."""
    try:
        view = np.asarray(value).view()
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} holds rows of different lengths.") from None
    if view.dtype.kind not in "biuf":
        raise InputError(f"{name} holds what is no real number: {shown(value)}.")
    view.flags.writeable = False
    return view


def _check(name: str, value: Array | None, shape: tuple[int, ...] | None) -> None:
    if shape is None:
        if value is not None:
            raise InputError(f"{name} must be None: nothing feeds back into the clamped input.")
        return
    if value is None or value.shape != shape:
        raise InputError(f"{name} has shape {None if value is None else value.shape}; expected {shape}.")
    finite(name, value)
