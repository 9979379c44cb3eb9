"""``analogsim run``: simulate a circuit, train on it, write and plot what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from analogsim.cli.options import as_json, simulation, verbosity
from analogsim.cli.paths import RESULT, claim, keep

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


@click.command(context_settings={"show_default": True})
@simulation
@click.option(
    "-o",
    "--output",
    type=RESULT,
    metavar="FILE",
    help="Result (.nc); figures go beside it.  [default: analogsim-CIRCUIT.nc]",
)
@click.option("--trace", is_flag=True, help="Draw the oscilloscope picture of the output neurons, too.")
@as_json
@verbosity
def command(output: str | None, trace: bool, as_json: bool, verbose: int, **options: Any) -> None:
    """Train a dyadic network in the loop on CIRCUIT, beside digital DP⊤ and back-propagation on the same data.

    CIRCUIT is the name of a card (see `analogsim list`) or the path of your own (.toml). Writes one NetCDF file with
    all traces, and figures of the convergence and of the Lipschitz constant.

    \b
    Examples:
      analogsim run crossbar --alpha 0.3 --noise 0.05
      analogsim run crossbar --set circuit.gain_mismatch=0.01 --nudge chop
    """
    import json
    from pathlib import Path

    from analogsim.settings.record import Settings

    settings = Settings(**options)
    target = Path(output or f"analogsim-{Path(settings.circuit).stem}.nc")

    import matplotlib as mpl

    mpl.use("agg")
    from analogsim.experiments import plots, results, summary
    from analogsim.experiments.running import train
    from analogsim.experiments.setup import prepare

    figures = ("convergence", "lipschitz", *(["oscilloscope"] if trace else []))
    pictures = {name: target.with_name(f"{target.stem}-{name}.png") for name in figures}
    claim(target, *pictures.values())
    setup = prepare(settings)
    talk = verbose >= 0 and not as_json
    if talk:
        click.echo("\n".join(setup.words()))
        click.echo()

    with _progress(setup.updates, hidden=verbose < 0) as bar:
        dataset = train(setup, progress=lambda: bar.update(1))
    trouble = keep(lambda path: results.save(dataset, path), target)
    written = [] if trouble else [target]
    for name, picture in pictures.items() if not trouble else ():
        written.append(plots.save(plots.draw(dataset, name), picture))
    if as_json:
        report = {
            **summary.figures(dataset),
            "files": [str(path) for path in written],
            "stamp": results.read_stamp(dataset),
        }
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    elif talk:
        click.echo(summary.table(dataset))
        if written:
            click.echo(f"\nwrote {', '.join(str(path) for path in written)}")
    if trouble:
        raise trouble
    if dataset.attrs["diverged"]:
        raise click.ClickException(
            f"{dataset.attrs['diverged']}: training diverged, the weights are no numbers any more; lower "
            f"--learning-rate or --beta. What was measured is in {target}."
        )
    if dataset.attrs["interrupted"]:
        done, planned = int(dataset["epoch"][-1]), settings.epochs
        raise click.ClickException(f"interrupted after epoch {done} of {planned}; what is finished is in {target}.")


def _progress(length: int, *, hidden: bool) -> ProgressBar[int]:
    """A bar with the time left on stderr, if that is a terminal."""
    import sys

    hidden = hidden or not sys.stderr.isatty()
    return click.progressbar(length=length, label="training", file=sys.stderr, hidden=hidden, show_eta=True)
