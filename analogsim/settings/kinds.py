"""What a setting may hold: how it is checked, its range in words, how it is written on a command line and on an axis.

Imports nothing heavy: the command line makes its options of these.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsFloat

from analogsim.errors import LARGEST_WHOLE, InputError, flag, instance, number, one_of, out_of_range, shown, whole
from analogsim.registry import Given
from analogsim.settings.noises import NOISES, noise_levels

LARGEST = 1e6
"""Of a number without dimension: far beyond all that trains, and its powers and products do not overflow."""
LARGEST_LAYER = 1_000_000
"""Neurons of a layer: what its weights would need no machine has."""


Things = Callable[[object], bool]
"""Tells whether an object is one that will do in place of a name."""


def having(*attributes: str) -> Things:
    """Objects that have all these attributes; no classes."""
    return lambda value: not isinstance(value, type) and all(hasattr(value, name) for name in attributes)


class Kind:
    """What a setting may hold; a plain text, unless a subclass says more."""

    python: type = str
    """What a word of the command line is read as, before `check`."""
    axis = "word"
    """How an axis reads its values: "number", "whole" or "word"."""
    metavar = "TEXT"
    multiple = False
    """Whether the option may be repeated."""
    things: Things | None = None
    """What else may stand in place of a name."""

    def taken(self, value: Any) -> Any:
        """A thing in place of a name as a text that holds it, see `analogsim.registry.Given`; all else as it is."""
        if self.things is None or isinstance(value, str) or not self.things(value):
            return value
        return Given(value, "arrays (object)" if isinstance(value, Mapping) else "")

    def check(self, name: str, value: object) -> object:
        """Return the value as it is kept, or raise one line that names the setting and its range."""
        raise NotImplementedError

    def range(self) -> str:
        """What is allowed, in words."""
        return ""

    def written(self, value: object) -> str:
        """The value as it is typed."""
        return f"{value:g}" if isinstance(value, float) else str(value)

    def told(self, value: object) -> str:
        """The value in words, for the start of a run."""
        return self.written(value)


@dataclass(frozen=True)
class Number(Kind):
    """A real number; bounds as of `analogsim.errors.number`, and an open upper one."""

    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    python, axis, metavar = float, "number", "NUMBER"

    def check(self, name: str, value: object) -> object:
        words = f"{self.low:g} ≤ {name.lstrip('-')} < {self.below:g}" if self.below < math.inf else ""
        if not number(name, value, low=self.low, high=self.high, above=self.above, words=words) < self.below:
            raise out_of_range(name, value, words)
        return value.item() if hasattr(value, "item") else value

    def range(self) -> str:
        if self.below < math.inf:
            return f"{self.low:g} to below {self.below:g}"
        return span(self.low, self.high, self.above)


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number, `low` to `high`."""

    low: int = 0
    high: int = LARGEST_WHOLE
    python, axis, metavar = int, "whole", "N"

    def check(self, name: str, value: object) -> int:
        return whole(name, value, low=self.low, high=self.high)

    def range(self) -> str:
        return f"whole, {span(self.low, self.high)}"


@dataclass(frozen=True)
class Choice(Kind):
    """One of some names, each with what it means."""

    choices: Mapping[str, str]
    things: Things | None = None
    metavar = "NAME"

    def check(self, name: str, value: Any) -> str:
        found: str = self.taken(value)
        if isinstance(found, Given) or (isinstance(found, str) and found in self.choices):
            return found
        # Only who misspelt a name waits for what is installed to load.
        everyone = getattr(self.choices, "everyone", lambda: self.choices)
        return one_of(name, found, everyone())

    def range(self) -> str:
        return ", ".join(self.choices)

    def told(self, value: Any) -> str:
        return self.choices.get(value, "your own")


@dataclass(frozen=True)
class Name(Kind):
    """A name or a path that somebody else looks up; `words` say of what, `known` names the usual ones."""

    words: str = "a name"
    known: str = ""
    metavar: str = "NAME"
    home: bool = False
    """Whether it may begin with ~."""
    things: Things | None = None

    def check(self, name: str, value: Any) -> str:
        value = self.taken(value)
        instance(name, value, str, self.words)
        found: str = os.path.expanduser(value) if self.home and not isinstance(value, Given) else value
        return found

    def range(self) -> str:
        return self.known or self.words


@dataclass(frozen=True)
class Flag(Kind):
    """True or false."""

    python, axis = bool, "flag"

    def check(self, name: str, value: object) -> bool:
        return flag(name, value)

    def range(self) -> str:
        return "true, false"


@dataclass(frozen=True)
class Sizes(Kind):
    """Neurons of each layer, as in (64, 32); as a word ``64x32`` or ``64,32``."""

    metavar = "N[,N...]"

    def check(self, name: str, value: object) -> tuple[int, ...]:
        try:
            given = value.replace(",", "x").split("x") if isinstance(value, str) else value
            sizes = tuple(given) if isinstance(given, Iterable) else (given,)
            found = tuple(int(n) if isinstance(n, str) else operator.index(n) for n in sizes)
        except (TypeError, ValueError):
            hint = "expected numbers of neurons, whole numbers as in 64 or 64x32"
            raise InputError(f"{name} = {shown(value)}: {hint}.") from None
        for n in found:
            if not 1 <= n <= LARGEST_LAYER:
                raise out_of_range(name, n, f"1 ≤ {name} ≤ {LARGEST_LAYER}")
        return found

    def range(self) -> str:
        return f"whole, 1 to {LARGEST_LAYER}, for each layer"

    def written(self, value: Any) -> str:
        return "x".join(map(str, value))


@dataclass(frozen=True)
class MeanAndSpread(Kind):
    """Two numbers, mean and standard deviation > 0; as a word ``0.1307,0.3081`` or, on an axis, ``0.1307/0.3081``."""

    metavar = "MEAN,STD"

    def check(self, name: str, value: Any) -> tuple[float, float]:
        given = value.replace("/", ",").split(",") if isinstance(value, str) else value
        try:
            pair = [float(part) if isinstance(part, str) else part for part in given]
        except (TypeError, ValueError):
            pair = []
        if not isinstance(given, tuple | list) or len(pair) != 2:
            raise InputError(f"{name} = {shown(value)}: expected MEAN,STD, two numbers such as 0.1307,0.3081.")
        return (
            number(f"mean of {name}", pair[0], low=-LARGEST, high=LARGEST),
            number(f"standard deviation of {name}", pair[1], above=0, high=LARGEST),
        )

    def range(self) -> str:
        return "a finite mean, a standard deviation > 0"

    def written(self, value: Any) -> str:
        return "/".join(map(str, value))


@dataclass(frozen=True)
class Noises(Kind):
    """Kinds of noise with their levels, ``("0.05", "node:0.02")``; see `analogsim.settings.noises`.

    One of them may stand alone, and a number is read noise: ``0.05``, ``"node:0.02"``, ``(0.05, "node:0.02")``.
    """

    metavar = "[KIND:]SIGMA"
    multiple = True

    def check(self, name: str, value: object) -> tuple[str, ...]:
        instance(name, value, tuple | list | str | SupportsFloat, 'a list, as in (0.05, "node:0.02")')
        several = value if isinstance(value, tuple | list) else (value,)
        for each in several:
            if not isinstance(each, str):
                number(name, each, low=0)
        texts = tuple(f"{each}" for each in several)
        noise_levels(texts)
        return texts

    def range(self) -> str:
        return f"each ≥ 0; {', '.join(NOISES)}"

    def written(self, value: Any) -> str:
        return " ".join(value)


@dataclass(frozen=True)
class CardValues(Kind):
    """Values of cards by key, ``{"device.read_noise": 0.1}``; `analogsim.cards` checks them."""

    metavar = "KEY=VALUE"
    multiple = True
    example: str = field(default='a mapping, as in {"device.read_noise": 0.1}', repr=False)

    def check(self, name: str, value: Any) -> Mapping[str, object]:
        instance(name, value, Mapping, self.example)
        found: Mapping[str, object] = value
        return found

    def range(self) -> str:
        return "as each key of a card"

    def written(self, value: Any) -> str:
        return " ".join(f"{key}={entry}" for key, entry in value.items())


def span(low: float, high: float, above: float | None = None) -> str:
    """A range in words: ``0 to 1``, ``> 0``, ``≥ 0``; an upper bound that only keeps products finite is left out."""
    most = high if high < LARGEST else math.inf
    if above is not None and above > -math.inf:
        return f"> {above:g}" + (f", at most {most:g}" if most < math.inf else "")
    if low > -math.inf:
        return f"{low:g} to {most:g}" if most < math.inf else f"≥ {low:g}"
    return f"at most {most:g}" if most < math.inf else "any number"
