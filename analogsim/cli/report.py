"""``analogsim report``: results as one page to read, send and print."""

import click

from analogsim.cli.options import as_json, verbosity
from analogsim.cli.paths import PAGE, claim


@click.command(context_settings={"show_default": True})
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", type=PAGE, metavar="FILE", default="report.html", help="The page (.html).")
@as_json
@verbosity
def command(files: tuple[str, ...], output: str, as_json: bool, verbose: int) -> None:
    """Write one self-contained HTML page about results of run, sweep and infer.

    It says what was simulated, shows figures and tables, the cards with their sources, and how to repeat it. It needs
    no network and reads on a phone and on paper.

    \b
    Example:
      analogsim report analogsim-sweep-crossbar.nc -o report.html
    """
    import json

    import matplotlib as mpl

    mpl.use("agg")
    from analogsim.experiments.report.document import report

    claim(output)
    written = report(files, output)
    if as_json:
        click.echo(json.dumps({"files": [str(written)]}, ensure_ascii=False))
    elif verbose >= 0:
        click.echo(f"wrote {written}")
