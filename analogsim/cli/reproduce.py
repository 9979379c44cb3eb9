"""``analogsim reproduce``: compute a published table or a study of our own, and judge its claims."""

from typing import Any

import click

from analogsim.cli.options import as_json, resumable, verbosity
from analogsim.cli.paths import FOLDER


@click.command(context_settings={"show_default": True})
@click.argument("name")
@click.option("--quick", "size", flag_value="quick", help="Minutes: does it run at all, and the coarsest claims.")
@click.option("--medium", "size", flag_value="medium", default="medium", help="The default.")
@click.option("--full", "size", flag_value="full", help="The size of the paper.")
@click.option("--on", metavar="CIRCUIT", help="Move the study onto a circuit: ideal, crossbar or optoelectronic.")
@click.option(
    "--write", type=FOLDER, metavar="FOLDER", help="Write page, figure and numbers there, as in docs/results."
)
@click.option("--seeds", type=int, metavar="N", help="Repetitions.  [default: the card's]")
@click.option("--row", "rows", multiple=True, metavar="NAME", help="Only this row of the table. May be repeated.")
@resumable
@click.option(
    "-o", "--output", type=FOLDER, metavar="FOLDER", help="Where finished points are kept.  [default: the user's cache]"
)
@click.option("--judge", is_flag=True, help="Compute nothing: only judge what is finished.")
@as_json
@verbosity
def command(
    name: str,
    size: str,
    write: str | None,
    rows: tuple[str, ...],
    judge: bool,
    as_json: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Compute what the card NAME describes, print it beside what was published, and judge the claims.

    A study that was stopped or killed goes on where it was when the same command is given again.

    \b
    Examples:
      analogsim reproduce two-tales-table-1 --quick
      analogsim reproduce two-tales-table-2 --on crossbar
      analogsim reproduce dyadic-table-1 --full --workers 1 --write docs/results
    """
    import json

    from analogsim.cli.sweep import Bar
    from analogsim.experiments.reproduce import card, carry_out, result_page

    if write:
        result_page.check(write, card.read(name).name)
    bar = Bar(hidden=verbose != 0)
    try:
        outcome = carry_out(
            name, size, rows=list(rows) or None, verbose=verbose > 0, progress=bar, compute=not judge, **options
        )
    finally:
        bar.end()
    found = result_page.report(outcome)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif verbose >= 0:
        study = outcome.study
        click.echo("\n".join([study.title, study.question, "", *result_page.words(found)]))
    if write:
        written = result_page.write(outcome, write)
        if verbose >= 0:
            click.echo(f"\nwrote {written}", err=as_json)
    failed = [record for record in outcome.records.values() if record["status"] == "failed"]
    if failed:
        raise click.ClickException(f"{len(failed)} points failed; the first says: {failed[0]['message']}")
