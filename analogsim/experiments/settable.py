"""Everything that can be set: the settings of a run, and every key of a circuit and of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from analogsim.cards.quantities import Carded, declared
from analogsim.circuits.base import Circuit
from analogsim.devices.base import Part
from analogsim.settings.declaring import Setting
from analogsim.settings.keyed import FIELDS
from analogsim.settings.kinds import Choice, span

LONGEST = 24
"""Characters of a range in a column; longer lists of names stand behind the meaning."""


class Entry(NamedTuple):
    """One thing that can be set.

    Attributes
    ----------
    key : str
        The option, or the key of ``--set``.
    value : object
        The default of a setting, the value of a card in SI units; None where the model has its own.
    unit : str
        "1" without dimension.
    range : str
        What is allowed, in words.
    meaning, source : str
    """

    key: str
    value: Any
    unit: str
    range: str
    meaning: str
    source: str


def of_settings(known: Mapping[str, Setting] = FIELDS) -> list[Entry]:
    """Every declared setting with its default; source "default"."""
    return [_of_setting(about) for about in known.values()]


def _of_setting(about: Setting) -> Entry:
    allowed, meaning = about.kind.range(), about.meaning
    if isinstance(about.kind, Choice) and len(allowed) > LONGEST:
        allowed, meaning = f"one of {len(about.kind.choices)} names", f"{meaning}: {allowed}"
    key = about.name.upper() if about.option == "argument" else about.flag
    return Entry(key, about.usual, about.unit, allowed, meaning, "default")


def of_part(role: str, part: Carded) -> list[Entry]:
    """Every key of a circuit or of one of its parts, as in ``device.read_noise``, with value and source."""
    noted = part.record.get("values", {})
    found = []
    for item in declared(type(part)):
        value, about = getattr(part, item.name), item.metadata
        source = noted.get(item.name, {}).get("source", "default" if value is None else "follows from the others")
        found.append(Entry(f"{role}.{item.name}", value, about["unit"], allowed(about), about["meaning"], source))
    return found


def allowed(about: Mapping[str, Any]) -> str:
    """The range of a field of a card in words."""
    if "options" in about:
        return ", ".join(about["options"])
    if "flag" in about:
        return "true, false"
    if "datafile" in about:
        return "a file"
    words = span(about["low"], about["high"], about["above"])
    words = f"whole, {words}" if about["whole"] else words
    words += " or inf" if about["infinite"] else ""
    return f"a list, {words}" if about["shape"] else words


def of_circuit(made: Circuit) -> dict[str, list[Entry]]:
    """Of a circuit and each of its parts, by role."""
    parts = {role: part for role, part in vars(made).items() if isinstance(part, Part)}
    return {role: of_part(role, part) for role, part in {"circuit": made, **parts}.items()}


def table(entries: Iterable[Entry]) -> list[str]:
    """Aligned lines: key, value with its unit, range, meaning and source."""
    rows = [(e.key, _shown(e.value, e.unit), e.range, e) for e in entries]
    width = [max((min(len(row[k]), LONGEST + 8) for row in rows), default=0) for k in range(3)]
    lines = []
    for *cells, entry in rows:
        aligned = "  ".join(f"{cell:{w}}" for cell, w in zip(cells, width, strict=True))
        lines.append(f"  {aligned}  {entry.meaning}   [{entry.source}]")
    return lines


def _shown(value: Any, unit: str) -> str:
    """A value as a column has room for it, with its unit."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return str(value).lower()
    text = f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return text if unit == "1" else f"{text} {unit}"
