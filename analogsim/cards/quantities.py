"""The fields of a card: unit, range and meaning of each, and how a card's values become a frozen dataclass."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from analogsim.errors import SHARES, InputError, as_share, one_of, shown, unknown
from analogsim.files import expand
from analogsim.registry import summary

if TYPE_CHECKING:
    from analogsim.cards import Card

PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9}
BASES = ("S", "s", "V", "A", "W", "J", "F", "Hz", "ohm", "m")
LETTERS = str.maketrans({"\u00b5": "u", "\u03bc": "u", "\u2126": "ohm", "\u03a9": "ohm"})
"""Micro sign and Greek mu, ohm sign and Greek omega: keyboards and programs differ in which they write."""
LARGEST = 1e30
"""Greatest number of a card, and the inverse of the least but zero: no quantity in SI units comes near, and its powers
do not overflow."""


def split_unit(unit: str) -> tuple[int, str]:
    """Split ``"uS"`` into (−6, "S"), the power of ten and the SI unit. A compound unit stays whole."""
    unit = unit.strip().translate(LETTERS)
    if unit[:1] in PREFIXES and unit[1:] in BASES:
        return PREFIXES[unit[0]], unit[1:]
    return 0, unit


def scaled(value: Any, power: int) -> Any:
    """Multiply numbers, also in lists, by a power of ten; 25 and −6 give exactly 25e-6."""
    if isinstance(value, list):
        return [scaled(entry, power) for entry in value]
    if isinstance(value, bool) or not isinstance(value, int | float) or power == 0:
        return value
    try:
        return value / 10.0**-power if power < 0 else value * 10.0**power
    except OverflowError:  # an integer beyond all floats
        return math.inf if value > 0 else -math.inf


def quantity(
    meaning: str,
    unit: str = "1",
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float | None = None,
    default: object = MISSING,
    shape: tuple[int | None, ...] = (),
    whole: bool = False,
    infinite: bool = False,
    ideal: object = MISSING,
) -> Any:
    """Declare a numeric field of a card.

    Parameters
    ----------
    meaning : str
        What the number is, for `analogsim show` and for errors.
    unit : str
        SI unit that the model computes in; "1" without dimension. A card may use it with a prefix, as in "uS" for "S".
    low, high : float
        Least and greatest value allowed.
    above : float, optional
        An open lower bound.
    default : number or None, optional
        A card must give the number if there is none.
    shape : tuple
        () for a number, (None,) for a list of any length, (None, 20) for rows of twenty.
    whole : bool
        Whether it must be an integer.
    infinite : bool
        Whether ∞ means something, as "no limit". Every other number must be finite, and of a size
        between 1e-30 and 1e30, or 0.
    ideal : number or None, optional
        The value at which it does no harm, for what is a nonideality: what a budget switches off and a tolerance is
        found for.
    """
    bounds = {"low": low, "high": high, "above": above}
    metadata: dict[str, object] = {"meaning": meaning, "unit": unit, "shape": shape, "whole": whole, **bounds}
    metadata |= {"infinite": infinite} | ({} if ideal is MISSING else {"ideal": ideal})
    return field(default=default, metadata=metadata)


def choice(meaning: str, options: Sequence[str], *, default: str | None) -> Any:
    """Declare a field that takes one of some names; without a default it follows from others.

    Parameters
    ----------
    meaning : str
        One phrase that a table of all values can hold.
    options : sequence of str
    default : str or None
    """
    return field(default=default, metadata={"meaning": meaning, "unit": "1", "options": tuple(options)})


def flag(meaning: str, *, default: bool) -> Any:
    """Declare a field that is true or false.

    Parameters
    ----------
    meaning : str
        One phrase that a table of all values can hold.
    default : bool
    """
    return field(default=default, metadata={"meaning": meaning, "unit": "1", "flag": True})


def datafile(meaning: str, *, default: object = MISSING) -> Any:
    """Declare a field that names a file; a relative path starts at the card.

    Parameters
    ----------
    meaning : str
        One phrase that a table of all values can hold.
    default : str, optional
        A card must name a file if there is none.
    """
    return field(default=default, metadata={"meaning": meaning, "unit": "1", "datafile": True})


class Follows(float):
    """A value that a card leaves out and that follows from others; `dataclasses.replace` works it out again."""


class FollowsName(str):
    """The same where the value is a name."""


@dataclass(frozen=True, kw_only=True)
class Carded:
    """Base of what a card describes: every declared field is checked when an object is made, with or without a card.

    Parameters
    ----------
    record : mapping
        The resolved card, JSON: kind, name, path, model, title, valid, cite, and value, unit and source of each field.
    """

    record: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for item in declared(type(self)):
            value = getattr(self, item.name)
            if isinstance(value, Follows | FollowsName):
                object.__setattr__(self, item.name, value := None)
            if value is None and item.default is None:
                continue
            checked = _checked(_where(self.record, type(self).__name__, item.name), item, value)
            object.__setattr__(self, item.name, checked)
        self._complete()

    def _complete(self) -> None:
        """Let a model work out, with `_follow`, what its card leaves out; every value given has been checked."""

    def _follow(self, unit: str, **values: float | str) -> None:
        """Set fields that follow from others, and note them in the record."""
        for name, value in values.items():
            marked = FollowsName(value) if isinstance(value, str) else Follows(value)
            object.__setattr__(self, name, marked)
        if self.record:
            entries = {
                name: {"value": _json(value), "unit": unit, "source": "follows from the others"}
                for name, value in values.items()
            }
            object.__setattr__(self, "record", {**self.record, "values": {**self.record["values"], **entries}})


Overrides = Mapping[str, object]
"""Values by key: numbers in SI units, or texts with a unit."""


T = TypeVar("T", bound=Carded)


def declared(cls: type) -> list[Field[object]]:
    """List the dataclass fields of `cls` that a card may set."""
    return [item for item in fields(cls) if "meaning" in item.metadata]


def resolve(cls: type[T], card: Card, overrides: Overrides | None = None, *, called: str = "", **parts: object) -> T:
    """Make `cls` from a card and overrides.

    Parameters
    ----------
    cls : type
        A `Carded` dataclass.
    card : Card
    overrides : mapping, optional
        Keys without prefix. A number is in the field's SI unit; a text may carry a unit: ``"20 uS"``.
    called : str
        What the overrides' keys begin with; the kind of the card if not given.
    parts : object
        Fields that no card holds, as the device of a circuit.

    Raises
    ------
    InputError
        Unknown key, wrong unit, value out of range, missing value: one line with file, key and the value got.
    """
    known = {item.name: item for item in declared(cls)}
    called = called or card.kind
    values: dict[str, object] = {}
    entries: dict[str, object] = {}
    for key, entry in card.values.items():
        if key not in known:
            raise unknown("key", key, known, where=card.path)
        values[key] = _converted(card, known[key], entry.value, entry.unit)
        entries[key] = {"value": _json(entry.value), "unit": entry.unit, "source": entry.source}
    for key, given in (overrides or {}).items():
        if key not in known:
            raise unknown(f"key of {card.path}", f"{called}.{key}", [f"{called}.{name}" for name in known])
        values[key] = _with_unit(called, known[key], given)
        entries[key] = {"value": _json(given), "unit": known[key].metadata["unit"], "source": "override"}
    for name, item in known.items():
        if name not in values and item.default is MISSING:
            unit = item.metadata["unit"]
            raise InputError(f"{card.path}: {name!r} is missing: {item.metadata['meaning']} (unit {unit!r}).")
        if name not in values and item.default is not None:
            entries[name] = {"value": _json(item.default), "unit": item.metadata["unit"], "source": "default"}
    about = {key: getattr(card, key) for key in ("kind", "name", "path", "model", "title", "valid", "description")}
    return cls(record={**about, "called": called, "cite": list(card.cite), "values": entries}, **values, **parts)


def changed(thing: T, overrides: Overrides, *, kind: str, called: str = "", **parts: Carded) -> T:
    """Make an object anew with other values, as a card's are overridden; itself where there is nothing to change.

    Parameters
    ----------
    thing : Carded
    overrides : mapping
        Keys without prefix; as in `resolve`.
    kind : {"circuit", "device"}
    called : str
        What the overrides' keys begin with; `kind` if not given.
    parts : Carded
        Other parts in place of its own.
    """
    if thing.record and not overrides and not parts:
        return thing
    called = called or kind
    record = thing.record or described(thing, kind, called)
    known = {item.name: item for item in declared(type(thing))}
    values, entries = {}, dict(record["values"])
    for key, given in overrides.items():
        if key not in known:
            raise unknown(f"key of {type(thing).__name__}", f"{called}.{key}", [f"{called}.{name}" for name in known])
        values[key] = _with_unit(called, known[key], given)
        entries[key] = {"value": _json(given), "unit": known[key].metadata["unit"], "source": "override"}
    return replace(thing, record={**record, "values": entries}, **values, **parts)


def described(thing: Carded, kind: str, called: str = "") -> dict[str, Any]:
    """The record of an object that was made without a card: its class, and every value as it is."""
    cls = type(thing)
    values = {
        item.name: {"value": _json(value), "unit": item.metadata["unit"], "source": "Python"}
        for item in declared(cls)
        if (value := getattr(thing, item.name)) is not None
    }
    about = {"kind": kind, "name": cls.__name__, "path": f"{cls.__module__}:{cls.__qualname__}", "model": cls.__name__}
    title = summary(cls) or cls.__name__
    return {
        **about,
        "title": title,
        "valid": "",
        "description": "",
        "called": called or kind,
        "cite": [],
        "values": values,
    }


def _json(value: object) -> object:
    """Make a value fit for strict JSON, which knows neither tuples nor infinity nor NumPy's numbers."""
    if isinstance(value, list | tuple):
        return [_json(entry) for entry in value]
    if isinstance(value, bool | int | str):
        return value
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _json(value.item())
    return value if isinstance(value, float) and math.isfinite(value) else shown(value)


def _where(record: Mapping[str, Any], class_name: str, name: str) -> str:
    if not record:
        return f"{class_name}.{name}"
    overridden = record["values"].get(name, {}).get("source") == "override"
    return f"{record['called']}.{name}" if overridden else f"{record['path']}: {name}"


def _converted(card: Card, item: Field[object], value: object, unit: str) -> object:
    """Bring a card's value to the field's SI unit."""
    expected = item.metadata["unit"]
    power, base = split_unit(unit)
    if unit.strip() in SHARES and expected == "1":
        share = as_share(f"{value} {unit.strip()}") or "shares are plain numbers here, as in value = 0.05."
        raise InputError(f"{card.path}: {item.name} has unit {unit!r}: {share.removesuffix('.')} with the unit '1'.")
    if unit != expected and base != expected:
        raise InputError(f"{card.path}: {item.name} has unit {unit!r}; expected {expected!r} or a multiple of it.")
    if "datafile" in item.metadata:
        target = card.location.parent / expand(str(value)) if hasattr(card.location, "parent") else card.location
        return str(target)
    return value if unit == expected else scaled(value, power)


_NUMBER_WITH_UNIT = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z].*?)\s*")


def _with_unit(called: str, item: Field[object], given: object) -> object:
    """Read ``"20 uS"`` where a number is expected."""
    if not isinstance(given, str) or "shape" not in item.metadata:
        return given
    if item.metadata["unit"] == "1" and (share := as_share(given)):
        raise InputError(f"{called}.{item.name} = {shown(given)}: {share}")
    if match := _NUMBER_WITH_UNIT.fullmatch(given.translate(LETTERS)):
        power, base = split_unit(match[2])
        if base != (unit := item.metadata["unit"]):
            where = "without a unit" if unit == "1" else f"in {unit!r}"
            raise InputError(f"{called}.{item.name} = {shown(given)}: expected a number {where}.")
        try:
            return scaled(float(match[1]), power)
        except ValueError:  # 1.2.3
            pass
    return given


def _checked(where: str, item: Field[object], value: object) -> object:
    about = item.metadata
    if "options" in about:
        return one_of("value", value, about["options"], where=where)
    if "flag" in about:
        if not isinstance(value, bool):
            raise InputError(f"{where} = {shown(value)}; expected true or false.")
        return value
    if "datafile" in about:
        return str(expand(str(value)))
    return _number(where, about, value, about["shape"])


def _number(where: str, about: Mapping[str, Any], value: object, shape: tuple[int | None, ...]) -> object:
    if shape:
        if not isinstance(value, list | tuple) or (shape[0] is not None and len(value) != shape[0]) or not value:
            length = "numbers" if shape[0] is None else f"{shape[0]} numbers"
            raise InputError(f"{where} = {shown(value)}; expected a list of {length}.")
        return tuple(_number(f"{where}[{k}]", about, entry, shape[1:]) for k, entry in enumerate(value))
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where} = {shown(value)}; expected a number ({about['meaning']}).")
    low, high, above = about["low"], about["high"], about["above"]
    inside = low <= value <= high and (above is None or value > above)
    sane = value == 0 or 1 / LARGEST <= abs(value) <= LARGEST or (about["infinite"] and abs(value) == math.inf)
    if not inside or not sane or (about["whole"] and value != int(value)):
        parts = [f"> {above:g}"] if above is not None else [f"≥ {low:g}"] if low > -math.inf else []
        parts += [f"≤ {high:g}"] if high < math.inf else []
        parts += ["a whole number"] if about["whole"] else []
        parts += (
            []
            if sane
            else [f"of a size between {1 / LARGEST:g} and {LARGEST:g}" + (", or inf" if about["infinite"] else "")]
        )
        unit = "" if about["unit"] == "1" else f" {about['unit']}"
        got = f"{value:g}" if isinstance(value, float) else shown(value)
        allowed = " and ".join(parts) or "a number"
        raise InputError(f"{where} = {got}{unit} is out of range: {allowed} ({about['meaning']}).")
    return int(value) if about["whole"] else float(value)
