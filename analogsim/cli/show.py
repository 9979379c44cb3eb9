"""``analogsim show``: a card with its numbers, sources and checks, any part by name, or what a result file holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from analogsim.cli.options import as_json, verbosity
from analogsim.cli.paths import PICTURE, claim

if TYPE_CHECKING:
    from pathlib import Path

    from analogsim.cards import Card
    from analogsim.cli.showing import Checked


@click.command()
@click.argument("name")
@click.option("-o", "--output", type=PICTURE, metavar="FILE", help="Picture of a device (.png, .svg, .pdf).")
@click.option("--all", "everything", is_flag=True, help="All that can be set: meaning, unit, range, value, source.")
@as_json
@verbosity
def command(name: str, output: str | None, everything: bool, as_json: bool, verbose: int) -> None:
    """A circuit, device or experiment with every number and its source, any other part, or a result (.nc).

    NAME is one of `analogsim list`, the path of a card (.toml) or of a result (.nc). A card is checked as a run would
    check it, and the published numbers that it pins ([[check]]) are computed: the number got, the one expected, its
    source; exit code 1 if one fails. With --all a circuit or a device is shown with everything that can be set. For
    devices/NAME the equations are printed first, and a picture of what the device does is written to NAME.png (or
    --output). The card of a study has its settings, rows, claims and sizes; a rule its matrices; an update, solver,
    measure or metric its parameters and what it does.

    \b
    Examples:
      analogsim show pcm-ibm
      analogsim show crossbar --all
      analogsim show dpt
      analogsim show ./mine.toml
      analogsim show devices/pcm-ibm
      analogsim show two-tales-table-1
    """
    from pathlib import Path

    from analogsim.errors import InputError

    kind, _, short = name.partition("/")
    explicit = kind == "devices" and not short.endswith(".toml") and bool(short)
    from analogsim import cards
    from analogsim.cli import showing

    is_study = (kind == "experiments" and short) or name in cards.names("experiment")
    is_study = is_study or (name.endswith(".toml") and "row" in cards.toml("device", name)[0])
    told = None if explicit else showing.rule(name) or showing.data(name) or _registered(name)
    if everything and (told or is_study or name.endswith(".nc")):
        raise InputError(f"{name}: --all is for circuits and devices.")
    if name.endswith(".nc"):
        if output:
            raise InputError(f"--output is for a picture of a device; figures of {name}: `analogsim plot {name}`.")
        if as_json or verbose >= 0:
            _result(name, as_json)
        return
    if is_study:
        _study(name if name.endswith(".toml") or not short else short, as_json)
        return
    if told:
        if output:
            raise InputError(f"{name} is no device; only devices have equations and a picture.")
        if as_json or verbose >= 0:
            _say(*told, as_json)
        return
    name = short if explicit else name
    found = [card for card in find(name, also=showing.names()) if card.kind == "device" or not (explicit or output)]
    if not found:
        raise InputError(f"{name} is no device; only devices have equations and a picture.")
    if explicit and not as_json and verbose >= 0:
        click.echo(f"{_equations(found[0])}\n")
    if as_json or verbose >= 0:
        if everything:
            _say(*showing.all_settable(name, found[0]), as_json, head=_words(found[0]).split("\n")[0])
        else:
            checked = [(card, showing.checks(name, card)) for card in found]
            _card(checked, as_json)
            _judge(checked)
    if output or (explicit and not as_json):
        target = Path(output or f"{Path(name).stem}.png")
        claim(target)
        written = _picture(name, target)
        if verbose >= 0:
            click.echo(f"\nwrote {written}", err=as_json)


def _say(content: dict[str, object], lines: list[str], as_json: bool, *, head: str = "") -> None:
    import json

    if as_json:
        click.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))
    else:
        click.echo("\n".join([head, *lines] if head else lines))


def _study(name: str, as_json: bool) -> None:
    import json

    from analogsim.experiments.reproduce.card import read
    from analogsim.experiments.reproduce.result_page import settings

    study = read(name)
    if as_json:
        click.echo(json.dumps(vars(study), indent=2, ensure_ascii=False))
        return
    lines = [
        f"{study.title} (experiment, {study.path})",
        study.question,
        f"Source: {study.paper}" if study.paper else "",
    ]
    lines += [study.notes, f"Rows: {', '.join(row['name'] for row in study.rows)}"]
    lines += [f"Over {axis}: {', '.join(map(str, values))}" for axis, values in study.grid.items()]
    lines += [f"Also on: {', '.join(study.on)}" if study.on else "", "", *settings(study)]
    lines += ["", *(f"Claim: {claim['text']}" for claim in study.claims)]
    click.echo("\n".join(line for k, line in enumerate(lines) if line or k > 3))


def _equations(card: Card) -> str:
    """The docstring of the module with the device's equations."""
    import inspect
    import sys

    from analogsim.cli.equations import readable
    from analogsim.devices.base import model

    return readable(inspect.cleandoc(sys.modules[model(card.model).__module__].__doc__ or ""))


def _picture(name: str, path: Path) -> Path:
    import matplotlib as mpl

    mpl.use("agg")
    from analogsim.devices import device
    from analogsim.experiments import plots

    written: Path = plots.save(plots.device(device(name)), path)
    return written


def _result(name: str, as_json: bool) -> None:
    import json

    from analogsim.experiments import results, summary

    dataset = results.load(name)
    record = results.read_stamp(dataset)
    is_run = "trainer" in dataset.dims
    with results.reading(name):
        if as_json:
            found = summary.figures(dataset) if is_run else summary.extremes(dataset)
            said = json.dumps({**found, "stamp": record}, indent=2, ensure_ascii=False)
        else:
            table = summary.table(dataset) if is_run else summary.extremes_table(dataset)
            made = f"{' '.join(record['command'])}   ({record['date']}, analogsim {record['version']})"
            said = "\n".join([*record["words"], "", table, "", made])
    click.echo(said)


def _registered(name: str) -> tuple[dict[str, object], list[str]] | None:
    """A part that has no card; not looked for under the name of one."""
    from analogsim import cards
    from analogsim.cli import showing_parts

    is_card = name.endswith(".toml") or any(name in cards.names(kind) for kind in ("circuit", "device"))
    return None if is_card else showing_parts.part(name)


def _card(found: list[tuple[Card, list[Checked]]], as_json: bool) -> None:
    import json

    if as_json:
        content = {
            card.kind: {
                **{key: getattr(card, key) for key in ("title", "description", "valid", "cite")},
                "values": {key: vars(value) for key, value in card.values.items()},
                "checks": [one.as_json() for one in checks],
            }
            for card, checks in found
        }
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    told = [[_words(card), *(["Checks:"] if checks else []), *map(str, checks)] for card, checks in found]
    click.echo("\n\n".join(map("\n".join, told)))


def _judge(found: list[tuple[Card, list[Checked]]]) -> None:
    """End with exit code 1 if a card does not reproduce a number that it pins."""
    for card, checks in found:
        if bad := [one for one in checks if not one.holds]:
            of = f"{len(bad)} of {len(checks)} checks fail" if len(checks) > 1 else "its check fails"
            raise click.ClickException(f"{card.path}: {of}: {bad[0].words()}.")


def _words(card: Card) -> str:
    head = [f"{card.title} ({card.kind}, {card.path})", card.description, f"Valid: {card.valid}"]
    head += [f"Source: {source}" for source in card.cite]
    parts = [card.device, *(f"{name} ({role})" for role, name in card.parts.items())]
    head += [f"Devices: {', '.join(parts)}"] if card.device else []
    width = max((len(key) for key in card.values), default=0)
    rows = []
    for key, entry in card.values.items():
        unit = "" if entry.unit == "1" else f" {entry.unit}"
        rows.append(f"  {key:{width}}  {entry.value}{unit}   [{entry.source}]")
    return "\n".join([*filter(None, head), *rows])


def find(name: str, *, also: Iterable[str] = ()) -> list[Card]:
    """The cards of that name: a circuit, a device, or one of each.

    Raises
    ------
    InputError
        If there is none; the message names the nearest, of cards and of what is `also` valid.
    """
    from analogsim import cards
    from analogsim.errors import unknown
    from analogsim.registry import register

    kinds = [kind for kind in ("circuit", "device") if name in cards.names(kind)]
    if name.endswith(".toml"):
        content, *_ = cards.toml("circuit", name)
        model = content.get("model", "")
        if isinstance(model, str) and model and model not in register.circuit and model not in register.device:
            raise unknown("model", model, [*register.circuit, *register.device], where=name)
        kinds = ["circuit" if model in [*register.circuit] else "device"]
    if not kinds:
        known = {name for kind in ("circuit", "device", "experiment") for name in cards.names(kind)}
        raise unknown("name", name, known | {*also}, hint="See `analogsim list`.")
    return [cards.read(kind, name) for kind in kinds]
