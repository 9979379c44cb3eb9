"""Several chips made of one network, as a fabrication run would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analogsim.text import as_html

if TYPE_CHECKING:
    from analogsim.chip.whole import Chip


@dataclass(frozen=True, repr=False)
class Population:
    """Chips programmed from one network with different seeds; results gain a dimension ``chip``.

    Parameters
    ----------
    chips : tuple of Chip
    seeds : tuple of int
        Of each chip: what `Circuit.program` drew it with.
    """

    chips: tuple[Chip, ...]
    seeds: tuple[int, ...]

    def __iter__(self) -> Iterator[Chip]:
        return iter(self.chips)

    def __len__(self) -> int:
        return len(self.chips)

    def __getitem__(self, index: int) -> Chip:
        return self.chips[index]

    def __repr__(self) -> str:
        return f"Population of {len(self)}, seeds {', '.join(map(str, self.seeds))}; the first:\n{self.chips[0]!r}"

    def _repr_html_(self) -> str:
        return as_html(repr(self))
