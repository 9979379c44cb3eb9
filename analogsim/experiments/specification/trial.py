"""One trial: a training of the chip or of digital back-propagation, its accuracy, and how wrong its gradients were."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim import measure
from analogsim.circuits.base import child
from analogsim.errors import InputError
from analogsim.experiments.insitu import accuracy, lessons
from analogsim.experiments.jobs.points import Found, digest
from analogsim.experiments.jobs.shared import loaded
from analogsim.experiments.setup import Setup, prepare
from analogsim.learning.on_chip import Digital, OnChip
from analogsim.learning.reference import backprop, implicit
from analogsim.settings.record import Settings

FIGURES = {
    "accuracy": ("test accuracy", "%"),
    "bias": ("error of the gradient that stays, worst layer", "1"),
    "noise": ("error of the gradient that averages out, worst layer", "1"),
}
"""What a trial finds."""
DRAWS, SAMPLES = 4, 100
"""Gradients of so many training samples are repeated to tell bias from noise."""


class Trial(NamedTuple):
    """One training, of the chip or of digital back-propagation on the same data, weights and batches."""

    settings: Settings
    learner: str = "chip"

    @property
    def key(self) -> int:
        """64 bits of what is simulated."""
        return digest({**asdict(self.settings), "learner": self.learner})[0]


def trained(setup: Setup, learner: str = "chip") -> list[float]:
    """Train and test; `FIGURES`.

    Bias and noise are those of `analogsim.measure.errors` before, halfway through and after training, relative to the
    gradients at these three moments: √(Σ bias² ‖g‖² / Σ ‖g‖²) for each layer.
    """
    settings = setup.settings
    trainer: OnChip | Digital
    if learner == "chip":
        trainer = OnChip(setup.circuit, setup.chip, setup.wiring, settings, child(settings.seed, "chip"))
    else:
        trainer = Digital(setup.network, backprop, settings)
    seen = []
    for epoch in lessons(setup, trainer):
        if isinstance(trainer, OnChip) and epoch in (0, settings.epochs // 2, settings.epochs):
            seen.append(_squares(setup, trainer))
    reached = accuracy(setup, trainer)
    if not seen:
        return [reached, 0.0, 0.0]
    bias, noise, reference = np.sum(seen, axis=0)
    return [reached, *(float(np.sqrt(np.max(part / reference))) for part in (bias, noise))]


def _squares(setup: Setup, chip: OnChip) -> NDArray[np.float64]:
    """Squares of bias, noise and reference, each (layer,)."""
    x, y = setup.data.train_x[:SAMPLES], setup.data.train_y[:SAMPLES]
    try:
        reference = implicit(chip.network, x, y, setup.wiring)
    except InputError:  # a recurrent network without an equilibrium has no gradient
        return np.full((3, chip.chip.layers), np.nan)
    found = measure.errors([chip.gradient(x, y)[0] for _ in range(DRAWS)], reference)
    square = np.array([np.sum(w**2) + np.sum(b**2) for w, b in reference])
    return np.array([found.bias**2 * square, found.noise**2 * square, square])


def prepared(settings: Settings) -> Setup:
    return prepare(settings, loaded(settings))


def tried(trial: Trial) -> Found:
    """The figures of one trial. Training that diverges is no failure: the accuracy of what is left counts."""
    with np.errstate(all="ignore"):
        return Found(dict(zip(FIGURES, trained(prepared(trial.settings), trial.learner), strict=True)))
