"""Many short trainings, each kept as it ends, so that a search that was stopped goes on from what it knows."""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim import measure
from analogsim.circuits.base import child
from analogsim.errors import InputError, out_of_range
from analogsim.experiments.insitu import accuracy, lessons
from analogsim.experiments.settings import Settings
from analogsim.experiments.setup import Setup, prepare
from analogsim.experiments.sweeps import backends
from analogsim.experiments.sweeps.plan import Plan, digest
from analogsim.experiments.sweeps.points import Row, loaded
from analogsim.experiments.sweeps.store import Store
from analogsim.experiments.sweeps.sweeping import manifest
from analogsim.experiments.trainers import Digital, OnChip
from analogsim.files import check_writable, expand
from analogsim.learning.reference import backprop, implicit

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


class Outcome(NamedTuple):
    """What became of a trial."""

    figures: list[float]
    """As `FIGURES`; the accuracy is that of guessing where training could not be finished."""
    message: str
    """Why it could not be; empty where it was."""

    @property
    def accuracy(self) -> float:
        """Per cent of the test set."""
        return self.figures[0]


@dataclass
class Trials:
    """Runs trials in parallel and remembers them.

    Parameters
    ----------
    settings : Settings
        What all trials have in common: circuit, device, data.
    folder : path, optional
        Where outcomes are kept; forgotten with the object if not given.
    workers : int, optional
        Processes; all cores if not given.
    progress : callable, optional
        Called with the number of trials known after each.
    fresh : bool
        Forget what the folder holds.
    """

    settings: Settings
    folder: Path | None = None
    workers: int | None = None
    progress: Callable[[int], Any] | None = None
    fresh: bool = False

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise out_of_range("workers", self.workers, "workers ≥ 1")
        if loaded(self.settings).task == "regression":
            raise InputError(
                f"{self.settings.data}: budget and tolerance count points of accuracy, which a regression has not; "
                "see what a value costs with `analogsim sweep CIRCUIT --over KEY=VALUES --metrics test_r2`."
            )
        self._lent = None if self.folder else tempfile.TemporaryDirectory(prefix="analogsim-")
        about = manifest(Plan(self.settings, ()), dict.fromkeys(FIGURES, trained))
        self._store = Store(self.folder or self._lent.name, about, fresh=self.fresh)  # type: ignore[union-attr]
        self._chance = 100.0 / _prepared(self.settings).data.classes
        self._known: dict[int, Outcome] = {}
        for rows in self._store.read():
            for k, key in enumerate(rows.keys):
                self._known[int(key)] = self._outcome(rows.values[k].tolist(), rows.messages.get(k, ""))

    def __call__(self, wanted: Sequence[Trial]) -> list[Outcome]:
        """Run what is not known yet; outcomes in the order of the trials. Ctrl-C leaves what is finished on disk."""
        new = {trial.key: trial for trial in wanted if trial.key not in self._known}
        workers = min(self.workers or backends.cores(), max(len(new), 1))
        for row in backends.run(_work, new.items(), workers):
            self._store.append([row])
            self._known[row.key] = self._outcome(row.values, row.message)
            if self.progress:
                self.progress(len(self._known))
        return [self._known[trial.key] for trial in wanted]

    def close(self) -> None:
        """Let go of the folder."""
        self._store.close()
        if self._lent:
            self._lent.cleanup()

    def _outcome(self, figures: list[float], message: str) -> Outcome:
        return Outcome([figures[0] if math.isfinite(figures[0]) else self._chance, *figures[1:]], message)


def folder_of(output: str | Path | None) -> Path | None:
    """Where the trials of a result are kept."""
    if output is None:
        return None
    if Path(output).suffix != ".nc":
        raise InputError(f"{output}: a result is a NetCDF file; end its name in .nc.")
    check_writable(output)
    return expand(output).with_suffix(".trials")


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


def _prepared(settings: Settings) -> Setup:
    return prepare(settings, loaded(settings))


def _work(item: tuple[int, Trial]) -> Row:
    from threadpoolctl import threadpool_limits

    key, (settings, learner) = item
    began = time.perf_counter()
    with threadpool_limits(1), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            status, message, values = "done", "", trained(_prepared(settings), learner)
        except Exception as error:  # whatever goes wrong in one trial is an answer about its settings
            status, values = "failed", [math.nan] * len(FIGURES)
            message = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
    return Row(key, status, message, time.perf_counter() - began, values)
