"""The gates for arrays and generators that a user hands over; those for single values are in `analogsim.errors`."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import DTypeLike, NDArray

from analogsim.errors import InputError, shown, whole


def real(name: str, value: object) -> np.ndarray:
    """Return `value` as an array of real numbers of whatever type, NaN and Inf among them.

    Raises
    ------
    InputError
        For what is no array of real numbers, and for masked entries.
    """
    if np.ma.is_masked(value):
        raise InputError(f"{name} has masked entries; fill them or leave their samples out.")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):  # rows of different lengths
        raise InputError(f"{name} = {shown(value)} is not an array of numbers.") from None
    if array.dtype.kind == "c":
        raise InputError(f"{name} is complex; expected real numbers.")
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} is not numeric: {shown(value)}.")
    return array


def finite(name: str, value: object, dtype: DTypeLike = float, *, largest: float | None = None) -> NDArray[np.floating]:
    """Return `value` as an array of a floating type, without NaN, Inf and numbers beyond `largest` in size.

    Parameters
    ----------
    largest : float, optional
        The root of the largest number of the type if not given, so that products do not overflow.

    Raises
    ------
    InputError
        As of `real`, and for what is not finite.
    """
    array = real(name, value)
    if array.dtype != dtype:
        with np.errstate(over="ignore", invalid="ignore"):
            array = array.astype(dtype)
    root = _root(array.dtype)
    most = root if largest is None else largest
    # One product looks at all entries, cheaper than any comparison: where it is finite, none is beyond the root.
    if most >= root and math.isfinite(np.vdot(array, array)):
        return array
    if not np.isfinite(array).all():
        raise InputError(f"{name} holds NaN or Inf.")
    if array.size and max(float(array.max()), -float(array.min())) > most:
        raise InputError(f"{name} holds numbers beyond {most:.3g} in size, whose products overflow.")
    return array


@lru_cache(maxsize=8)
def _root(dtype: np.dtype) -> float:
    """The root of the largest number of a floating type."""
    return float(np.sqrt(np.finfo(dtype).max))


def layerwise(name: str, values: object) -> list[NDArray[np.floating]]:
    """Return a list of finite arrays, one for each layer."""
    if not isinstance(values, list | tuple):
        raise InputError(f"{name} = {shown(values)}; expected a list of arrays, one for each layer.")
    return [finite(f"{name}[{k}]", value) for k, value in enumerate(values)]


def generator(seed: object) -> np.random.Generator:
    """Return the generator of a seed, a whole number ≥ 0, or the generator given."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(whole("seed", seed, low=0))
