"""What points must share so that old ones may stand beside new ones: metrics, cards and files of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from analogsim import cards
from analogsim.cards.quantities import declared
from analogsim.circuits.base import roles
from analogsim.devices.base import Part
from analogsim.errors import InputError
from analogsim.experiments.jobs.imports import sha
from analogsim.experiments.jobs.manifest import Manifest, made_with
from analogsim.experiments.setup import made_circuit
from analogsim.experiments.sweeps.ingredients import made_of
from analogsim.experiments.sweeps.metrics import content
from analogsim.experiments.sweeps.plan import Plan
from analogsim.files import expand
from analogsim.registry import Given, register

T = TypeVar("T")


def manifest(plan: Plan, metrics: Mapping[str, object], root: str, kept: bool = True) -> Manifest:
    """All that points must share to be mixed, besides their own content.

    Parameters
    ----------
    plan : Plan
    metrics : mapping
        Name -> a `Metric`, a description, or a function of the user's, which is taken apart if points are `kept`.
    root : str
        The module whose code computes the points.

    Raises
    ------
    InputError
        If a metric, or an object in place of a name, holds what has no digest.
    """
    names = {key: {getattr(plan.base, key)} for key in ("circuit", "device", "rule", "update", "data")}
    for swept in plan.axes:
        if swept.key in names:
            names[swept.key] |= set(swept.values)
    found: dict[str, dict[str, str]] = {}
    others: dict[str, str] = {}
    files = {str(_named(name)) for name in names["data"]}
    for name in sorted(names["circuit"]):
        for device in names["device"] if name == plan.base.circuit else {None}:
            read = _cards(name, device)
            found |= {
                one.path: {key: f"{entry.value} {entry.unit}" for key, entry in one.values.items()} for one in read
            }
            others |= _models(read) if kept else {}
            files |= _files(name, device, plan)
    for key, given in names.items() if kept else ():
        for name in given:
            if isinstance(name, Given):
                others[f"{key} {name}"] = made_of(name, name.thing, key)
            elif key in ("rule", "update", "data") and (kind := register.kinds()[key]).is_foreign(name):
                others[f"{key} {name}"] = made_of(name, kind[name], key)
    made = made_with(root)
    return {
        "version": made["version"],
        "code": made["code"],
        "packages": made["packages"],
        "metrics": [
            name if content(metric) is None or not kept else f"{name} ({made_of(name, content(metric))})"
            for name, metric in metrics.items()
        ],
        "cards": found,
        "files": {name: sha(expand(name).read_bytes()) for name in sorted(files) if expand(name).is_file()},
        "others": others,
    }


def _cards(name: str, device: str | None) -> list[cards.Card]:
    """The card of a circuit, those of its parts, and those of wires; none of what was given as an object."""
    circuit, part = _named(name), _named(device)
    read = [] if isinstance(circuit, Given) else [cards.read("circuit", circuit)]
    parts = list(roles(read[0], part).values()) if read else [part]
    for one in parts:
        if isinstance(one, str | Path) and not isinstance(one, Given):
            read.append(cards.read("device", one))
    return read + [cards.read("wire", wire) for wire in cards.names("wire")]


def _named(value: T) -> T | str | Path:
    """The name or path of a card that an axis calls otherwise, ``{"quiet": "mine.toml"}``; all else as it is."""
    return value.thing if isinstance(value, Given) and isinstance(value.thing, str | Path) else value


def _models(read: list[cards.Card]) -> dict[str, str]:
    """Digests of the classes of somebody else that cards name."""
    found = {}
    for card in read:
        kind = cards.MODELS.get(card.kind)
        if kind is not None and kind.is_foreign(card.model):
            found[f"{card.kind} model {card.model}"] = made_of(card.model, kind[card.model], f"{card.kind} model")
    return found


def _files(name: str, device: str | None, plan: Plan) -> set[str]:
    """Every file that the cards of a circuit name, or an axis in their place."""
    found = {str(value) for axis in plan.axes if "." in axis.key for value in axis.values if isinstance(value, str)}
    try:
        made = made_circuit(replace(plan.base, circuit=name, device=device))
    except InputError:  # such points fail
        return found
    for holder in (made, *(part for part in vars(made).values() if isinstance(part, Part))):
        found |= {str(getattr(holder, item.name)) for item in declared(type(holder)) if "datafile" in item.metadata}
    return found
