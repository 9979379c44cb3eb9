"""One swept key: its values, what it means and its unit; from ``alpha=0:1:0.1`` or from Python values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analogsim.cards.quantities import declared
from analogsim.devices.base import Part
from analogsim.errors import InputError, as_share, instance, unknown
from analogsim.experiments.setup import made_circuit, read
from analogsim.registry import Given
from analogsim.settings.keyed import FIELDS, full, put
from analogsim.settings.noises import NOISES, kind_of
from analogsim.settings.record import Settings

CIRCUIT = ("circuit", "device", "noise", "asymmetry")
"""Fields that decide what the circuit is."""
MOST = 1_000_000
"""Values on one axis."""

Value = float | int | str | bool


@dataclass(frozen=True)
class Axis:
    """A swept key.

    Parameters
    ----------
    key : str
        A field of `Settings`, ``circuit.…`` or a part's, as ``device.…``; the name of the dimension.
    values : tuple
        Numbers in SI units, or words; empty for a continuous range.
    long_name, units : str
    low, high : float, optional
        The continuous range that a sampled design draws from.
    log : bool
        Whether the values are spaced by ratio.
    """

    key: str
    values: tuple[Value, ...]
    long_name: str
    units: str = "1"
    low: float | None = None
    high: float | None = None
    log: bool = False

    def at(self, share: float) -> Value:
        """The value at a share 0 ≤ u < 1 of the axis, for sampled designs."""
        if self.low is None or self.high is None:
            return self.values[int(share * len(self.values))]
        if self.log:
            return _tidy(self.low * (self.high / self.low) ** share)
        return _tidy(self.low + share * (self.high - self.low))

    def ends(self) -> tuple[Value, ...]:
        """All values, or the ends of a continuous range: what is checked before anything runs."""
        return self.values or tuple(end for end in (self.low, self.high) if end is not None)


def split(text: str) -> tuple[str, str]:
    """Split ``KEY=VALUES``."""
    instance("over", text, str, "texts, as in alpha=0:1:0.1, or a mapping of values by key")
    key, equals, values = text.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise InputError(f"--over {text!r}: expected KEY=a:b:step, KEY=a,b,c or KEY=log:a:b:n.")
    return key.strip(), values.strip()


def axis(key: str, values: Any, base: Settings) -> Axis:
    """Make an axis and check its key and every value.

    Parameters
    ----------
    key : str
        A field of `Settings` (``batch-size`` or ``batch_size``), ``noise`` for the read noise, ``noise.node`` and so
        on for its other kinds, ``circuit.KEY`` or, with the name of a part, ``device.KEY``, ``source.KEY``, ... for any
        value of a card.
    values : str or iterable
        ``"0:1:0.1"`` (both ends included), ``"log:1e-3:1:7"``, ``"0,0.01,0.05"``, or the values themselves. ``"0:1"``
        and ``"log:1e-3:1"`` are ranges for sampled designs. Objects in place of names are told apart by their own
        names, or by those that a mapping gives them: ``{"quiet": cell, "loud": other}``.
    base : Settings
        All that is not swept.

    Raises
    ------
    InputError
        If the key is unknown, or a value makes no sense.
    """
    name = full(key)
    long_name, units, kind = _meaning(name, key, base)
    low = high = None
    log = False
    if isinstance(values, Mapping):
        values = [Given(thing, str(text)) for text, thing in values.items()]
    if not isinstance(values, str):
        values = [*values] if isinstance(values, Iterable) else [values]
    for text in (values.split(",") if isinstance(values, str) else map(str, values)) if name == "noise" else ():
        if ":" in text and kind_of(text.strip()) in NOISES:
            key_of = NOISES[kind_of(text.strip())]
            raise InputError(f"--over noise={text}: noise is the read noise; sweep {key_of}=0,0.01 for this kind.")
    if isinstance(values, str):
        found, low, high, log = _parse(key, values)
    else:
        found = [value.item() if isinstance(value, np.generic) else value for value in values]
    if kind not in ("number", "whole") and low is not None:
        raise InputError(f"--over {key}={values}: {key} takes words; give a list as in {key}=a,b.")
    if kind == "whole" and low is not None:
        if not found:
            raise InputError(f"--over {key}={values}: {key} takes whole numbers; give a list, or a step.")
        low = high = None
    cast = tuple(_cast(name, value, kind) for value in found)
    if "." in name:
        cast = tuple(_resolved(name, value, base) for value in cast)
    if len({*map(str, cast)}) < len(cast) if kind == "word" else len(set(cast)) < len(cast):
        raise InputError(f"--over {key}: a value is given twice in {list(cast)[:10]}.")
    if not cast and low is None:
        raise InputError(f"--over {key}: no values.")
    made = Axis(name, cast, long_name, units, low, high, log)
    for value in made.ends() if len(made.ends()) <= 100 else (made.ends()[0], made.ends()[-1]):
        fields = put(vars(base), name, value)
        if "." in name or name in CIRCUIT:
            made_circuit(Settings(**fields))
    return made


def check_together(base: Settings, axes: Sequence[Axis]) -> None:
    """Refuse a value that goes together neither with what is not swept nor with a value of another axis.

    Other values that do not go together are rows of the result: the plan may hold them beside ones that do.
    """
    for swept in axes:
        others = [(other.key, end) for other in axes if other is not swept for end in other.ends()[:100]]
        for value in swept.ends()[:100]:
            fields = put(vars(base), swept.key, value)
            try:
                Settings(**fields)
            except InputError:
                if not any(_possible(put(fields, *other)) for other in others):
                    raise


def _possible(fields: dict[str, Any]) -> bool:
    try:
        Settings(**fields)
    except InputError:
        return False
    return True


def _meaning(name: str, asked: str, base: Settings) -> tuple[str, str, str]:
    """Long name, unit and kind ("number", "whole", "word", "flag") of a key, which was asked for as `asked`."""
    if name == "seed":
        raise InputError("--over seed: use --seeds N for repetitions.")
    if name == "overrides":
        raise InputError("--over overrides: sweep the keys themselves, as in device.read_noise=0,0.1.")
    if name == "noise":
        return FIELDS[name].long_name, "1", "number"
    if name in FIELDS:
        about = FIELDS[name]
        return about.long_name, about.unit, about.kind.axis
    made = made_circuit(base)
    holders = {"circuit": made, **{role: part for role, part in vars(made).items() if isinstance(part, Part)}}
    known = {f"{role}.{item.name}": item for role, holder in holders.items() for item in declared(type(holder))}
    if name not in known:
        raise unknown("key of --over", asked, [*(key for key in FIELDS if key not in ("overrides", "seed")), *known])
    card = known[name].metadata
    words = "options" in card or "datafile" in card
    kind = "word" if words else "flag" if "flag" in card else "whole" if card["whole"] else "number"
    return card["meaning"], card["unit"], kind


def _parse(key: str, text: str) -> tuple[list[Value], float | None, float | None, bool]:
    parts = text.split(":")
    if len(parts) == 1:
        return [part.strip() for part in text.split(",") if part.strip()], None, None, False
    where = f"--over {key}={text}"
    log = parts[0] == "log"
    try:
        numbers = [float(part) for part in parts[log:]]
    except ValueError:
        raise InputError(f"{where}: expected a:b:step or log:a:b:n with numbers.") from None
    if len(numbers) not in (2, 3) or not all(map(math.isfinite, numbers)):
        raise InputError(f"{where}: expected a:b:step or log:a:b:n.")
    low, high = numbers[:2]
    if not low < high or (log and low <= 0):
        raise InputError(f"{where}: expected {'0 < ' if log else ''}a < b.")
    if len(numbers) == 2:
        return [], low, high, log
    if log:
        count = numbers[2]
        if count != int(count) or not 2 <= count <= MOST:
            raise InputError(f"{where}: n must be a whole number from 2 to {MOST}.")
        return [_tidy(value) for value in np.geomspace(low, high, int(count))], low, high, True
    if numbers[2] <= 0 or (high - low) / numbers[2] > MOST:
        raise InputError(f"{where}: the step must be > 0 and give at most {MOST} values.")
    count = math.floor((high - low) / numbers[2] + 1e-9)
    return [_tidy(low + k * numbers[2]) for k in range(count + 1)], low, high, False


def _tidy(value: float) -> float:
    """Without the dust of floating-point steps: 0.1 · 3 is 0.3."""
    return float(f"{value:.12g}")


def _cast(key: str, value: Any, kind: str) -> Value:
    if kind == "flag":
        if str(value).lower() not in ("true", "false"):
            raise InputError(f"--over {key}: {value!r} is neither true nor false.")
        return str(value).lower() == "true"
    if kind == "word" and isinstance(value := _taken(key, value), Given):
        return value
    if kind == "word":
        several = key in FIELDS and isinstance(value, tuple | list)
        return FIELDS[key].kind.written(value) if several else str(value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        if isinstance(value, str) and "." in key:
            return value  # a number with a unit; the card's field reads it
        raise InputError(f"--over {key}: {as_share(value) or f'{value!r} is no number.'}") from None
    if kind == "whole":
        if not number.is_integer():
            raise InputError(f"--over {key}: {value!r} is no whole number.")
        return int(number)
    return number


def _taken(key: str, value: Any) -> Any:
    """A thing in place of a name as a text that holds it."""
    return FIELDS[key].kind.taken(value) if key in FIELDS else value


def _resolved(name: str, value: Value, base: Settings) -> Value:
    """A card's value as its field reads it: in SI units."""
    if not isinstance(value, str):
        return value
    found: Value = read(Settings(**put(vars(base), name, value)), name)
    return found
