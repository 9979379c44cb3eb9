"""What a point may compute, by name: ``compute(settings, checkpoint, tell) -> Found``, settings in, numbers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from analogsim.errors import InputError, unknown
from analogsim.experiments.jobs.points import Found
from analogsim.registry import register

Compute = Callable[[Mapping[str, object], Path, Callable[[str], None]], Found]


def load(kind: str) -> Compute:
    """Return the function of a kind: any name of `analogsim.register.experiment`.

    It takes the settings, a path without suffix for whatever it keeps in order to go on after a kill, and a function
    that is told of progress.
    """
    compute: Compute = register.experiment.find(kind)
    return compute


class Reader:
    """Takes settings one by one and complains about those that nobody took."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self.left = dict(settings)
        self.known: list[str] = []

    def __call__(self, key: str, default: object = None) -> Any:
        """Take a setting."""
        self.known.append(key)
        return self.left.pop(key, default)

    def end(self) -> None:
        """Raise if a setting is left."""
        for key in self.left:
            raise unknown("setting", key, self.known)


def whole(name: str, value: object) -> int:
    """Return a positive whole number, or name the setting that is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} = {value!r}: a whole number, at least 1.")
    return value
