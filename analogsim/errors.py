"""One error for all a user can get wrong: what, where, the value got, the nearest valid choice, the likely fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """Bad input. The command line prints it as one line and exits with code 2."""


class NotWritten(OSError):
    """A file for which there was no room. The command line prints it as one line and exits with code 1."""


def unknown(kind: str, value: Any, choices: Iterable[str], *, where: str = "", hint: str = "") -> InputError:
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
    text = str(value).lower()
    # A prefix that the names share, as in "circuit.asymmetry", says nothing about which of them was meant.
    prefix = text[: text.rfind(".") + 1]
    shared = [name for name in names if name.lower().startswith(prefix)]
    prefix = prefix if shared else ""
    folded = {name.lower().removeprefix(prefix): name for name in shared or names}
    text = text.removeprefix(prefix)
    near = [name for key, name in folded.items() if len(text) > 2 and text in key]
    near = near or [folded[key] for key in difflib.get_close_matches(text, folded, n=1, cutoff=0.6)]
    message = f"{where + ': ' if where else ''}unknown {kind} {value!r}"
    message += f"; did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    message += f" Valid: {shown}." if near else f"; valid: {shown}."
    return InputError(message + (f" {hint}" if hint else ""))


def out_of_range(name: str, value: Any, allowed: str, *, hint: str = "") -> InputError:
    """Build the error for a number outside its range; ``allowed`` is the range in words, as in ``"0 ≤ alpha ≤ 1"``."""
    if getattr(value, "shape", None) == ():  # a number of numpy's: 0.1, not np.float64(0.1)
        value = value.item()
    return InputError(f"{name} = {value!r} is out of range: {allowed}." + (f" {hint}" if hint else ""))


def missing(purpose: str, package: str, extra: str) -> InputError:
    """Build the error for an optional package that is not installed, of the extra that has it.

    It names the package and the extra from a clone, and no distribution: ``analogsim`` on the package index is another
    project.
    """
    fix = f"`pip install {package}`, or `pip install '.[{extra}]'` in a clone of analogsim"
    return InputError(f"{purpose} needs {package}: {fix}.")


def number(name: str, value: Any) -> float:
    """Return `value` as a float, or name the argument that is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} = {value!r} is not a number.") from None
