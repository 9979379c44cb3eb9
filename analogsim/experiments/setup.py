"""From settings to what is simulated: data, network, circuit, chip, wiring; and that in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from analogsim import cards
from analogsim.cards.quantities import declared
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit, circuit, model
from analogsim.errors import InputError
from analogsim.experiments.data import Dataset, load
from analogsim.learning import scores
from analogsim.network import Network
from analogsim.registry import register
from analogsim.settings.record import NOISES, NUDGES, Settings, kind_of
from analogsim.settings.registered import RULES, UPDATES
from analogsim.wiring import Wiring


@dataclass(frozen=True)
class Setup:
    """All that a run needs, checked."""

    settings: Settings
    data: Dataset
    network: Network
    circuit: Circuit
    chip: Chip
    wiring: Wiring

    @property
    def updates(self) -> int:
        """Batches in the whole run."""
        return self.settings.epochs * -(-len(self.data.train_x) // self.settings.batch_size)

    def words(self) -> list[str]:
        """What is simulated, a line for each thing."""
        s, data = self.settings, self.data
        card = self.circuit.record
        sizes = "-".join(str(n) for n in self.network.sizes)
        lines = [
            f"Circuit   {card['title']} ({card['path']})",
            *(f"          {said}" for said in self.circuit.words()),
            f"Rule      {self.wiring.name}, {RULES[s.rule]}; β = {s.beta:g}",
            f"          {s.nudge} nudge: {NUDGES[s.nudge]}",
            f"Network   {sizes}, {self.network.activation} hidden, {self.network.output_activation} output, "
            f"{self.network.loss} loss",
            f"Data      {data.name}: {len(data.train_x)} for training, {len(data.test_x)} for testing ({data.source})",
            *(f"          {said}" for said in data.words),
            f"Training  {s.optimiser}, rate {s.learning_rate:g}, {s.epochs} epoch{'s' * (s.epochs != 1)} in batches of "
            f"{s.batch_size}, seed {s.seed}",
        ]
        lines += [f"          {said}" for said in self._learning_words()]
        return lines

    def _learning_words(self) -> list[str]:
        """How the chip learns, as far as it is not the usual way."""
        s = self.settings
        said = [f"update {s.update}: {UPDATES[s.update]}"] if s.update != "circuit" else []
        said += [f"arrays written every {s.write_every} updates"] if s.write_every > 1 else []
        said += [f"cells drift for {s.drift:g} s in every update"] if s.drift else []
        said += [f"trimmed once to {s.trim:.0%} of every mismatch, which takes two reads"] if s.trim is not None else []
        if s.continuous:
            ticks = f" at {s.clock:g} ticks in a τ" if s.flow in ("neurons", "layers") else ""
            gate = f", {s.gate} of them without an update" if s.gate else ""
            said.append(f"states never reset, {s.continuous} τ for each batch{gate}; dynamics: {s.flow}{ticks}")
        elif s.states == "relax":
            said.append(f"states after {s.relax_time:g} τ of the full dynamics")
        elif self.chip.has_noise:
            said.append("while a sample settles for an update its noise is held at one draw")
        return said

    def record(self) -> dict[str, Any]:
        """What goes into the stamp: settings, resolved cards, words."""
        return {
            "seed": self.settings.seed,
            "settings": asdict(self.settings),
            "cards": dict(self.chip.record),
            "wiring": self.wiring.to_json(),
            "words": self.words(),
        }


def prepare(settings: Settings, data: Dataset | None = None) -> Setup:
    """Load the data (unless it is given), draw the network and program it into the circuit.

    Raises
    ------
    InputError
        For whatever is wrong with a card, a key, a value, a name or a file.
    """
    made = circuit(settings.circuit, device=settings.device, **overrides(settings))
    data = (data or load(settings.data, **settings.data_options)).astype(settings.dtype)
    scores.check(data.task, settings.loss)
    sizes, init = (data.features, *settings.hidden, data.classes), register.rule[settings.rule].init
    network = Network.random(sizes, settings.hidden_activation, settings.loss, seed=settings.seed, init=init)
    network = network.astype(settings.dtype)
    chip = made.program(network, seed=settings.seed)
    if settings.trim is not None:
        chip = chip.trimmed(settings.trim)
    return Setup(settings, data, network, made, chip, settings.wiring())


OPTIONS = {
    "noise": "read noise",
    "node_noise": "node noise",
    "flicker_noise": "1/f noise",
    "ou_noise": "Ornstein-Uhlenbeck noise",
    "telegraph_noise": "telegraph noise",
    "asymmetry": "asymmetry of its feedback",
}
"""Values of a circuit's card that have an option of their own, in words."""


def overrides(settings: Settings) -> dict[str, Any]:
    """Card values by key: those of the options, and those set by hand.

    Raises
    ------
    InputError
        If a value is set twice, or the circuit has nothing of the kind.
    """
    found = {NOISES[kind]: level for kind, level in settings.noise_levels().items()}
    if settings.asymmetry:
        found["asymmetry"] = settings.asymmetry
    if not found:
        return {**settings.overrides}
    known = _keys(settings.circuit)
    for key in found:
        if key not in known:
            have = ", ".join(name for name in cards.names("circuit") if key in _keys(name))
            raise InputError(f"the circuit {settings.circuit!r} has no {OPTIONS[key]}; circuits that have it: {have}.")
        if key in settings.overrides or f"circuit.{key}" in settings.overrides:
            raise InputError(f"circuit.{key} is set twice: by its own option and by --set.")
    return {**{f"circuit.{key}": value for key, value in found.items()}, **settings.overrides}


def _keys(name: str) -> set[str]:
    """What the card of a circuit may set."""
    return {item.name for item in declared(model(cards.read("circuit", name)))}


def with_value(fields: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The fields of `Settings` with one value of a card, in place of the option or the key that set the same."""
    noise = tuple(text for text in fields["noise"] if f"circuit.{NOISES.get(kind_of(text))}" != key)
    kept = {name: other for name, other in fields["overrides"].items() if f"circuit.{name}" != key}
    asymmetry = 0.0 if key == "circuit.asymmetry" else fields["asymmetry"]
    return {**fields, "noise": noise, "asymmetry": asymmetry, "overrides": {**kept, key: value}}
