"""The rows of a sweep on disk, safe at any moment: a journal of the newest, sealed into shards of many.

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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError
from analogsim.experiments.sweeps.points import STATUS, Row
from analogsim.files import atomic, read_npz

SEAL = 2000
"""Rows of a journal that make a shard."""


class Rows(NamedTuple):
    """Many rows as arrays."""

    keys: NDArray[np.uint64]
    status: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    values: NDArray[np.float64]
    messages: dict[int, str]
    """By place in the arrays; most rows have none."""


class Store:
    """The folder of a sweep.

    Parameters
    ----------
    folder : path
    about : mapping
        All that old rows must share with new ones: version, code, packages, metrics, cards, files; JSON.
    fresh : bool
        Throw away what is there.

    Raises
    ------
    InputError
        If the folder holds rows of another version, of other cards, data or metrics, or another sweep is writing.
    """

    def __init__(self, folder: str | Path, about: Mapping[str, Any], *, fresh: bool = False) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot write there ({error.strerror}). Choose another --output.") from None
        self._lock()
        self.manifest, self.journal = self.folder / "sweep.json", self.folder / "journal"
        self.width = len(about["metrics"])
        if fresh:
            for path in (*self.shards(), self.journal, self.manifest):
                path.unlink(missing_ok=True)
        self._agree(json.loads(json.dumps(about)))
        self.pending = self._recover()
        self._stream = open(self.journal, "ab", buffering=0)  # noqa: SIM115

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # no such lock on this system
            return
        self._locked = open(self.folder / "lock", "w")  # noqa: SIM115
        try:
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{self.folder}: another sweep is writing there. Choose another --output.") from None

    def _agree(self, about: dict[str, Any]) -> None:
        if self.manifest.exists():
            try:
                old = json.loads(self.manifest.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                raise InputError(f"{self.manifest}: damaged. Start over with --fresh.") from None
            found = list(differences(old, about))
            if found:
                more = f" and {len(found) - 3} more" if len(found) > 3 else ""
                raise InputError(
                    f"{self.folder} holds points that do not mix with this sweep: {'; '.join(found[:3])}{more}. "
                    "Start over with --fresh, or choose another --output."
                )
            for name in ("cards", "files"):  # an axis may have brought more
                about[name] = {**old.get(name, {}), **about.get(name, {})}
        with atomic(self.manifest) as temporary:
            temporary.write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")

    def _recover(self) -> list[Row]:
        """Rows of the journal; a line cut by a kill is dropped, on disk too."""
        if not self.journal.exists():
            return []
        rows, whole = [], 0
        with open(self.journal, "rb") as stream:
            for line in stream:
                row = _row(line)
                if row is None:
                    break
                rows.append(row)
                whole += len(line)
        if whole < self.journal.stat().st_size:
            os.truncate(self.journal, whole)
        return rows

    def shards(self) -> list[Path]:
        """Sealed files, oldest first."""
        return sorted(self.folder.glob("shard-*.npz"))

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
        shards = self.shards()
        number = int(shards[-1].stem.partition("-")[2]) + 1 if shards else 0
        packed = _packed(self.pending, self.width)
        with atomic(self.folder / f"shard-{number:06d}.npz") as temporary, open(temporary, "wb") as stream:
            messages = json.dumps({str(k): text for k, text in packed.messages.items()})
            arrays: dict[str, Any] = {**packed._asdict(), "messages": np.array(messages)}
            np.savez(stream, **arrays)
        os.truncate(self.journal, 0)
        self.pending = []

    def read(self) -> Iterator[Rows]:
        """All rows, a shard at a time, the journal last."""
        for path in self.shards():
            found = read_npz(path)
            try:
                found["messages"] = {int(k): text for k, text in json.loads(str(found["messages"])).items()}
                yield Rows(**found)
            except (KeyError, TypeError, ValueError):
                raise InputError(f"{path}: no shard of a sweep. Remove it, or start over with --fresh.") from None
        if self.pending:
            yield _packed(self.pending, self.width)

    def close(self) -> None:
        """Let go of the folder."""
        self._stream.close()
        if hasattr(self, "_locked"):
            self._locked.close()


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """What differs between two manifests, in words. Cards and files that only one of them uses do not matter."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = old.keys() & new.keys() if where in ("cards", "files") else old.keys() | new.keys()
        for key in sorted(keys):
            yield from differences(old.get(key), new.get(key), f"{where}: {key}" if where else key)
    elif old != new:
        yield f"{where} was {_short(old)}, is {_short(new)}"


def _short(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) < 80 else f"{text[:77]}…"


def _line(row: Row) -> bytes:
    text = json.dumps(row, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _row(line: bytes) -> Row | None:
    mark, _, text = line.rstrip(b"\n").partition(b" ")
    try:
        if not line.endswith(b"\n") or int(mark, 16) != zlib.crc32(text):
            return None
        return Row(*json.loads(text))
    except (ValueError, TypeError):
        return None


def _packed(rows: list[Row], width: int) -> Rows:
    return Rows(
        np.array([row.key for row in rows], np.uint64),
        np.array([STATUS.index(row.status) for row in rows], np.uint8),
        np.array([row.seconds for row in rows]),
        np.array([row.values for row in rows], float).reshape(len(rows), width),
        {k: row.message for k, row in enumerate(rows) if row.message},
    )
