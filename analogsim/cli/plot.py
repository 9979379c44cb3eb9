"""``analogsim plot``: the figures of a result file."""

import click

from analogsim.cli.options import as_json, verbosity
from analogsim.cli.paths import FOLDER, claim


@click.command(context_settings={"show_default": True})
@click.argument("file")
@click.option(
    "--figure",
    "figures",
    multiple=True,
    metavar="NAME",
    help="Of a run: convergence, transient, lipschitz, accuracy (r2, mse), alignment, oscilloscope, overview; of a "
    "sweep: lines, heatmap, phase, cloud. May be repeated.  [default: what suits the data]",
)
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Of a sweep. May be repeated.  [default: all]")
@click.option("--format", "suffix", metavar="FORMAT", default="png", help="png, svg or pdf.")
@click.option("-o", "--output", type=FOLDER, metavar="FOLDER", help="Where the figures go.  [default: beside FILE]")
@as_json
@verbosity
def command(
    file: str,
    figures: tuple[str, ...],
    metrics: tuple[str, ...],
    suffix: str,
    output: str | None,
    as_json: bool,
    verbose: int,
) -> None:
    """Draw the result FILE of a run, a sweep or an inference; the shape of the data chooses the figures.

    \b
    Examples:
      analogsim plot analogsim-crossbar.nc --figure overview --format pdf
      analogsim plot analogsim-sweep-crossbar.nc --metric test_accuracy
    """
    import json
    import re
    from pathlib import Path

    import matplotlib as mpl

    mpl.use("agg")
    from analogsim.experiments import plots, results
    from analogsim.experiments.plots import choice, sweeps
    from analogsim.files import expand

    dataset, source = results.load(file), expand(file)
    with results.reading(file):
        names = [
            (name, metric)
            for name in figures or plots.suitable(dataset)
            for per_metric in [name in choice.OF_A_SWEEP and choice.is_sweep(dataset)]
            for metric in ((metrics or sweeps.metrics(dataset)) if per_metric else [None])
        ]
    # A metric of the user's own may have any name.
    stems = [re.sub(r"[^-.\w]", "-", "-".join(filter(None, (metric, name)))) for name, metric in names]
    folder = Path(output or source.parent)
    wanted = {pair: folder / f"{source.stem}-{stem}.{suffix}" for pair, stem in zip(names, stems, strict=True)}
    claim(*wanted.values())
    for (name, metric), target in wanted.items():
        with results.reading(file):
            figure = plots.draw(dataset, name, metric)
        plots.save(figure, target)
        if verbose >= 0 and not as_json:
            click.echo(f"wrote {target}")
    if as_json:
        click.echo(json.dumps({"files": [str(target) for target in wanted.values()]}, indent=2, ensure_ascii=False))
