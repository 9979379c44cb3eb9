"""``analogsim info``: what to paste into a bug report."""

import click

from analogsim.cli.options import as_json, verbosity


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
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items() if verbose >= 0 else ():
        click.echo(f"{name:15} {value}")
