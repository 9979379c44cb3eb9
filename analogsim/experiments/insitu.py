"""Training in situ as a plain function: a setup in, a few numbers out; for searches and studies with many runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from analogsim.circuits.base import child
from analogsim.errors import InputError
from analogsim.experiments.setup import Setup
from analogsim.learning.on_chip import Digital, OnChip
from analogsim.learning.reference import backprop
from analogsim.learning.reference.training import batches


@dataclass(frozen=True)
class Learnt:
    """Scores, and the trained chip or network.

    Attributes
    ----------
    scores : tuple of dict
        Figures of the test set after each epoch, or after the last alone: ``test_accuracy`` (%) of classes,
        ``test_mse`` and ``test_r2`` of a regression.
    activation_max : float
        Largest |a| of the last batch; 0 for digital training.
    settled : float
        Training samples that settled, %; 100 for digital training.
    trainer : OnChip or Digital
        What was trained, with its chip or its network.
    """

    scores: tuple[dict[str, float], ...]
    activation_max: float
    settled: float
    trainer: OnChip | Digital

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Test accuracies, %; an `InputError` for a regression, which has none."""
        return tuple(_accuracy(found) for found in self.scores)

    @property
    def accuracy(self) -> float:
        """Test accuracy after the last epoch, %."""
        return self.accuracies[-1]


def train_chip(setup: Setup, *, every_epoch: bool = False, progress: Callable[[], object] | None = None) -> Learnt:
    """Train the chip of a setup and nothing beside it: the same numbers as `run`, bit for bit, without its measures.

    Parameters
    ----------
    setup : Setup
        From `analogsim.experiments.setup.prepare`.
    every_epoch : bool
        Whether to test after each epoch and not after the last alone.
    progress : callable, optional
        Called after every batch.
    """
    settings = setup.settings
    chip = OnChip(setup.circuit, setup.chip, setup.wiring, settings, child(settings.seed, "chip"))
    scores = _epochs(setup, chip, every_epoch, progress)
    return Learnt(scores, chip.activation_max, chip.settled_share(), chip)


def train_digital(setup: Setup, rule: Any = backprop, *, every_epoch: bool = False) -> Learnt:
    """Train the network of a setup in floating point on the same batches; `rule` as in `learning.reference.train`.

    Parameters
    ----------
    setup : Setup
        From `analogsim.experiments.setup.prepare`.
    rule : callable
        As in `learning.reference.train`.
    every_epoch : bool
        Whether to test after each epoch and not after the last alone.
    """
    digital = Digital(setup.network, rule, setup.settings)
    return Learnt(_epochs(setup, digital, every_epoch, None), 0.0, 100.0, digital)


def _epochs(
    setup: Setup, trainer: OnChip | Digital, every_epoch: bool, progress: Callable[[], object] | None
) -> tuple[dict[str, float], ...]:
    # Layers of a few hundred neurons gain nothing from more threads, which wait for each other busily.
    with threadpool_limits(1):
        return tuple(
            setup.data.scores(trainer.output(setup.data.test_x))
            for epoch in lessons(setup, trainer, progress)
            if epoch == setup.settings.epochs or (every_epoch and epoch)
        )


def lessons(setup: Setup, trainer: OnChip | Digital, progress: Callable[[], object] | None = None) -> Iterator[int]:
    """Train while this is iterated, in the batches of `run`: yields the number of finished epochs, 0 first."""
    settings, data = setup.settings, setup.data
    order = np.random.default_rng(settings.seed)
    yield 0
    for epoch in range(1, settings.epochs + 1):
        for rows in batches(len(data.train_x), settings.batch_size, order):
            trainer.step(data.train_x[rows], data.train_y[rows])
            if progress:
                progress()
        yield epoch


def accuracy(setup: Setup, trainer: OnChip | Digital) -> float:
    """Test accuracy, %, of a chip read through its hardware; an `InputError` for a regression, which has none."""
    return _accuracy(setup.data.scores(trainer.output(setup.data.test_x)))


def _accuracy(scores: dict[str, float]) -> float:
    if "test_accuracy" not in scores:
        raise InputError("a regression has no accuracy; its figures are test_mse and test_r2.")
    return scores["test_accuracy"]
