"""What is told of a thing where it is registered, read without loading it: for help texts and for checks.

    register.rule("mine", "both compartments nudged alike")(Rule(wiring=mine, takes=("alpha",)))

tells ``words``, ``wiring`` and ``takes`` of the rule ``mine``. Of a built-in thing the text of its module is read; an
installed package is loaded, and a thing that a script registered is there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from analogsim.errors import InputError
from analogsim.registry import Kind

_PACKAGE = Path(__file__).parent


class Facts(Mapping[str, Any]):
    """Name -> one fact about each thing of a kind.

    It goes over the built-in things and those of scripts, which costs nothing, since help texts are made from it; a
    thing of an installed package is there when it is asked for by its name, and in `everyone`.

    Parameters
    ----------
    kind : Kind
        Such as ``register.rule``.
    key : str
        The fact: ``words``, or a keyword of the registration or of the record that it registers.
    having : str
        Only things of which this fact is told, too.
    """

    def __init__(self, kind: Kind, key: str, having: str = "") -> None:
        self.kind, self.key, self.having = kind, key, having

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        if self.key == "words":
            return self.kind.words(name)
        found = told(self.kind, name).get(self.key, "")
        return getattr(self.kind[name], self.key) if found is ... else found

    def __contains__(self, name: object) -> bool:
        return name in self.kind and (not self.having or bool(told(self.kind, str(name)).get(self.having)))

    def __iter__(self) -> Iterator[str]:
        return (name for name in dict.fromkeys([*self.kind.built_in, *self.kind._known]) if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def everyone(self) -> dict[str, Any]:
        """The same with installed packages, which it loads; one that does not load has no fact but its error."""
        found: dict[str, object] = {}
        for name in self.kind:
            try:
                found |= {name: self[name]} if name in self else {}
            except InputError as error:
                found[name] = f"cannot be used: {error}"
        return found


def told(kind: Kind, name: str) -> Mapping[str, object]:
    """All facts of a thing; one of a built-in thing that is no constant, such as a function, is ``...``."""
    if name in kind.built_in:
        return _read(kind.decorator, name, kind.built_in[name].module)
    thing = kind[name]
    return {key: getattr(thing, key) for key in dir(thing) if not key.startswith("_")}


@lru_cache(maxsize=256)
def _read(decorator: str, name: str, module: str) -> Mapping[str, object]:
    """Keywords of a registration in a module's text, and of the record that it registers where that stands there."""
    text = _PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8")
    start = re.search(rf'^@?(?=register\.{decorator}\(\s*"{re.escape(name)}")', text, re.MULTILINE)
    assert start, f"{module} does not register {name}"
    for part in accumulate(text[start.end() :].splitlines(), lambda above, line: f"{above}\n{line}"):
        with suppress(SyntaxError):
            call = ast.parse(part, mode="eval").body
            break
    found: dict[str, object] = {}
    while isinstance(call, ast.Call):
        for each in (call, *(record for record in call.args if isinstance(record, ast.Call))):
            found |= {word.arg: _constant(word.value) for word in each.keywords if word.arg}
        call = call.func
    return found


def _constant(node: ast.expr) -> object:
    with suppress(ValueError):
        return ast.literal_eval(node)
    return ...
