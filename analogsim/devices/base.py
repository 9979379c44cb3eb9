"""What every device family answers to, and how a card finds its family.

A cell is programmed once, ages, and is read many times:

    G_prog = program(G_target, rng),     G(t) = age(G_prog, t, rng),
    σ_read = read_sigma(G, t, G_prog),   I = current(G, V)

with conductances in siemens and t in seconds since programming. A device object holds numbers only; conductances,
ages and faults are state of the chip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim import cards
from analogsim.cards import Carded, Check, quantity
from analogsim.errors import InputError, out_of_range, unknown

Array = NDArray[np.floating]

BUILT_IN = {"ideal": "ideal:Ideal", "pcm": "pcm:PCM"}
_registered: dict[str, type[Device]] = {}


@dataclass(frozen=True, kw_only=True)
class Device(Carded):
    """A two-terminal memory cell; the base programs, ages and reads without error.

    Parameters
    ----------
    g_min, g_max : float
        Conductance limits, S.
    read_noise : float, optional
        Relative standard deviation of a conductance at each read; replaces the family's own read noise.
    p_stuck_lrs, p_stuck_hrs : float
        Share of cells stuck at g_max (low-resistance state) and at g_min (high-resistance state).
    levels : int
        Evenly spaced conductances that programming can aim at, the limits among them; 0 means a continuum.
    """

    g_max: float = quantity("conductance of the low-resistance state", "S", above=0)
    g_min: float = quantity("conductance of the high-resistance state", "S", low=0, default=0.0)
    read_noise: float | None = quantity(
        "relative standard deviation of a conductance at each read, in place of the model's own", low=0, default=None
    )
    p_stuck_lrs: float = quantity("share of cells stuck at g_max", low=0, high=1, default=0.0)
    p_stuck_hrs: float = quantity("share of cells stuck at g_min", low=0, high=1, default=0.0)
    levels: int = quantity("number of target conductances, 0 for a continuum", low=0, whole=True, default=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.g_min < self.g_max:
            raise out_of_range("device.g_min", self.g_min, f"g_min < g_max = {self.g_max:g} S")
        if self.p_stuck_lrs + self.p_stuck_hrs > 1:
            raise out_of_range("device.p_stuck_lrs + p_stuck_hrs", self.p_stuck_lrs + self.p_stuck_hrs, "sum ≤ 1")
        if self.levels == 1:
            raise out_of_range("device.levels", 1, "0 (a continuum) or at least 2")

    def target(self, conductance: ArrayLike) -> Array:
        """Clip a wanted conductance to the limits and round it to the nearest level."""
        wanted = np.clip(np.asarray(conductance, dtype=float), self.g_min, self.g_max)
        if self.levels:
            step = (self.g_max - self.g_min) / (self.levels - 1)
            wanted = self.g_min + np.rint((wanted - self.g_min) / step) * step
        return wanted

    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """Standard deviation of the programmed conductance around its target, S."""
        return np.zeros_like(np.asarray(conductance, dtype=float))

    def program(self, conductance: ArrayLike, rng: np.random.Generator) -> Array:
        """Return the conductances after programming: ``max(G_target + σ(G_target) ξ, 0)``, ξ ~ N(0, 1)."""
        wanted = self.target(conductance)
        sigma = self.programming_sigma(wanted)
        if not sigma.any():
            return wanted
        noisy = rng.standard_normal(wanted.shape)
        noisy *= sigma
        noisy += wanted
        return np.maximum(noisy, 0.0, out=noisy)

    def age(self, conductance: ArrayLike, seconds: float, rng: np.random.Generator) -> Array:
        """Return the conductances `seconds` after programming; the base does not drift."""
        return np.asarray(conductance, dtype=float)

    def read_sigma(self, conductance: ArrayLike, seconds: float = 0.0, programmed: ArrayLike | None = None) -> Array:
        """Standard deviation of one read, S, of cells `seconds` after they were `programmed` (default: not aged)."""
        now = np.asarray(conductance, dtype=float)
        return self.read_noise * now if self.read_noise else np.zeros_like(now)

    def current(self, conductance: ArrayLike, voltage: ArrayLike) -> Array:
        """Current at a voltage, A; Ohm's law unless the family says otherwise."""
        return np.asarray(conductance, dtype=float) * np.asarray(voltage, dtype=float)

    def faults(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int8]:
        """Draw which cells are stuck: 1 at g_max, −1 at g_min, 0 healthy."""
        draw = rng.random(shape)
        stuck = (draw < self.p_stuck_lrs).astype(np.int8)
        stuck[draw >= 1.0 - self.p_stuck_hrs] = -1
        return stuck

    def stick(self, conductance: Array, stuck: NDArray[np.int8]) -> Array:
        """Overwrite the stuck cells."""
        return np.where(stuck == 0, conductance, np.where(stuck > 0, self.g_max, self.g_min))

    def words(self) -> list[str]:
        """Say in a few phrases what this device does wrong; for the report of a run."""
        said = []
        middle = (self.g_min + self.g_max) / 2
        if sigma := float(np.max(self.programming_sigma(np.array([self.g_min, middle, self.g_max])))):
            said.append(f"programming σ up to {sigma / (self.g_max - self.g_min):.2%} of the range")
        if self.levels:
            said.append(f"{self.levels} conductance levels")
        if self.p_stuck_lrs or self.p_stuck_hrs:
            said.append(f"stuck cells {self.p_stuck_lrs:.2%} low-resistance, {self.p_stuck_hrs:.2%} high-resistance")
        return said


def device(name: str | Path | Device, **overrides: Any) -> Device:
    """Make a device from a built-in card or from the path of one.

    Parameters
    ----------
    name : str, path or Device
        ``"pcm-ibm"``, ``"./mine.toml"``; a `Device` is returned as it is.
    overrides : number or str
        Fields of its model, in SI units or with a unit: ``g_max="20 uS"``.

    Raises
    ------
    InputError
        If the card, its model or a value is not right.
    """
    if isinstance(name, Device):
        if overrides:
            raise InputError("a device made in Python takes no overrides; use dataclasses.replace on it.")
        return name
    card = cards.read("device", name)
    return cards.resolve(model(card.model, where=card.path), card, overrides)


def model(name: str, *, where: str = "") -> type[Device]:
    """Find a device family: built in, registered in Python, or an entry point of the group ``analogsim.devices``."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return getattr(import_module(f"analogsim.devices.{module}"), attribute)
    if name in _registered:
        return _registered[name]
    found = {point.name: point for point in entry_points(group="analogsim.devices")}
    if name not in found:
        raise unknown("device model", name, [*BUILT_IN, *_registered, *found], where=where)
    return found[name].load()


def register(name: str) -> Callable[[type[Device]], type[Device]]:
    """Class decorator: let cards name a `Device` written in Python as their ``model``."""

    def decorate(cls: type[Device]) -> type[Device]:
        if not (isinstance(cls, type) and issubclass(cls, Device)):
            raise InputError(f"register({name!r}): {cls!r} is no subclass of Device.")
        _registered[name] = cls
        return cls

    return decorate


def verify(name: str | Path) -> list[tuple[Check, float]]:
    """Evaluate the pinned checks of a card: each with the number that the model gives."""
    card = cards.read("device", name)
    made = device(name)
    return [(check, evaluate(made, check)) for check in card.checks]


def evaluate(made: Device, check: Check) -> float:
    """Evaluate the quantity of one check."""
    method = getattr(made, check.quantity, None)
    if not callable(method):
        public = [key for key in dir(made) if not key.startswith("_") and callable(getattr(made, key))]
        raise unknown("quantity of [[check]]", check.quantity, public, where=str(made.record.get("path", "")))
    return float(method(**check.at))
