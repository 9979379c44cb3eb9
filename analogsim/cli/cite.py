"""``analogsim cite``: what to cite."""

import click

from analogsim.cli.options import as_json, verbosity


@click.command()
@click.argument("names", nargs=-1, metavar="[CARD|RULE|RESULT.nc]...")
@as_json
@verbosity
def command(names: tuple[str, ...], as_json: bool, verbose: int) -> None:
    """What to cite for analogsim and for the cards and rules you used, or for all that a run used.

    \b
    Examples:
      analogsim cite dpt pcm-ibm
      analogsim cite analogsim-crossbar.nc
    """
    import json

    from analogsim import __version__
    from analogsim.cards.citations import bibtex, entries
    from analogsim.cli.show import find
    from analogsim.settings.registered import SOURCES

    cited: dict[str, list[str]] = {}
    keys: list[str] = []
    for name in names:
        if name.endswith(".nc"):
            rule, cards = _used(name)
            cited[rule] = [SOURCES[rule]] if rule in SOURCES else []
        elif name in SOURCES:
            cited[name], cards = [SOURCES[name]], {}
        else:
            cards = {name: [key for card in find(name) for key in card.cite]}
        cited |= cards
        keys += [key for found in cards.values() for key in found]
    # A user's own card may cite what has no entry here.
    known = bibtex(key for key in keys if key in entries())
    if as_json:
        report = {"analogsim": __version__, "cite": cited, "bibtex": known}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    if verbose < 0:
        return
    click.echo(f"analogsim {__version__}: see CITATION.cff")
    for name, found in cited.items():
        click.echo(f"{name}: {', '.join(found) or 'nominal numbers, nothing to cite'}")
    if known:
        click.echo(f"\n{known}")


def _used(path: str) -> tuple[str, dict[str, list[str]]]:
    """Rule of a run, and what each of its cards cites."""
    from analogsim.errors import InputError
    from analogsim.experiments import results
    from analogsim.registry import register

    stamp = results.read_stamp(results.load(path))
    rule = stamp["settings"].get("rule")
    if rule not in register.rule:
        raise InputError(f"{path}: its stamp does not say by which rule it was made.")
    # Parts of a circuit may be nested; whatever carries a list to cite is a card.
    found: dict[str, list[str]] = {}
    left = [stamp["cards"]]
    while left:
        item = left.pop()
        if "cite" in item:
            found[item["path"]] = item["cite"]
        left += [value for key, value in item.items() if isinstance(value, dict) and key != "values"]
    return rule, dict(sorted(found.items()))
