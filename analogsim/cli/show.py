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

    found = find(name)
    if as_json:
        content = {
            card.kind: {
                **{key: getattr(card, key) for key in ("title", "description", "valid", "cite")},
                "values": {key: vars(value) for key, value in card.values.items()},
            }
            for card in found
        }
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    click.echo("\n\n".join(map(_words, found)))


def _words(card: Any) -> str:
    head = [f"{card.title} ({card.kind}, {card.path})", card.description, f"Valid: {card.valid}"]
    head += [f"Source: {source}" for source in card.cite]
    head += [f"Devices: {card.device}"] if card.device else []
    width = max((len(key) for key in card.values), default=0)
    rows = []
    for key, entry in card.values.items():
        unit = "" if entry.unit == "1" else f" {entry.unit}"
        rows.append(f"  {key:{width}}  {entry.value}{unit}   [{entry.source}]")
    return "\n".join([*filter(None, head), *rows])


def find(name: str) -> list[Any]:
    """The cards of that name: a circuit, a device, or one of each.

    Raises
    ------
    InputError
        If there is none; the message names the nearest.
    """
    import tomllib
    from pathlib import Path

    from analogsim import cards
    from analogsim.errors import unknown

    kinds = [kind for kind in ("circuit", "device") if name in cards.names(kind)]
    if name.endswith(".toml"):
        try:
            # Only devices pin published numbers.
            is_device = "check" in tomllib.loads(Path(name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            is_device = False  # `read` says what is wrong
        kinds = ["device" if is_device else "circuit"]
    if not kinds:
        raise unknown("card", name, {*cards.names("circuit"), *cards.names("device")}, hint="See `analogsim list`.")
    return [cards.read(kind, name) for kind in kinds]
