"""A process that computes for another one: started, fed and ended by `analogsim.experiments.jobs.backends`.

Work comes in by stdin and goes out by what was stdout, in frames of a length and a pickle that no one but the parent
and its workers write. A worker says that it begins a task before it does, so that the parent knows which one killed it,
and it lives no longer than its parent, whatever that died of: its stdin ends then, and Linux sends a signal besides,
which ends compiled loops too.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import struct
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import IO

BEGIN, ROW, ERROR = b"B", b"R", b"E"
"""First byte of a reply: a task is begun; what it found; the exception that no task catches."""
IDLE = 300.0
"""Seconds without work after which a worker ends."""
_LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], message: bytes) -> None:
    """Write one frame."""
    stream.write(_LENGTH.pack(len(message)) + message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one frame; None where the stream ends, also in the middle of a frame."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = stream.read(length)
    return message if len(message) == length else None


def main(module: str = "") -> None:
    """Compute until there is no parent, or nothing to do for a while; import a module before there is anything."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends its workers
    incoming, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a metric prints must not come between the frames, and is no result to print on stdout either.
    os.dup2(2, 1)
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(incoming, tasks), daemon=True).start()
    if module:
        with suppress(Exception):  # the first task that needs it says what is wrong
            import_module(module)
    while True:
        try:
            message = tasks.get(timeout=IDLE)
        except queue.Empty:
            os._exit(0)
        try:
            work, items = pickle.loads(message)
            rows = iter(work(items))
            for _ in items:
                send(replies, BEGIN)
                send(replies, ROW + pickle.dumps(next(rows)))
            rows.close()
        except Exception as error:
            send(replies, ERROR + _pickled(error))


def _listen(incoming: IO[bytes], tasks: queue.SimpleQueue[bytes]) -> None:
    while (message := receive(incoming)) is not None:
        tasks.put(message)
    os._exit(0)  # in the middle of a point, too: nobody is there to take it


def _die_with_parent() -> None:
    if sys.platform != "linux":
        return
    import ctypes

    PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _pickled(error: Exception) -> bytes:
    try:
        return pickle.dumps(error)
    except Exception:  # an exception may hold anything
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
