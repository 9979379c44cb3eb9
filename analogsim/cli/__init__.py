"""The command line: click commands, one module each, and no physics.

A command is a module of this package with a click command called ``command``. It may import nothing but click and
`analogsim.errors` at the top, so that ``--help`` stays instant; all else is imported when the command runs.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import click

from analogsim import __version__
from analogsim.cli import terminal
from analogsim.errors import InputError, NotWritten, as_share, unknown
from analogsim.text import visible

COMMANDS = (
    "run", "sweep", "train", "stability", "budget", "tolerance", "reproduce", "infer", "plot", "report", "netlist",
    "list", "show", "cite", "info",
)  # fmt: skip
RESUMED = ("sweep", "budget", "tolerance", "reproduce")
"""Commands that keep what is finished as they go, and go on from it."""
PRINTING = ("list", "show", "cite", "info")
"""Commands that have nothing to give but what they print."""


class Group(click.Group):
    """Loads commands when they are asked for, and says what was wrong in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        # Not list(COMMANDS): once loaded, the command module `list` is an attribute of this package.
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"analogsim.cli.{name}").command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise unknown("command", args[0], COMMANDS)
        self.running = args[0]
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command and exit: 0 done, 1 the run failed or was interrupted, 2 wrong usage."""
        run: Any = super().main
        if not options.pop("standalone_mode", True):
            return run(*args, **options, standalone_mode=False)
        self.running = ""
        with terminal.output(), terminal.stopped_gently():
            code = self._run(lambda: run(*args, **options, standalone_mode=False))
        sys.exit(code)

    def _run(self, run: Callable[[], object]) -> int:
        """Run, and say in one line what went wrong."""
        if files := sys.modules.get("analogsim.files"):
            files.written.clear()
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_: _tell("Warning", str(message))
                code = run()
            sys.stdout.flush()
            return code if isinstance(code, int) else 0
        except click.exceptions.NoArgsIsHelpError as help_:
            click.echo(help_.ctx.get_help() if help_.ctx else "", color=None)
            return 0
        except click.UsageError as error:
            where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
            number = re.search(r"'([^']*)' is not a valid (float|integer)", said := error.format_message())
            share = f" {as_share(number[1]).capitalize()}" if number and as_share(number[1]) else ""
            return _say(f"{said}{share}{where}", 2)
        except InputError as error:
            return _say(str(error), 2)
        except click.ClickException as error:
            return _say(error.format_message(), error.exit_code)
        except click.Abort as error:
            if isinstance(error.__cause__, EOFError):  # click takes the end of a file for the end of a dialogue
                return _say(f"a file ends too early{self._kept()}", 1)
            return _say(f"interrupted{self._kept(nothing='nothing was written')}", 1)
        except terminal.ReaderLeft:
            terminal.mute()
            if self.running in ("", *PRINTING):
                return 0
            return _say(f"the reader of the output left before the end{self._kept(nothing='nothing was written')}", 1)
        except NotWritten as error:
            return _say(f"{str(error).removesuffix('.')}{self._kept()}", 1)
        except (OSError, MemoryError, FloatingPointError) as error:
            return _say(f"{type(error).__name__}: {error}{self._kept()}", 1)
        except Exception as error:
            if not (where := _theirs(error)):  # a fault of ours, which its traceback tells best
                raise
            return _say(f"{where}: {type(error).__name__}: {error}{self._kept()}", 1)

    def _kept(self, nothing: str = "") -> str:
        """What is there of a command that ended before its end."""
        if self.running in RESUMED:
            return "; the same command goes on from what is finished"
        files: Any = sys.modules.get("analogsim.files")
        names = ", ".join(map(str, files.written)) if files else ""
        return f"; written by then: {names}" if names else f"; {nothing}" if nothing else ""


def _theirs(error: Exception) -> str:
    """Where an error was raised in the code of an installed package whose parts are used here; empty if it was not."""
    from traceback import walk_tb

    from analogsim.registry import register

    points = (point for kind in register.kinds().values() for point in kind.installed.values())
    packages = {point.value.partition(":")[0].partition(".")[0] for point in points}
    for frame, line in reversed([*walk_tb(error.__traceback__)]):
        if str(frame.f_globals.get("__name__")).partition(".")[0] in packages:
            return f"{frame.f_code.co_filename}, line {line}"
    return ""


def _say(message: str, code: int) -> int:
    """Print an error as one line on stderr."""
    _tell("Error", message)
    return code


def _tell(kind: str, message: str) -> None:
    click.echo(f"{kind}: {visible(' '.join(message.split()))}", err=True)


# color: click must not strip escape sequences, which `terminal` shows.
@click.command(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "color": True})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Simulate learning on analog hardware.

    \b
    Example:
      analogsim run crossbar --alpha 0.3 --noise 0.05
    """
    # Matrices here are small: a second BLAS thread costs more than it gives, and changes the last bits of a sum.
    # Nothing has imported NumPy yet; whoever sets the variable keeps it.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
