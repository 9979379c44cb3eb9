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
    from analogsim.cli.show import find
    from analogsim.experiments.settings import SOURCES

    click.echo(f"analogsim {__version__}: see CITATION.cff")
    for name in names:
        sources = [SOURCES[name]] if name in SOURCES else [source for card in find(name) for source in card.cite]
        for source in sources or ["nominal numbers, nothing to cite"]:
            click.echo(f"{name}: {source}")
