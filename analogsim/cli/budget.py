"""``analogsim budget``: what each nonideality of a circuit costs."""

from typing import Any

import click

from analogsim.cli.answers import answer
from analogsim.cli.options import as_json, resumable, simulation, verbosity
from analogsim.cli.paths import RESULT, claim


@click.command(context_settings={"show_default": True})
@simulation
@click.option(
    "--for", "names", multiple=True, metavar="KEY", help="Only this value of a card. May be repeated.  [default: all]"
)
@click.option("--seeds", type=int, default=5, help="Trainings of each case.")
@resumable
@click.option(
    "-o",
    "--output",
    type=RESULT,
    metavar="FILE",
    help="Result (.nc); the chart beside it.  [default: analogsim-budget-CIRCUIT.nc]",
)
@as_json
@verbosity
def command(output: str | None, as_json: bool, verbose: int, **options: Any) -> None:
    """Train CIRCUIT with each of its nonidealities alone, with all but each, with all and with none.

    Prints the accuracy lost against digital back-propagation on the same data, and how wrong the gradients are: bias,
    which stays, and noise, which averages out. A budget that was stopped goes on where it was.

    \b
    Examples:
      analogsim budget crossbar
      analogsim budget combined --nudge chop --seeds 10
    """
    from pathlib import Path

    from analogsim.cli.sweep import Bar
    from analogsim.experiments.specification import budget
    from analogsim.settings.record import Settings

    control = {name: options.pop(name) for name in ("names", "seeds", "workers", "scheduler", "fresh")}
    settings = Settings(**options)
    target = Path(output or f"analogsim-budget-{Path(settings.circuit).stem}.nc")
    claim(target, target.with_suffix(".png"))
    bar = Bar(hidden=verbose < 0)
    dataset = budget(settings, output=target, progress=lambda done, total: bar(done, total, {}), **control)
    bar.end()
    answer(dataset, target, as_json=as_json, quiet=verbose < 0)
