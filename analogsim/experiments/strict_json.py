"""Numbers as strict JSON takes them: Python's own, and None where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable

Plain = None | bool | int | float | str | list["Plain"]


def number(value: float, digits: int | None = None) -> float | None:
    """A number, to so many digits if that is said; None for what is not finite."""
    if not math.isfinite(value):
        return None
    return float(value) if digits is None else float(f"{value:.{digits}g}")


def numbers(values: Iterable[float], digits: int | None = None) -> list[float | None]:
    """Each by `number`."""
    return [number(value, digits) for value in values]


def strict(value: object) -> Plain:
    """A value of a dataset, NumPy's types and lists among them; text for whatever else."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [strict(entry) for entry in value]
    if isinstance(value, float):
        return number(value)
    return value if isinstance(value, bool | int | str | None) else str(value)
