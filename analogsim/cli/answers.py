"""How ``budget`` and ``tolerance`` end: the chart beside the result, the table or JSON, and what failed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import xarray as xr


def answer(dataset: xr.Dataset, target: Path, *, as_json: bool, quiet: bool) -> None:
    """Draw the chart beside the result, and print the table or JSON.

    Raises
    ------
    click.ClickException
        If trials failed, after all that: the rest is worth seeing.
    """
    import json

    import matplotlib as mpl

    mpl.use("agg")
    from analogsim.experiments import plots, results
    from analogsim.experiments.specification import tables

    picture = plots.save(plots.draw(dataset, dataset.attrs["kind"]), target.with_suffix(".png"))
    files = [str(target), str(picture)]
    if as_json:
        report = {**tables.figures(dataset), "files": files, "stamp": results.read_stamp(dataset)}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo("\n".join(results.read_stamp(dataset)["words"]))
        click.echo(f"\n{tables.words(dataset)}\n\nwrote {', '.join(files)}")
    if failed := tables.failures(dataset):
        raise click.ClickException(
            f"{len(failed)} failed, and what depends on {'it' if len(failed) == 1 else 'them'} has no number; "
            f"the first: {failed[0]}"
        )
