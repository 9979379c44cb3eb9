"""``analogsim tolerance``: how bad each nonideality of a circuit may be."""

from typing import Any

import click

from analogsim.cli.answers import answer
from analogsim.cli.options import SIMULATION, as_json, options_of, resumable, verbosity
from analogsim.cli.paths import RESULT, claim


@click.command(context_settings={"show_default": True})
@options_of(*SIMULATION, loss={"option": "--network-loss"})  # --loss is the question here
@click.option(
    "--loss", "limit", type=float, default=1.0, help="Points of accuracy that may be lost, mean of the seeds."
)
@click.option(
    "--for", "names", multiple=True, metavar="KEY", help="Only this value of a card. May be repeated.  [default: all]"
)
@click.option("--others", metavar="HOW", default="as they are", help='The rest of the circuit: "as they are" or ideal.')
@click.option("--seeds", type=int, default=5, help="Trainings at one value, at most.")
@click.option("--confidence", type=float, default=0.9, help="At which a value is judged before all seeds are used.")
@resumable
@click.option(
    "-o",
    "--output",
    type=RESULT,
    metavar="FILE",
    help="Result (.nc); the chart beside it.  [default: analogsim-tolerance-CIRCUIT.nc]",
)
@as_json
@verbosity
def command(output: str | None, limit: float, as_json: bool, verbose: int, **options: Any) -> None:
    """Find how bad each nonideality of CIRCUIT may be before its accuracy falls below digital back-propagation's.

    Searches every value by trainings of which the first already count, and confirms what it finds with other seeds;
    the result is a table for a specification. A search that was stopped goes on where it was.

    \b
    Examples:
      analogsim tolerance crossbar --loss 1.0 --for device.read_noise --for gain_mismatch
      analogsim tolerance combined --nudge chop --others ideal
    """
    import sys
    from pathlib import Path

    from analogsim.experiments.specification import tolerance, trials
    from analogsim.settings.record import Settings

    names = ("names", "others", "seeds", "confidence", "workers", "scheduler", "fresh")
    control = {name: options.pop(name) for name in names}
    settings = Settings(**options)
    target = Path(output or f"analogsim-tolerance-{Path(settings.circuit).stem}.nc")
    claim(target, target.with_suffix(".png"))
    hidden = verbose < 0 or not sys.stderr.isatty()

    def tell(done: int, state: str) -> None:
        if not hidden:
            click.echo(f"\r{done} trainings; {state}\x1b[K", err=True, nl=False)

    try:
        dataset = tolerance(settings, loss=limit, output=target, progress=tell, **control)
    except trials.Failed as error:
        raise click.ClickException(str(error)) from None
    finally:
        if not hidden:
            click.echo(err=True)
    answer(dataset, target, as_json=as_json, quiet=verbose < 0)
