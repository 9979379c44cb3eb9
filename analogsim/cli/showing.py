"""What ``analogsim show`` says of rules, data sets, the checks of a card and of all that can be set."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from analogsim.cards import Card, Check
    from analogsim.wiring import Wiring


def names() -> list[str]:
    """All that can be shown besides cards."""
    from analogsim.cli import showing_parts
    from analogsim.learning.reference.rules import RULES as DIGITAL
    from analogsim.registry import register
    from analogsim.settings.registered import RULES

    return [*RULES, *DIGITAL, *register.data, *showing_parts.known()]


def rule(name: str) -> tuple[dict[str, object], list[str]] | None:
    """A rule by its name, for machines and in lines: what it is, its matrices or its equations, where it comes from."""
    from analogsim.learning.reference.rules import RULES as DIGITAL
    from analogsim.registry import register
    from analogsim.settings.registered import RULES, SOURCES

    if name in RULES:
        return _on_chip(name, RULES[name], SOURCES.get(name, ""))
    if name not in DIGITAL:
        return None
    from analogsim.cli.equations import readable

    title, digital = DIGITAL[name], register.rule[name].digital
    text = readable(inspect.cleandoc(digital.__doc__ or ""))
    about = {"title": title, "trained": "digitally (`analogsim train`)", "description": text}
    return about, [f"{title} (rule {name}, digital: `analogsim train {name}`)", "", text]


def _on_chip(name: str, title: str, source: str) -> tuple[dict[str, object], list[str]]:
    """A rule of the dyadic family: its matrices, in letters where a share is free."""
    import numpy as np

    from analogsim.settings.declaring import declared
    from analogsim.settings.record import Settings

    free = next((key for key in ("alpha", "lam") if name in (declared(Settings)[key].only or ("", ()))[1]), None)
    chosen: list[dict[str, Any]] = [{free: share} if free else {} for share in (0.0, 1.0)]
    ends = [Settings(rule=name, **share).wiring() for share in chosen]
    letter = declared(Settings)[free].label if free else ""
    said: list[str] = []
    about: dict[str, object] = {"title": title, "source": source}
    for field, sign, words in (
        ("forward", "F", "what a layer sends forward, u = F s"),
        ("feedback", "B", "what it sends back, v = B s"),
        ("nudge_at", "N", "where the loss is read, r = N s"),
        ("nudge_gain", "n", "gains of the nudge"),
    ):
        low, high = (np.atleast_2d(getattr(end, field)) for end in ends)
        rows = [[_entry(*pair, letter) for pair in zip(*row, strict=True)] for row in zip(low, high, strict=True)]
        about[field] = rows if field != "nudge_gain" else rows[0]
        text = "; ".join(f"[{', '.join(row)}]" for row in rows)
        said.append(f"  {sign} = {text if field == 'nudge_gain' else f'[{text}]'}   {words}")
    about["exact"] = _exactness(*ends)
    said.append(f"  {about['exact']}")
    lines = [f"{title} (rule {name})", *([f"Source: {source}"] if source else [])]
    share = [f"  {letter} from 0 to 1: --{free}"] if free else []
    equations = inspect.cleandoc(sys.modules["analogsim.wiring"].__doc__ or "").split("\n\n")[2:3]
    return about, [*lines, "", *equations, "", *said, *share]


def _exactness(low: Wiring, high: Wiring) -> str:
    """Whether the local rule is the gradient as β → 0, at both ends of a free share."""
    broken = [*low.broken, *high.broken]
    if low.psi is None or high.psi is None:
        return f"not exact, whatever β: {broken[0]}"
    psi = f"ψ = {low.psi:g}" if low.psi == high.psi else f"ψ from {low.psi:g} to {high.psi:g}"
    return f"exact as β → 0 where V = Wᵀ: the gradient at the rest of s = f((W + ψWᵀ)s + b), {psi}".replace("-", "−")


def _entry(low: float, high: float, letter: str) -> str:
    """An entry that is linear in a share: its values at 0 and at 1, as a letter where they differ."""
    names = {(0.0, 1.0): letter, (1.0, 0.0): f"1−{letter}", (0.0, -1.0): f"−{letter}", (-1.0, 0.0): f"{letter}−1"}
    return names.get((low, high)) or f"{low + 0.0:g}".replace("-", "−")


def data(name: str) -> tuple[dict[str, object], list[str]] | None:
    """A data set by its name: what, samples, features, classes, source."""
    from analogsim.experiments.data import Images, load_data
    from analogsim.registry import register

    if name not in register.data:
        return None
    known = register.data[name]
    about: dict[str, object] = {"words": register.data.words(name)}
    if isinstance(known, Images):
        about |= {key: value for key, value in vars(known).items() if key != "load"}
        about["features"] = known.pixels**2
        inputs = f" ({known.pixels} × {known.pixels} pixels in [0, 1])"
    else:
        found, inputs = load_data(name), ""
        about |= {"training": len(found.train_x), "testing": len(found.test_x), "features": found.features}
        about |= {"classes": found.classes, "source": found.source}
    lines = [
        f"{about['words']} (data {name})",
        f"Samples: {about['training']} for training, {about['testing']} for testing",
        f"Inputs: {about['features']} features{inputs}, {about['classes']} classes",
        f"Source: {about['source']}",
    ]
    return about, lines


class Checked(NamedTuple):
    """A published number that a card pins, and what its model gives."""

    check: Check
    got: float

    @property
    def holds(self) -> bool:
        """Whether the model gives the number within its tolerance."""
        return bool(abs(self.got - self.check.expected) <= self.check.tolerance * abs(self.check.expected))

    def words(self) -> str:
        """The quantity, the number got, and the one expected, in SI units."""
        at = ", ".join(f"{key} = {value}" for key, value in self.check.at.items())
        quantity = f"{self.check.quantity}({at})"
        return f"{quantity} = {self.got:.5g}, expected {self.check.expected:.5g} ± {self.check.tolerance:.2g} of it"

    def __str__(self) -> str:
        return f"  {'holds' if self.holds else 'FAILS'}  {self.words()}   [{self.check.source}]"

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {**vars(self.check), "at": dict(self.check.at), "got": self.got, "holds": self.holds}


def checks(name: str, card: Card) -> list[Checked]:
    """Make what a card describes, which finds the first fault of its values, and compute the numbers that it pins."""
    from analogsim.circuits import circuit
    from analogsim.devices.base import device, evaluate

    made = circuit(name) if card.kind == "circuit" else device(name)
    return [Checked(check, evaluate(made, check)) for check in card.checks]


def all_settable(name: str, card: Card) -> tuple[dict[str, object], list[str]]:
    """All that can be set for a circuit, or for a device: sections of entries, for machines and in lines."""
    from analogsim.experiments import settable

    if card.kind == "circuit":
        from analogsim.circuits import circuit

        sections = {"settings": settable.of_settings(), **settable.of_circuit(circuit(name))}
    else:
        from analogsim.devices import device

        sections = {"device": settable.of_part("device", device(name))}
    lines: list[str] = []
    for role, entries in sections.items():
        lines += ["", f"{role}:" if role != "settings" else "settings of a run:", *settable.table(entries)]
    return {role: [entry._asdict() for entry in entries] for role, entries in sections.items()}, lines
