"""What the engine makes of a chip once and keeps for the next call: packed matrices, norms, the stamp.

A chip is never changed, only replaced, and its arrays are not written to, so what is made of it holds as long as it
lives. It is kept beside the chip, not in it, and goes when the chip goes: copies, pickles and files of a chip know
nothing of it. What is kept must not refer to the chip itself, which would then live for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar
from weakref import WeakKeyDictionary

from analogsim.chip.whole import Chip

T = TypeVar("T")

MOST = 16
"""Things kept of one chip; a scan of wirings on one chip would otherwise keep the mixings of all."""

_KNOWN: WeakKeyDictionary[Chip, dict[Hashable, object]] = WeakKeyDictionary()


def kept(chip: Chip, key: Hashable, make: Callable[[], T]) -> T:
    """Return what `make` made of a chip when the key was first asked for; the least recently used things are dropped.

    Parameters
    ----------
    chip : Chip
    key : hashable
        Says what it is, and all but the chip that it depends on.
    make : callable
        Makes it, without arguments.
    """
    known = _KNOWN.setdefault(chip, {})
    try:
        found = known.pop(key)
    except KeyError:
        found = make()
        if len(known) >= MOST:
            known.pop(next(iter(known)), None)
    known[key] = found
    return found  # type: ignore[return-value]  # what stands under a key was made by its `make`
