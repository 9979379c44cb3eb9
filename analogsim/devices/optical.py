"""What optical parts share: a transfer curve, and a picture of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from analogsim.devices.base import Array, Part

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Curves(NamedTuple):
    """What a picture of a part shows: y over x by name, and what stands at the axes, with units.

    Attributes
    ----------
    x : array, (n,)
    y : mapping
        Name of a curve -> (n,).
    xlabel, ylabel : str
    """

    x: Array
    y: Mapping[str, Array]
    xlabel: str
    ylabel: str


@dataclass(frozen=True, kw_only=True)
class Optical(Part, ABC):
    """A part of an opto-electronic circuit."""

    @abstractmethod
    def curves(self) -> Curves:
        """Return the part's transfer curve."""

    def picture(self, ax: Axes) -> None:
        """Draw the transfer curve on matplotlib axes."""
        shown = self.curves()
        for name, y in shown.y.items():
            ax.plot(shown.x, y, label=name)
        ax.set(xlabel=shown.xlabel, ylabel=shown.ylabel)
        if len(shown.y) > 1:
            ax.legend()
