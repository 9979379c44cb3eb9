"""Files: written whole or not at all, read without trusting them."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import zipfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from analogsim.errors import InputError, NotWritten, instance

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)
"""Errors of a disk that has no room, or no longer takes anything."""

written: deque[Path] = deque(maxlen=50)
"""What this process wrote, the newest last; so that a message can say what there is."""


def expand(path: str | Path) -> Path:
    """Return a path with ``~`` as the home folder; as it is where there is no such home.

    Raises
    ------
    InputError
        If it is no path.
    """
    instance("path", path, str | os.PathLike, "the path of a file")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def same(one: str | Path, other: str | Path) -> bool:
    """Whether two names are of one file: by links, hard or symbolic, or by case alone, which many disks ignore."""
    one, other = os.path.realpath(one), os.path.realpath(other)
    try:
        return one.casefold() == other.casefold() or os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there on success, remove it on failure.

    A symbolic link stays one: the file that it leads to is written. A character device is written into.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written, or `path` is neither a file nor new.
    NotWritten
        If there is no room.
    """
    path = expand(path)
    place, is_device = _place(path)
    try:
        folder = None if is_device else place.parent
        handle, name = tempfile.mkstemp(prefix=".analogsim-", suffix=path.suffix, dir=folder)
    except OSError as error:
        raise _failed(path, error) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if is_device:
            with open(temporary, "rb") as source, open(place, "wb") as target:
                shutil.copyfileobj(source, target)
        else:
            # mkstemp makes the file private; a result is an ordinary file.
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, place)
    except OSError as error:
        raise _failed(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)
    if path in written:
        written.remove(path)
    written.append(path)


def check_writable(path: str | Path) -> None:
    """Fail before the work, not after it.

    Raises
    ------
    InputError
        If `path` is neither a file nor new nor a character device, or a file cannot be made beside it.
    NotWritten
        If there is no room.
    """
    path = expand(path)
    place, is_device = _place(path)
    if is_device:
        return
    try:
        # Only trying tells: permissions say yes to root, and to file systems that then refuse.
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".analogsim-"):
            pass
    except OSError as error:
        raise _failed(path, error) from None


def _place(path: Path) -> tuple[Path, bool]:
    """Where `path` leads, and whether that is a device."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    except (OSError, ValueError) as error:  # a loop of links, a name too long, a null byte
        raise InputError(f"{path}: cannot write there ({_reason(error)}). Choose another --output.") from None
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    if mode is not None and stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a folder. Choose another --output, as in {path / 'run.nc'}.")
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISCHR(mode):
        raise InputError(f"{path}: is neither a file nor a character device. Choose another --output.")
    if not place.parent.is_dir():
        raise InputError(f"{path}: no folder {str(place.parent)!r}. Create it, or choose another output.")
    if mode is not None and not os.access(place, os.W_OK):
        raise InputError(f"{path}: is protected against writing. Choose another --output.")
    return place, mode is not None and stat.S_ISCHR(mode)


def _failed(path: Path, error: OSError) -> InputError | NotWritten:
    if error.errno in FULL:
        return NotWritten(f"{path}: not written ({_reason(error)}).")
    return InputError(f"{path}: cannot write there ({_reason(error)}). Choose another --output.")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


UNPACKED = 4 << 30
"""Bytes that an archive may unpack to, 4 GiB; a zip of a few megabytes can hold more than any memory."""


def regular(path: str | Path, *, limit: int, hint: str = "") -> Path:
    """Return the path of an ordinary file that is not larger than `limit` bytes: no folder, pipe or device.

    Raises
    ------
    InputError
        If there is no such file, or it is something else, or too large. `hint` says what else may have been meant.
    """
    path, hint = Path(path), f" {hint}" if hint else ""
    try:
        about = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "" if missing else f" ({getattr(error, 'strerror', None) or error})"
        raise InputError(f"{path}: no such file{reason}.{hint}") from None
    if not stat.S_ISREG(about.st_mode):
        kind = "a folder" if stat.S_ISDIR(about.st_mode) else "a pipe or a device"
        raise InputError(f"{path}: is {kind}, not an ordinary file.{hint}")
    if about.st_size > limit:
        raise InputError(f"{path}: {about.st_size / 1e6:.0f} MB; a file like this has at most {limit / 1e6:g}.")
    return path


def read_text(path: str | Path, *, limit: int, hint: str = "") -> str:
    """Read a text in UTF-8, with or without a byte order mark; errors as of `regular`, and for other encodings."""
    path = regular(path, limit=limit, hint=hint)
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable text in UTF-8 ({error}).") from None


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """Read every array of an ``.npz``; pickled objects are refused.

    Raises
    ------
    InputError
        If the file is missing or no regular file, no zip of arrays, cut short, or unpacks to more than `UNPACKED`.
    """
    path = expand(path)
    regular(path, limit=UNPACKED)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > UNPACKED:
                raise ValueError(f"it unpacks to {size / 2**30:.3g} GiB, and {UNPACKED >> 30} GiB is the limit")
        found = np.load(path, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise ValueError("a single array, no archive")
        with found as archive:
            if len(set(archive.files)) < len(archive.files):
                raise ValueError("two arrays of one name")
            return {key: archive[key] for key in archive.files}
    except Exception as error:
        # What a damaged zip or header raises is without end: zlib.error, NotImplementedError, struct.error, ...
        reason = " ".join(str(error).split())[:120]
        if "pickle" in reason:  # numpy's words for bytes that are neither a zip nor an array
            reason = "neither a zip of arrays nor free of pickled objects"
        raise InputError(f"{path}: not a readable .npz of plain arrays ({reason}).") from None
