"""What ``analogsim show`` says of updates, solvers, measures, metrics and kinds of computation."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analogsim.measure.declaration import Measure
    from analogsim.registry import Kind

SHOWN = ("update", "solver", "measure", "metric", "experiment")
"""Kinds whose parts are told by their words, parameters and docstrings; the others have pages of their own."""


def known() -> list[str]:
    """Names of all parts of these kinds."""
    from analogsim.registry import register

    return [name for kind in SHOWN for name in register.kinds()[kind]]


def part(name: str) -> tuple[dict[str, object], list[str]] | None:
    """Every part of these kinds with a name: words, parameters, source; a metric made of a measure among them."""
    from analogsim.experiments.sweeps import metrics
    from analogsim.registry import register

    about: dict[str, object] = {}
    lines: list[str] = []
    kinds = {word: register.kinds()[word] for word in SHOWN}
    found = [(word, kind.words(name), kind[name]) for word, kind in kinds.items() if name in kind]
    if not found and name in (every := metrics.known()):
        found = [("metric", every[name].long_name, every[name])]
    for word, words, thing in found:
        told: dict[str, object] = {"words": words, **_parameters(word, thing)}
        where = _module(kinds[word], name, thing)
        text = _text(kinds[word], name, thing, where)
        about[word] = {**told, "description": text, "defined": where}
        lines += ["", ""] if lines else []
        lines.append(f"{words} ({kinds[word].word} {name})")
        lines += [f"{key[0].upper()}{key[1:]}: {_said(value)}" for key, value in told.items() if key != "words"]
        lines += ["", text] if text else []
        lines += ["", f"Defined in {where}"]
    return (about, lines) if found else None


def _said(value: object) -> str:
    return value if isinstance(value, str) else ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


def _module(kind: Kind, name: str, thing: object) -> str:
    """Where a part is defined; a metric that is made from a measure, where that is."""
    if measured := getattr(thing, "measured", None):
        return str(measured[1].__module__)
    found = kind.built_in.get(name)
    return found.module if found else str(getattr(thing, "__module__", None) or type(thing).__module__)


def _text(kind: Kind, name: str, thing: Any, where: str) -> str:
    """What its author says of a part: of ours the module, which has equations and sources, else the docstring."""
    from analogsim.cli.equations import readable

    if measured := getattr(thing, "measured", None):
        thing = measured[1]
    own = getattr(thing, "read", thing)
    is_made_up = isinstance(thing, type) and (thing.__doc__ or "").startswith(f"{thing.__name__}(")
    doc = "" if is_made_up else inspect.getdoc(own) or ""
    if name in kind.built_in and own is thing:
        doc = sys.modules[where].__doc__ or doc
    return readable(inspect.cleandoc(doc)).strip()


def _parameters(word: str, thing: Any) -> Mapping[str, object]:
    """What can be said of a part's use, and what it takes."""
    from analogsim.engine.solvers import takes_noise
    from analogsim.experiments.sweeps.metrics import SOURCES
    from analogsim.measure.declaration import Measure

    if word == "measure":
        return _of_measure(thing if isinstance(thing, Measure) else Measure(thing, ""))
    if word == "metric":
        measured = getattr(thing, "measured", None)
        source = getattr(thing, "of", "setup")
        return {
            "unit": getattr(thing, "units", "1"),
            "read": SOURCES[source],
            **({"from the measure": measured[0]} if measured else {}),
        }
    if word == "solver":
        return {
            "use": "solver= of relax, --solver of `analogsim stability`",
            "white noise at the nodes": "drawn by it" if takes_noise(thing) else "refused; use exponential-sra or auto",
        }
    if word == "update":
        return {"parameters": _fields(thing)} | (
            {"driven": "by the signals of the local rule, plain SGD"} if getattr(thing, "driven", False) else {}
        )
    return {"takes": f"{inspect.signature(thing)}"} if callable(thing) else {}


def _of_measure(measure: Measure[object]) -> dict[str, object]:
    from analogsim.measure.declaration import NEEDS

    found: dict[str, object] = {
        "unit": measure.units,
        "of each": measure.all_dims,
        "read from": NEEDS[measure.needs],
        "least --health": measure.health,
    }
    return found | ({"task": measure.task} if measure.task else {})


def _fields(thing: Any) -> tuple[str, ...]:
    """Parameters of an update, as its constructor has them."""
    parameters = inspect.signature(thing).parameters.values() if callable(thing) else ()
    told = []
    for one in parameters:
        kind = one.annotation if isinstance(one.annotation, str) else getattr(one.annotation, "__name__", "")
        default = "" if one.default is one.empty else f" = {one.default}"
        told.append(f"{one.name}: {kind}{default}")
    return tuple(told)
