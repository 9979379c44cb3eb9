"""How a setting is declared: once, with all that commands, axes, tables and messages are made from.

    alpha: float | None = setting(Number(0, 1), "α of DP and DP⊤", default=None, absent=ALPHA, label="α", group="rule")

From the declaration come the check of its value, its option on every command, its axis in a sweep, its words at the
start of a run, and its line in ``analogsim show CIRCUIT --all`` and in docs/settings.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from analogsim.errors import InputError, shown, unknown
from analogsim.settings.kinds import Choice, Kind, Name, Number


@dataclass(frozen=True)
class Setting:
    """One declared field.

    Attributes
    ----------
    kind : Kind
        What it may hold, and its range.
    meaning : str
        What it is, in one phrase that a help text and a table can hold.
    group : str
        "rules", "hardware", "inputs", "network", "random", "training" or "output": what commands take together.
    default : object
    absent : object
        What stands for it where its default is None; a text says how that is found.
    unit : str
        "1" without dimension, otherwise SI or τ, the neurons' time constant.
    label : str
        Short name on the axes of figures.
    said : str
        Its words at the start of a run where it is not the default, to be formatted with the fields of the record and,
        for a choice, with its ``words``; empty where the run says it anyway.
    only : tuple of str and collection, or None
        Another field and its values for which alone this one has a meaning.
    option : str
        On the command line, if it is not the name with dashes; ``argument`` if it stands there without a name.
    metavar : str
    """

    kind: Kind
    meaning: str
    group: str
    default: object = None
    absent: object = None
    unit: str = "1"
    label: str = ""
    said: str = ""
    only: tuple[str, Collection[str]] | None = None
    option: str = ""
    metavar: str = ""
    name: str = ""

    @property
    def flag(self) -> str:
        """Its option, as in ``--learning-rate``."""
        return self.option or f"--{self.name.replace('_', '-')}"

    @property
    def long_name(self) -> str:
        """Name on the axes of figures."""
        return self.label or self.name.replace("_", " ")

    @property
    def usual(self) -> str:
        """The default in words."""
        if self.default is None:
            return self.absent if isinstance(self.absent, str) else self.kind.written(self.absent)
        return self.kind.written(self.default) or "none"

    def words(self) -> str:
        """Meaning, range or choices, and for what alone it is, as a help text says them."""
        kind, said = self.kind, f"{self.meaning}."
        if isinstance(kind, Choice):
            told = [f"{name}: {words}" for name, words in kind.choices.items() if words]
            said = f"{said} {'; '.join(told)}." if told else f"{self.meaning}: {' or '.join(kind.choices)}."
        elif isinstance(kind, Number):
            said = f"{self.meaning} ({kind.range()}{'' if self.unit == '1' else f' {self.unit}'})."
        elif isinstance(kind, Name) and kind.known:
            said = f"{self.meaning}: {kind.known}."
        return said + (f" Only for {self.only[0]} {' or '.join(self.only[1])}." if self.only else "")

    def check(self, value: object, *, called: str = "") -> Any:
        """Return the value as it is kept, or raise one line with the name, or what it is called, and the range."""
        return None if value is None and self.default is None else self.kind.check(called or self.name, value)


def setting(kind: Kind, meaning: str, *, factory: Callable[[], object] | None = None, **about: Any) -> Any:
    """Declare a field of a record of settings; `about` as the attributes of `Setting`."""
    declaration = Setting(kind, meaning, **about)
    if factory is not None:
        declaration = replace(declaration, default=factory())
        return field(default_factory=factory, metadata={"setting": declaration})
    return field(default=declaration.default, metadata={"setting": declaration})


def like(cls: type, name: str, **changes: Any) -> Any:
    """Declare a field as that of another record, but for some attributes."""
    declaration = replace(declared(cls)[name], **changes)
    return field(default=declaration.default, metadata={"setting": declaration})


def declared(cls: type) -> Mapping[str, Setting]:
    """The settings of a record, by name, in their order."""
    if cls not in _KNOWN:
        _KNOWN[cls] = _declarations(cls)
    return _KNOWN[cls]


_KNOWN: dict[type, Mapping[str, Setting]] = {}


def _declarations(cls: Any) -> Mapping[str, Setting]:
    return {item.name: replace(item.metadata["setting"], name=item.name) for item in fields(cls)}


def check(cls: type, name: str, value: object) -> Any:
    """Return a value as the record would keep it, or raise the error that it would raise."""
    known = declared(cls)
    if name not in known:
        raise unknown("setting", name, known)
    return known[name].check(value)


@dataclass(frozen=True, repr=False)
class Declared:
    """A record of declared fields: each is checked when it is made."""

    def __post_init__(self) -> None:
        for name, about in declared(type(self)).items():
            object.__setattr__(self, name, about.check(getattr(self, name)))
        for name, about in declared(type(self)).items():
            if about.only and getattr(self, name) != about.default:
                other, values = about.only
                if getattr(self, other) not in values:
                    raise InputError(
                        f"{name} = {shown(getattr(self, name))} has no meaning for {other} {getattr(self, other)!r}; "
                        f"it is for {' and '.join(values)}."
                    )

    def __repr__(self) -> str:
        """Only what differs from the defaults."""
        parts = [f"{name}={shown(getattr(self, name))}" for name, _ in self.changed()]
        name, text = type(self).__name__, ", ".join(parts)
        if len(text) > 90:
            text = "\n    " + ",\n    ".join(parts) + ",\n"
        return f"{name}({text})"

    def _repr_html_(self) -> str:
        """The same as a table, in notebooks."""
        from html import escape

        rows = [
            f"<tr><td>{name}</td><td>{escape(about.kind.written(getattr(self, name)))}</td>"
            f"<td>{escape(about.meaning)}</td></tr>"
            for name, about in self.changed()
        ]
        return f"<b>{type(self).__name__}</b><table>{''.join(rows)}</table>"

    def changed(self) -> Iterator[tuple[str, Setting]]:
        """Names and declarations of the fields that are not at their default."""
        return ((name, about) for name, about in declared(type(self)).items() if getattr(self, name) != about.default)

    def known(self, name: str) -> Any:
        """Value of a field, or what stands for it where it is None."""
        value = getattr(self, name)
        return declared(type(self))[name].absent if value is None else value

    def said(self) -> list[str]:
        """What is not as usual and no other line of a run tells, in words."""
        lines = []
        for name, about in self.changed():
            if about.said:
                value = getattr(self, name)
                lines.append(about.said.format(**vars(self), words=about.kind.told(value)))
        return lines

    def to_json(self) -> dict[str, object]:
        """All fields as plain JSON values, from which the record is made again by ``type(self)(**values)``."""
        return asdict(self)
