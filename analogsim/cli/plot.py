"""``analogsim plot``: the figures of a result file."""

import click

from analogsim.cli.options import verbosity


@click.command(context_settings={"show_default": True})
@click.argument("file")
@click.option(
    "--figure",
    "figures",
    multiple=True,
    metavar="NAME",
    default=("convergence", "lipschitz"),
    help="convergence, transient, lipschitz, accuracy, alignment or overview. May be repeated.",
)
@click.option("--format", "suffix", metavar="FORMAT", default="png", help="png, svg or pdf.")
@click.option("--output", metavar="FOLDER", help="Where the figures go.  [default: beside FILE]")
@verbosity
def command(file: str, figures: tuple[str, ...], suffix: str, output: str | None, verbose: int) -> None:
    """Make the figures of the result FILE again.

    \b
    Example:
      analogsim plot analogsim-crossbar.nc --figure overview --format pdf
    """
    from pathlib import Path

    import matplotlib as mpl

    mpl.use("agg")
    from analogsim.experiments import plots, results

    dataset, source = results.load(file), Path(file)
    for name in figures:
        target = Path(output or source.parent) / f"{source.stem}-{name}.{suffix}"
        plots.save(plots.draw(dataset, name), target)
        if verbose >= 0:
            click.echo(f"wrote {target}")
