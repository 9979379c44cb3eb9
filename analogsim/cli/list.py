"""``analogsim list``: what there is to choose from."""

import click

from analogsim.cli.options import as_json, verbosity


@click.command()
@as_json
@verbosity
def command(as_json: bool, verbose: int) -> None:
    """Circuits, devices, experiments, rules and data sets to choose from.

    \b
    Example:
      analogsim list
    """
    import json

    from analogsim import cards
    from analogsim.experiments.data_sets import ABOUT
    from analogsim.experiments.reproduce import card
    from analogsim.settings.registered import RULES

    found = {
        **{f"{kind}s": {name: cards.read(kind, name).title for name in cards.names(kind)} for kind in CARDS},
        "experiments": {name: card.read(name).title for name in cards.names("experiment")},
        "rules": RULES.everyone(),
        "data": {name: about.words for name, about in ABOUT.items()},
    }
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for kind, entries in found.items() if verbose >= 0 else ():
        click.echo(f"{kind}:")
        for name, title in entries.items():
            click.echo(f"  {name:16} {title}")


CARDS = ("circuit", "device")
