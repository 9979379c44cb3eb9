"""What points must share to be mixed, besides their own content: metrics, and the cards and files of settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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
        If a metric holds what has no digest.
    """
    base = plan.base
    names: dict[str, set[Any]] = {"circuit": {base.circuit}, "device": {base.device}, "data": {base.data}}
    for swept in plan.axes:
        if swept.key in names:
            names[swept.key] |= set(swept.values)
    found: dict[str, dict[str, str]] = {}
    files = {str(name) for name in names["data"]}
    for name in sorted(names["circuit"]):
        for device in names["device"] if name == base.circuit else {None}:
            found |= _cards(name, device)
            files |= _files(name, device, plan)
    return {
        **made_with(root),
        "metrics": [
            name if content(metric) is None or not kept else f"{name} ({made_of(name, content(metric))})"
            for name, metric in metrics.items()
        ],
        "cards": found,
        "files": {name: sha(expand(name).read_bytes()) for name in sorted(files) if expand(name).is_file()},
    }


def _cards(name: str, device: str | None) -> dict[str, dict[str, str]]:
    """Path and numbers of the card of a circuit, of the cards of its parts, and of those of wires."""
    card = cards.read("circuit", name)
    read = [card, *(cards.read("device", part) for part in roles(card, device).values())]
    read += [cards.read("wire", wire) for wire in cards.names("wire")]
    return {one.path: {key: f"{entry.value} {entry.unit}" for key, entry in one.values.items()} for one in read}


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
