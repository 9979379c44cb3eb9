"""From settings to what is simulated: data, network, circuit, chip, wiring; and that in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analogsim import cards
from analogsim.cards.quantities import declared
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit, circuit, family
from analogsim.devices.base import Part
from analogsim.errors import InputError, unknown
from analogsim.experiments.data import Dataset, load_data
from analogsim.learning import scores
from analogsim.network import Network
from analogsim.settings.choices import NUDGES
from analogsim.settings.keyed import FIELDS, asked, full, of_card
from analogsim.settings.noises import CALLED, NOISES
from analogsim.settings.record import Settings
from analogsim.settings.registered import RULES
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
        card = self.circuit.record  # every circuit has one, with a card or without: see `circuit`
        sizes = "-".join(str(n) for n in self.network.sizes)
        lines = [
            f"Circuit   {card['title']} ({card['path']})",
            *(f"          {said}" for said in self.chip.record.get("words", self.circuit.words())),
            f"Rule      {self.wiring.name}, {RULES.get(s.rule, 'a rule of your own')}; β = {s.beta:g}",
            f"          {s.nudge} nudge: {NUDGES[s.nudge]}",
            f"Network   {sizes}, {self.network.activation} hidden, {self.network.output_activation} output, "
            f"{self.network.loss} loss",
            f"Data      {data.name}: {len(data.train_x)} for training, {len(data.test_x)} for testing ({data.source})",
            *(f"          {said}" for said in data.words),
            f"Training  {s.optimiser}, rate {s.learning_rate:g}, {s.epochs} epoch{'s' * (s.epochs != 1)} in batches of "
            f"{s.batch_size}, seed {s.seed}",
        ]
        said = s.said()
        if s.rule != Settings.rule:
            said.append(
                f"beside it digital DP⊤(α={s.known('alpha'):g}), the reference of every rule: the same network without "
                "hardware, whose gradient is that of back-propagation as β → 0"
            )
        if not s.continuous and s.states == "settle" and self.chip.has_noise:
            said.append("while a sample settles for an update its noise is held at one draw")
        return [*lines, *(f"          {line}" for line in said)]

    def record(self) -> dict[str, object]:
        """What goes into the stamp: settings, resolved cards, words."""
        return {
            "seed": self.settings.seed,
            "settings": self.settings.to_json(),
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
    made = made_circuit(settings)
    data = (data or load_data(settings.data, **settings.data_options)).astype(settings.dtype)
    scores.check(data.task, settings.loss)
    sizes, init = (data.features, *settings.hidden, data.classes), settings.of_rule("init")
    network = Network.random(sizes, settings.hidden_activation, settings.loss, seed=settings.seed, init=init)
    network = network.astype(settings.dtype)
    chip = made.program(network, seed=settings.seed)
    if settings.trim is not None:
        chip = chip.trimmed(settings.trim)
    wiring = settings.wiring()
    wiring.warn_unless_exact()
    return Setup(settings, data, network, made, chip, wiring)


def made_circuit(settings: Settings) -> Circuit:
    """The circuit of some settings, with its parts."""
    return circuit(settings.circuit, device=settings.device, **overrides(settings))


def read(settings: Settings, key: str) -> Any:
    """The present value of a key of `analogsim.settings.keyed`: of a field, or of a card in SI units.

    Raises
    ------
    InputError
        If the circuit has no such key, or cannot be made.
    """
    key = full(key)
    if key == "noise":
        return settings.noise_levels().get("read")
    if key in FIELDS:
        return settings.known(key)
    role, _, field = key.partition(".")
    made = made_circuit(settings)
    holders = {"circuit": made, **{name: part for name, part in vars(made).items() if isinstance(part, Part)}}
    known = [f"{name}.{item.name}" for name, holder in holders.items() for item in declared(type(holder))]
    if key not in known:
        raise unknown("key", key, [*FIELDS, *known])
    return getattr(holders[role], field)


def overrides(settings: Settings) -> dict[str, object]:
    """Card values by key: those of the options, and those set by hand.

    Raises
    ------
    InputError
        If a value is set twice, or the circuit has nothing of the kind.
    """
    found, by_hand = asked(settings), {of_card(key) for key in settings.overrides}
    known = _keys(settings.circuit) if found else set()
    for key in found:
        name = key.removeprefix("circuit.")
        if name not in known:
            have = ", ".join(each for each in cards.built_in("circuit") if name in _keys(each))
            raise InputError(f"the circuit {settings.circuit!r} has no {OPTIONS[name]}; circuits that have it: {have}.")
        if key in by_hand:
            raise InputError(f"{key} is set twice: by its own option and by --set.")
    return {**found, **settings.overrides}


OPTIONS = {NOISES[kind]: words for kind, words in CALLED.items()} | {"asymmetry": "asymmetry of its feedback"}
"""Values of a circuit's card that have an option of their own, in words."""


def _keys(name: str) -> set[str]:
    """What the card of a circuit may set."""
    return {item.name for item in declared(family(name))}
