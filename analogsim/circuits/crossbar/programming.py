"""Programming a crossbar: from target weights to cells, and from cells to the weights that reads of them give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim.cards import choice, flag, quantity
from analogsim.chip.connections import Connection, ReadPath
from analogsim.chip.pulse_counts import Strain, spent
from analogsim.chip.state import DeviceState
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Array, child
from analogsim.circuits.crossbar import duplex
from analogsim.circuits.crossbar.cell_arrays import Read
from analogsim.circuits.crossbar.electronic_noise import bandwidth, output_density
from analogsim.circuits.crossbar.lines import NEGLIGIBLE
from analogsim.circuits.crossbar.mapping import shares, sliced
from analogsim.circuits.crossbar.passive import Passive
from analogsim.circuits.crossbar.read_clock import Reads
from analogsim.circuits.neurons import NeuronCircuit
from analogsim.devices.base import Cells
from analogsim.devices.endurance import Counts, History
from analogsim.devices.ideal import Ideal
from analogsim.devices.pulsed import Pulsed

FEEDBACK = ("shared", "second-array", "full-duplex")

Each = Sequence[Array]


class Held(NamedTuple):
    """What the cells of an array hold: conductances, S, and what the noise of their last writes adds when seen, S.

    Their slow 1/f noise is that of `analogsim.circuits.crossbar.read_clock`.
    """

    conductance: Array
    noise: Array | None = None
    slow: Array | None = None
    history: History | None = None
    """Where pulses are counted."""


Cause = Callable[[str, int, Cells], Held]
"""What gives the cells of an array, by its name and layer, what they hold."""


def held_by(state: DeviceState) -> dict[str, dict[int, Held]]:
    """What the cells hold, by the name of their array and its layer."""
    arrays = {
        "conductance": (state.conductance, state.write_noise, state.slow_noise),
        "feedback": (state.feedback, state.feedback_write_noise, state.feedback_slow_noise),
    }
    return {
        name: {j: Held(g, noise.get(j), slow.get(j), history_of(state, name, j)) for j, g in held.items()}
        for name, (held, noise, slow) in arrays.items()
    }


_PREFIX = {"conductance": "", "feedback": "feedback_", "fast": "fast_"}


def history_of(state: DeviceState, name: str, j: int) -> History | None:
    """What the cells of an array have been through, if that is counted."""
    full, half, travel = (getattr(state, f"{_PREFIX[name]}{what}") for what in History._fields)
    return History(full[j], half[j], travel[j]) if j in full else None


def histories(name: str, each: Mapping[int, History | None]) -> DeviceState:
    """The state that keeps the histories of the cells of an array, of some layers."""
    kept = {j: history._asdict() for j, history in each.items() if history is not None}
    return DeviceState.of({f"{_PREFIX[name]}{what}.{j}": a for j, one in kept.items() for what, a in one.items()})


@dataclass(frozen=True, kw_only=True)
class Programmed(Passive, Reads, NeuronCircuit):
    """A circuit whose cells are programmed for target weights.

    Parameters
    ----------
    feedback : {"shared", "second-array", "full-duplex"}
        Whether V is the reverse read of the forward array, in turns with the forward read, or an array of its own that
        is read at the same time, or the forward array driven at both ends at once (`.duplex`).
    echo_trim : {"nominal", "mean"}
        What the conductor that cancels the echo of full duplex is: what perfect cells would need, or trimmed to the
        mean of all the lines on that side of the array.
    asymmetry : float
        Standard deviation of V − Wᵀ in units of rms(W), on top of what the devices do.
    full_scale : float
        Weight at g_max in units of the layer's rms weight; larger weights are clipped. Never more than the largest
        weight, so ``inf`` clips nothing. The scale follows the weights at every update (a programmable gain), except
        where the cells are updated by pulses.
    headroom : float
        Weight at g_max over the largest weight: room to grow for cells whose scale stays.
    age : float
        Seconds between programming and use.
    count_pulses : bool
        Whether the chip keeps the pulses and the travel of every cell; cells that wear are always counted.
    """

    feedback: str = choice("path of the feedback", FEEDBACK, default="shared")
    echo_trim: str = choice("what cancels the echo of full duplex", duplex.TRIMS, default="mean")
    asymmetry: float = quantity("standard deviation of V − Wᵀ in units of rms(W)", low=0, ideal=0.0)
    full_scale: float = quantity(
        "weight at g_max in units of the layer's rms weight", above=0, infinite=True, ideal=np.inf
    )
    headroom: float = quantity("weight at g_max over the layer's largest weight", low=1, default=1.0)
    age: float = quantity("time between programming and use", "s", low=0, ideal=0.0)
    count_pulses: bool = flag("whether the pulses and the travel of every cell are counted", default=False)

    @property
    def counts(self) -> bool:
        """Whether pulses are counted."""
        return self.count_pulses or self.device.wears or self.is_passive

    @property
    def is_exact(self) -> bool:
        """Whether the arrays hold any weights as they are wanted, so that cells need not be looked at."""
        device = self.device
        plain = type(device) is Ideal and not (device.levels or device.d2d or device.faults or self.counts)
        quiet = self.noise is not None or not device.read_noise
        return (
            plain
            and quiet
            and self.is_plain
            and not self.has_wires
            and not self.is_passive
            and self.access_resistance is None
            and (self.slices == 1 and self.full_scale == np.inf)
            and self.feedback != "full-duplex"
        )

    def is_lagging(self, sizes: Sequence[int]) -> bool:
        """Whether the lines of a chip of layers of these sizes, the input first, are too slow to be left out."""
        return self._slowest(sizes) > NEGLIGIBLE * self.time_unit

    def _slowest(self, sizes: Sequence[int]) -> float:
        return max(self.slowest(n, m) for m, n in pairwise(sizes))

    def lag_words(self, sizes: Sequence[int]) -> list[str]:
        """Say how slow the lines of such a chip are, and whether that is simulated."""
        if not (self.c_word or self.c_bit):
            return []
        slowest = self._slowest(sizes)
        what = f"lines of {self.c_word:.3g} and {self.c_bit:.3g} F a segment settle in {slowest:.2g} s at the slowest"
        share = f"{slowest / self.time_unit:.2g} τ"
        if not self.is_lagging(sizes):
            return [f"{what} ({share}): negligible, below {NEGLIGIBLE:g} τ, and left out"]
        return [f"{what} ({share}): each sensed line lags by its Elmore delay in `relax`; resting states do not change"]

    def hold(self, chip: Chip, weights: Each, biases: Each) -> Chip:
        """The same as `rewrite` for cells that hold every weight exactly; conductances are computed when asked for."""
        seed, feedback = int(chip.record["seed"]), list[Array | None]([None])
        scale = {j: np.asarray(self.scale(target)) for j, target in enumerate(weights)}
        for j, target in enumerate(weights):
            if j and self.asymmetry:
                feedback.append(target.T + self._error(seed, j, target.T.shape, target).astype(target.dtype))
            elif j:
                feedback.append(target.T.copy())
        state = DeviceState(target=dict(enumerate(weights)), scale=scale, age=np.asarray(self.age))
        if not self.noise:
            return chip.rewritten(forward=weights, feedback=feedback, biases=biases, devices=state)
        return chip.rewritten(
            forward=weights,
            feedback=feedback,
            biases=biases,
            devices=state,
            forward_noise=[self.noise * np.abs(w) for w in weights],
            feedback_noise=[None if v is None else self.noise * np.abs(v) for v in feedback],
        )

    def scale(self, target: Array) -> float:
        """Weight of a full range of conductance that suits target weights; 1 where every weight is zero."""
        largest = float(max(target.max(), -target.min()))
        clipped = np.isfinite(self.full_scale)
        limit = self.full_scale * float(np.sqrt(np.mean(target**2))) if clipped else largest
        return self.headroom * (min(largest, limit) or 1.0)

    def rewrite(
        self, chip: Chip, weights: Each, biases: Each, rng: np.random.Generator, scales: Sequence[float] = ()
    ) -> Chip:
        """Program every cell for target weights, at scales that follow them unless they are given."""
        scales = scales or [self.scale(target) for target in weights]
        device, held, strains = self.device, held_by(chip.devices), dict[int, Strain]()

        def written(name: str, j: int, cells: Cells) -> Held:
            before = held[name].get(j)
            if self.counts:
                cells = device.fatigued(cells, before and before.history)
            tally = None
            if self.counts and not self.is_passive:
                tally = np.zeros((2, *self.cells_shape(weights[j].shape)))
                cells = {**cells, "tally": tally}
            programmed = self._programmed(self.wanted(weights[j], scales[j]), rng, cells)
            if self.is_passive:
                programmed, strains[j] = self.in_turns(before and before.conductance, programmed, cells)
            noise = device.written(cells, rng) if isinstance(device, Pulsed) else None
            now = Held(programmed, noise, self.written_noise(self.age, programmed.shape, rng))
            if not self.counts:
                return now
            if tally is None:
                return self.strained(before, now, cells, strains[j])
            rises = np.ones(programmed.shape, bool) if before is None else programmed >= before.conductance
            up, down = tally.astype(np.int64)
            return self.counted(before, now, cells, up + rises, down + ~rises)

        return self.realise(chip, written, weights, scales, biases, strains)

    def strained(self, before: Held | None, now: Held, cells: Cells, strain: Strain) -> Held:
        """What cells hold after a write without selectors: counted, and worn by it."""
        up, down = strain.full_pulses
        return self.counted(before, now, cells, up, down, strain.half_pulses, strain.travel)

    def counted(
        self,
        before: Held | None,
        now: Held,
        cells: Cells,
        up: Counts,
        down: Counts | int,
        half: Counts | int = 0,
        travel: Array | None = None,
    ) -> Held:
        """What cells hold after a write with so many full pulses: counted, and worn by them.

        Parameters
        ----------
        before : Held, optional
            None for cells that are written for the first time.
        now : Held
            As the write left them.
        cells : mapping
            What is fixed about them.
        up, down, half : arrays of int
            Full pulses in each direction, and half-selected ones.
        travel : array, optional
            Σ|ΔG| on the way, S; that of a straight way if it is not given.
        """
        shape = now.conductance.shape
        history = (before.history if before else None) or History.blank(shape)
        history = history.with_pulses(up, down, half)
        left = self.device.worn(now.conductance, cells, history)
        if travel is None and before is not None:
            travel = np.abs(left - before.conductance)
        if travel is not None:
            history = history.with_travel(travel)
        noise = now.noise
        if noise is not None and (failed := self.device.failed(cells, history)).any():
            noise = np.where(failed, 0.0, noise)
        return Held(left, noise, now.slow, history)

    def worn_out(self, chip: Chip, j: int) -> NDArray[np.bool_]:
        """Which cells of all the arrays of layer j+1 have worn out, flat; none where wear is off."""
        found = [np.zeros(0, bool)]
        for name in _PREFIX:
            if (history := history_of(chip.devices, name, j)) is not None:
                # One cell a weight in the fast array of Tiki-Taka.
                cells = self.device.cells(history.travel.shape, child(int(chip.record["seed"]), "cells", name, j))
                found.append(self.device.failed(cells, history).ravel())
        return np.concatenate(found)

    def wanted(self, weights: Array, scale: float) -> Array:
        """Conductances that stand for weights, S."""
        wanted = shares(np.clip(weights / scale, -1.0, 1.0), self.mapping)
        if self.slices > 1:
            wanted = sliced(wanted, self.slices, self.slice_bits)
            if self.mapping == "reference":
                wanted[:, -1] = 0.5
        wanted *= self.device.span
        wanted += self.device.g_min
        return wanted

    def _programmed(self, wanted: Array, rng: np.random.Generator, cells: Cells) -> Array:
        """Conductances after programming; the reference column is set to its half even if that is no level."""
        device = self.device
        if self.mapping == "reference" and device.levels:
            wanted[..., :-1, :] = device.target(wanted[..., :-1, :])
            device = replace(device, levels=0)
        return device.program(wanted, rng, cells)

    def _error(self, seed: int, j: int, shape: tuple[int, ...], weights: Array) -> Array:
        """The feedback error of layer j+1: its pattern is fixed, its size follows the weights."""
        error: Array = self.asymmetry * np.sqrt(np.mean(weights**2)) * _pattern(seed, j, shape)
        return error

    def realise(
        self,
        chip: Chip,
        cause: Cause,
        targets: Each,
        scales: Sequence[float],
        biases: Each,
        strains: Mapping[int, Strain] | None = None,
    ) -> Chip:
        """The chip with other arrays: what `cause` gave their cells, as they are read.

        `strains` is what writing them took, which `cause` fills, where that is known.
        """
        seed, lags = int(chip.record["seed"]), self.is_lagging(chip.sizes)
        first, second = dict[int, Held](), dict[int, Held]()
        ahead: list[Read] = []
        back: list[Read | None] = [None]
        connections: list[Connection] = []
        for j, (target, scale, old) in enumerate(zip(targets, scales, chip.connections, strict=True)):
            cells, sigma = self._array("conductance", j, cause, target, scale, seed, first)
            ahead.append(self.read(cells, sigma, scale, "forward", j, seed, lags=lags))
            if j == 0 or old.feedback is None:
                connections.append(old.rewritten(self._path(old.forward, ahead[j], scale), None))
                continue
            if self.feedback == "second-array":
                cells, sigma = self._array("feedback", j, cause, target, scale, seed, second)
            found = self._returned(ahead[j], cells, sigma, scale, j, seed, lags)
            back.append(found)
            echoes = duplex.echoes(self, cells, scale) if self.feedback == "full-duplex" else (None, None)
            to = self._path(old.forward, ahead[j], scale, echoes[0])
            paths = to, self._path(old.feedback, found, scale, echoes[1])
            connections.append(old.rewritten(*paths))
        neurons = [layer.rewritten(biases=b) for layer, b in zip(chip.neurons, biases, strict=True)]
        if self.tia_offset:
            returned = [r.offset if r else None for r in (*back[1:], None)]
            for j, (layer, read, offset) in enumerate(zip(neurons, ahead, returned, strict=True)):
                own = self.offsets(len(layer), j, seed)
                neurons[j] = layer.rewritten(offset=own + _zeros(read.offset, own), feedback_offset=_zeros(offset, own))
        periphery = chip.periphery
        if self.has_dynamics or lags:
            bandwidth = 2 * np.pi * self.tia_bandwidth * self.time_unit
            periphery = replace(periphery, gain=self.tia_gain, bandwidth=bandwidth)
        state = DeviceState(
            target=dict(enumerate(targets)),
            scale={j: np.asarray(scale) for j, scale in enumerate(scales)},
            conductance={j: held.conductance for j, held in first.items()},
            feedback={j: held.conductance for j, held in second.items()},
            write_noise={j: held.noise for j, held in first.items() if held.noise is not None},
            feedback_write_noise={j: held.noise for j, held in second.items() if held.noise is not None},
            slow_noise={j: held.slow for j, held in first.items() if held.slow is not None},
            feedback_slow_noise={j: held.slow for j, held in second.items() if held.slow is not None},
            age=np.asarray(self.age),
        )
        if self.counts:
            for name, arrays in (("conductance", first), ("feedback", second)):
                state = state.joined(histories(name, {j: held.history for j, held in arrays.items()}))
        if strains:
            state = state.joined(spent(chip.devices, strains))
        held = self.read_clock(self.age).held
        reads = chip.reads if chip.reads.held == held else replace(chip.reads, held=held)
        return chip.replace(connections=connections, neurons=neurons, periphery=periphery, reads=reads, devices=state)

    def _path(self, old: ReadPath, read: Read, scale: float, echo: Array | None = None) -> ReadPath:
        """A path with what a read of its array amounts to."""
        followed, floor = read.amplifiers, self._floor(read.noise_gain, scale)
        if followed is not None and followed.lag is None and not self.has_dynamics:
            followed = None
        return old.rewritten(weights=read.weights, noise=read.sigma, floor=floor, amplifiers=followed, echo=echo)

    def _floor(self, noise_gain: Array | None, scale: float) -> Array | None:
        """Standard deviation of each output from the electronics that read it, in activities."""
        if noise_gain is None:
            return None
        density = output_density(noise_gain, self.resistance(scale), self.amplifier_noise, self.temperature)
        band = bandwidth(self.read_period * self.time_unit, self.read_mode)
        sigma = np.sqrt(band * (self.closed(noise_gain, np.sqrt(density)) ** 2).sum(axis=0))
        return np.asarray(self.electronic_noise / self.activity_unit * sigma)

    def _returned(
        self, ahead: Read, cells: Array, sigma: Array | None, scale: float, j: int, seed: int, lags: bool
    ) -> Read:
        """What the feedback read of an array amounts to, given its forward read."""
        mirrored = self.is_reciprocal(self.device) and self.is_plain and not lags
        # Tiles of the two directions are other ones, with other amplifiers.
        mirrored = mirrored and (ahead.noise_gain is None) == (ahead.back is None)
        if self.feedback == "second-array" or not mirrored:
            back = self.read(cells, sigma, scale, "reverse", j, seed, lags=lags)
        else:
            sigma = None if ahead.sigma is None else ahead.sigma.T.copy()
            back = Read(ahead.weights.T.copy(), sigma, noise_gain=ahead.back)
        if self.asymmetry:
            back.add(self._error(seed, j, back.weights.shape, ahead.weights), self.tia_gain)
        return back

    def _array(
        self,
        name: str,
        j: int,
        cause: Cause,
        target: Array,
        scale: float,
        seed: int,
        kept: dict[int, Held],
    ) -> tuple[Array, Array | None]:
        """Conductances of an array when it is read, and their read noise; `kept` gets what its cells hold."""
        held = cause(name, j, self._cells(name, j, target.shape, seed))
        kept[j] = held
        return self.present(held, name, j, seed, target, scale)

    def present(
        self, held: Held, name: str, j: int, seed: int, target: Array, scale: float
    ) -> tuple[Array, Array | None]:
        """What is seen of the cells of an array at the age of the chip, and the noise of its reads, S."""
        now = Pulsed.seen(self.aged(held, name, j, seed, target, scale), held.noise)
        if self.noise is not None:
            return now, None
        return self.with_slow_noise(now, self.device.read_sigma(now, self.age, held.conductance), held.slow, self.age)

    def _cells(self, name: str, j: int, shape: tuple[int, ...], seed: int) -> Cells:
        """What is fixed about the cells of an array; kept, as every update needs it."""
        kept: dict[tuple[str, int, tuple[int, ...], int], Cells] = self.__dict__.setdefault("_drawn", {})
        key = (name, j, shape, seed)
        if key not in kept:
            if len(kept) > 64:
                kept.clear()
            kept[key] = self.device.cells(self.cells_shape(shape), child(seed, "cells", name, j))
        return kept[key]

    def aged(self, held: Held, name: str, j: int, seed: int, target: Array, scale: float) -> Array:
        """Conductances of the cells of an array, written for target weights, at the age of the chip."""
        if not self.age:
            return held.conductance
        aimed = self.device.target(self.wanted(target, scale))
        cells = self.device.fatigued(self._cells(name, j, target.shape, seed), held.history)
        if (frozen := cells.get("frozen")) is not None:
            aimed = np.where(np.isnan(frozen), aimed, frozen)
        return self.device.age(held.conductance, self.age, child(seed, "drift", name, j), aimed)


def _zeros(offset: Array | None, like: Array) -> Array:
    """An offset, or none at all: an ideal amplifier has none, and nothing comes back to the output."""
    return np.zeros(like.shape[-1]) if offset is None else offset


@lru_cache(maxsize=64)
def _pattern(seed: int, j: int, shape: tuple[int, ...]) -> Array:
    """The feedback error of a chip's layer in units of its standard deviation; kept, as every update needs it."""
    return child(seed, "asymmetry", j).standard_normal(shape)
