"""How noisy a chip is in time: at the nodes of its neurons, and at the reads of its arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analogsim.chip.gates import LARGEST
from analogsim.errors import InputError, number, one_of, out_of_range, shown
from analogsim.functions.node_noises import COLOURED, NODE_NOISES, NodeNoise, Process

READ_MODES = ("per-read", "quasi-static", "ou")
CORRELATIONS = ("common", "differential")

Level = float | tuple[float, ...]


@dataclass(frozen=True)
class ReadClock:
    """When the noise of the reads is drawn, and who sees it.

    Parameters
    ----------
    mode : {"per-read", "quasi-static", "ou"}
        Held for ``period`` and drawn again; drawn once; or an OU process with that correlation time.
    period : float
        In units of ``time_unit``; > 0.
    correlation : {"common", "differential"}
        Whether both compartments see the same draw of an array's noise or each its own.
    held : float
        Share of the variance of each weight's noise that is drawn once for each sample, whatever the mode: 0 to 1.
    """

    mode: str = "per-read"
    period: float = 1.0
    correlation: str = "common"
    held: float = 0.0

    def check(self) -> None:
        """Raise `InputError` for a name that is none and a period that is not > 0."""
        one_of("read mode", self.mode, READ_MODES)
        one_of("read correlation", self.correlation, CORRELATIONS)
        number("Chip.read_period", self.period, above=0, high=LARGEST)
        number("Chip.read_held", self.held, low=0, high=1)

    def words(self) -> str:
        """Say how the noise of the reads is drawn."""
        held = {
            "per-read": f"drawn every {self.period:g} time units",
            "quasi-static": "drawn once",
            "ou": f"correlated over {self.period:g} time units",
        }[self.mode]
        slower = f", {self.held:.0%} of its variance once for each sample" if self.held else ""
        return f"read noise {held}{slower}, {self.correlation} to the compartments"


class NodeLevels(Mapping[str, Level]):
    """Standard deviations of the noise at each node, and how it changes in time, by the names of the chip's fields.

    Parameters
    ----------
    levels : number or tuple
        ``node_noise``, ``ou_noise``, ``ou_time``, …: the fields and parameters of `analogsim.functions.node_noises`, in
        units of the activity and of ``time_unit``; what is left out is silent.
    """

    def __init__(self, **levels: object) -> None:
        self._levels = {**SILENT, **{name: _checked(name, value) for name, value in levels.items()}}

    def __getitem__(self, name: str) -> Level:
        return self._levels[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._levels)

    def __len__(self) -> int:
        return len(self._levels)

    def sigma(self, kind: NodeNoise) -> float:
        """Standard deviation of one kind."""
        level = self._levels[kind.field]
        assert isinstance(level, float | int)
        return level

    @property
    def is_coloured(self) -> bool:
        """Whether a node carries noise with a memory."""
        return any(self.sigma(kind) > 0 for kind in COLOURED)

    def processes(self, size: int, rng: np.random.Generator) -> list[Process]:
        """Start the noise with a memory, for so many compartments, each with noise of its own."""
        return [
            kind.process(size, self.sigma(kind), self[kind.parameter], rng)
            for kind in COLOURED
            if kind.process and self.sigma(kind) > 0
        ]

    def words(self) -> list[str]:
        """Say what is noisy."""
        return [f"{kind.name} noise σ {self.sigma(kind):.3g}" for kind in NODE_NOISES if self.sigma(kind)]


SILENT: dict[str, Level] = {
    **{kind.field: 0.0 for kind in NODE_NOISES},
    **{kind.parameter: kind.default for kind in COLOURED},
}
"""No noise at all."""

_PARAMETERS = {kind.parameter: kind for kind in COLOURED}


def _checked(name: str, value: object) -> Level:
    if name not in _PARAMETERS:
        number(f"Chip.{name}", value, low=0, high=LARGEST)
        return value  # type: ignore[return-value]  # a number, as it was given
    kind = _PARAMETERS[name]
    if len(kind.parts) == 1:
        number(f"Chip.{name}", value, above=0, high=LARGEST)
        return value  # type: ignore[return-value]
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != len(kind.parts):
        raise InputError(f"Chip.{name} = {shown(value)}; expected {_COUNTS.get(len(kind.parts), 'several')} numbers.")
    found = tuple(number(f"Chip.{name}", item, above=0) for item in value)
    if kind.increasing and any(low >= high for low, high in pairwise(found)):
        raise out_of_range(f"Chip.{name}", found, "0 < lowest < highest frequency")
    return found


_COUNTS = {2: "two", 3: "three"}
