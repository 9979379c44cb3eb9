"""``analogsim stability``: where a rule is stable on a circuit, predicted and simulated."""

from typing import Any

import click

from analogsim.cli.options import as_json, hardware, verbosity
from analogsim.cli.paths import RESULT, claim, keep


@click.command(context_settings={"show_default": True})
@hardware
@click.option(
    "--over",
    multiple=True,
    metavar="KEY=VALUES",
    help="One or two axes of the map: alpha, lam, beta, asymmetry, or a value of a card, with a:b:step, a,b,c or "
    "log:a:b:n.  [default: alpha=0:1:0.1]",
)
@click.option("--samples", type=int, default=8, help="Samples that are settled at each point.")
@click.option("--horizon", type=float, default=200.0, help="How long the ODE runs, in largest time constants.")
@click.option("--solver", metavar="NAME", help="Of the ODE, see `analogsim list`.  [default: etd, until it rests]")
@click.option(
    "-o",
    "--output",
    type=RESULT,
    metavar="FILE",
    help="Result (.nc); the map beside it.  [default: analogsim-stability-CIRCUIT.nc]",
)
@as_json
@verbosity
def command(
    over: tuple[str, ...],
    samples: int,
    horizon: float,
    solver: str | None,
    output: str | None,
    as_json: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Map the stability of a rule on CIRCUIT: the spectral abscissa at rest against the ODE from a = 0.

    \b
    Examples:
      analogsim stability ideal --rule dp --hidden 64,64 --over alpha=0:1:0.05
      analogsim stability crossbar --over alpha=0:1:0.1 --over beta=0.1,0.5,1,2
    """
    import json
    from pathlib import Path

    import matplotlib as mpl

    mpl.use("agg")
    from analogsim.cli.sweep import Bar
    from analogsim.experiments import plots, results
    from analogsim.experiments.stability_maps import stability_map
    from analogsim.settings.record import Settings

    settings = Settings(**options)
    target = Path(output or f"analogsim-stability-{Path(settings.circuit).stem}.nc")
    claim(target, target.with_suffix(".png"))
    bar = Bar(hidden=verbose < 0)
    dataset = stability_map(
        settings,
        over or ("alpha=0:1:0.1",),
        samples=samples,
        horizon=horizon,
        solver=solver,
        progress=lambda done, total: bar(done, total, {}),
    )
    bar.end()
    trouble = keep(lambda path: results.save(dataset, path), target)
    written = [] if trouble else [target]
    if not trouble and any(size > 1 for size in dataset.sizes.values()):  # one point is no map
        written.append(plots.save(plots.draw(dataset, "stability"), target.with_suffix(".png")))
    if as_json:
        click.echo(json.dumps(dataset.drop_attrs().to_dict(), indent=2, ensure_ascii=False, default=str))
    elif verbose >= 0:
        table = dataset[["verdict", "spectral_abscissa", "linearised_at", "converged", "diverged"]]
        click.echo(table.to_dataframe().to_string(float_format="%.3g"))
        if written:
            click.echo(f"\nwrote {', '.join(str(path) for path in written)}")
    if trouble:
        raise trouble
