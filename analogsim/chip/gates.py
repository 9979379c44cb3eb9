"""What the parts of a chip have in common: arrays that are checked once and cannot be written to afterwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analogsim.arrays import finite
from analogsim.errors import InputError, shown

Array = NDArray[np.floating]

LARGEST = 1e30


def fixed(name: str, value: object) -> Array:
    """A view that cannot be written through: what was validated stays so. What is closed already stays the same object.

    Raises
    ------
    InputError
        If it is no array of real numbers.
    """
    if type(value) is np.ndarray and not value.flags.writeable:
        view = value
    else:
        try:
            view = np.asarray(value).view()
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"{name} holds rows of different lengths.") from None
        view.flags.writeable = False
    if view.dtype.kind not in "biuf":
        raise InputError(f"{name} holds what is no real number: {shown(value)}.")
    return view


def shaped(name: str, value: Array | None, shape: tuple[int, ...]) -> None:
    """Raise `InputError` unless the array has a shape and is finite."""
    if value is None or value.shape != shape:
        raise InputError(f"{name} has shape {None if value is None else value.shape}; expected {shape}.")
    finite(name, value)


class Closed:
    """A record of arrays that stay closed in a copy, too: NumPy opens those that it unpickles."""

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take over what pickle or `copy.deepcopy` made."""
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)
