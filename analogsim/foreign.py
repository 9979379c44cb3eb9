"""Parts of somebody else: what their methods return is looked at where it comes back.

A base marks its methods by `gives` with what they must return. In every subclass of a `Gated` base that is not of this
package the methods that override them are wrapped when the class is made, so that a wrong return is one line with the
part and the method, not numbers that are wrong later. What is ours is not slowed down.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar, TypeVar

import numpy as np

from analogsim.errors import InputError, shown

Check = Callable[[str, Any, Mapping[str, Any]], None]
"""Takes the part and its method in words, what was returned, and the arguments by name; raises `InputError`."""
Method = TypeVar("Method", bound=Callable[..., Any])


def is_ours(thing: object) -> bool:
    """Whether something was defined in this package."""
    return str(getattr(thing, "__module__", "")).startswith(f"{__name__.partition('.')[0]}.")


def gives(check: Check) -> Callable[[Method], Method]:
    """Mark a method of a `Gated` base: what every override of somebody else's must pass."""

    def mark(method: Method) -> Method:
        setattr(method, MARK, check)
        return method

    return mark


MARK = "_gives"


class Gated:
    """Base of what others derive parts from; see `gives`."""

    gated_as: ClassVar[str] = "part"
    """What one of them is called in messages."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if is_ours(cls):
            return
        for name, own in list(vars(cls).items()):
            base = next((vars(each)[name] for each in cls.__mro__[1:] if hasattr(vars(each).get(name), MARK)), None)
            if base is not None and inspect.isfunction(own) and not hasattr(own, MARK):
                setattr(cls, name, _checked(name, own, base))


def _checked(name: str, own: Callable[..., Any], base: Callable[..., Any]) -> Callable[..., Any]:
    """A method whose result passes the check of the base's."""
    names, check = list(inspect.signature(base).parameters)[1:], getattr(base, MARK)

    @wraps(own)
    def gate(self: Any, *args: Any, **options: Any) -> Any:
        where = f"the {self.gated_as} {called(self)!r}, {name}"
        try:
            found = own(self, *args, **options)
        except InputError as error:
            raise error if str(error).startswith(where) else InputError(f"{where}: {error}") from None
        check(where, found, dict(zip(names, args, strict=False)) | options)
        return found

    setattr(gate, MARK, check)
    return gate


def called(part: object) -> str:
    """Name of a part: of its card or registration, else of its class."""
    return str((getattr(part, "record", None) or {}).get("name") or type(part).__name__)


def numbers(*like: str, low: float = -math.inf, unit: str = "1", infinite: bool = False, first: int = 0) -> Check:
    """Real and finite numbers, of the shape that some arguments have together; of any shape if none is named.

    Parameters
    ----------
    *like : str
        Names of the arguments.
    low : float
        Least value allowed.
    unit : str
    infinite : bool
        Whether ∞ is a number here.
    first : int
        Entries of a first axis that goes before that shape; 0 for none.
    """
    size = f" ≥ {low:g}" if low > -math.inf else ""
    words = f"real{'' if infinite else ', finite'} numbers{size}" + (f" in {unit}" if unit != "1" else "")

    def check(where: str, found: Any, given: Mapping[str, Any]) -> None:
        shape = np.broadcast_shapes(*(np.shape(given[name]) for name in like)) if like else None
        shape = (first, *shape) if first and shape is not None else shape
        of = "" if shape is None else f", of shape {shape} as {' and '.join(like)}"
        try:
            values = np.asarray(found)
        except ValueError:  # rows of unlike lengths
            values = np.asarray(None)
        if values.dtype.kind not in "fiu":
            got = shown(found) if values.ndim == 0 else f"an array of {values.dtype}"
        elif shape is not None and values.shape != shape:
            got = f"shape {values.shape}"
        else:
            fine = np.isfinite(values) | (np.isposinf(values) if infinite else False)
            bad = values[~(fine & (values >= low))]
            if not bad.size:
                return
            got = shown(bad[0]) + (f" ({bad.size} of {values.size} are wrong)" if values.size > 1 else "")
        raise InputError(f"{where}: returned {got}; expected {words}{of}.")

    return check


def texts(where: str, found: Any, given: Mapping[str, Any]) -> None:
    """A list of texts."""
    if not isinstance(found, list | tuple) or not all(isinstance(text, str) for text in found):
        raise InputError(f"{where}: returned {shown(found)}; expected a list of texts.")
