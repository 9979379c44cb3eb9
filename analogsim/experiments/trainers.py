"""Who learns: the chip, by the local rule on its own states, and digital references on the same batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analogsim.circuits.base import Circuit
from analogsim.circuits.chip import Chip
from analogsim.engine import results
from analogsim.experiments.settings import Settings
from analogsim.learning.local import from_states
from analogsim.learning.optimisers import ADAM, SGD, Optimiser, flat
from analogsim.learning.settling import Settled, Settler
from analogsim.network import Network
from analogsim.wiring import Wiring

Array = NDArray[np.floating]
Gradient = list[tuple[Array, Array]]
CHUNK = 500
"""Samples that are read at once when the chip is tested."""


def optimiser(settings: Settings) -> Optimiser:
    """A fresh optimiser, as the settings say."""
    return {"adam": ADAM, "sgd": SGD}[settings.optimiser](settings.learning_rate)


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
    """A chip trained in the loop: it settles, the local rule reads its states, the circuit writes the update.

    Samples that diverge are left out of an update, as a controller that sees a railed amplifier would.
    """

    def __init__(
        self, circuit: Circuit, chip: Chip, wiring: Wiring, settings: Settings, rng: np.random.Generator
    ) -> None:
        self.circuit, self.chip, self.wiring, self.settings = circuit, chip, wiring, settings
        self.reads, self.writes = rng.spawn(2)
        self.optimiser = optimiser(settings)
        self.settler = Settler(wiring, tol=settings.tolerance, dtype=settings.dtype)
        self.last: Settled | None = None
        self.verdicts: list[NDArray[np.int64]] = []

    @property
    def network(self) -> Network:
        """The network that the forward arrays realise."""
        return self.chip.network()

    def settle(self, x: Array, y: Array | None, beta: Array | float) -> Settled:
        """Let a batch come to rest; every source of noise is drawn once for each sample and held."""
        return self.settler(self.chip, x, y, beta, self.reads)

    def gradient(self, x: Array, y: Array) -> tuple[Gradient, Settled]:
        """The local rule with the chosen nudge; NaN if no sample is usable."""
        beta = np.full(len(x), self.settings.beta)
        if self.settings.nudge == "chop":
            beta[1::2] *= -1
        nudged = self.settle(x, y, beta)
        rows = nudged.usable
        free = None
        if self.settings.nudge == "auto-zero":
            free = self.settle(x, None, 0.0)
            rows = rows & free.usable
        if not rows.any():
            chip = self.chip
            return [
                (np.full_like(w, np.nan), np.full_like(b, np.nan))
                for w, b in zip(chip.forward, chip.biases, strict=True)
            ], nudged
        found = self._rule(x, nudged, beta, rows)
        if free is not None:
            zero = self._rule(x, free, beta, rows)
            found = [(w - w0, b - b0) for (w, b), (w0, b0) in zip(found, zero, strict=True)]
        return found, nudged

    def _rule(self, x: Array, settled: Settled, beta: Array, rows: NDArray[np.bool_]) -> Gradient:
        if rows.all():
            return from_states(self.chip, self.wiring, x, settled.s, beta)
        return from_states(self.chip, self.wiring, x[rows], [s[:, rows] for s in settled.s], beta[rows])

    def step(self, x: Array, y: Array) -> None:
        """Learn one batch."""
        gradient, settled = self.gradient(x, y)
        self.verdicts.append(settled.status)
        self.last = settled
        if not all(np.isfinite(array).all() for array in flat(gradient)):
            return
        deltas = [(np.zeros_like(w), np.zeros_like(b)) for w, b in gradient]
        self.optimiser.update(flat(deltas), flat(gradient))
        self.chip = self.circuit.update(self.chip, deltas, self.writes)

    def output(self, x: Array) -> Array:
        """Mean of the output's compartments at β = 0, read through the hardware with its noise."""
        parts = [self.settle(x[k : k + CHUNK], None, 0.0).s[-1].mean(axis=0) for k in range(0, len(x), CHUNK)]
        return np.concatenate(parts)

    @property
    def activation_max(self) -> float:
        """Largest |a| of the last batch learnt."""
        return max(float(np.abs(a).max()) for a in self.last.a) if self.last else 0.0

    def settled_share(self) -> float:
        """Per cent of the samples since the last call that settled."""
        seen = np.concatenate(self.verdicts)
        self.verdicts = []
        return 100 * float((seen == results.CONVERGED).mean())
