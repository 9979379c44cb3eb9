"""What every device family answers to, and how a card finds its family.

A cell is programmed, ages, and is read many times:

    fixed  = cells(shape, rng),          G_prog = program(G_target, rng, fixed),
    G(t)   = age(G_prog, t, rng, G_target),  σ_read = read_sigma(G, t, G_prog),       I = current(G, V)

with conductances in siemens and t in seconds since programming. A device object holds numbers only; conductances
are state of the chip, and what is fixed about its cells follows from its seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim import cards, registry
from analogsim.cards import Carded, Check, quantity
from analogsim.devices.endurance import Wearing
from analogsim.errors import InputError, out_of_range, shown, unknown
from analogsim.foreign import Gated, gives, numbers, texts

Array = NDArray[np.floating]

Cells = Mapping[str, Array]
"""What is fixed about each cell of an array: ``frozen`` (conductance of stuck cells, NaN elsewhere), ``factor``.

Where pulses are counted there is ``tally``, (2, …), too: programming adds the corrections of write-verify to it, up
and down.
"""


@dataclass(frozen=True, kw_only=True)
class Part(Carded, Gated):
    """A part that a card in ``devices/`` describes: a memory cell, a light source, a detector, a modulator."""

    gated_as: ClassVar[str] = "device"

    @gives(texts)
    def words(self) -> list[str]:
        """Say in a few phrases what this part does wrong; for the report of a run."""
        return []


def _drawn(where: str, found: Any, given: Mapping[str, Any]) -> None:
    """What is fixed about cells: arrays by name, those that the base reads of the shape asked for."""
    if not isinstance(found, Mapping):
        raise InputError(f"{where}: returned {shown(found)}; expected a mapping of arrays by name, {{}} if none.")
    for key, values in found.items():
        free = np.asarray(values).dtype.kind == "f" and key == "frozen"  # NaN stands for a cell that is not stuck
        values = np.where(np.isnan(values), 0.0, values) if free else values
        if key in ("frozen", "factor"):
            numbers("cells", low=0)(f"{where}, {key!r}", values, {"cells": np.empty(given["shape"])})
        else:
            numbers()(f"{where}, {key!r}", values, {})


@dataclass(frozen=True, kw_only=True)
class Device(Wearing, Part):
    """A two-terminal memory cell; the base programs, ages and reads without error.

    Parameters
    ----------
    g_min, g_max : float
        Conductance limits, S.
    read_noise : float, optional
        Relative standard deviation of a conductance at each read; replaces the family's own read noise.
    p_stuck_lrs, p_stuck_hrs, p_unresponsive : float
        Share of cells stuck at g_max (low-resistance state), at g_min (high-resistance state), and at a conductance
        drawn once, uniform between the limits.
    levels : int
        Evenly spaced conductances that programming can aim at, the limits among them; 0 means a continuum.
    programming_scale : float
        Factor on the family's own programming noise: 1 is what was measured.
    d2d : float
        Device-to-device spread: every cell reaches its target times a factor of its own around 1, drawn once; this is
        the standard deviation of the factor over the cells.
    verify_tolerance, verify_attempts
        Write-verify: a cell that reads further from its target than this share of g_max − g_min is moved by the error
        read, with the programming noise of a full write, until all are inside or the attempts are used up. One attempt
        writes blindly. The published programming noise of most families already contains such a loop.
    half_select : float
        Change of a cell that gets a part of the write voltage over that of the cell that gets all of it, in the same
        pulse, in an array without transistors; for families whose model has no voltage. Those that have one take it
        from their law.
    """

    g_max: float = quantity("conductance of the low-resistance state", "S", above=0)
    g_min: float = quantity("conductance of the high-resistance state", "S", low=0, default=0.0)
    read_noise: float | None = quantity(
        "relative standard deviation of a conductance at each read, in place of the model's own",
        low=0,
        default=None,
        ideal=0.0,
    )
    p_stuck_lrs: float = quantity("share of cells stuck at g_max", low=0, high=1, default=0.0, ideal=0.0)
    p_stuck_hrs: float = quantity("share of cells stuck at g_min", low=0, high=1, default=0.0, ideal=0.0)
    p_unresponsive: float = quantity(
        "share of cells stuck anywhere between the limits", low=0, high=1, default=0.0, ideal=0.0
    )
    levels: int = quantity(
        "number of target conductances, 0 for a continuum", low=0, high=2**20, whole=True, default=0, ideal=0
    )
    programming_scale: float = quantity("factor on the family's programming noise", low=0, default=1.0, ideal=0.0)
    d2d: float = quantity("relative standard deviation of the cells' own factors", low=0, default=0.0, ideal=0.0)
    verify_tolerance: float = quantity("error accepted by write-verify, in ranges", above=0, default=0.01)
    verify_attempts: int = quantity("writes allowed for each cell", low=1, high=10_000, whole=True, default=1)
    half_select: float = quantity(
        "change of a half-selected cell over that of the one that is written, in a passive array",
        low=0, high=1, default=0.0, ideal=0.0,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.g_min < self.g_max:
            raise out_of_range("device.g_min", self.g_min, f"g_min < g_max = {self.g_max:g} S")
        if self.faults > 1:
            raise out_of_range("device.p_stuck_lrs + p_stuck_hrs + p_unresponsive", self.faults, "sum ≤ 1")
        if self.levels == 1:
            raise out_of_range("device.levels", 1, "0 (a continuum) or at least 2")

    @property
    def span(self) -> float:
        """g_max − g_min, S."""
        return self.g_max - self.g_min

    @property
    def faults(self) -> float:
        """Share of cells that are stuck and never change."""
        return self.p_stuck_lrs + self.p_stuck_hrs + self.p_unresponsive

    @gives(numbers("conductance", low=0, unit="S"))
    def target(self, conductance: ArrayLike) -> Array:
        """Clip a wanted conductance to the limits and round it to the nearest level."""
        wanted = np.clip(np.asarray(conductance, dtype=float), self.g_min, self.g_max)
        if self.levels:
            step = self.span / (self.levels - 1)
            wanted = self.g_min + np.rint((wanted - self.g_min) / step) * step
        return wanted

    @gives(numbers("conductance", low=0, unit="S"))
    def programming_sigma(self, conductance: ArrayLike) -> Array:
        """Standard deviation of the programmed conductance around its target, S."""
        return np.zeros_like(np.asarray(conductance, dtype=float))

    @gives(_drawn)
    def cells(self, shape: tuple[int, ...], rng: np.random.Generator) -> Cells:
        """Draw what is fixed about each cell of an array; a key only where its nonideality is on."""
        fixed: dict[str, Array] = {}
        for_faults, for_factors = rng.spawn(2)
        if shares := self.faults:
            draw, anywhere = for_faults.random(shape), self.g_min + self.span * for_faults.random(shape)
            stuck = np.where(draw < self.p_stuck_lrs + self.p_stuck_hrs, self.g_min, anywhere)
            stuck[draw < self.p_stuck_lrs] = self.g_max
            stuck[draw >= shares] = np.nan
            fixed["frozen"] = stuck
        if self.d2d:
            fixed["factor"] = np.maximum(1.0 + self.d2d * for_factors.standard_normal(shape), 0.0)
        return fixed | self.lives(shape, for_factors.spawn(1)[0]) if self.wears else fixed

    @gives(numbers("conductance", low=0, unit="S"))
    def program(self, conductance: ArrayLike, rng: np.random.Generator, cells: Cells | None = None) -> Array:
        """Return the conductances after programming, S.

        ``G = max(factor (G_target + σ(G_target) ξ), 0)`` with ξ ~ N(0, 1), corrected by write-verify where that is
        on; stuck cells stay where they are.
        """
        cells = cells or {}
        wanted = self.target(conductance)
        sigma = self.programming_scale * self.programming_sigma(wanted)
        programmed = self._write(wanted, sigma, rng, cells.get("factor"))
        if self.verify_attempts > 1:
            self._verify(programmed, wanted, sigma, rng, cells)
        if (frozen := cells.get("frozen")) is not None:
            programmed = np.where(np.isnan(frozen), programmed, frozen)
        return programmed

    def _write(self, aim: Array, sigma: Array, rng: np.random.Generator, factor: Array | None) -> Array:
        written = aim.copy()
        if sigma.any():
            noise = rng.standard_normal(aim.shape)
            noise *= sigma
            written += noise
        if factor is not None:
            written *= factor
        return np.maximum(written, 0.0, out=written)

    def _verify(self, programmed: Array, wanted: Array, sigma: Array, rng: np.random.Generator, cells: Cells) -> None:
        factor, tally = cells.get("factor"), cells.get("tally")
        for _ in range(self.verify_attempts - 1):
            seen = programmed + self.read_sigma(programmed) * rng.standard_normal(programmed.shape)
            bad = np.abs(seen - wanted) > self.verify_tolerance * self.span
            if not bad.any():
                return
            response = 1.0 if factor is None else factor[bad]
            correction = wanted[bad] - seen[bad] + sigma[bad] * rng.standard_normal(int(bad.sum()))
            programmed[bad] = np.maximum(programmed[bad] + response * correction, 0.0)
            if tally is not None:
                tally[0][bad] += correction >= 0
                tally[1][bad] += correction < 0

    def outside(self) -> float:
        """Share of cells that write-verify leaves further from their targets than its tolerance, stuck ones apart.

        Of 9000 cells, programmed to conductances evenly spread over the range.
        """
        rng, wanted = np.random.default_rng(0), self.target(np.repeat(np.linspace(self.g_min, self.g_max, 9), 1000))
        free = {key: value for key, value in self.cells(wanted.shape, rng).items() if key != "frozen"}
        error = np.abs(self.program(wanted, rng, free) - wanted)
        return float((error > self.verify_tolerance * self.span * (1 + 1e-9)).mean())

    @gives(numbers("conductance", low=0, unit="S"))
    def age(
        self, conductance: ArrayLike, seconds: float, rng: np.random.Generator, target: ArrayLike | None = None
    ) -> Array:
        """Return the conductances `seconds` after programming, of cells that aimed at `target`, if that is known.

        The base does not drift.
        """
        return np.asarray(conductance, dtype=float)

    @gives(numbers("conductance", low=0, unit="S"))
    def read_sigma(self, conductance: ArrayLike, seconds: float = 0.0, programmed: ArrayLike | None = None) -> Array:
        """Standard deviation of one read, S, of cells `seconds` after they were `programmed` (default: not aged)."""
        now = np.asarray(conductance, dtype=float)
        return self.read_noise * now if self.read_noise else np.zeros_like(now)

    def flicker_band(self, seconds: float = 0.0) -> tuple[float, float] | None:
        """Band of the 1/f noise that `read_sigma` is, Hz, of cells so old; None (as here) if reads are independent.

        `analogsim.devices.slow_noise` says how a circuit shares it out by speed.
        """
        return None

    @gives(numbers("conductance", "voltage", unit="A"))
    def current(self, conductance: ArrayLike, voltage: ArrayLike) -> Array:
        """Current at a voltage, A; Ohm's law unless the family says otherwise."""
        return np.asarray(conductance, dtype=float) * np.asarray(voltage, dtype=float)

    @gives(numbers("conductance", first=2))
    def disturb_ratios(self, conductance: ArrayLike, share: float = 0.5) -> Array:
        """Change of cells that get a share of a write pulse's voltage, over that of the cell that gets all of it.

        Parameters
        ----------
        conductance : array
            Of the cells, S.
        share : float
            −1 to 1; negative where the cell sees the other polarity, and moves the other way.

        Returns
        -------
        (2, …) array
            For the pulse that raises conductances, and for the one that lowers them. The base has one number,
            `half_select`, for every share.
        """
        ratio = self.half_select * float(np.sign(share))
        return np.full((2, *np.shape(conductance)), ratio)

    @property
    def moves_both_ways(self) -> bool:
        """Whether a cell learns by being moved up and down from where it is, and so needs room on both sides."""
        return False

    @property
    def is_linear(self) -> bool:
        """Whether the family obeys Ohm's law."""
        return type(self).current is Device.current

    def words(self) -> list[str]:
        """Say in a few phrases what this device does wrong; for the report of a run."""
        said = []
        sigma = self.programming_scale * float(np.max(self.programming_sigma(np.linspace(self.g_min, self.g_max, 9))))
        said += [f"programming σ up to {sigma / self.span:.2%} of the range"] if sigma else []
        if self.verify_attempts > 1:
            said.append(
                f"write-verify within {self.verify_tolerance:.2%} of the range, at most {self.verify_attempts} writes: "
                f"{self.outside():.1%} of the cells end outside"
            )
        for what, share in (
            ("of the cells stuck in the low-resistance state", self.p_stuck_lrs),
            ("of the cells stuck in the high-resistance state", self.p_stuck_hrs),
            ("of the cells unresponsive", self.p_unresponsive),
            ("device-to-device spread", self.d2d),
        ):
            said += [f"{share:.2%} {what}"] if share else []
        said += [f"{self.levels} conductance levels"] if self.levels else []
        return [*said, *self.wear_words()]


def device(name: str | Path | Part, *, called: str = "", **overrides: Any) -> Any:
    """Make a device, or any other part, from a built-in card, from the path of one, or from a part.

    Parameters
    ----------
    name : str, path or Part
        ``"pcm-ibm"``, ``"./mine.toml"``; of a `Part` the changes that are asked for are made.
    called : str
        Its role in a circuit, for messages.
    overrides : number or str
        Fields of its model, in SI units or with a unit: ``g_max="20 uS"``.

    Returns
    -------
    Part
        A `Device`, or what else the card describes.

    Raises
    ------
    InputError
        If the card, its model or a value is not right.
    """
    made = registry.unwrapped(name)
    if isinstance(made, Part):
        return cards.changed(made, overrides, kind="device", called=called)
    card = cards.read("device", made)
    return cards.resolve(model(card.model, where=card.path), card, overrides, called=called)


def model(name: str, *, where: str = "") -> type[Part]:
    """Find a device family by its name in `analogsim.register.device`; `where` is the card that names it.

    Parameters
    ----------
    name : str
        As ``model`` of a card says it.
    where : str
        The card, for messages.
    """
    cls: type[Part] = registry.register.device.find(name, where=where)
    return cls


def register(name: str, words: str = "") -> Callable[[type[Part]], type[Part]]:
    """Class decorator: let cards name a `Device` or other `Part` written in Python as their ``model``.

    Parameters
    ----------
    name : str
        What cards say as ``model``.
    words : str
        What it is, for ``analogsim list``.
    """
    return registry.register.device(name, words)


def verify(name: str | Path) -> list[tuple[Check, float]]:
    """Evaluate the pinned checks of a card: each with the number that the model gives.

    Parameters
    ----------
    name : str or path
        Of a card.
    """
    card = cards.read("device", name)
    made = device(name)
    return [(check, evaluate(made, check)) for check in card.checks]


def evaluate(made: Carded, check: Check) -> float:
    """Evaluate the quantity of one check."""
    method = getattr(made, check.quantity, None)
    if not callable(method):
        public = [key for key in dir(made) if not key.startswith("_") and callable(getattr(made, key))]
        raise unknown("quantity of [[check]]", check.quantity, public, where=str(made.record.get("path", "")))
    try:
        return float(method(**check.at))
    except (TypeError, ValueError, ArithmeticError) as error:
        where = made.record.get("path", type(made).__name__)
        raise InputError(f"{where}: [[check]] {check.quantity} with at = {shown(dict(check.at))}: {error}.") from None
