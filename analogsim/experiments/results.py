"""Result files: one labelled dataset, one stamp that says how to repeat it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analogsim import __version__
from analogsim.errors import InputError
from analogsim.files import atomic

if TYPE_CHECKING:
    import xarray as xr

STAMP = "analogsim_run"
"""The attribute that holds the stamp as JSON."""

PACKAGES = ("numpy", "scipy", "numba", "xarray", "h5netcdf", "h5py", "matplotlib", "scikit-learn", "click")


def stamped(dataset: xr.Dataset, **record: Any) -> xr.Dataset:
    """The dataset with its stamp: that of `stamp`, and `record` (seed, settings, cards)."""
    _register()
    return dataset.assign_attrs({STAMP: json.dumps({**stamp(), **record}, ensure_ascii=False, default=_plain)})


def stamp() -> dict[str, Any]:
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


def commit() -> dict[str, Any]:
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


def read_stamp(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the stamp of a result."""
    found: dict[str, Any] = json.loads(dataset.attrs[STAMP])
    return found


def save(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a result as NetCDF4 (``.nc``), whole or not at all.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    path = Path(path)
    packed = {name: {"zlib": True, "complevel": 4} for name, v in dataset.data_vars.items() if v.dtype.kind in "fiub"}
    with atomic(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=packed)
    return path


def load(path: str | Path) -> xr.Dataset:
    """Read a result into memory.

    Raises
    ------
    InputError
        If the file is missing, damaged, or was not written by `save`.
    """
    with open_lazily(path) as opened:
        try:
            return opened.load()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise _unreadable(path, error) from None


def open_lazily(path: str | Path) -> xr.Dataset:
    """Open a result without reading its values until they are asked for; otherwise as `load`."""
    import xarray as xr

    _register()
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    try:
        dataset = xr.open_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise _unreadable(path, error) from None
    if STAMP not in dataset.attrs:
        dataset.close()
        raise InputError(f"{path}: a NetCDF file, but not a result of analogsim (no attribute {STAMP}).")
    return dataset


def _register() -> None:
    """Give datasets ``dataset.analogsim``; xarray is loaded by now."""
    from analogsim import accessor  # noqa: F401


def _unreadable(path: str | Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a readable NetCDF4 file ({' '.join(str(error).split())[:120]}).")


def _plain(value: Any) -> Any:
    """NumPy scalars and arrays as JSON; whatever else is in a record is written as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
