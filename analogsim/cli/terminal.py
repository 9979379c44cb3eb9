"""Text as a terminal takes it: nothing in it steers the terminal, and what cannot be encoded is spelt out."""

from __future__ import annotations

import codecs
import os
import signal
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from analogsim.errors import NotWritten
from analogsim.text import escaped, visible

_SPELT = str.maketrans(
    {
        "−": "-", "–": "-", "—": "--", "─": "-", "→": "->", "±": "+-", "×": "x", "·": "*", "⋯": "...", "…": "...",
        "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "∞": "inf", "√": "sqrt", "Σ": "sum", "‖": "||", "⊤": "T", "∂": "d",
        "∈": "in", "∏": "prod", "∇": "grad", "µ": "u", "°": "deg", "’": "'", "‘": "'", "“": '"', "”": '"',
    }
)  # fmt: skip


def encodable(text: str, encoding: str, *, exact: bool = False) -> str:
    r"""Return a text in the characters of an encoding: alpha for α, ``->`` for →, ``\u4e2d`` for the rest.

    Parameters
    ----------
    text, encoding : str
    exact : bool
        Only escapes, which JSON reads as the character that they stand for.
    """
    return text.encode(encoding, "analogsim-exact" if exact else "analogsim").decode(encoding)


def _spell(character: str) -> str:
    spelt = unicodedata.normalize("NFKD", character.translate(_SPELT))
    name = unicodedata.name(spelt, "") if len(spelt) == 1 else ""
    if name.startswith("GREEK"):
        word = name.rpartition(" ")[2]
        return word.capitalize() if "CAPITAL" in name else word.lower()
    return spelt if spelt.isascii() else escaped(character)


def _replace(error: UnicodeError, spell: Any) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(spell, error.object[error.start : error.end])), error.end


codecs.register_error("analogsim", lambda error: _replace(error, _spell))
codecs.register_error("analogsim-exact", lambda error: _replace(error, escaped))


class Output:
    """A text stream whose text is `visible` and `encodable`; exactly so in the JSON of ``--json``."""

    # click goes past a stream of ASCII to the bytes below it.
    encoding, errors = "utf-8", "strict"

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text."""
        context = click.get_current_context(silent=True)
        exact = bool(context and context.params.get("as_json"))
        text = encodable(visible(text), getattr(self._stream, "encoding", None) or "utf-8", exact=exact)
        with _named():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send what was written."""
        with _named():
            self._stream.flush()


class ReaderLeft(Exception):
    """Who read our output is gone, as in ``analogsim list | head``; click would end silently on the OSError."""


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ReaderLeft from None
    except OSError as error:
        raise NotWritten(f"standard output: not written ({error.strerror}).") from None


@contextmanager
def output() -> Iterator[None]:
    """Send what a command prints through `Output`; nowhere if the stream was closed before this program began."""
    before = sys.stdout, sys.stderr
    if None in before:
        while os.open(os.devnull, os.O_RDWR) <= 2:  # or the next file that is opened would take what is printed
            pass
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        sys.stdout, sys.stderr = (stream or nowhere for stream in before)
    sys.stdout = Output(sys.stdout)
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except (OSError, ValueError, ReaderLeft):
            mute()
        sys.stdout, sys.stderr = before


@contextmanager
def stopped_gently() -> Iterator[None]:
    """SIGTERM, which a batch queue or a container sends before it kills, does what Ctrl-C does."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def mute() -> None:
    """Throw away what is left to print, which Python would try again, and complain, at its exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
