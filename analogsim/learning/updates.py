"""How a wanted change reaches the devices, with a digital memory or without one.

=================  ===================================================================================================
circuit            the circuit's own way: ordinary cells are programmed anew for digital weights, cells with pulses get
                   whole pulses, rounded at random
nearest            what is on the array plus the change, rounded to the nearest level or pulse; nothing is remembered
stochastic         the same, rounded up or down at random so that the mean is right
mixed-precision    a digital accumulator χ ← χ + ΔW; its whole steps are written and taken off (Nandakumar et al. 2020)
write-verify       digital weights; cells are written in a closed loop of reads until they are near
pulses             stochastic pulse trains of the two signals of the local rule, plain SGD (Gokmen & Vlasov 2016)
tiki-taka          pulse trains on a fast array, whose columns are copied to the weights (Gokmen & Haensch 2020)
tiki-taka-2        the same with a digital low-pass between the two (Gokmen 2021)
=================  ===================================================================================================

Biases are digital and exact. What an update remembers (χ, digital weights, the fast array) lies in ``chip.devices``.

Sources: Nandakumar et al., doi:10.3389/fnins.2020.00406; the others in `analogsim.learning.pulses`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.state import DeviceState
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit
from analogsim.circuits.crossbar.circuit import Crossbar
from analogsim.devices.pulsed import Pulsed
from analogsim.errors import InputError, unknown

Array = NDArray[np.floating]
Deltas = Sequence[tuple[Array, Array]]
ATTEMPTS = 10
"""Writes that write-verify may use for a cell."""


@dataclass(frozen=True)
class Update:
    """The circuit's own way.

    Parameters
    ----------
    circuit : Circuit
        That programmed the chip.
    """

    circuit: Circuit

    def __call__(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Return the chip changed by `deltas`, (weights, bias) of each layer."""
        return self.circuit.update(chip, deltas, rng)


@dataclass(frozen=True)
class OnCrossbar(Update):
    """An update that looks at the cells.

    Raises
    ------
    InputError
        If the circuit is no crossbar, or its cells have neither pulses nor levels.
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
class Rounded(OnCrossbar):
    """No memory but the array itself.

    Parameters
    ----------
    at_random : bool
        Round up with the probability of the remainder, instead of to the nearest.
    """

    at_random: bool = False

    def __call__(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Round every change to whole steps."""
        wanted = [dw / self.circuit.granularity(chip, j) for j, (dw, _) in enumerate(deltas)]
        counts = [np.floor(n + rng.random(n.shape)) if self.at_random else np.rint(n) for n in wanted]
        return self.step(chip, counts, _biases(chip, deltas), rng)


@dataclass(frozen=True)
class MixedPrecision(OnCrossbar):
    """A digital accumulator: what is too small to be written is kept, not lost."""

    def __call__(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Write the whole steps of the accumulators, towards zero."""
        counts, kept = [], dict[int, Array]()
        for j, (dw, _) in enumerate(deltas):
            chi = chip.devices.accumulator.get(j, 0.0) + dw
            grain = self.circuit.granularity(chip, j)
            counts.append(np.trunc(chi / grain))
            kept[j] = chi - grain * counts[-1]
        return remember(self.step(chip, counts, _biases(chip, deltas), rng), DeviceState(accumulator=kept))


@dataclass(frozen=True)
class WriteVerify(OnCrossbar):
    """Digital weights, written in a closed loop at every update."""

    def __call__(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Write, read and correct, at most `ATTEMPTS` times."""
        state = chip.devices
        wanted = [state.digital.get(j, state.target[j]) + dw for j, (dw, _) in enumerate(deltas)]
        kept, biases, circuit = DeviceState(digital=dict(enumerate(wanted))), _biases(chip, deltas), self.circuit
        if not isinstance(circuit.device, Pulsed):
            device = replace(circuit.device, verify_attempts=max(ATTEMPTS, circuit.device.verify_attempts))
            return remember(replace(circuit, device=device).write(chip, wanted, biases, rng), kept)
        for _ in range(ATTEMPTS):
            counts = [np.rint((w - chip.forward[j]) / circuit.granularity(chip, j)) for j, w in enumerate(wanted)]
            if not any(count.any() for count in counts):
                break
            chip = self.step(chip, counts, biases, rng)
        return remember(chip.replace(biases=tuple(biases)), kept)


def make(name: str, circuit: Circuit) -> Update:
    """Make an update by its name.

    Raises
    ------
    InputError
        If there is none of that name, or it does not go with the circuit and its device.
    """
    from analogsim.learning.pulses import Pulses, TikiTaka

    match name:
        case "circuit":
            return Update(circuit)
        case "nearest" | "stochastic":
            found: OnCrossbar = Rounded(circuit, name == "stochastic")  # type: ignore[arg-type]
        case "mixed-precision":
            found = MixedPrecision(circuit)  # type: ignore[arg-type]
        case "write-verify":
            return WriteVerify(circuit)  # type: ignore[arg-type]
        case "pulses":
            return Pulses(circuit)  # type: ignore[arg-type]
        case "tiki-taka" | "tiki-taka-2":
            return TikiTaka(circuit, filtered=name == "tiki-taka-2")  # type: ignore[arg-type]
        case _:
            known = ("circuit", "nearest", "stochastic", "mixed-precision", "write-verify", "pulses", "tiki-taka")
            raise unknown("update", name, (*known, "tiki-taka-2"))
    if not (isinstance(found.circuit.device, Pulsed) or found.circuit.device.levels):
        raise InputError(f"update {name!r}: cells of this device have neither pulses nor levels; set device.levels=64.")
    return found


def drifted(circuit: Circuit, chip: Chip, seconds: float, rng: np.random.Generator) -> Chip:
    """The chip so long after its last write, with the drift of its cells; biases and what updates remember stay.

    Raises
    ------
    InputError
        If the circuit is no crossbar, or its cells leak by updates instead.
    """
    if not isinstance(circuit, Crossbar):
        raise InputError("drift between updates is simulated for the cells of a crossbar.")
    new = circuit.later(chip, seconds, rng)
    return new.rewritten(devices=chip.devices.joined(new.devices))


def remember(chip: Chip, state: DeviceState) -> Chip:
    """The chip with something added to the state of its devices."""
    return chip.rewritten(devices=chip.devices.joined(state))


def _biases(chip: Chip, deltas: Deltas) -> list[Array]:
    return [b + db for b, (_, db) in zip(chip.biases, deltas, strict=True)]
