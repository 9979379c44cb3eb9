"""A chip at one moment of its training: what measures are read from. A part is computed when one first asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit
from analogsim.engine import datasets
from analogsim.engine.batches import Settled
from analogsim.engine.resting import settle
from analogsim.errors import InputError
from analogsim.learning.on_chip import Digital, Gradient, OnChip
from analogsim.learning.reference import implicit
from analogsim.measure.gradients import Alignment, Errors, alignment, errors
from analogsim.measure.robust_chip import chip_lipschitz
from analogsim.network import Network
from analogsim.settings.record import Settings
from analogsim.wiring import Wiring

Array = NDArray[np.floating]
SAMPLES = 200
"""Training samples on which the gradient of a run is compared with its reference."""
DRAWS = 4
"""Noise draws from which bias and noise of the gradient are told apart."""
FEW = 4
"""Samples of what is expensive: its cost grows with the cube of the network."""


class Data(Protocol):
    """A data set, as far as measures see it; samples first."""

    @property
    def task(self) -> str: ...
    @property
    def train_x(self) -> Array: ...
    @property
    def train_y(self) -> Array: ...
    @property
    def test_x(self) -> Array: ...
    @property
    def test_y(self) -> Array: ...
    def scores(self, out: Array) -> dict[str, float]:
        """Figures of outputs for the test set, (sample, output)."""


class Setup(Protocol):
    """What is trained and on what, before any training."""

    @property
    def settings(self) -> Settings: ...
    @property
    def data(self) -> Data: ...
    @property
    def network(self) -> Network: ...
    @property
    def circuit(self) -> Circuit: ...
    @property
    def chip(self) -> Chip: ...
    @property
    def wiring(self) -> Wiring: ...


class Moment:
    """What can be measured at the end of an epoch, or before the first.

    Measuring a noisy chip draws random numbers. Parts are computed when first asked for, in the order in which measures
    are declared, and that order decides which numbers each part gets.

    Parameters
    ----------
    setup : Setup
    chip : Chip
        As it is now.
    trainers : callable
        Makes or returns the learner on the chip, ``"chip"``, and the digital references that learn beside it.
    epoch : int
        Finished epochs.
    count : int
        Training samples on which gradients are taken.
    """

    def __init__(
        self,
        setup: Setup,
        chip: Chip,
        trainers: Callable[[], Mapping[str, OnChip | Digital]],
        epoch: int = 0,
        count: int = SAMPLES,
    ) -> None:
        self.setup, self.chip, self.epoch, self.count = setup, chip, epoch, count
        self._trainers = trainers

    @cached_property
    def trainers(self) -> Mapping[str, OnChip | Digital]:
        """Who learns, by name; each has its ``network`` and the ``output`` for some x."""
        return self._trainers()

    @property
    def learner(self) -> OnChip:
        """The chip with what trains it."""
        found = self.trainers["chip"]
        assert isinstance(found, OnChip)
        return found

    @cached_property
    def outputs(self) -> list[Array]:
        """Outputs of each trainer for the test set, (sample, output)."""
        return [trainer.output(self.setup.data.test_x) for trainer in self.trainers.values()]

    @cached_property
    def scores(self) -> list[dict[str, float]]:
        """Figures of merit of each trainer on the test set, as the task has them."""
        return [self.setup.data.scores(out) for out in self.outputs]

    @property
    def samples(self) -> tuple[Array, Array]:
        """The training samples, x and y, on which gradients are taken."""
        return self.setup.data.train_x[: self.count], self.setup.data.train_y[: self.count]

    @cached_property
    def _first(self) -> tuple[Gradient, Settled]:
        return self.learner.gradient(*self.samples)

    @property
    def gradient(self) -> Gradient:
        """The chip's gradient on `samples`, (weights, bias) of each layer."""
        return self._first[0]

    @property
    def settled(self) -> Settled:
        """The states at rest, nudged, that the gradient was read from."""
        return self._first[1]

    @cached_property
    def exact(self) -> Gradient | None:
        """The exact gradient on `samples`; None where the noiseless network has no equilibrium, and so no gradient."""
        try:
            exact: Gradient = implicit(self.chip.network(), *self.samples, self.setup.wiring)
            return exact
        except InputError:
            return None

    @cached_property
    def alignment(self) -> Alignment:
        """The chip's gradient against the exact one; NaN where there is none."""
        gradient = self.gradient
        if self.exact is None:
            return Alignment(self._nothing, self._nothing, np.nan)
        return alignment(gradient, self.exact)

    @property
    def activation_max(self) -> float:
        """Largest |a| of `settled`."""
        return max(float(np.abs(a).max()) for a in self.settled.a)

    @cached_property
    def errors(self) -> Errors:
        """Bias and noise of the gradient, from several draws of the noise; NaN where there is no exact one."""
        if self.exact is None:
            return Errors(self._nothing, self._nothing)
        draws = [self.learner.gradient(*self.samples)[0] for _ in range(DRAWS if self.chip.has_noise else 1)]
        return errors(draws * (2 if len(draws) == 1 else 1), self.exact)

    @property
    def _nothing(self) -> NDArray[np.float64]:
        return np.full(self.chip.layers, np.nan)

    @cached_property
    def verdicts(self) -> NDArray[np.int64]:
        """Index into `datasets.STATUS` of every training sample of the epoch; before training, of `samples`."""
        return np.concatenate(self.learner.verdicts or [self.settled.status])

    @cached_property
    def robustness(self) -> NDArray[np.float64]:
        """`chip_lipschitz` with slopes of one, and the worst with those of a few test samples at rest, (2, 2)."""
        if self.exact is None:
            return np.full((2, 2), np.nan)
        free = self.learner.settle(self.setup.data.test_x[:FEW], None, 0.0)
        points = [None, *([a.mean(axis=0)[i] for a in free.a] for i in range(FEW))]
        constants = np.array([chip_lipschitz(self.chip, self.setup.wiring, point) for point in points])
        return np.stack([constants[0], constants[1:].max(axis=0)])

    def abscissa(self, samples: int) -> float:
        """Largest real part of an eigenvalue at the equilibria of test samples, of the chip without noise, in 1/τ."""
        settings, data = self.setup.settings, self.setup.data
        found = settle(
            self.chip, data.test_x[:samples], data.test_y[:samples], wiring=self.setup.wiring, beta=settings.beta,
            seed=settings.seed, stability=True,
        )["spectral_abscissa"].values  # fmt: skip
        return float(np.nanmax(found)) if np.isfinite(found).any() else float("nan")


def share(status: NDArray[np.int64]) -> float:
    """Per cent of the samples that settled."""
    return 100 * float((status == datasets.CONVERGED).mean())
