"""Files that commands write: rightly named, and never over a file that the same command reads or writes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analogsim.errors import InputError

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:
    _Text = click.ParamType  # which is no generic class before click 8.3


class Output(_Text):
    """The name of a file or folder to write.

    Parameters
    ----------
    what : str
        What is written there, as in "a result is a NetCDF file".
    *endings : str
        How the name must end; anyhow if not given.
    """

    name = "FILE"

    def __init__(self, what: str = "", *endings: str) -> None:
        self.what, self.endings = what, endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from analogsim.files import expand

        path = expand(value)
        if self.endings and path.suffix not in self.endings:
            raise InputError(f"{path}: {self.what}; end its name in {' or '.join(self.endings)}.")
        return str(path)


FOLDER = Output()
RESULT = Output("a result is a NetCDF file", ".nc")
NETWORK = Output("a network is an .npz file", ".npz")
PAGE = Output("a report is a page", ".html", ".htm")
PICTURE = Output("a picture", ".png", ".svg", ".pdf")
DECK = Output("a deck is SPICE", ".cir")


def claim(*outputs: str | Path) -> None:
    """Check the files that the present command is going to write, before its work.

    Raises
    ------
    InputError
        If one cannot be written, is also read by this command, or is named twice.
    """
    from analogsim.files import check_writable, same

    read = list(_inputs(click.get_current_context()))
    for k, path in enumerate(outputs):
        check_writable(path)
        for given in read:
            if same(path, given):
                raise InputError(f"{path}: would overwrite {given}, which this command reads. Choose another output.")
        if any(same(path, other) for other in outputs[:k]):
            raise InputError(f"{path}: is the name of two outputs. Choose another for one of them.")


def keep(save: Callable[[Path], object], target: Path) -> click.ClickException | None:
    """Save what took long to compute; where that fails by now, somewhere else.

    Returns
    -------
    ClickException or None
        What to end the command with, once all is said: it tells what happened, and where the file is.
    """
    try:
        save(target)
    except (InputError, OSError) as error:
        for folder in (tempfile.gettempdir(), Path.home()):
            with suppress(OSError):
                spare = Path(tempfile.mkdtemp(prefix="analogsim-", dir=folder))
                try:
                    save(spare / target.name)
                except (InputError, OSError):
                    shutil.rmtree(spare, ignore_errors=True)
                else:
                    return click.ClickException(f"{error} What was computed is in {spare / target.name} instead.")
        return click.ClickException(f"{error} There was no room for it elsewhere either: what was computed is lost.")
    return None


def _inputs(context: click.Context) -> Iterator[Path]:
    """Every file that is named by what is no `Output`, and every file that a card among them names."""
    outputs = [option.name for option in context.command.params if isinstance(option.type, Output)]
    found: set[Path] = set()
    for name, value in context.params.items():
        if name not in outputs:
            for text in _texts(value):
                yield from _read(text, Path(), found)


def _texts(value: object) -> Iterator[str]:
    """All texts in a value of an option or of a card; of ``device=a.toml,b.toml`` each file."""
    if isinstance(value, str):
        yield from {value, *value.partition("=")[2].split(",")}
    elif isinstance(value, Mapping | list | tuple):
        for entry in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(entry)


def _read(text: str, folder: Path, found: set[Path]) -> Iterator[Path]:
    import tomllib

    from analogsim.files import expand

    path = folder / expand(text)
    if not text or path in found or not os.path.isfile(path):
        return
    found.add(path)
    yield path
    if path.suffix == ".toml":
        with suppress(OSError, ValueError, RecursionError):  # who uses the card says what is wrong with it
            for entry in _texts(tomllib.loads(path.read_text(encoding="utf-8"))):
                yield from _read(entry, path.parent, found)
