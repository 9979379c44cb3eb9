"""``analogsim info``: what to paste into a bug report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analogsim.cli.options import as_json, verbosity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import Distribution


@click.command()
@as_json
@verbosity
def command(as_json: bool, verbose: int) -> None:
    """Versions of analogsim and of what it stands on, for bug reports.

    \b
    Example:
      analogsim info
    """
    import json
    import os
    import platform

    from analogsim import __version__
    from analogsim.experiments.results import commit, packages

    found = {
        "analogsim": __version__,
        **{key: str(value) for key, value in commit().items()},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": str(os.cpu_count()),
        **packages(),
        "ANALOGSIM_DATA": os.environ.get("ANALOGSIM_DATA", "not set"),
    }
    warning = foreign()
    if warning and verbose >= 0:
        click.echo(f"Warning: {warning}", err=True)
    if as_json:
        click.echo(json.dumps({**found, **({"warning": warning} if warning else {})}, indent=2))
        return
    for name, value in found.items() if verbose >= 0 else ():
        click.echo(f"{name:15} {value}")


def foreign(found: Iterable[Distribution] | None = None) -> str:
    """What to do about another project that is installed under the same import name; empty if there is none.

    The package index has a simulator of inference on crossbars under this name, which has the same package and command.
    """
    from importlib import metadata

    for other in metadata.distributions(name="analogsim") if found is None else found:
        about = other.metadata
        if (about["Name"] or "").lower() == "analogsim" and not (about["Summary"] or "").startswith(OURS):
            return (
                f"another project named analogsim {about['Version']} is installed beside this one, with the same "
                "import name and command: `pip uninstall analogsim`, then install this one again."
            )
    return ""


OURS = "Simulate learning on analog hardware"
