"""Arrays that a caller hands over, checked once where they come in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.errors import InputError


def finite(name: str, value: ArrayLike, dtype: Any = float) -> NDArray[np.floating]:
    """`value` as an array of real, finite numbers of one floating type.

    Raises
    ------
    InputError
        If an entry is complex, masked, NaN, infinite or no number. NumPy would drop an imaginary part and a mask.
    """
    if np.ma.is_masked(value):
        raise InputError(f"{name} has masked entries. Fill them, or leave these samples out.")
    try:
        array = np.asarray(value)
        if np.iscomplexobj(array):
            raise InputError(f"{name} is complex; expected real numbers.")
        with np.errstate(over="ignore"):
            array = np.asarray(array, dtype=dtype)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} is not numeric.") from None
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or Inf.")
    return array
