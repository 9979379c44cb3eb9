"""Coloured noise at the nodes: processes with exact updates over any step, added to what a compartment leaks towards.

The standard deviation is that of the process itself; a node of time constant τ filters it: an OU process of correlation
time T leaves σ√(T/(T + τ)) on the free node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.settings.noises import COLOURED

Array = NDArray[np.floating]

PER_DECADE = 2
MARGIN = 10.0
"""Flicker corners per decade, and how far they reach beyond the band: within it the spectrum is then 1/f to 2.3 %."""


class Process(Protocol):
    """A stationary process with one value for each compartment of each sample."""

    def step(self, h: float, rng: np.random.Generator) -> Array:
        """Advance by h and return the value."""
        ...


class OrnsteinUhlenbeck:
    """dη = −η/T dt + σ√(2/T) dW, started from its stationary law.

    Autocovariance σ² e^{−|t|/T}. D. Gillespie, Phys. Rev. E 54, 2084 (1996), for the exact update.
    """

    def __init__(self, size: int, sigma: float, correlation: float, rng: np.random.Generator) -> None:
        self.sigma, self.correlation = sigma, correlation
        self.value = sigma * rng.standard_normal(size)

    def step(self, h: float, rng: np.random.Generator) -> Array:
        """Advance by h exactly."""
        keep = np.exp(-h / self.correlation)
        self.value = keep * self.value + self.sigma * (1 - keep**2) ** 0.5 * rng.standard_normal(self.value.shape)
        return self.value


class Flicker:
    """1/f noise between two frequencies, as OU processes of equal variance with logarithmically spaced corners.

    σ² is the variance within the band: S(f) = σ² / (f ln(f₂/f₁)), one-sided. A. McWhorter (1957) for the sum of
    Lorentzians.
    """

    def __init__(self, size: int, sigma: float, band: tuple[float, float], rng: np.random.Generator) -> None:
        low, high = band[0] / MARGIN, band[1] * MARGIN
        count = int(np.ceil(np.log10(high / low) * PER_DECADE)) + 1
        corners = np.geomspace(low, high, count)
        # Each corner stands for ln(f₂/f₁)/(count − 1) of the logarithmic axis.
        share = sigma * (np.log(corners[1] / corners[0]) / np.log(band[1] / band[0])) ** 0.5
        self.parts = [OrnsteinUhlenbeck(size, share, 1 / (2 * np.pi * f), rng) for f in corners]

    def step(self, h: float, rng: np.random.Generator) -> Array:
        """Advance by h exactly."""
        return np.sum([part.step(h, rng) for part in self.parts], axis=0)


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
        relaxed = -np.expm1(-h * (1 / self.low + 1 / self.high))
        chance = np.where(self.up, (1 - self.share) * relaxed, self.share * relaxed)
        self.up ^= rng.random(self.up.shape) < chance
        return self.distance * (self.up - self.share)


PROCESSES: dict[str, Callable[[int, float, Any, np.random.Generator], Process]] = {
    "ou_noise": OrnsteinUhlenbeck,
    "flicker_noise": Flicker,
    "telegraph_noise": Telegraph,
}
"""By the chip's field; the third argument is the chip's parameter of `analogsim.settings.noises`."""


def processes(chip: Chip, size: int, rng: np.random.Generator) -> list[Process]:
    """The coloured node noise of a chip.

    Parameters
    ----------
    chip : Chip
    size : int
        Samples, each with noise of its own.
    rng : numpy.random.Generator
    """
    return [
        PROCESSES[kind.field](size, getattr(chip, kind.field), getattr(chip, kind.parameter), rng)
        for kind in COLOURED
        if getattr(chip, kind.field) > 0
    ]
