"""What holds a weight in light: an element that passes some of a source's power, or field, to an output."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.optical import Optical
from analogsim.errors import instance
from analogsim.foreign import gives, numbers

Channels = NDArray[np.int64]


class Realised(NamedTuple):
    """A matrix as it was written; outputs are rows, sources columns.

    Attributes
    ----------
    plus, minus : (n, m) arrays
        What reaches the detectors of the two paths, in units of the weight scale: plus − minus is the relative weight.
    floor : (2, n, 1) array
        The part of it that is there at any weight.
    light : (n, m) array
        Share of each source's power that falls on the detectors of each output.
    signal : float
        Share of a source's power that a relative weight of one brings.
    """

    plus: Array
    minus: Array
    floor: Array
    light: Array
    signal: float

    @property
    def transposed(self) -> Realised:
        """The same element read in the other direction; reciprocity leaves every transmission as it is."""
        return Realised(self.plus.T, self.minus.T, np.swapaxes(self.floor, 1, 2), self.light.T, self.signal)


def _realised(where: str, found: object, given: Mapping[str, Any]) -> None:
    """A matrix as written, of the shape of the one wanted."""
    instance(f"{where}: what it returned", found, Realised, "a Realised")
    assert isinstance(found, Realised)
    for name in ("plus", "minus"):
        numbers("relative")(f"{where}, {name!r}", getattr(found, name), given)


@dataclass(frozen=True, kw_only=True)
class Weighting(Optical):
    """An element that holds a matrix of weights.

    Parameters
    ----------
    bits : int
        Of a signed weight: multiples of 2^(1−bits) between −1 and 1. The Analog Optical Computer counts so, too: its 9
        bits are 8 of the pixel, and one that says through which path the light goes.
    channels : int
        Sources and outputs of one element; larger matrices are tiled.
    frame_rate : float
        How often all weights can be rewritten, Hz.
    write_energy : float
        Energy of writing one weight, J.
    holding_power : float
        Electrical power of holding one weight, W.
    """

    bits: int = quantity("bits of a signed weight", low=1, high=16, whole=True)
    channels: int = quantity("sources and outputs of one element", low=1, high=10**6, whole=True)
    frame_rate: float = quantity("how often all weights can be rewritten", "Hz", above=0)
    write_energy: float = quantity("energy of writing one weight", "J", low=0, default=0.0)
    holding_power: float = quantity("electrical power of holding one weight", "W", low=0, default=0.0)

    @gives(numbers("relative"))
    def quantise(self, relative: Array) -> Array:
        """Round relative weights to the nearest step and clip them to ±1."""
        steps = 2.0 ** (self.bits - 1)
        return np.rint(np.clip(relative, -1.0, 1.0) * steps) / steps

    @abstractmethod
    @gives(_realised)
    def realise(
        self, relative: Array, outputs: Channels, fixed: np.random.Generator, fresh: np.random.Generator, correct: bool
    ) -> Realised:
        """Write a matrix of relative weights, |w̃| ≤ 1.

        Parameters
        ----------
        relative : (n, m) array
        outputs : (n,) array of int
            Channel of each output, for what differs from column to column.
        fixed, fresh : numpy.random.Generator
            Draw what belongs to the element and what is new at each writing.
        correct : bool
            Whether a measured calibration of each column is applied.
        """

    def live(self) -> Channels:
        """Channels that work."""
        return np.arange(self.channels)

    def words(self) -> list[str]:
        """Say how finely and how fast weights are written."""
        return [f"weights of {self.bits} bits, rewritten at {self.frame_rate:g} Hz"]
