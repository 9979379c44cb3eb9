"""What every update of the devices is made of, and the circuit's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.state import DeviceState
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit, same_network
from analogsim.circuits.crossbar.circuit import Crossbar
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError
from analogsim.foreign import Gated, gives
from analogsim.registry import register

Array = NDArray[np.floating]
Deltas = Sequence[tuple[Array, Array]]
"""Wanted changes of each layer: weights (n_out, n_in) and bias (n_out,)."""
Pairs = Sequence[tuple[Array, Array]]
"""Of a layer, (errors (sample, n_out), inputs (sample, n_in)): the wanted change is rate · Σ errorsᵀ inputs."""


@register.update(
    "circuit",
    "the circuit's own: ordinary cells programmed anew from digital weights, pulsed cells rounded at random",
)
@dataclass(frozen=True)
class Update(Gated):
    """An update hands each wanted change to the circuit, which writes it in its own way.

    Parameters
    ----------
    circuit : Circuit
        That programmed the chip.
    """

    gated_as: ClassVar[str] = "update"

    circuit: Circuit
    driven: ClassVar[bool] = False
    """Whether the signals of the local rule drive it, instead of a change worked out by an optimiser."""

    @gives(same_network)
    def __call__(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Return the chip changed by `deltas`, (weights, bias) of each layer."""
        return self.circuit.update(chip, deltas, rng)


@dataclass(frozen=True)
class OnCrossbar(Update):
    """An update that looks at the cells.

    Raises
    ------
    InputError
        If the circuit is no crossbar.
    """

    circuit: Crossbar

    def __post_init__(self) -> None:
        if not isinstance(self.circuit, Crossbar):
            name = self.circuit.record.get("name", type(self.circuit).__name__)
            raise InputError(f"this update needs the cells of a crossbar; the circuit {name!r} has --update circuit.")

    def step(self, chip: Chip, counts: Sequence[Array], biases: Sequence[Array], rng: np.random.Generator) -> Chip:
        """Move each weight by whole steps: pulses, or conductance levels within the range."""
        if isinstance(self.circuit.device, Pulsed):
            whole = [count.astype(np.int64) for count in counts]
            return self.circuit.pulse(
                chip, [np.maximum(c, 0) for c in whole], [np.maximum(-c, 0) for c in whole], biases, rng
            )
        weights = []
        for j, count in enumerate(counts):
            scale = float(chip.devices.scale[j])
            weights.append(np.clip(chip.devices.target[j] + self.circuit.granularity(chip, j) * count, -scale, scale))
        return self.circuit.write(chip, weights, biases, rng)


@dataclass(frozen=True)
class Stepped(OnCrossbar):
    """An update in whole steps of its cells.

    Raises
    ------
    InputError
        If the cells have neither pulses nor levels.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isinstance(self.circuit.device, Pulsed) or self.circuit.device.levels):
            raise InputError(
                "this update moves cells by whole steps, and those of this device have neither pulses nor levels; "
                "set device.levels=64."
            )


@dataclass(frozen=True)
class Driven(OnCrossbar):
    """An update driven by the two signals of the local rule, which stand on the rows and columns: plain SGD.

    Raises
    ------
    InputError
        If the circuit is no crossbar, or its cells take no pulses.
    """

    driven: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.circuit.device, Pulsed):
            raise InputError("this update needs cells that are updated by pulses: --device gokmen-vlasov, ecram, ...")
        if self.circuit.is_passive and self.circuit.share != 0.5:
            raise InputError("outer products stand on the lines as halves of the voltage: circuit.write_scheme = half.")

    @gives(same_network)
    def drive(
        self, chip: Chip, pairs: Sequence[Pairs], biases: Sequence[Array], rate: float, rng: np.random.Generator
    ) -> Chip:
        """Return the chip after one update.

        Parameters
        ----------
        chip : Chip
        pairs : for each layer a list of (errors (sample, n), inputs (sample, m))
            The wanted change is rate · Σ errorsᵀ inputs.
        biases : sequence of arrays
            New ones.
        rate : float
            Learning rate, in weights.
        rng : numpy.random.Generator
        """
        raise NotImplementedError


def make(name: str, circuit: Circuit) -> Update:
    """Make an update for a circuit by its name.

    Parameters
    ----------
    name : str
        A name of ``analogsim list``, as in "pulses".
    circuit : Circuit

    Raises
    ------
    InputError
        If there is none of that name, or it does not go with the circuit and its device.
    """
    made: Update = register.update[name](circuit)
    return made


def drifted(circuit: Circuit, chip: Chip, seconds: float, rng: np.random.Generator | None = None) -> Chip:
    """The chip so long after its last write, with cells that drift and noise; biases and what updates remember stay.

    Parameters
    ----------
    circuit : Circuit
        That programmed the chip.
    chip : Chip
    seconds : float
        Since its last write; ≥ 0.
    rng : numpy.random.Generator, optional
        Draws how slow 1/f noise moves; without it that follows from the seed of the chip and its age.

    Raises
    ------
    InputError
        If the circuit is no crossbar, or its cells leak by updates instead.
    """
    if not isinstance(circuit, Crossbar):
        raise InputError("drift between updates is simulated for the cells of a crossbar.")
    return circuit.later(chip, seconds, rng)


def remember(chip: Chip, state: DeviceState) -> Chip:
    """The chip with something added to the state of its devices.

    Parameters
    ----------
    chip : Chip
    state : DeviceState
        Replaces what it has of the same kind.
    """
    return chip.rewritten(devices=chip.devices.joined(state))


def new_biases(chip: Chip, deltas: Deltas) -> list[Array]:
    """The biases after a change, which is exact."""
    return [b + db for b, (_, db) in zip(chip.biases, deltas, strict=True)]
