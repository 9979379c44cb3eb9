"""Result files: one labelled dataset, one stamp that says how to repeat it."""

from __future__ import annotations

import gc
import json
import logging
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from analogsim import __version__
from analogsim.errors import InputError
from analogsim.files import atomic, check_writable, expand
from analogsim.registry import register

if TYPE_CHECKING:
    import xarray as xr

STAMP = "analogsim_run"
"""The attribute that holds the stamp as JSON."""

PACKAGES = ("numpy", "scipy", "numba", "xarray", "h5netcdf", "h5py", "matplotlib", "scikit-learn", "click")


class Stamp(TypedDict):
    """What made a result."""

    version: str
    commit: NotRequired[str]
    edited: NotRequired[bool]
    command: list[str]
    date: str
    python: str
    platform: str
    packages: dict[str, str]


class Commit(TypedDict, total=False):
    """Git hash of a checkout, and whether it was edited since."""

    commit: str
    edited: bool


def stamped(dataset: xr.Dataset, **record: object) -> xr.Dataset:
    """The dataset with its stamp: that of `stamp`, and `record` (seed, settings, cards)."""
    _register()
    return dataset.assign_attrs({STAMP: json.dumps({**stamp(), **record}, ensure_ascii=False, default=_written)})


def stamp() -> Stamp:
    """Versions, commit, command and date."""
    return {
        "version": __version__,
        **commit(),
        "command": ["analogsim" if (name := Path(sys.argv[0]).name) == "__main__.py" else name, *sys.argv[1:]],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": packages(),
    }


def packages() -> dict[str, str]:
    """Versions of the packages that numbers depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def commit() -> Commit:
    """Git hash of the checkout that this package is run from, and whether it was edited since; empty elsewhere."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return {}
    # --no-optional-locks: reading the state of a checkout must not write to it.
    git = ["git", "--no-optional-locks", "-C", str(root)]
    try:
        run = {"capture_output": True, "text": True, "check": True, "timeout": 10}
        head = subprocess.run([*git, "rev-parse", "HEAD"], **run).stdout.strip()  # type: ignore[call-overload]
        edits = subprocess.run([*git, "status", "--porcelain"], **run).stdout.strip()  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": head, "edited": bool(edits)}


@register.view("stamp")
def read_stamp(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the stamp of a result, checked: every entry has its type.

    ``command``, ``words``, ``cards``, ``packages`` and ``settings`` are always there, empty if unknown, and ``version``
    and ``date``, "?" if unknown.

    Raises
    ------
    InputError
        If there is no stamp, or it is damaged; the message names the entry.
    """
    where = Path(dataset.encoding.get("source") or "this dataset").name
    text = dataset.attrs.get(STAMP)
    if text is None:
        raise InputError(f"{where}: no result of analogsim (no attribute {STAMP}).")
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise InputError(f"{where}: its stamp (the attribute {STAMP}) is damaged: it is no JSON.") from None
    empty = {"version": "?", "date": "?", "command": [], "words": [], "cards": {}, "packages": {}, "settings": {}}
    found = {**empty, **found} if isinstance(found, dict) else found
    for place, is_right in _entries(found):
        if not is_right:
            raise InputError(f"{where}: its stamp (the attribute {STAMP}) is damaged in {place}.")
    return found


def _entries(stamp: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Every entry that somebody reads, and whether its type is right."""
    yield "the whole", isinstance(stamp, dict)
    for key in ("version", "date", "python", "platform", "commit"):
        yield key, isinstance(stamp.get(key, ""), str)
    for key in ("command", "words"):
        yield key, _is_list_of_text(stamp[key])
    for key in ("cards", "packages", "settings"):
        yield key, isinstance(stamp[key], dict)
    yield "settings.rule", isinstance(stamp["settings"].get("rule", ""), str)
    yield from _of_cards("cards", stamp["cards"])


def _of_cards(where: str, cards: Mapping[str, object]) -> Iterator[tuple[str, bool]]:
    """A circuit's parts may be nested: what has a title, values or sources is a card."""
    for key, card in cards.items():
        place = f"{where}.{key}"
        if not isinstance(card, dict):
            continue
        if CARD & card.keys():
            yield place, card.keys() >= CARD
            yield from ((f"{place}.{name}", isinstance(card[name], str)) for name in CARD - {"cite", "values"})
            yield f"{place}.cite", _is_list_of_text(card["cite"])
            yield f"{place}.values", isinstance(card["values"], dict)
            for name, entry in card["values"].items():
                yield f"{place}.values.{name}", isinstance(entry, dict) and {"value", "unit", "source"} <= entry.keys()
        yield from _of_cards(place, {name: part for name, part in card.items() if name != "values"})


CARD = {"title", "path", "description", "valid", "cite", "values"}


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn whatever a damaged result makes its readers stumble over into one error that names the file.

    Raises
    ------
    InputError
        In place of what was raised inside by a variable or attribute that is missing or of another kind.
    """
    try:
        yield
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, StopIteration) as error:
        logging.getLogger("analogsim").debug("%s", path, exc_info=True)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise InputError(f"{path}: not a whole result of analogsim ({reason}).") from None


def target(output: str | Path) -> Path:
    """The path of a result that is still to be computed.

    Raises
    ------
    InputError
        If its name does not end in ``.nc``, or it cannot be written.
    NotWritten
        If there is no room.
    """
    path = expand(output)
    if path.suffix != ".nc":
        raise InputError(f"{path}: a result is a NetCDF file; end its name in .nc.")
    check_writable(path)
    return path


def save(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a result as NetCDF4 (``.nc``), whole or not at all.

    The file is made in memory, which takes its size once more: HDF5 does not survive a disk that fills up.

    Raises
    ------
    InputError
        If the folder cannot be written.
    NotWritten
        If there is no room.
    """
    path = expand(path)
    packed = {name: {"zlib": True, "complevel": 4} for name, v in dataset.data_vars.items() if v.dtype.kind in "fiub"}
    data = dataset.to_netcdf(engine="h5netcdf", encoding=packed)
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    return path


def load(path: str | Path) -> xr.Dataset:
    """Read a result into memory.

    Raises
    ------
    InputError
        If the file is missing, damaged, or was not written by `save`.
    """
    with open_lazily(path) as opened:
        return _read(path, opened.load)


def open_lazily(path: str | Path) -> xr.Dataset:
    """Open a result without reading its values until they are asked for; otherwise as `load`."""
    import xarray as xr

    _register()
    path = expand(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    dataset = _read(path, lambda: xr.open_dataset(path, engine="h5netcdf"))
    if STAMP not in dataset.attrs:
        dataset.close()
        raise InputError(f"{path}: a NetCDF file, but not a result of analogsim (no attribute {STAMP}).")
    return dataset


def _register() -> None:
    """Give datasets ``dataset.analogsim``; xarray is loaded by now."""
    from analogsim import accessor  # noqa: F401


def _read(path: str | Path, read: Callable[[], xr.Dataset]) -> xr.Dataset:
    """Read, with one error for whatever h5py, h5netcdf and xarray raise on a damaged file."""
    # A half-opened file complains once more, on stderr, when it is let go of: here, if the error is by then.
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        try:
            return read()
        except Exception as error:
            problem = InputError(f"{path}: not a readable NetCDF4 file ({' '.join(str(error).split())[:120]}).")
        gc.collect(1)
    finally:
        sys.unraisablehook = hook
    raise problem


def _written(value: object) -> object:
    """NumPy scalars and arrays as JSON; whatever else is in a record is written as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
