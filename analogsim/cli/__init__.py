"""The command line: click commands, one module each, and no physics.

A command is a module of this package with a click command called ``command``. It may import nothing but click and
`analogsim.errors` at the top, so that ``--help`` stays instant; all else is imported when the command runs.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from typing import Any

import click

from analogsim import __version__
from analogsim.errors import InputError, unknown

COMMANDS = (
    "run", "sweep", "train", "stability", "budget", "tolerance", "reproduce", "infer", "plot", "report", "netlist",
    "list", "show", "cite", "info",
)  # fmt: skip


class Group(click.Group):
    """Loads commands when they are asked for, and says what was wrong in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        # Not list(COMMANDS): once loaded, the command module `list` is an attribute of this package.
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"analogsim.cli.{name}").command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise unknown("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command and exit: 0 done, 1 the run failed or was interrupted, 2 wrong usage."""
        run: Any = super().main
        if not options.pop("standalone_mode", True):
            return run(*args, **options, standalone_mode=False)
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_: click.echo(f"Warning: {message}", err=True)
                code = run(*args, **options, standalone_mode=False)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as help_:
            click.echo(help_.ctx.get_help() if help_.ctx else "", color=None)
            code = 0
        except click.UsageError as error:
            where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
            code = _say(f"{error.format_message()}{where}", 2)
        except InputError as error:
            code = _say(str(error), 2)
        except click.ClickException as error:
            code = _say(error.format_message(), error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            code = _say("interrupted; a sweep, budget, tolerance or reproduce goes on with the same command", 1)
        except BrokenPipeError:
            # The reader of our output left (`analogsim list | head`); keep Python from complaining at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except (OSError, MemoryError, FloatingPointError) as error:
            code = _say(f"{type(error).__name__}: {error}", 1)
        sys.exit(code if isinstance(code, int) else 0)


def _say(message: str, code: int) -> int:
    """Print an error as one line on stderr."""
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


@click.command(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
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
