"""What is demanded of every malformed input: the work or one line that says what is wrong, in bounded time."""

from __future__ import annotations

import os
import signal
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from analogsim.cli import main
from analogsim.errors import InputError
from tests.fuzz.surfaces import Case

LIMIT = 40
"""Seconds of the processor for one input; what is compiled at its first use takes most of it."""
LONGEST = 1000
"""Characters of an error."""


class Hang(BaseException):
    """An input that ran for longer than `LIMIT`."""


def judge(case: Case, folder: Path) -> str:
    """Try one input with `folder` as the working directory; return what is wrong, or nothing."""
    before = _files(folder)
    with warnings.catch_warnings(record=True) as heard, _within(LIMIT):
        warnings.simplefilter("always")
        try:
            fault = _line(case, folder) if case.line else _python(case)
        except Hang:
            fault = f"still running after {LIMIT} s"
    numeric = [str(w.message) for w in heard if issubclass(w.category, RuntimeWarning)]
    left = [name for name in _files(folder) - before if Path(name).name.startswith(".") and ".nc" not in name]
    return fault or (numeric and f"warning: {numeric[0]}") or (left and f"left behind: {left}") or ""


def _python(case: Case) -> str:
    assert case.call is not None
    try:
        case.call()
    except InputError as error:
        return _one_line(str(error))
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]} ({_where(error)})"
    return ""


def _line(case: Case, folder: Path) -> str:
    if case.call is not None:
        case.call()
    before, here = _files(folder), os.getcwd()
    os.chdir(folder)
    try:
        done = CliRunner().invoke(main, list(case.line))
    finally:
        os.chdir(here)
    if done.exc_info is not None and not isinstance(done.exc_info[1], SystemExit) and done.exception is not None:
        return f"{type(done.exception).__name__}: {str(done.exception)[:200]} ({_where(done.exception)})"
    if done.exit_code not in (0, 1, 2):
        return f"exit code {done.exit_code}"
    if "encountered in" in done.stderr:
        return f"warning: {done.stderr[:200]}"
    if done.exit_code == 2:
        said = [line for line in done.stderr.splitlines() if not line.startswith("Warning: ")]
        if len(said) != 1 or not said[0].startswith("Error: "):
            return f"not one line: {done.stderr[:300]!r}"
        if new := _files(folder) - before:
            return f"left behind: {sorted(new)}"
        return _one_line(said[0])
    return ""


def _one_line(words: str) -> str:
    if not words.strip() or len(words) > LONGEST:
        return f"an error of {len(words)} characters"
    return "" if words.splitlines() == [words] or "\n" not in words.strip() else f"several lines: {words[:200]!r}"


def _where(error: BaseException) -> str:
    found = error.__traceback__
    place = ""
    while found is not None:
        name = found.tb_frame.f_code.co_filename
        place = f"{Path(name).name}:{found.tb_lineno}" if "analogsim" in name and "tests" not in name else place
        found = found.tb_next
    return place


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@contextmanager
def _within(seconds: int) -> Any:
    def stop(*_: Any) -> None:
        raise Hang

    # Time of this process, which other work on the machine does not lengthen; and of the clock, if it only waits.
    both = ((signal.SIGPROF, signal.ITIMER_PROF, seconds), (signal.SIGALRM, signal.ITIMER_REAL, 10 * seconds))
    old = [signal.signal(number, stop) for number, _, _ in both]
    for _, timer, after in both:
        signal.setitimer(timer, after, 5)  # again: an exception in a destructor is passed over
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(both, old, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
