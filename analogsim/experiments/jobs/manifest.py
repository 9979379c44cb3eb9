"""What rows of one folder must have in common: the code that made them, packages, columns, cards and files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from analogsim import __version__
from analogsim.errors import InputError
from analogsim.experiments import results
from analogsim.experiments.jobs.imports import code
from analogsim.files import atomic

NAME = "manifest.json"
BEFORE = "sweep.json"
"""What the manifest was called up to version 0.1; its points are never those of today's code."""


class MadeWith(TypedDict):
    """The version, a digest of the code that may run, and the packages whose sums it is made of."""

    version: str
    code: str
    packages: dict[str, str]


class Manifest(MadeWith, total=False):
    """All that rows of a folder share, besides each job's own content; JSON."""

    metrics: list[str]
    """Names of the columns."""
    cards: dict[str, dict[str, str]]
    """Path of a card -> its numbers."""
    files: dict[str, str]
    """Path of a file that is read -> its digest."""
    others: dict[str, str]
    """What is read beside, as objects in place of names -> its digest."""
    by: list[str]
    """Versions and commits that wrote here; all of the same code, so that they may differ."""


def made_with(module: str) -> MadeWith:
    """What the results of a module's functions are made with."""
    versions = results.packages()
    return {
        "version": __version__,
        "code": code(module),
        "packages": {name: versions[name] for name in ("numpy", "scipy", "numba")},
    }


def agree(folder: Path, about: Mapping[str, object]) -> None:
    """Write the manifest of a folder, or compare it with the one that is there.

    Raises
    ------
    InputError
        If they differ, or the old one is damaged.
    """
    new: dict[str, object] = json.loads(json.dumps(about))
    if (old := there(folder)) is not None:
        found = list(differences(old, new))
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise InputError(
                f"{folder} holds points that do not mix with new ones: {'; '.join(found[:3])}{more}. "
                "Start over with --fresh, or choose another --output."
            )
        for name in (old.keys() | new.keys()) & {*SEVERAL}:  # an axis may have brought more
            new[name] = {**_mapping(old.get(name)), **_mapping(new.get(name))}
        if by := [*_list(old.get("by")), *_list(new.get("by"))]:
            new["by"] = list(dict.fromkeys(by))
    with atomic(folder / NAME) as temporary:
        temporary.write_text(json.dumps(new, indent=1, ensure_ascii=False), encoding="utf-8")


def there(folder: Path) -> dict[str, object] | None:
    """The manifest of a folder; None if it has none.

    Raises
    ------
    InputError
        If it is damaged.
    """
    path = next((folder / name for name in (NAME, BEFORE) if (folder / name).exists()), None)
    if path is None:
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"{path}: damaged. Start over with --fresh.")
    return found


SEVERAL = ("cards", "files", "others")
"""Entries of which each job uses some; what only one of two manifests uses does not matter."""
UNCOMPARED = {"by"}
"""Entries that may differ."""


def differences(old: object, new: object, where: str = "") -> Iterator[str]:
    """What differs between two manifests, in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = old.keys() & new.keys() if where in SEVERAL else old.keys() | new.keys()
        for key in sorted(keys - UNCOMPARED, key=lambda key: (key != "code", key)):
            none: object = {} if key in SEVERAL else None  # older manifests have fewer
            yield from differences(old.get(key, none), new.get(key, none), f"{where}: {key}" if where else key)
    elif old != new:
        told = f"{where} was {_short(old)}, is {_short(new)}"
        yield f"other code computed them ({told})" if where == "code" else told


def _short(value: object) -> str:
    text = "absent" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) < 80 else f"{text[:77]}…"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
