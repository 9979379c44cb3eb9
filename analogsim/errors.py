"""One error for all a user can get wrong, and the gates that raise it: what, where, the value got, what is valid."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

LONGEST = 900
"""Characters of an error: a value may be a whole file."""
LARGEST_WHOLE = 2**62
"""What a result file can hold, with room for sums."""


class InputError(ValueError):
    """Bad input. The command line prints it as one line and exits with code 2."""

    def __init__(self, message: str) -> None:
        half = LONGEST // 2 - 3
        super().__init__(message if len(message) <= LONGEST else f"{message[:half]} ... {message[-half:]}")


def shown(value: object) -> str:
    """Write a value as in Python, but never at length: 0.1, not np.float64(0.1), and the ends of a long one."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever somebody's object does; and Python writes no integer of over 4300 digits
        return f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= 80 else f"{text[:38]}...{text[-38:]}"


class NotWritten(OSError):
    """A file for which there was no room. The command line prints it as one line and exits with code 1."""


def unknown(kind: str, value: object, choices: Iterable[str], *, where: str = "", hint: str = "") -> InputError:
    """Build the error for a name that is not among the valid ones, with the nearest valid name.

    Parameters
    ----------
    kind : str
        What the name stands for, as in ``"circuit"`` or ``"activation"``.
    value : object
        The name got.
    choices : iterable of str
        The valid names.
    where, hint : str
        A file and key, and a likely fix, if there is more to say.
    """
    names = sorted(choices)
    text = (value if isinstance(value, str) else repr(type(value))).lower()
    # A prefix that the names share, as in "circuit.asymmetry", says nothing about which of them was meant.
    prefix = text[: text.rfind(".") + 1]
    shared = [name for name in names if name.lower().startswith(prefix)]
    prefix = prefix if shared else ""
    folded = {name.lower().removeprefix(prefix): name for name in shared or names}
    text = text.removeprefix(prefix)
    # A key without the part that it is of, or with another's: "t0" and "circuit.t0" are "device.t0" if only that is.
    tail = f".{text.replace('-', '_')}"
    ends = [name for name in names if name.lower().endswith(tail)]
    near = ends if len(ends) == 1 else [name for key, name in folded.items() if len(text) > 2 and text in key]
    near.sort(key=len)
    near = near or [folded[key] for key in difflib.get_close_matches(text, folded, n=1, cutoff=0.6)]
    message = f"{where + ': ' if where else ''}unknown {kind} {shown(value)}"
    message += f"; did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    message += f" Valid: {listed}." if near else f"; valid: {listed}."
    return InputError(message + (f" {hint}" if hint else ""))


def out_of_range(name: str, value: object, allowed: str, *, hint: str = "") -> InputError:
    """Build the error for a number outside its range; ``allowed`` is the range in words, as in ``"0 ≤ alpha ≤ 1"``."""
    return InputError(f"{name} = {shown(value)} is out of range: {allowed}." + (f" {hint}" if hint else ""))


def missing(purpose: str, package: str, extra: str) -> InputError:
    """Build the error for an optional package that is not installed, of the extra that has it.

    It names the package and the extra from a clone, and no distribution: ``analogsim`` on the package index is another
    project.
    """
    fix = f"`pip install {package}`, or `pip install '.[{extra}]'` in a clone of analogsim"
    return InputError(f"{purpose} needs {package}: {fix}.")


def one_of(kind: str, value: object, choices: Iterable[str], *, where: str = "", hint: str = "") -> str:
    """Return `value` if it is one of the names, or raise what `unknown` builds."""
    names = choices if isinstance(choices, Container) else list(choices)
    if not isinstance(value, str) or value not in names:
        raise unknown(kind, value, names, where=where, hint=hint)
    return value


def number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    infinite: bool = False,
    words: str = "",
) -> float:
    """Return `value` as a float, or name the argument that is no number, NaN, infinite or out of its range.

    Parameters
    ----------
    low, high, above : float
        Least and greatest value allowed, and an open lower bound.
    infinite : bool
        Whether infinity is a value that means something here.
    words : str
        The range in words, if not "low ≤ name ≤ high".
    """
    if share := as_share(value):
        raise InputError(f"{name} = {shown(value)}: {share}")
    # float() takes texts, truth values, arrays of one entry and NumPy's complex numbers, none of which is a number.
    plain = not isinstance(value, str | bytes | bool | complex) and getattr(value, "ndim", 0) == 0
    try:
        found = float(value) if plain else math.nan
    except OverflowError:
        found = math.inf
    except (TypeError, ValueError):
        plain = False
    if not plain:
        raise InputError(f"{name} = {shown(value)} is not a number.")
    if not (low <= found <= high and (found > above or above == -math.inf)) or (math.isinf(found) and not infinite):
        raise out_of_range(name, value, words or _range(name, found, low, high, above))
    return found


SHARES = {"%": 1e-2, "percent": 1e-2, "per cent": 1e-2, "\u2030": 1e-3, "ppm": 1e-6}
"""Units that shares are written in elsewhere; \u2030 is per mille."""
_SHARE = re.compile(rf"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*({'|'.join(SHARES)})\s*")


def as_share(text: object) -> str:
    """What to write in place of a number in per cent, ``"5 %"``; empty for whatever is none."""
    if not isinstance(text, str) or not (match := _SHARE.fullmatch(text)):
        return ""
    try:
        return f"a share is a plain number here; write {float(match[1]) * SHARES[match[2]]:.12g}."
    except ValueError:  # 1.2.3
        return ""


def _range(name: str, found: float, low: float, high: float, above: float) -> str:
    """The range of a number in words; an upper bound that only keeps products finite is told to whom it concerns."""
    if -math.inf < low and above == -math.inf and high < 1e6:
        return f"{low:g} ≤ {name} ≤ {high:g}"
    if found > high or (found == math.inf and high == math.inf):
        return f"{name} ≤ {high:g}" if high < math.inf else f"{name} is finite"
    if above > -math.inf and not low > found > above:
        return f"{name} > {above:g}"
    return f"{name} ≥ {low:g}" if low > -math.inf else f"{name} is a finite number"


def whole(name: str, value: object, *, low: int = 1, high: int = LARGEST_WHOLE) -> int:
    """Return `value` as an int, or name the argument that is no whole number from `low` to `high`."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name} = {shown(value)} is not a number; expected a whole number, {name} ≥ {low}.")
    if not low <= value <= high or value != int(value):
        raise out_of_range(
            name, value, f"a whole number, {name} ≥ {low}" + (f" and ≤ {high:.4g}" if value > high else "")
        )
    return int(value)


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False, or name the argument that is neither."""
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):  # NumPy's, not imported here
        raise InputError(f"{name} = {shown(value)}; expected True or False.")
    return bool(value)


def instance(name: str, value: object, kind: Any, words: str) -> None:
    """Raise unless `value` is an object of a class, or of several as in ``A | None``; `words` say how one is made."""
    if not isinstance(value, kind):
        raise InputError(f"{name} = {shown(value)}; expected {words}.")


def listed(name: str, value: Any, words: str) -> list[Any]:
    """Return `value` as a list, or name the argument that is none; a text and a mapping are none."""
    try:
        found = None if isinstance(value, str | bytes | Mapping) else list(value)
    except TypeError:  # also an array without axes, which says that it can be iterated
        found = None
    if found is None:
        raise InputError(f"{name} = {shown(value)}; expected {words}.")
    return found
