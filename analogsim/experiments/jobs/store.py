"""The rows of jobs on disk, safe at any moment: a journal of the newest, sealed into shards of many.

A row is one line of the journal, written by one call and carrying a checksum, so that a kill can at worst cut the last
line, which is then left out. A full journal becomes a shard, an ``.npz`` written beside and moved into place, and is
emptied; a kill between the two leaves rows in both, which are the same. Only the parent process writes.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError
from analogsim.experiments.jobs import manifest
from analogsim.experiments.jobs.points import STATUS, More, Row
from analogsim.files import atomic, read_npz

SEAL = 2000
"""Rows of a journal that make a shard."""
JOURNAL = "journal"
TEXTS = {"messages", "more"}
"""Fields of `Rows` that few rows have: in a shard JSON, by place."""


class Rows(NamedTuple):
    """Many rows as arrays."""

    keys: NDArray[np.uint64]
    status: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    values: NDArray[np.float64]
    messages: dict[int, str]
    """By place in the arrays; most rows have none."""
    more: Mapping[int, More] = MappingProxyType({})
    """Likewise."""

    def each(self) -> Iterator[Row]:
        """One by one."""
        for k, key in enumerate(self.keys):
            yield Row(
                int(key), STATUS[self.status[k]], self.messages.get(k, ""), float(self.seconds[k]),
                self.values[k].tolist(), self.more.get(k),
            )  # fmt: skip


class Store:
    """A folder of rows that this process adds to.

    Parameters
    ----------
    folder : path
    about : mapping
        All that old rows must share with new ones: a `analogsim.experiments.jobs.manifest.Manifest`.
    fresh : bool
        Throw away what is there.

    Raises
    ------
    InputError
        If the folder holds rows of other code, cards, data or columns, or another process is writing there.
    """

    def __init__(self, folder: str | Path, about: Mapping[str, object], *, fresh: bool = False) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot write there ({error.strerror}). Choose another --output.") from None
        self._locked = _lock(self.folder)
        try:
            self.journal = self.folder / JOURNAL
            if fresh:
                names = (JOURNAL, manifest.NAME, manifest.BEFORE)
                for path in (*shards(self.folder), *(self.folder / name for name in names)):
                    path.unlink(missing_ok=True)
            manifest.agree(self.folder, about)
            self.pending = self._recover()
            self._stream = open(self.journal, "ab", buffering=0)  # noqa: SIM115
        except BaseException:
            self._unlock()
            raise

    def _unlock(self) -> None:
        if self._locked:
            self._locked.close()

    def _recover(self) -> list[Row]:
        """Rows of the journal; a line cut by a kill is dropped, on disk too."""
        rows, whole = _journal(self.journal)
        if self.journal.exists() and whole < self.journal.stat().st_size:
            os.truncate(self.journal, whole)
        return rows

    def append(self, rows: Iterable[Row]) -> None:
        """Write rows at once, so that a kill right after loses none."""
        rows = list(rows)
        data = b"".join(map(_line, rows))
        while data:
            data = data[self._stream.write(data) :]
        self.pending += rows
        if len(self.pending) >= SEAL:
            self.seal()

    def seal(self) -> None:
        """Turn the journal into a shard."""
        if not self.pending:
            return
        sealed = shards(self.folder)
        number = int(sealed[-1].stem.partition("-")[2]) + 1 if sealed else 0
        packed = _packed(self.pending)
        arrays: dict[str, Any] = packed._asdict()
        arrays |= {name: np.array(json.dumps(dict(arrays[name]))) for name in TEXTS}
        with atomic(self.folder / f"shard-{number:06d}.npz") as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **arrays)
        os.truncate(self.journal, 0)
        self.pending = []

    def read(self) -> Iterator[Rows]:
        """All rows, a shard at a time, the journal last; of rows of one key the last is the newest."""
        yield from map(_shard, shards(self.folder))
        if self.pending:
            yield _packed(self.pending)

    def close(self) -> None:
        """Let go of the folder."""
        self._stream.close()
        self._unlock()


def _lock(folder: Path) -> IO[str] | None:
    """Hold a folder for this process, as far as the system can."""
    try:
        import fcntl
    except ImportError:
        return None
    held = open(folder / "lock", "w")  # noqa: SIM115
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise InputError(f"{folder}: another process is writing there. Choose another --output.") from None
    return held


def read(folder: Path) -> Iterator[Rows]:
    """All rows of a folder that another process may be writing to; none if there is no such folder."""
    yield from map(_shard, shards(folder))
    if rows := _journal(folder / JOURNAL)[0]:
        yield _packed(rows)


def shards(folder: Path) -> list[Path]:
    """Sealed files, oldest first."""
    return sorted(folder.glob("shard-*.npz"))


def _shard(path: Path) -> Rows:
    found: dict[str, Any] = dict(read_npz(path))
    try:
        for name in TEXTS & found.keys():  # older shards have fewer
            found[name] = {int(k): value for k, value in json.loads(str(found[name])).items()}
        return Rows(**found)
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: no shard of rows. Remove it, or start over with --fresh.") from None


def _journal(path: Path) -> tuple[list[Row], int]:
    """The rows up to the first damaged line, and how many bytes they are."""
    rows: list[Row] = []
    whole = 0
    if path.exists():
        with open(path, "rb") as stream:
            for line in stream:
                if (row := _row(line)) is None:
                    break
                rows.append(row)
                whole += len(line)
    return rows, whole


def _line(row: Row) -> bytes:
    text = json.dumps(row if row.more else row[:-1], separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _row(line: bytes) -> Row | None:
    mark, _, text = line.rstrip(b"\n").partition(b" ")
    try:
        if not line.endswith(b"\n") or int(mark, 16) != zlib.crc32(text):
            return None
        return Row(*json.loads(text))
    except (ValueError, TypeError):
        return None


def _packed(rows: list[Row]) -> Rows:
    return Rows(
        np.array([row.key for row in rows], np.uint64),
        np.array([STATUS.index(row.status) for row in rows], np.uint8),
        np.array([row.seconds for row in rows]),
        np.array([row.values for row in rows], float).reshape(len(rows), len(rows[0].values)),
        {k: row.message for k, row in enumerate(rows) if row.message},
        {k: row.more for k, row in enumerate(rows) if row.more},
    )
