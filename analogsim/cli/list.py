"""``analogsim list``: what there is to choose from."""

from collections.abc import Callable

import click

from analogsim.cli.options import as_json, verbosity


@click.command()
@as_json
@verbosity
def command(as_json: bool, verbose: int) -> None:
    """Circuits, devices, experiments, rules, updates, data sets, solvers, measures and metrics to choose from.

    What other packages bring is among them.

    \b
    Example:
      analogsim list
    """
    import json

    from analogsim import cards
    from analogsim.experiments.reproduce import card
    from analogsim.registry import register
    from analogsim.settings.registered import RULES

    kinds = {
        "updates": register.update,
        "data": register.data,
        "solvers": register.solver,
        "computations": register.experiment,
        "measures": register.measure,
        "metrics": register.metric,
    }
    found = {
        "circuits": _titles(cards.names("circuit"), lambda name: cards.read("circuit", name).title),
        "devices": _titles(cards.names("device"), lambda name: cards.read("device", name).title),
        "experiments": _titles(cards.names("experiment"), lambda name: card.read(name).title),
        "rules": RULES.everyone(),
        **{name: {each: kind.words(each) for each in kind} for name, kind in kinds.items()},
    }
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for kind, entries in found.items() if verbose >= 0 else ():
        click.echo(f"{kind}:")
        for name, title in entries.items():
            click.echo(f"  {name:16} {title}")


def _titles(names: tuple[str, ...], title: Callable[[str], str]) -> dict[str, str]:
    """Title of each card, or what is wrong with one, as there may be with those of others."""
    from analogsim.errors import InputError

    found = {}
    for name in names:
        try:
            found[name] = title(name)
        except InputError as error:
            found[name] = f"cannot be used: {error}"
    return found
