"""Who learns: the chip, by the local rule on its own states, and digital references on the same batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit
from analogsim.circuits.crossbar.circuit import Crossbar
from analogsim.engine import datasets
from analogsim.engine.batches import Settled, Settler, relaxed
from analogsim.learning.flowing import Flowing
from analogsim.learning.local import drives, from_states
from analogsim.learning.optimisers import ADAM, SGD, Optimiser, flat
from analogsim.learning.updates.base import Driven, drifted, make
from analogsim.network import Network
from analogsim.settings.record import Settings
from analogsim.wiring import Wiring

Array = NDArray[np.floating]
Gradient = list[tuple[Array, Array]]
CHUNK = 500
"""Samples that are read at once when the chip is tested."""


def optimiser(settings: Settings, rate: float | None = None) -> Optimiser:
    """A fresh optimiser, as the settings say."""
    rate = rate or settings.learning_rate
    return ADAM(rate) if settings.optimiser == "adam" else SGD(rate)


class Digital:
    """A network in floating point, trained by a rule that gives its gradients."""

    def __init__(self, network: Network, rule: Callable[[Network, Array, Array], Gradient], settings: Settings) -> None:
        # The optimiser works in place, and all trainers start from one network.
        weights, biases = (tuple(a.copy() for a in arrays) for arrays in (network.weights, network.biases))
        self.network = network.replace(weights=weights, biases=biases)
        self.rule, self.optimiser = rule, optimiser(settings)

    def step(self, x: Array, y: Array) -> None:
        """Learn one batch."""
        parameters = flat(list(zip(self.network.weights, self.network.biases, strict=True)))
        self.optimiser.update(parameters, flat(self.rule(self.network, x, y)))

    def output(self, x: Array) -> Array:
        """What the accuracy is read from, (sample, class)."""
        return self.network.output(x)


class OnChip:
    """A chip trained in the loop: it settles, the local rule reads its states, the devices take the update.

    Samples that diverge are left out of an update, as a controller that sees a railed amplifier would.
    """

    def __init__(
        self, circuit: Circuit, chip: Chip, wiring: Wiring, settings: Settings, rng: np.random.Generator
    ) -> None:
        self.circuit, self.chip, self.wiring, self.settings = circuit, chip, wiring, settings
        self.reads, self.writes, self.asides = rng.spawn(3)
        self.settler = Settler(wiring, tol=settings.tolerance, dtype=settings.dtype)
        self.flowing: Flowing | None = None
        rate = settings.learning_rate
        if settings.continuous:
            self.flowing = Flowing(self.settler, settings.continuous, settings.gate, settings.flow, settings.clock)
            rate /= settings.continuous - settings.gate
        self.optimiser, self.rate = optimiser(settings, rate), rate
        self.update = make(settings.update, circuit)
        self.pending: list[Array] = []
        self.updates = 0
        self.waited = 0.0
        self.last: Settled | None = None
        self.verdicts: list[NDArray[np.int64]] = []

    @property
    def network(self) -> Network:
        """The network that the forward arrays realise."""
        return self.chip.network()

    def settle(self, x: Array, y: Array | None, beta: Array | float) -> Settled:
        """Let a batch come to rest; every source of noise is drawn once for each sample and held."""
        return self.settler(self.chip, x, y, beta, self.reads)

    def states(self, x: Array, y: Array | None, beta: Array | float) -> Settled:
        """The states that the local rule reads: at rest, or after a while of the full noisy dynamics."""
        if self.settings.states == "settle":
            return self.settle(x, y, beta)
        return relaxed(self.chip, x, y, self.wiring, beta, self.settings.relax_time, self.reads)

    def betas(self, samples: int) -> Array:
        """The signed β of each sample."""
        beta = np.full(samples, self.settings.beta)
        if self.settings.nudge == "chop":
            beta[1::2] *= -1
        return beta

    def read(self, x: Array, y: Array) -> tuple[list[tuple[Array, Array, Settled, float]], Settled]:
        """The states of a batch that the rule takes: (x, β, states, sign) of the nudged read and of the free one."""
        beta = self.betas(len(x))
        nudged = self.states(x, y, beta)
        if self.settings.nudge != "auto-zero":
            return [_usable(x, beta, nudged, nudged.usable, 1.0)], nudged
        free = self.states(x, None, 0.0)
        rows = nudged.usable & free.usable
        return [_usable(x, beta, nudged, rows, 1.0), _usable(x, beta, free, rows, -1.0)], nudged

    def gradient(self, x: Array, y: Array) -> tuple[Gradient, Settled]:
        """The local rule with the chosen nudge; NaN if no sample is usable."""
        reads, nudged = self.read(x, y)
        return self._rule(reads), nudged

    def _rule(self, reads: list[tuple[Array, Array, Settled, float]]) -> Gradient:
        if not len(reads[0][0]):
            pairs = zip(self.chip.forward, self.chip.biases, strict=True)
            return [(np.full_like(w, np.nan), np.full_like(b, np.nan)) for w, b in pairs]
        x, beta, nudged, _ = reads[0]
        found = from_states(self.chip, self.wiring, x, nudged.s, beta)
        for x, beta, free, sign in reads[1:]:
            zero = from_states(self.chip, self.wiring, x, free.s, beta)
            found = [(w + sign * w0, b + sign * b0) for (w, b), (w0, b0) in zip(found, zero, strict=True)]
        return found

    def step(self, x: Array, y: Array) -> None:
        """Learn one batch."""
        if self.flowing is None:
            reads, settled = self.read(x, y)
            self._learn(reads, settled)
            return
        beta, chips = self.betas(len(x)), iter(lambda: self.chip, None)
        for settled in self.flowing.present(chips, x, y, beta, self.reads):
            self._learn([_usable(x, beta, settled, settled.usable, 1.0)], settled)

    def _learn(self, reads: list[tuple[Array, Array, Settled, float]], settled: Settled) -> None:
        self.verdicts.append(settled.status)
        self.last = settled
        if not len(reads[0][0]):
            return
        gradient = self._rule(reads)
        if not all(np.isfinite(array).all() for array in flat(gradient)):
            return
        if isinstance(self.update, Driven):
            biases = [b - self.rate * db for b, (_, db) in zip(self.chip.biases, gradient, strict=True)]
            self.chip = self.update.drive(self.chip, self._pairs(reads), biases, self.rate, self.writes)
            return
        deltas = self.pending or [np.zeros_like(array) for array in flat(gradient)]
        self.optimiser.update(deltas, flat(gradient))
        self.updates += 1
        if self.updates % self.settings.write_every:
            self.pending = deltas
        else:
            self.pending = []
            self.chip = self.update(self.chip, list(zip(deltas[::2], deltas[1::2], strict=True)), self.writes)
        since = self.updates % self.settings.write_every
        if self.settings.drift:
            self.chip = drifted(self.circuit, self.chip, (since + 1) * self.settings.drift, self.writes)
        elif self.chip.devices.slow_noise:
            assert isinstance(self.circuit, Crossbar)
            took = len(settled.status) * self.circuit.sample_time * self.circuit.time_unit
            self.waited = self.waited + took if since else 0.0
            if since:
                self.chip = drifted(self.circuit, self.chip, self.waited, self.writes)

    def _pairs(self, reads: list[tuple[Array, Array, Settled, float]]) -> list[list[tuple[Array, Array]]]:
        """What stands on rows and columns of each array, of every read."""
        found: list[list[tuple[Array, Array]]] = [[] for _ in self.chip.forward]
        for x, beta, settled, sign in reads:
            for layer, pairs in zip(found, drives(self.chip, self.wiring, x, settled.s, beta), strict=True):
                layer += [(sign * errors, inputs) for errors, inputs in pairs]
        return found

    def output(self, x: Array) -> Array:
        """Mean of the output's compartments at β = 0, at rest, read through the hardware with its noise."""
        with self.aside():
            parts = [self.settle(x[k : k + CHUNK], None, 0.0).s[-1].mean(axis=0) for k in range(0, len(x), CHUNK)]
        return np.concatenate(parts)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Measure with noise of its own: looking at a chip does not change what it learns."""
        during, self.reads = self.reads, self.asides
        try:
            yield
        finally:
            self.reads = during

    @property
    def activation_max(self) -> float:
        """Largest |a| of the last batch learnt; infinite if that diverged."""
        if self.last is None:
            return 0.0
        return max((float(np.abs(a).max()) for a in self.last.a), default=np.inf)

    def settled_share(self) -> float:
        """Per cent of the samples since the last call that settled."""
        seen = np.concatenate(self.verdicts)
        self.verdicts = []
        return 100 * float((seen == datasets.CONVERGED).mean())


def _usable(
    x: Array, beta: Array, settled: Settled, rows: NDArray[np.bool_], sign: float
) -> tuple[Array, Array, Settled, float]:
    """A read without the samples that cannot be used."""
    if rows.all():
        return x, beta, settled, sign
    kept = Settled([a[:, rows] for a in settled.a], [s[:, rows] for s in settled.s], settled.status[rows])
    return x[rows], beta[rows], kept, sign
