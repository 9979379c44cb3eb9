"""What every circuit answers to: a network goes in, a chip comes out."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, get_type_hints, overload

import numpy as np
from numpy.typing import NDArray

from analogsim import cards
from analogsim.cards import Carded, Overrides, quantity
from analogsim.cards.quantities import declared
from analogsim.chip.population import Population
from analogsim.chip.whole import Chip
from analogsim.devices.base import Part
from analogsim.devices.base import device as make_device
from analogsim.devices.base import model as device_model
from analogsim.errors import InputError, instance, listed, unknown, whole
from analogsim.files import expand
from analogsim.foreign import Gated, gives, texts
from analogsim.network import Network
from analogsim.registry import register, unwrapped
from analogsim.text import as_html

Array = NDArray[np.floating]
Deltas = Sequence[tuple[Array, Array]]


def same_network(where: str, found: object, given: Mapping[str, Any]) -> None:
    """A chip with finite weights and biases, of the layers that the ``chip`` given has."""
    instance(f"{where}: what it returned", found, Chip, "a Chip")
    assert isinstance(found, Chip)
    if found.sizes != given["chip"].sizes:
        got, wanted = ("-".join(map(str, sizes)) for sizes in (found.sizes, given["chip"].sizes))
        raise InputError(f"{where}: returned a chip of {got}; it was given one of {wanted}.")
    for j, arrays in enumerate(zip(found.forward, found.biases, strict=True)):
        if not all(np.isfinite(values).all() for values in arrays):
            raise InputError(f"{where}: returned a chip with NaN or Inf in the weights or biases of layer {j + 1}.")


@dataclass(frozen=True, kw_only=True)
class Circuit(Carded, Gated, ABC):
    """A circuit with its numbers; it keeps no state, that is the chip's.

    Parameters
    ----------
    time_unit : float
        Seconds for one unit of t, nominally the neurons' time constant; > 0.
    activity_unit : float
        Volts (watts in optics) for one unit of a; > 0.
    """

    gated_as: ClassVar[str] = "circuit"

    no_netlist: ClassVar[str] = ""
    """Why there is no netlist of this circuit, in one line; empty where there is one."""

    cost_assumptions: ClassVar[str] = ""
    """What the estimates of time and energy count, if there are any."""

    time_unit: float = quantity("time constant of a neuron, the unit of t", "s", above=0)
    activity_unit: float = quantity("voltage of an activity of one", "V", above=0)

    @overload
    def program(self, network: Network, *, seed: int = 0) -> Chip: ...
    @overload
    def program(self, network: Network, *, seeds: Sequence[int]) -> Population: ...
    def program(self, network: Network, *, seed: int = 0, seeds: Sequence[int] | None = None) -> Chip | Population:
        """Write a network into the circuit.

        Parameters
        ----------
        network : Network
        seed : int
            Draws everything random about the chip; the same seed gives the same bits.
        seeds : sequence of int, optional
            Program one chip for each seed and return a `Population`.
        """
        instance("network", network, Network, "a Network, as of Network.random((64, 32, 10))")
        if seeds is not None:
            checked = tuple(whole("seeds", item, low=0) for item in listed("seeds", seeds, "whole numbers ≥ 0"))
            if not checked:
                raise InputError("program(seeds=[]): give at least one seed.")
            return Population(tuple(self._chip(network, item) for item in checked), checked)
        return self._chip(network, whole("seed", seed, low=0))

    def _chip(self, network: Network, seed: int) -> Chip:
        # What overflows is not finite on the chip, which refuses it.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            made = self._program(network, seed)
        name = self.record.get("name", type(self).__name__)
        instance(f"what the circuit {name!r} makes of a network", made, Chip, "a Chip")
        if made.sizes != network.sizes:
            got, wanted = ("-".join(map(str, sizes)) for sizes in (made.sizes, network.sizes))
            raise InputError(f"the circuit {name!r}, _program: returned a chip of {got}; the network is {wanted}.")
        for unit in ("time_unit", "activity_unit"):
            if (own := getattr(self, unit, None)) is not None and own != getattr(made, unit):
                raise InputError(
                    f"the circuit {name!r}: its chip has {unit} = {getattr(made, unit):g} and the circuit {own:g}; "
                    f"pass {unit}=self.{unit} to the chip."
                )
        if not hasattr(self, "neurons"):
            for item in declared(type(self)):
                if "into" in item.metadata:
                    raise InputError(
                        f"{name}.{item.name}: a mismatch is for circuits with neurons of cards, as Crossbar."
                    )
        return made

    @abstractmethod
    @gives(lambda where, found, given: None)  # `_chip` looks at it
    def _program(self, network: Network, seed: int) -> Chip: ...

    @gives(same_network)
    def update(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Change the weights and biases of a chip by `deltas`, through the devices.

        The base adds them exactly, to the feedback arrays too: W + ΔW, V + ΔWᵀ, b + Δb.

        Parameters
        ----------
        chip : Chip
            Programmed by this circuit.
        deltas : list of (weights, bias)
            Wanted change of each layer, shaped as ``chip.forward[j]`` and ``chip.biases[j]``.
        rng : numpy.random.Generator
            Draws what is random about the update.
        """
        pairs = list(zip(chip.forward, chip.feedback, chip.biases, checked_deltas(chip, deltas), strict=True))
        return chip.rewritten(
            forward=tuple(w + dw for w, _, _, (dw, _) in pairs),
            feedback=tuple(None if v is None else v + dw.T for _, v, _, (dw, _) in pairs),
            biases=tuple(b + db for _, _, b, (_, db) in pairs),
        )

    def __init_subclass__(cls, **options: object) -> None:
        """Keep the few lines of `__repr__` in every circuit: a dataclass writes its own unless the class has one."""
        super().__init_subclass__(**options)
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Circuit.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """Name, title and what is simulated, in a few lines."""
        about = self.record
        title = f"{about['name']}: {about['title']}" if about else type(self).__name__
        return "\n  ".join([f"Circuit {title}", *self.words()])

    def _repr_html_(self) -> str:
        return as_html(repr(self))

    @gives(texts)
    def words(self) -> list[str]:
        """Say in a few phrases what is simulated; for the report of a run."""
        return []


def child(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of one source of randomness: what one draws does not shift what another draws."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])


def checked_deltas(chip: Chip, deltas: Deltas) -> Deltas:
    """Raise `InputError` unless there is a (weights, bias) of the right shape and finite for each layer."""
    if len(deltas) != chip.layers:
        raise InputError(f"update: {len(deltas)} deltas for {chip.layers} layers.")
    for j, (weights, bias) in enumerate(deltas):
        if np.shape(weights) != chip.forward[j].shape or np.shape(bias) != chip.biases[j].shape:
            shapes = f"{np.shape(weights)} and {np.shape(bias)}"
            raise InputError(f"update: deltas[{j}] has {shapes}; expected {chip.forward[j].shape} and biases.")
        if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
            raise InputError(f"update: deltas[{j}] holds NaN or Inf.")
    return deltas


def circuit(name: str | Path | Circuit, *, device: str | Path | Part | None = None, **overrides: object) -> Circuit:
    """Make a circuit from a built-in card, from the path of one, or from a circuit.

    Parameters
    ----------
    name : str, path or Circuit
        ``"crossbar"``, ``"ideal"``, ``"./mine.toml"``; of a `Circuit` the changes that are asked for are made.
    device : str, path or Part, optional
        What holds its weights; the circuit's card names the default.
    overrides : number or str
        ``**{"device.read_noise": 0.1, "circuit.asymmetry": 0.2}``, in SI units or with a unit ("20 uS"); without a
        prefix a key belongs to the circuit: ``asymmetry=0.2``.

    Returns
    -------
    Circuit

    Raises
    ------
    InputError
        If a card, a key or a value is not right, or a device does not fit the circuit.

    Examples
    --------
    >>> circuit("crossbar", device="ideal", asymmetry=0.2).asymmetry
    0.2
    """
    made = unwrapped(name)
    if isinstance(made, Circuit):
        return _changed(made, device, overrides)
    card = cards.read("circuit", made)
    try:
        return _resolved(card, name, device, overrides)
    except InputError:
        named = {role: part for role, part in roles(card, device).items() if role in _needed(model(card))}
        classes = {role: _class(part) for role, part in named.items()}
        _check_keys(overrides, {"circuit": model(card), **classes}, card.path)
        raise


def _resolved(card: cards.Card, name: object, device: str | Path | Part | None, overrides: Overrides) -> Circuit:
    """The circuit of a card, with its parts."""
    cls = model(card)
    of_device = cards.select(overrides, "device", card.parts)
    if not card.device and (device is not None or of_device):
        raise InputError(f"the circuit {str(name)!r} has no devices; use 'crossbar' for {device or of_device!r}.")
    parts = {}
    named, needed = roles(card, device), _needed(cls)
    for role in named:
        if role not in needed:
            raise unknown("part", role, needed, where=card.path)
    for role in needed:
        if role not in named:
            key = "device" if role == "device" else f"[parts] {role}"
            raise InputError(f"{card.path}: {key} is missing: the model {card.model!r} needs {', '.join(needed)}.")
    for role, wanted in named.items():
        parts[role] = make_device(wanted, called=role, **cards.select(overrides, role, card.parts))
        _check_fit(cls, role, parts[role], wanted, card.path)
    return cards.resolve(cls, card, cards.select(overrides, "circuit", card.parts), **parts)


def _class(part: str | Path | Part) -> type[Part]:
    """The class of a part, or of what its card names."""
    made = unwrapped(part)
    return type(made) if isinstance(made, Part) else device_model(cards.read("device", made).model)


def _check_keys(overrides: Overrides, classes: Mapping[str, type], where: str) -> None:
    """Raise `InputError` with the nearest of all keys, unless every key of a circuit or of its parts is one of them."""
    known = [f"{role}.{item.name}" for role, cls in classes.items() for item in declared(cls)]
    for key in overrides:
        full = key if "." in key else f"circuit.{key}"
        if full.partition(".")[0] in classes and full not in known:
            raise unknown(f"key of {where}", full, known) from None


def _changed(made: Circuit, device: str | Path | Part | None, overrides: Overrides) -> Circuit:
    """A circuit with another device, and with other values of its own and of its parts."""
    parts = {role: part for role, part in vars(made).items() if isinstance(part, Part)}
    others = [role for role in parts if role != "device"]
    of_device = cards.select(overrides, "device", others)
    if "device" not in parts and (device is not None or of_device):
        raise InputError(f"the circuit {type(made).__name__} has no devices; nothing takes {device or of_device!r}.")
    classes = {role: _class(device) if role == "device" and device else type(part) for role, part in parts.items()}
    _check_keys(overrides, {"circuit": type(made), **classes}, type(made).__name__)
    changed = {}
    for role, part in parts.items():
        wanted = device if role == "device" and device is not None else part
        found = make_device(wanted, called=role, **cards.select(overrides, role, others))
        if found is not part:
            _check_fit(type(made), role, found, wanted, type(made).__name__)
            changed[role] = found
    return cards.changed(made, cards.select(overrides, "circuit", others), kind="circuit", **changed)


def _check_fit(cls: type[Circuit], role: str, part: Part, wanted: object, where: str) -> None:
    """Raise `InputError` unless a part is of the class that its circuit wants."""
    fits = get_type_hints(cls).get(role, object)
    if not isinstance(part, fits):
        can = [name for name in cards.names("device") if _makes(name, fits)]
        hint = "" if role == "device" else f" Its {role} is set in the card; --device is its memory."
        raise InputError(f"{where}: {role} {str(wanted)!r} does not fit; it takes {', '.join(can)}.{hint}")


def _makes(name: str, fits: type) -> bool:
    try:
        return issubclass(device_model(cards.read("device", name).model), fits)
    except InputError:  # a card or a class of somebody else, which others need not know of
        return False


def model(card: cards.Card) -> type[Circuit]:
    """The class whose equations a circuit's card gives numbers to."""
    cls: type[Circuit] = register.circuit.find(card.model, where=card.path)
    return cls


def family(name: str | Path | Circuit) -> type[Circuit]:
    """The class of a circuit: of what its card names, or of the circuit itself."""
    made = unwrapped(name)
    return type(made) if isinstance(made, Circuit) else model(cards.read("circuit", made))


def _needed(cls: type) -> list[str]:
    """The parts that a circuit is made of: its fields without a default that no card holds."""
    return [item.name for item in fields(cls) if item.default is item.default_factory is MISSING and not item.metadata]


def roles(card: cards.Card, device: str | Path | Part | None = None) -> dict[str, str | Path | Part]:
    """Name or path of every part of a circuit's card, by its role; a relative path starts at the card."""

    def beside(name: str) -> str | Path:
        if name.endswith(".toml") and isinstance(card.location, Path):
            return card.location.parent / expand(name)
        return name

    named: dict[str, str | Path | Part] = {role: beside(name) for role, name in card.parts.items()}
    if card.device:
        named["device"] = beside(card.device) if device is None else device
    return named
