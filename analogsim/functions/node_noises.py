"""The kinds of noise at the nodes of neurons: words, ranges and process of each in one entry.

Chips, circuits, cards, commands and integrators are made from the entries. To add a kind: its process and its entry.
NumPy loads when a process is started, since the help of the commands is made from the entries, too.

A process has an exact update over any step and is added to what a compartment leaks towards. The standard deviation is
that of the process itself; a node of time constant τ filters it: an OU process of correlation time T leaves
σ√(T/(T + τ)) on the free node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating]

PER_DECADE = 2
MARGIN = 10.0
"""Flicker corners per decade, and how far they reach beyond the band: within it the spectrum is then 1/f to 2.3 %."""


class Process(Protocol):
    """A stationary process with one value for each compartment of each sample."""

    def step(self, h: float, rng: np.random.Generator) -> Array:
        """Advance by h and return the value."""
        ...


@dataclass(frozen=True)
class Parameter:
    """One number that says how a kind of noise changes in time; > 0.

    Attributes
    ----------
    name : str
        Of a circuit's card.
    meaning : str
        With the unit.
    default : float
    """

    name: str
    meaning: str
    default: float


@dataclass(frozen=True)
class NodeNoise:
    """One kind.

    Attributes
    ----------
    name : str
        As in ``--noise node:0.02``.
    field : str
        Of circuit and chip: its standard deviation, in units of the activity.
    called : str
        What it is called in messages and helps.
    words : str
        What it is, to be formatted with the fields of the circuit.
    meaning : str
        Of the standard deviation, for a circuit's card.
    parameter : str
        Field of the chip that says how it changes in time, with all the numbers below; empty for white noise.
    parts : tuple of Parameter
        Fields of the circuit that make up this parameter.
    increasing : bool
        Whether each of them must be greater than the one before.
    process : callable, optional
        Starts the process of so many samples: it takes their number, the standard deviation, the parameter of the chip
        and a generator. None for white noise, which the integrators draw.
    """

    name: str
    field: str
    called: str
    words: str
    meaning: str
    parameter: str = ""
    parts: tuple[Parameter, ...] = ()
    increasing: bool = False
    process: Callable[[int, float, Any, np.random.Generator], Process] | None = None

    @property
    def default(self) -> float | tuple[float, ...]:
        """Of the chip's parameter: one number, or several."""
        return self.joined([part.default for part in self.parts])

    def joined(self, values: list[float]) -> float | tuple[float, ...]:
        """The chip's parameter made of its numbers."""
        return tuple(values) if len(values) != 1 else values[0]


class OrnsteinUhlenbeck:
    """dη = −η/T dt + σ√(2/T) dW, started from its stationary law.

    Autocovariance σ² e^{−|t|/T}. D. Gillespie, Phys. Rev. E 54, 2084 (1996), for the exact update.
    """

    def __init__(self, size: int, sigma: float, correlation: float, rng: np.random.Generator) -> None:
        self.sigma, self.correlation = sigma, correlation
        self.value = sigma * rng.standard_normal(size)

    def step(self, h: float, rng: np.random.Generator) -> Array:
        """Advance by h exactly."""
        import numpy as np

        keep = np.exp(-h / self.correlation)
        self.value = keep * self.value + self.sigma * (1 - keep**2) ** 0.5 * rng.standard_normal(self.value.shape)
        return self.value


class Flicker:
    """1/f noise between two frequencies, as OU processes of equal variance with logarithmically spaced corners.

    σ² is the variance within the band: S(f) = σ² / (f ln(f₂/f₁)), one-sided. A. McWhorter (1957) for the sum of
    Lorentzians.
    """

    def __init__(self, size: int, sigma: float, band: tuple[float, float], rng: np.random.Generator) -> None:
        import numpy as np

        low, high = band[0] / MARGIN, band[1] * MARGIN
        count = int(np.ceil(np.log10(high / low) * PER_DECADE)) + 1
        corners = np.geomspace(low, high, count)
        # Each corner stands for ln(f₂/f₁)/(count − 1) of the logarithmic axis.
        share = sigma * (np.log(corners[1] / corners[0]) / np.log(band[1] / band[0])) ** 0.5
        self.parts = [OrnsteinUhlenbeck(size, share, 1 / (2 * np.pi * f), rng) for f in corners]

    def step(self, h: float, rng: np.random.Generator) -> Array:
        """Advance by h exactly."""
        import numpy as np

        found: Array = np.sum([part.step(h, rng) for part in self.parts], axis=0)
        return found


class Telegraph:
    """Random telegraph noise: two levels with mean dwell times t₀ (low) and t₁ (high), of zero mean and given σ.

    Level distance Δ = σ (t₀ + t₁)/√(t₀t₁); one-sided S(f) = 4Δ²/((t₀ + t₁)[(1/t₀ + 1/t₁)² + (2πf)²]).
    S. Machlup, J. Appl. Phys. 25, 341 (1954).
    """

    def __init__(self, size: int, sigma: float, dwell: tuple[float, float], rng: np.random.Generator) -> None:
        self.low, self.high = dwell
        self.share = self.high / (self.low + self.high)
        self.distance = sigma / (self.share * (1 - self.share)) ** 0.5
        self.up = rng.random(size) < self.share

    def step(self, h: float, rng: np.random.Generator) -> Array:
        """Advance by h with the exact transition probabilities."""
        import numpy as np

        relaxed = -np.expm1(-h * (1 / self.low + 1 / self.high))
        chance = np.where(self.up, (1 - self.share) * relaxed, self.share * relaxed)
        self.up ^= rng.random(self.up.shape) < chance
        found: Array = self.distance * (self.up - self.share)
        return found


NODE_NOISES = (
    NodeNoise(
        "node",
        "node_noise",
        "white node noise",
        "node noise",
        "stationary standard deviation of white noise at each node",
    ),
    NodeNoise(
        "ou",
        "ou_noise",
        "Ornstein-Uhlenbeck noise",
        "OU noise of correlation time {ou_time:g} τ,",
        "standard deviation of Ornstein-Uhlenbeck noise, in activities",
        "ou_time",
        (Parameter("ou_time", "its correlation time, in time units", 1.0),),
        process=OrnsteinUhlenbeck,
    ),
    NodeNoise(
        "1/f",
        "flicker_noise",
        "1/f noise",
        "1/f noise from {flicker_low:g} to {flicker_high:g} per τ,",
        "standard deviation of 1/f noise in its band, in activities",
        "flicker_band",
        (
            Parameter("flicker_low", "lowest frequency of the 1/f noise, in 1/time unit", 0.01),
            Parameter("flicker_high", "highest frequency of the 1/f noise, in 1/time unit", 1.0),
        ),
        increasing=True,
        process=Flicker,
    ),
    NodeNoise(
        "rtn",
        "telegraph_noise",
        "telegraph noise",
        "telegraph noise dwelling {telegraph_low:g} and {telegraph_high:g} τ,",
        "standard deviation of random telegraph noise, in activities",
        "telegraph_dwell",
        (
            Parameter("telegraph_low", "mean dwell time of its low level, in time units", 1.0),
            Parameter("telegraph_high", "mean dwell time of its high level, in time units", 1.0),
        ),
        process=Telegraph,
    ),
)
COLOURED = tuple(kind for kind in NODE_NOISES if kind.parameter)
"""Those with a memory."""
