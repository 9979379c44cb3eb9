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
        for source in [SOURCES[name]] if name in SOURCES else find(name).cite or ["nominal numbers; nothing to cite"]:
            click.echo(f"{name}: {source}")
