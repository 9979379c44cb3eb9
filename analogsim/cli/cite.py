"""``analogsim cite``: what to cite."""

import click

from analogsim.cli.options import as_json


@click.command()
@click.argument("names", nargs=-1, metavar="[CARD|RULE]...")
@as_json
def command(names: tuple[str, ...], as_json: bool) -> None:
    """What to cite for analogsim and for the cards and rules you used.

    \b
    Example:
      analogsim cite dpt pcm-ibm
    """
    import json

    from analogsim import __version__
    from analogsim.cards.citations import bibtex
    from analogsim.cli.show import find
    from analogsim.experiments.settings import SOURCES

    cited = {
        name: [SOURCES[name]] if name in SOURCES else [k for card in find(name) for k in card.cite] for name in names
    }
    keys = [key for name, found in cited.items() if name not in SOURCES for key in found]
    if as_json:
        report = {"analogsim": __version__, "cite": cited, "bibtex": bibtex(keys) if keys else ""}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    click.echo(f"analogsim {__version__}: see CITATION.cff")
    for name, found in cited.items():
        click.echo(f"{name}: {', '.join(found) or 'nominal numbers, nothing to cite'}")
    if keys:
        click.echo(f"\n{bibtex(keys)}")
