"""Cards: find, read, check and override the TOML files that hold the numbers.

A card is found in the checkout (``devices/pcm-ibm.toml`` beside the package) or, without one, in the installed
package; a user's own card is a path. Equations live in `analogsim.devices` and `analogsim.circuits`; a card names its
``model`` and gives that model's fields, each number with ``value``, ``unit`` and ``source``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from analogsim.cards.quantities import (
    Carded,
    Overrides,
    changed,
    choice,
    datafile,
    declared,
    flag,
    quantity,
    resolve,
    scaled,
    split_unit,
)
from analogsim.errors import InputError, number, shown, unknown
from analogsim.files import expand, read_text
from analogsim.registry import package as package_of
from analogsim.registry import register, warn_hidden

__all__ = [
    "KINDS",
    "Card",
    "Carded",
    "Check",
    "Overrides",
    "Value",
    "built_in",
    "changed",
    "choice",
    "datafile",
    "flag",
    "folder",
    "names",
    "parse_set",
    "quantity",
    "read",
    "resolve",
    "select",
    "toml",
]

KINDS = ("device", "circuit", "experiment", "wire")
LARGEST_FILE = 1_000_000
"""Bytes of a card; the largest of our own has twelve thousand."""
_CHECKOUT = {"device": "devices", "circuit": "circuits", "experiment": "experiments", "wire": "devices/wires"}


@dataclass(frozen=True)
class Value:
    """One entry of a card: ``key = { value = 25, unit = "uS", source = "doi:…, Fig. 3" }``.

    Attributes
    ----------
    value : object
        As the file has it: a number, a text, true or false, or a list.
    unit : str
        "1" without dimension.
    source : str
        A DOI or arXiv id with the figure or table, or "nominal".
    """

    value: Any
    unit: str
    source: str


@dataclass(frozen=True)
class Check:
    """A published number that the card must reproduce.

    Parameters
    ----------
    quantity : str
        A public method of the model.
    at : mapping
        Its arguments, in SI units.
    expected : float
        In SI units.
    tolerance : float
        Relative; > 0.
    source : str
    """

    quantity: str
    at: Mapping[str, object]
    expected: float
    tolerance: float
    source: str


@dataclass(frozen=True)
class Card:
    """What one file says, its structure checked; `resolve` checks its numbers against the model's fields.

    Attributes
    ----------
    kind : str
        "device", "circuit", "experiment" or "wire".
    name : str
        Of the file, without its ending.
    path : str
        Where it is, as messages say it.
    model : str
        Name of the class whose equations the numbers are for.
    title, valid : str
        What it is, and the range in which its numbers hold.
    cite : tuple of str
        Keys of the sources in ``references.bib``.
    values : mapping
        Name of a field -> `Value`.
    description : str
    device : str
        Of a circuit: the card of its memory; empty if it has none.
    parts : mapping
        Of a circuit: role of a further part -> its card.
    checks : tuple of Check
    location : path
        Of the file itself.
    """

    kind: str
    name: str
    path: str
    model: str
    title: str
    valid: str
    cite: tuple[str, ...]
    values: Mapping[str, Value]
    description: str = ""
    device: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    location: Traversable = field(default_factory=Path, compare=False, repr=False)


MODELS = {"device": register.device, "circuit": register.circuit}
"""Kinds of cards that give numbers to a class."""


def folder(kind: str) -> Traversable:
    """Return the folder of the cards of a kind: of the checkout if this is one, else of the installed package.

    Parameters
    ----------
    kind : {"device", "circuit", "experiment", "wire"}
    """
    if kind not in KINDS:
        raise unknown("kind of card", kind, KINDS)
    checkout = Path(__file__).parents[2]
    if (checkout / "setup.cfg").is_file() and (checkout / _CHECKOUT[kind]).is_dir():
        return checkout / _CHECKOUT[kind]
    return files(__name__) / f"{kind}s"


def names(kind: str) -> tuple[str, ...]:
    """List the cards of a kind ("device", "circuit", "experiment", "wire"): built-in ones, then those of others.

    Others are packages with cards, and registered classes that need none (see `read`).

    Parameters
    ----------
    kind : {"device", "circuit", "experiment", "wire"}

    Warns
    -----
    UserWarning
        For each that another package brings under a name that is taken.
    """
    found = dict.fromkeys(built_in(kind), "analogsim")
    for key, home in _others():
        package = package_of(register.cards.installed[key])
        for name in _inside(home / f"{kind}s"):
            if found.setdefault(name, package) != package:
                warn_hidden(f"{kind} card", name, package, found[name])
    foreign = [name for name in MODELS[kind] if MODELS[kind].is_foreign(name)] if kind in MODELS else []
    for name in foreign:
        if name in built_in(kind) and (point := MODELS[kind].installed.get(name)):
            warn_hidden(kind, name, package_of(point), "analogsim")
    return tuple(dict.fromkeys([*found, *(name for name in foreign if _needs_no_card(kind, name))]))


def _needs_no_card(kind: str, name: str) -> bool:
    """Whether every value of a class has a default, or none is known of it since it cannot be loaded."""
    try:
        return all(item.default is not MISSING for item in declared(MODELS[kind].find(name)))
    except InputError:
        return True


@cache
def built_in(kind: str) -> tuple[str, ...]:
    """The cards of this package, sorted."""
    return _inside(folder(kind))


def _inside(home: Traversable) -> tuple[str, ...]:
    if not home.is_dir():
        return ()
    return tuple(sorted(item.name.removesuffix(".toml") for item in home.iterdir() if item.name.endswith(".toml")))


def _others() -> Iterator[tuple[str, Traversable]]:
    """Name and folder of each package that brings cards; one that cannot be found has none."""
    for name, point in register.cards.installed.items():
        try:
            home = files(point.module)
        except (Exception, SystemExit):  # importing somebody else's package may fail in any way
            continue
        yield name, home


def _found(kind: str, name: str) -> tuple[Traversable, str] | None:
    """Where the card of a name lies, and what to call that; to look through what others bring takes longer."""
    if name in built_in(kind):
        return folder(kind) / f"{name}.toml", f"{kind}s/{name}.toml"
    for package, home in _others():
        if name in _inside(home / f"{kind}s"):
            return home / f"{kind}s" / f"{name}.toml", f"{package}: {kind}s/{name}.toml"
    return None


def toml(kind: str, name: str | Path) -> tuple[dict[str, Any], str, Traversable]:
    """Parse a card without judging it.

    Parameters
    ----------
    kind : {"device", "circuit", "experiment", "wire"}
    name : str or path
        A built-in card, that of a package with cards, or the path of a file that ends in ``.toml``.

    Returns
    -------
    content, path, location
        The parsed file, the path to show to people, and where it lies.

    Raises
    ------
    InputError
        If there is no such card or the file is no TOML.
    """
    location: Traversable
    if str(name).endswith(".toml"):
        location, path = expand(name), str(name)
        text = read_text(location, limit=LARGEST_FILE, hint=f"Built-in {kind}s: {', '.join(built_in(kind))}.")
    else:
        if (found := _found(kind, str(name))) is None:
            raise unknown(kind, str(name), names(kind), hint="For a card of your own, give a path that ends in .toml.")
        location, path = found
        text = location.read_text(encoding="utf-8")
    return parse(text, path), path, location


def parse(text: str, path: str) -> dict[str, Any]:
    """Parse the text of a card, or say in one line why it is no TOML."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{path}: not a readable TOML card (nested too deeply).") from None
    except ValueError as error:  # tomllib's own, and Python's for an integer of over 4300 digits
        raise InputError(f"{path}: not a readable TOML card ({error}).") from None


_WORDS = ("model", "title", "description", "valid", "device")


def read(kind: str, name: str | Path) -> Card:
    """Read a device or circuit card and check its structure.

    The name of a class that was registered, by another package or a script, is as good as that of a card where all its
    fields have defaults.

    Parameters
    ----------
    kind : {"device", "circuit", "experiment", "wire"}
    name : str or path
        A built-in name, or the path of a file that ends in ``.toml``.

    Raises
    ------
    InputError
        If the file is missing or broken, an entry lacks value, unit or source, or a needed key is absent.
    """
    if _is_class(kind, str(name)):
        cls = MODELS[kind].find(str(name))
        title = MODELS[kind].words(str(name)) or str(name)
        return Card(
            kind, str(name), f"{cls.__module__}:{cls.__qualname__}", str(name), title, "as its author says", (), {}
        )
    content, path, location = toml(kind, name)
    words = {key: _text(path, key, content.pop(key)) for key in _WORDS if key in content}
    for key in ("model", "title", "valid"):
        if key not in words:
            raise InputError(
                f"{path}: {key!r} is missing; a card needs model, title and valid (its range of validity)."
            )
    parts = content.pop("parts", {})
    if not isinstance(parts, dict) or not all(isinstance(item, str) for item in parts.values()):
        raise InputError(f"{path}: parts = {shown(parts)}; expected a table of device cards by role.")
    cite = content.pop("cite", [])
    if not isinstance(cite, list) or not all(isinstance(item, str) for item in cite):
        raise InputError(f"{path}: cite = {shown(cite)}; expected a list of DOIs and arXiv ids.")
    pinned = content.pop("check", [])
    if not isinstance(pinned, list):
        raise InputError(f"{path}: check = {shown(pinned)}; expected [[check]] tables.")
    checks = tuple(_check(path, item) for item in pinned)
    values = {key: _value(path, key, entry) for key, entry in content.items()}
    stem = path.rsplit("/", 1)[-1].removesuffix(".toml")
    return Card(
        kind=kind,
        name=stem,
        path=path,
        cite=tuple(cite),
        values=values,
        parts=parts,
        checks=checks,
        location=location,
        **words,
    )


def _is_class(kind: str, name: str) -> bool:
    """Whether a name is none of a card, but of a class that somebody else registered."""
    if kind not in MODELS or name.endswith(".toml") or name in built_in(kind) or not MODELS[kind].is_foreign(name):
        return False
    return _found(kind, name) is None


def parse_set(text: str) -> tuple[str, object]:
    """Split ``"device.read_noise=0.1"`` into key and value; the value is TOML, or else a plain word. Never eval.

    Parameters
    ----------
    text : str
        As it stands after ``--set``.

    Examples
    --------
    >>> parse_set("device.read_noise=0.1"), parse_set("circuit.feedback=second-array")
    (('device.read_noise', 0.1), ('circuit.feedback', 'second-array'))
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {shown(text)}: expected KEY=VALUE, as in --set device.read_noise=0.1.")
    try:
        parsed = tomllib.loads(f"value = {value.strip()}")
    except (ValueError, RecursionError):  # also an integer of over 4300 digits, and brackets by the thousand
        parsed = {"value": value.strip()}
    return key.strip(), parsed["value"] if len(parsed) == 1 else value.strip()


def select(overrides: Mapping[str, object], kind: str, parts: Iterable[str] = ()) -> dict[str, object]:
    """Pick the overrides of one kind of card and drop the prefix; a key without a prefix is the circuit's.

    Parameters
    ----------
    overrides : mapping
        Values by key, as in ``{"device.read_noise": 0.1, "asymmetry": 0.2}``.
    kind : str
        "circuit", "device" or the role of another part.
    parts : iterable of str
        Roles of all other parts of the circuit.

    Raises
    ------
    InputError
        If a prefix is neither ``device`` nor ``circuit`` nor one of the circuit's other `parts`.
    """
    prefixes = ("device", "circuit", *parts)
    picked = {}
    for key, value in overrides.items():
        prefix, dot, name = key.partition(".")
        if dot and prefix not in prefixes:
            raise unknown("prefix of an override", key, [f"{name}.…" for name in prefixes])
        if (prefix if dot else "circuit") == kind:
            picked[name if dot else key] = value
    return picked


def _text(path: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{path}: {key} = {shown(value)}; expected a text.")
    return value.strip()


def _value(path: str, key: str, entry: object) -> Value:
    if isinstance(entry, list) and entry and isinstance(entry[0], dict):
        raise unknown("table", f"[[{key}]]", ["[[check]]"], where=path)
    if not isinstance(entry, dict):
        raise InputError(f'{path}: {key} = {shown(entry)}; expected {{ value = …, unit = "…", source = "…" }}.')
    for name in entry:
        if name not in ("value", "unit", "source"):
            raise unknown("entry", name, ("value", "unit", "source"), where=f"{path}: {key}")
    if "value" not in entry:
        raise InputError(f"{path}: {key} has no value.")
    if not str(entry.get("source", "")).strip():
        raise InputError(f'{path}: {key} has no source; give a DOI or arXiv id with figure or table, or "nominal".')
    if "unit" not in entry and not isinstance(entry["value"], str | bool):
        raise InputError(f'{path}: {key} has no unit; "1" if it has no dimension.')
    return Value(entry["value"], str(entry.get("unit", "1")), str(entry["source"]))


def _check(path: str, item: object) -> Check:
    needed = ("quantity", "expected", "unit", "tolerance", "source")
    where = f"{path}: [[check]]"
    if not isinstance(item, dict) or any(key not in item for key in needed):
        raise InputError(f"{where} needs {', '.join(needed)}, and `at` where the quantity takes arguments.")
    for key in item:
        if key not in (*needed, "at"):
            raise unknown("entry", key, (*needed, "at"), where=where)
    method = str(item["quantity"])
    if not method.isidentifier() or method.startswith("_"):
        raise InputError(f"{where}: quantity = {shown(method)}; expected the name of a public method of the model.")
    expected = number(f"{where} {method}: expected", item["expected"])
    tolerance = number(f"{where} {method}: tolerance", item["tolerance"], above=0, words="a relative tolerance > 0")
    if not str(item["source"]).strip():
        raise InputError(f"{where} {method}: needs a source.")
    if not isinstance(at := item.get("at", {}), dict):
        raise InputError(f"{where} {method}: at = {shown(at)}; expected the arguments by name, at = {{ voltage = 3 }}.")
    power, _ = split_unit(str(item["unit"]))
    return Check(method, at, scaled(expected, power), tolerance, str(item["source"]))
