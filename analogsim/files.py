"""Files: written whole or not at all, read without trusting them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from analogsim.errors import InputError


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there on success, remove it on failure.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"{path}: no folder {str(path.parent)!r}. Create it, or choose another output.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror}). Choose another --output.") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes the file private; a result is an ordinary file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror or error}). Choose another --output.") from None
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Fail before the work, not after it.

    Raises
    ------
    InputError
        If `path` is a folder, or a file cannot be made beside it.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Choose another --output, as in {path / 'run.nc'}.")
    if not path.parent.is_dir():
        raise InputError(f"{path}: no folder {str(path.parent)!r}. Create it, or choose another --output.")
    try:
        # Only trying tells: permissions say yes to root, and to file systems that then refuse.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".analogsim-"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror}). Choose another --output.") from None


def read_npz(path: str | Path) -> dict[str, Any]:
    """Read every array of an ``.npz``; pickled objects are refused.

    Raises
    ------
    InputError
        If the file is missing, no zip of arrays, or cut short.
    """
    try:
        found = np.load(path, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise ValueError("a single array, no archive")
        with found as archive:
            if len(set(archive.files)) < len(archive.files):
                raise ValueError("two arrays of one name")
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except Exception as error:
        # What a damaged zip or header raises is without end: zlib.error, NotImplementedError, struct.error, ...
        reason = " ".join(str(error).split())[:120]
        if "pickle" in reason:  # numpy's words for bytes that are neither a zip nor an array
            reason = "neither a zip of arrays nor free of pickled objects"
        raise InputError(f"{path}: not a readable .npz of plain arrays ({reason}).") from None
