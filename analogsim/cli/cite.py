"""``analogsim cite``: what to cite."""

import click


@click.command()
@click.argument("names", nargs=-1, metavar="[CARD|RULE]...")
def command(names: tuple[str, ...]) -> None:
    """What to cite for analogsim and for the cards and rules you used.

    \b
    Example:
      analogsim cite dpt pcm-ibm
    """
    from analogsim import __version__
    from analogsim.cards.citations import bibtex
    from analogsim.cli.show import find
    from analogsim.experiments.settings import SOURCES

    click.echo(f"analogsim {__version__}: see CITATION.cff")
    keys: list[str] = []
    for name in names:
        if name in SOURCES:
            click.echo(f"{name}: {SOURCES[name]}")
        else:
            found = [key for card in find(name) for key in card.cite]
            click.echo(f"{name}: {', '.join(found) or 'nominal numbers, nothing to cite'}")
            keys += found
    if keys:
        click.echo(f"\n{bibtex(keys)}")
