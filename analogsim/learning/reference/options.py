"""One gate for the options that the rules share: what each name may hold is said once, here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from analogsim.errors import InputError, flag, instance, number, shown, whole
from analogsim.learning.reference.layers import Workspace
from analogsim.network import Network
from analogsim.wiring import Wiring

F = TypeVar("F", bound=Callable[..., Any])
LARGEST = 1e6
NUMBERS: dict[str, dict[str, Any]] = {
    "alpha": {"low": 0, "high": 1},
    "lam": {"low": 0, "high": 1},
    "beta": {"low": -LARGEST, "high": LARGEST},
    "damping": {"above": 0, "high": 1},
    "rate": {"above": 0, "high": LARGEST},
    "step": {"low": 0, "high": LARGEST},
    "tol": {"low": 0},
}
WHOLES = ("sweeps", "steps", "iterations")
FLAGS = ("convex", "clamped", "inverted", "stabilised", "sign")
CLASSES: dict[str, tuple[Any, str]] = {
    "net": (Network, "a Network"),
    "order": (str, "a name"),
    "output": (str, "a name"),
    "phase": (str, "a name"),
    "rule": (Callable, "a rule"),
    "feedback": (tuple | list, "a list of matrices, one for each layer"),
    "rng": (np.random.Generator, "a numpy.random.Generator"),
    "workspace": (Workspace, "a Workspace"),
}
LAYERWISE = ("beta", "lam")
"""May be one number for each layer, where a rule takes that."""


def wirings(net: Network, wiring: Any) -> list[Wiring]:
    """The wiring of each connection, from one for all or one for each."""
    found = list(wiring) if isinstance(wiring, tuple | list) else [wiring] * net.layers
    for each in found:
        instance("wiring", each, Wiring, "a Wiring, or one for each layer")
    if len(found) != net.layers:
        raise InputError(f"wiring holds {len(found)} entries; expected one for each of the {net.layers} layers.")
    return found


def check(name: str, value: Any) -> Any:
    """Return `value` if it is something that an option of this name may hold, numbers as Python's own."""
    if name in NUMBERS:
        if name in LAYERWISE and _several(value):
            return [number(name, item, **NUMBERS[name]) for item in value]
        return number(name, value, **NUMBERS[name])
    if name in WHOLES:
        return whole(name, value, high=10**6)
    if name in FLAGS:
        return flag(name, value)
    if name in CLASSES:
        instance(name, value, *CLASSES[name])
    return value


def _several(value: object) -> bool:
    return isinstance(value, tuple | list) or getattr(value, "ndim", 0) > 0


def gated(function: F) -> F:
    """Check the network and the options of a rule before it runs; None stands for a default that is None."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}
    layerwise = [key for key in LAYERWISE if "Sequence" in str(function.__annotations__.get(key, ""))]

    @wraps(function)
    def run(net: Network, x: object, y: object, *arguments: object, **options: object) -> object:
        check("net", net)
        for name, value in options.items():
            if value is None and defaults.get(name) is None:
                continue
            if name in LAYERWISE and name not in layerwise and _several(value):
                raise InputError(f"{name} = {shown(value)}; {function.__name__} takes one number.")
            options[name] = check(name, value)
        with np.errstate(over="ignore", invalid="ignore"):  # what diverges ends as Inf or NaN
            return function(net, x, y, *arguments, **options)

    return cast(F, run)
