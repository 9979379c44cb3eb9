"""Who answers to a name: every circuit, device, rule, ... registers where it is defined and is found by its name.

    @register.circuit("mine")
    class Mine(Circuit): ...

The built-in ones register in just that way. A package of your own names each of its parts as an entry point
(``[project.entry-points."analogsim.circuits"]``, ``mine = "package.module:Mine"``); a script registers by running the
decorator. Looking a name up loads the one module that holds it: the modules of a kind's rooms are searched for the
decorator as text, because importing all of them to find one takes longer than a small simulation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from analogsim.errors import InputError, unknown

T = TypeVar("T")
_PACKAGE = Path(__file__).parent


class Kind:
    """All things of one kind by name; called with a name it is the decorator that registers one.

    Parameters
    ----------
    word : str
        What one of them is called in messages, as in ``"circuit"``.
    group : str
        Name of the group of entry points, without ``analogsim.``.
    *rooms : str
        Modules or packages of analogsim, dotted, where the built-in ones register.
    """

    def __init__(self, word: str, group: str, *rooms: str) -> None:
        self.word, self.group, self.rooms = word, f"analogsim.{group}", rooms
        self._known: dict[str, Any] = {}

    def __call__(self, name: str) -> Callable[[T], T]:
        """Register what is decorated, or passed on, under `name`.

        Raises
        ------
        InputError
            If the name is empty, or stands for something else already.
        """
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"register.{self.word.replace(' ', '_')}({name!r}): a name is a word, as in 'mine'.")

        def put(thing: T) -> T:
            before = self._known.get(name)
            if (before is not None and _place(before) != _place(thing)) or name in self._foreign(thing):
                raise InputError(f"the {self.word} {name!r} is registered already; choose another name.")
            self._known[name] = thing
            return thing

        return put

    def __getitem__(self, name: str) -> Any:
        """Return what is registered as `name`, loading the module that holds it.

        Raises
        ------
        InputError
            If there is none; the message names the nearest.
        """
        if name not in self._known and name in self._built_in:
            import_module(self._built_in[name])
        elif name not in self._known and name in self._installed:
            try:
                self._known[name] = self._installed[name].load()
            except Exception as error:  # somebody else's package, which may fail in any way
                raise InputError(f"the {self.word} {name!r} of {self._installed[name].value}: {error}.") from None
        if name not in self._known:
            raise unknown(self.word, name, self)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Names, the built-in ones first, each in the order in which it was registered."""
        return iter(dict.fromkeys([*self._built_in, *self._installed, *self._known]))

    def __contains__(self, name: object) -> bool:
        return any(name in names for names in (self._known, self._built_in, self._installed))

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names and things; loads all of them."""
        return ((name, self[name]) for name in self)

    @property
    def modules(self) -> set[str]:
        """Modules where the built-in ones register."""
        return set(self._built_in.values())

    def name_of(self, thing: Any) -> str | None:
        """Name under which a loaded thing is registered."""
        return next((name for name, known in self._known.items() if known is thing), None)

    def _foreign(self, thing: Any) -> Any:
        """Names that a thing may not take: the built-in ones, unless it is of the module that registers it."""
        module = getattr(thing, "__module__", None) or getattr(type(thing), "__module__", "")
        return () if str(module).startswith("analogsim.") else self._built_in

    @cached_property
    def _built_in(self) -> dict[str, str]:
        """Module of each built-in name, found in the text of the rooms."""
        decorator = re.compile(rf'^@?register\.{self.word.replace(" ", "_")}\(\s*"([^"]+)"', re.MULTILINE)
        found: dict[str, str] = {}
        for room in self.rooms:
            place = _PACKAGE.joinpath(*room.split("."))
            for path in (
                [place.with_suffix(".py")] if place.with_suffix(".py").is_file() else sorted(place.rglob("*.py"))
            ):
                module = ".".join(("analogsim", *path.relative_to(_PACKAGE).with_suffix("").parts))
                found |= dict.fromkeys(decorator.findall(path.read_text(encoding="utf-8")), module)
        return found

    @cached_property
    def _installed(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group) if point.name not in self._built_in}


def _place(thing: Any) -> tuple[Any, ...]:
    """Where a thing was defined: running its module again registers it anew, which is no clash."""
    return getattr(thing, "__module__", None), getattr(thing, "__qualname__", None) or repr(thing)


class Register:
    """``asim.register``: the decorators, and the things by kind."""

    circuit = Kind("circuit", "circuits", "circuits")
    device = Kind("device", "devices", "devices")
    rule = Kind("rule", "rules", "learning")
    update = Kind("update", "updates", "learning")
    measure = Kind("measure", "measures", "measure")
    metric = Kind("metric", "metrics", "experiments.sweeps")
    data = Kind("data", "data", "experiments")
    solver = Kind("solver", "solvers", "engine")
    experiment = Kind("experiment", "experiments", "experiments")
    view = Kind("view", "views", "experiments")
    """What ``dataset.analogsim`` offers, by attribute."""


register = Register()
