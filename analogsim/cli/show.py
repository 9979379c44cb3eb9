"""``analogsim show``: one card with all its numbers and their sources, or what a result file holds."""

from typing import Any

import click

from analogsim.cli.options import as_json


@click.command()
@click.argument("name")
@as_json
def command(name: str, as_json: bool) -> None:
    """A circuit or device with every number and its source, or a result file (.nc) with what it found.

    NAME is a built-in card (see `analogsim list`), the path of a card (.toml) or of a result (.nc).

    \b
    Example:
      analogsim show pcm-ibm
    """
    if name.endswith(".nc"):
        _result(name, as_json)
    else:
        _card(name, as_json)


def _result(name: str, as_json: bool) -> None:
    import json

    from analogsim.experiments import results, summary

    dataset = results.load(name)
    record = results.read_stamp(dataset)
    if as_json:
        click.echo(json.dumps({**summary.figures(dataset), "stamp": record}, indent=2, ensure_ascii=False))
        return
    for line in record.get("words", []):
        click.echo(line)
    click.echo()
    click.echo(summary.table(dataset))
    click.echo()
    click.echo(f"{' '.join(record['command'])}   ({record['date']}, analogsim {record['version']})")


def _card(name: str, as_json: bool) -> None:
    import json

    from analogsim import cards

    card = find(name)
    if as_json:
        about: dict[str, Any] = {
            "kind": card.kind,
            "title": card.title,
            "description": card.description,
            "valid": card.valid,
            "cite": list(card.cite),
            "values": {key: vars(value) for key, value in card.values.items()},
        }
        click.echo(json.dumps(about, indent=2, ensure_ascii=False))
        return
    click.echo(f"{card.title} ({card.kind}, {card.path})")
    for line in (card.description, f"Valid: {card.valid}", *(f"Source: {cite}" for cite in card.cite)):
        if line:
            click.echo(line)
    click.echo()
    width = max((len(key) for key in card.values), default=0)
    for key, entry in card.values.items():
        unit = "" if entry.unit == "1" else f" {entry.unit}"
        click.echo(f"{key:{width}}  {entry.value}{unit}   [{entry.source}]")
    if card.kind == "circuit" and card.device:
        click.echo(f"\nDevices: {card.device} (`{click.get_current_context().command_path} {card.device}`)")


def find(name: str) -> Any:
    """The card of that name among circuits and devices; a name that both have is the circuit's.

    Raises
    ------
    InputError
        If there is none; the message names the nearest.
    """
    from analogsim import cards
    from analogsim.errors import unknown

    if name.endswith(".toml"):
        import tomllib
        from pathlib import Path

        # Only devices pin published numbers.
        path = Path(name)
        try:
            kind = "device" if "check" in tomllib.loads(path.read_text(encoding="utf-8")) else "circuit"
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            kind = "circuit"
        return cards.read(kind, name)
    for kind in ("circuit", "device"):
        if name in cards.names(kind):
            return cards.read(kind, name)
    raise unknown("card", name, {*cards.names("circuit"), *cards.names("device")}, hint="See `analogsim list`.")
