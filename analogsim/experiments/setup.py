"""From settings to what is simulated: data, network, circuit, chip, wiring; and that in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from analogsim.circuits.base import Circuit, circuit
from analogsim.circuits.chip import Chip
from analogsim.errors import InputError
from analogsim.experiments.data import Dataset, load
from analogsim.experiments.settings import NOISES, NUDGES, RULES, UPDATES, Settings
from analogsim.learning import scores
from analogsim.network import Network
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
    init = "glorot" if settings.rule in ("ep", "sshm", "dyadic") else "kaiming"
    sizes = (data.features, *settings.hidden, data.classes)
    network = Network.random(sizes, settings.hidden_activation, settings.loss, seed=settings.seed, init=init)
    network = network.astype(settings.dtype)
    chip = made.program(network, seed=settings.seed)
    if settings.trim is not None:
        chip = trimmed(chip, settings.trim)
    return Setup(settings, data, network, made, chip, settings.wiring())


def trimmed(chip: Chip, residual: float) -> Chip:
    """The chip after a one-time trim of its neurons that leaves a share of every deviation between compartments.

    Idealised: it reaches every neuron, also those that are silent on any calibration data.
    """
    shrunk = {name: tuple(residual * a for a in getattr(chip, name)) for name in ("offset", "divider", "mirror")}
    gain = tuple(1 + residual * (g - 1) for g in chip.gain)
    return chip.replace(**shrunk, gain=gain, nudge=residual * chip.nudge)


def overrides(settings: Settings) -> dict[str, Any]:
    """Card values by key: those of the options, and those set by hand."""
    found: dict[str, Any] = {}
    for kind, level in settings.noise_levels().items():
        found[f"circuit.{NOISES[kind]}"] = level
    if settings.asymmetry:
        found["circuit.asymmetry"] = settings.asymmetry
    for key in found:
        if key in settings.overrides or key.removeprefix("circuit.") in settings.overrides:
            raise InputError(f"{key} is set twice: by its own option and by --set.")
    return {**found, **settings.overrides}
