"""Who answers to a name: every circuit, device, rule, ... registers where it is defined and is found by its name.

    @register.circuit("mine", "a crossbar of my own")
    class Mine(Circuit): ...

The built-in ones register in just that way. A package of your own names each of its parts as an entry point
(``[project.entry-points."analogsim.circuits"]``, ``mine = "package.module:Mine"``); a script registers by running the
decorator. Looking a name up loads the one module that holds it: the modules of a kind's rooms are searched for the
decorator as text, because importing all of them to find one takes longer than a small simulation.

Where a name is expected, the thing itself will do (`Given`).
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from analogsim.errors import InputError, shown, unknown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
_PACKAGE = Path(__file__).parent


class Place(NamedTuple):
    """Where a built-in thing is registered, and in which words; known without loading it."""

    module: str
    words: str


class Kind:
    """All things of one kind by name; called with a name it is the decorator that registers one.

    Parameters
    ----------
    word : str
        What one of them is called in messages, as in ``"device model"``.
    group : str
        Name of the group of entry points, without ``analogsim.``.
    *rooms : str
        Modules or packages of analogsim, dotted, where the built-in ones register.
    base : str
        Class that all of them are subclasses of, as in ``"analogsim.devices.base:Part"``; any thing will do if empty.
    holds : str
        Class that all of them are instances of, likewise.
    """

    def __init__(self, word: str, group: str, *rooms: str, base: str = "", holds: str = "") -> None:
        self.word, self.group, self.rooms, self.base = word, f"analogsim.{group}", rooms, base
        self.holds = holds
        self.decorator = word.replace(" ", "_")
        self._known: dict[str, object] = {}
        self._loaded: dict[EntryPoint, object] = {}
        self._said: dict[str, str] = {}
        self._places: dict[str, tuple[str, ...]] = {}

    def __repr__(self) -> str:
        """What the kind is, and the names."""
        return f"{self.word}: {', '.join(self)}"

    def __set_name__(self, owner: type, name: str) -> None:
        self.decorator = name

    def __call__(self, name: str, words: str = "") -> Callable[[T], T]:
        """Register what is decorated, or passed on, under `name`.

        Parameters
        ----------
        name : str
        words : str
            What it is, in half a line for `analogsim list`; the first line of its docstring if not given.

        Raises
        ------
        InputError
            If the name is empty or stands for something else already, or the thing is not of this kind.
        """
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"register.{self.decorator}({name!r}): a name is a word, as in 'mine'.")

        module = str(sys._getframe(1).f_globals.get("__name__"))

        def put(thing: T) -> T:
            place = (module, *_place(thing))
            is_taken = name in self.built_in and self.built_in[name].module != module
            if is_taken or self._places.get(name, place) != place:
                raise InputError(f"the {self.word} {name!r} is registered already; choose another name.")
            if name not in self.built_in:
                self._check(f"register.{self.decorator}({name!r})", thing)
            self._known[name] = thing
            self._places[name] = place
            if words:
                self._said[name] = words
            return thing

        return put

    def __getitem__(self, name: str) -> Any:
        """Return what is registered as `name`, loading the module that holds it; see `find`."""
        return self.find(name)

    def find(self, name: str, *, where: str = "", hint: str = "") -> Any:
        """Return what is registered as `name`, loading the module that holds it.

        Parameters
        ----------
        name : str
            The thing itself, if it is a `Given`.
        where, hint : str
            File and key that name it, and a likely fix, for the message.

        Raises
        ------
        InputError
            If there is none, and the message names the nearest; or if it is of another package and cannot be loaded.
        """
        if isinstance(name, Given) and not isinstance(name.thing, str):
            return name.thing
        if not isinstance(name, str):
            raise unknown(self.word, name, self, where=where, hint=hint)
        if name not in self._known and name in self.built_in:
            import_module(self.built_in[name].module)
        elif name not in self._known and (point := self.installed.get(name)):
            return self._load(name, point)
        if name not in self._known:
            raise unknown(self.word, name, self, where=where, hint=hint)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Names, the built-in ones first, each in the order in which it was registered."""
        return iter(dict.fromkeys([*self.built_in, *self.installed, *self._known]))

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self.built_in or name in self.installed

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names and things; loads all of them."""
        return ((name, self[name]) for name in self)

    @property
    def modules(self) -> set[str]:
        """Modules where the built-in ones register."""
        return {found.module for found in self.built_in.values()}

    def words(self, name: str) -> str:
        """What `name` is, in half a line: as registered, or as its docstring begins. Says so if it cannot be loaded."""
        if name in self.built_in and self.built_in[name].words:
            return self.built_in[name].words
        try:
            thing = self[name]  # of an installed package, which says its words when it is loaded
        except InputError as error:
            return f"cannot be used: {error}"
        return self._said.get(name) or summary(thing)

    def name_of(self, thing: object) -> str | None:
        """Name under which a loaded thing is registered."""
        loaded = ((point.name, known) for point, known in self._loaded.items())
        return next((name for name, known in (*self._known.items(), *loaded) if known is thing), None)

    @property
    def added(self) -> dict[str, object]:
        """Things that this process registered by decorator, in a script, and that no other process finds."""
        return {name: thing for name, thing in self._known.items() if name not in self.built_in}

    def is_foreign(self, name: str) -> bool:
        """Whether a name stands for something that is not of this package."""
        return name not in self.built_in and name in self

    @property
    def installed(self) -> dict[str, EntryPoint]:
        """Entry points by name; reading them all takes long, so built-in names are looked for first."""
        found = _entry_points(tuple(sys.path)).get(self.group, {})
        return {name: point for name, point in found.items() if name not in self.built_in}

    @cached_property
    def built_in(self) -> dict[str, Place]:
        """Place of each built-in name, found in the text of the rooms."""
        from ast import literal_eval

        start, words = f"register.{self.decorator}(", r'(?:"(?:[^"\\]|\\.)*"\s*)+'
        # Words stand in the registration, or begin the declaration below it.
        said = rf"(?:,\s*({words})|\)\n@\w+\(\s*({words}))?"
        decorator = re.compile(rf'^@?{re.escape(start)}\s*"([^"]+)"{said}', re.MULTILINE)
        found: dict[str, Place] = {}
        for room in self.rooms:
            place = _PACKAGE.joinpath(*room.split("."))
            file = place.with_suffix(".py")
            for path in [file] if file.is_file() else sorted(place.rglob("*.py")):
                text = path.read_bytes()
                if start.encode() not in text:
                    continue
                module = ".".join(("analogsim", *path.relative_to(_PACKAGE).with_suffix("").parts))
                for name, *either in decorator.findall(text.decode()):
                    told = "".join(either)
                    found[name] = Place(module.removesuffix(".__init__"), literal_eval(f"({told})") if told else "")
        return found

    def _load(self, name: str, point: EntryPoint) -> Any:
        if point in self._loaded:
            return self._loaded[point]
        try:
            thing = point.load()
        except (Exception, SystemExit) as error:  # somebody else's package, which may fail in any way
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(f"the {self.word} {name!r} ({point.value}) cannot be loaded: {reason}.") from None
        self._check(f"the {self.word} {name!r} ({point.value})", thing)
        self._loaded[point] = thing
        return thing

    def _check(self, where: str, thing: object) -> None:
        if self.base:
            module, _, attribute = self.base.partition(":")
            base = getattr(import_module(module), attribute)
            if not (isinstance(thing, type) and issubclass(thing, base)):
                raise InputError(f"{where}: {thing!r} is no subclass of {module}.{attribute}.")
        if self.holds:
            module, _, attribute = self.holds.partition(":")
            if not isinstance(thing, getattr(import_module(module), attribute)):
                raise InputError(f"{where}: {shown(thing)} is no {attribute}; see docs/extending.md, a {self.word}.")


def summary(thing: object) -> str:
    """The first line of the docstring of a class or function; empty without one, or where `dataclasses` made it up."""
    text = (getattr(thing, "__doc__", None) or "").strip()
    made_up = text.startswith(f"{getattr(thing, '__name__', type(thing).__name__)}(")
    return "" if made_up else text.partition("\n")[0].rstrip(".")


def _place(thing: object) -> tuple[str, str]:
    """Where a thing was defined: running its module again registers it anew, which is no clash."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return str(getattr(named, "__module__", "")), str(getattr(named, "__qualname__", ""))


@lru_cache(maxsize=32)
def _entry_points(path: tuple[str, ...]) -> dict[str, dict[str, EntryPoint]]:
    """Entry points of our groups by name, of all that is installed on a path of modules; the first of a name counts.

    Warns
    -----
    UserWarning
        For each name that is not used, since it is one of ours or of another package.
    """
    from importlib.metadata import entry_points  # here, because `--help` need not wait for it

    every, found = entry_points(), dict[str, dict[str, "EntryPoint"]]()
    kinds = {kind.group: kind for kind in register.kinds().values()}
    for group in sorted(name for name in every.groups if name.startswith("analogsim.")):
        named = found.setdefault(group, {})
        kind = kinds.get(group)
        for point in every.select(group=group):
            ours = kind is not None and point.name in kind.built_in
            first = "analogsim" if ours else package(named[point.name]) if point.name in named else ""
            if not first:
                named[point.name] = point
            elif ours or named[point.name].value != point.value:
                warn_hidden(kind.word if kind else group, point.name, package(point), first)
    return found


def package(point: EntryPoint) -> str:
    """Name of the distribution that an entry point is of."""
    return point.dist.name if point.dist else point.module.partition(".")[0]


def warn_hidden(kind: str, name: str, package: str, first: str) -> None:
    """Warn that something of a package is not used, because another package has the name."""
    warnings.warn(
        f"the {kind} {name!r} of the package {package!r} is not used: {first!r} has one of this name. "
        "Give it another name.",
        stacklevel=2,
    )


class Register:
    """``asim.register``: the decorators, and the things by kind."""

    circuit = Kind("circuit model", "circuits", "circuits", base="analogsim.circuits.base:Circuit")
    device = Kind("device model", "devices", "devices", base="analogsim.devices.base:Part")
    rule = Kind("rule", "rules", "learning.reference", holds="analogsim.learning.reference.rules:Rule")
    update = Kind("update", "updates", "learning.updates")
    measure = Kind("measure", "measures", "measure")
    metric = Kind("metric", "metrics", "experiments.sweeps")
    data = Kind("data set", "data", "experiments.data")
    solver = Kind("solver", "solvers", "engine")
    experiment = Kind("kind of computation", "experiments", "experiments.reproduce.kinds")
    view = Kind("view", "views", "experiments")
    """What ``dataset.analogsim`` offers, by attribute."""
    cards = Kind("package of cards", "cards")
    """Packages with folders ``devices``, ``circuits``, ``experiments`` or ``wires`` of cards."""

    def kinds(self) -> dict[str, Kind]:
        """Every kind by the name of its decorator."""
        return {name: kind for name, kind in vars(type(self)).items() if isinstance(kind, Kind)}

    def added(self) -> dict[str, dict[str, object]]:
        """What this process registered by decorator, for workers, which run no script: kind -> name -> thing."""
        return {name: found for name, kind in self.kinds().items() if (found := kind.added)}

    def take(self, added: Mapping[str, Mapping[str, object]]) -> None:
        """Know what another process registered."""
        for name, things in added.items():
            self.kinds()[name]._known |= things


register = Register()


class Given(str):
    """A thing that was given in place of a name: a text for all that prints and stores it, `thing` for all that use it.

    Two are equal only if they hold the same thing.
    """

    thing: object

    def __new__(cls, thing: object, text: str = "") -> Given:
        record = getattr(thing, "record", None) or {}
        names = (record.get("name"), getattr(thing, "name", ""), getattr(thing, "__name__", ""), type(thing).__name__)
        name = next(filter(None, names))
        made = super().__new__(cls, text or f"{name} (object)")
        made.thing = thing
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Given) and self.thing is other.thing

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __reduce__(self) -> tuple[type[Given], tuple[object, str]]:
        return Given, (self.thing, str(self))

    def __deepcopy__(self, memo: object) -> Given:
        return self


def unwrapped(value: object) -> Any:
    """What a `Given` holds; anything else as it is."""
    return value.thing if isinstance(value, Given) else value
