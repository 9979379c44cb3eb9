"""Many short trainings, each kept as it ends, so that a search that was stopped goes on from what it knows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from analogsim.errors import InputError
from analogsim.experiments import results
from analogsim.experiments.jobs.dispatch import checked, computed
from analogsim.experiments.jobs.points import Job, Task
from analogsim.experiments.jobs.shared import loaded
from analogsim.experiments.jobs.store import Store
from analogsim.experiments.specification.trial import FIGURES, Trial, prepared, tried
from analogsim.experiments.sweeps.identity import manifest
from analogsim.experiments.sweeps.plan import Plan
from analogsim.settings.record import Settings

__all__ = ["FIGURES", "Failed", "Outcome", "Trial", "Trials", "folder_of"]
TASK = Task(f"{tried.__module__}:{tried.__name__}", tuple(FIGURES))


class Failed(RuntimeError):
    """Trials without which there is no result have failed."""


class Outcome(NamedTuple):
    """What became of a trial."""

    figures: list[float]
    """As `FIGURES`; NaN where the trial failed. Training that diverges is no failure: its accuracy counts."""
    message: str
    """Why it failed; empty where it did not."""

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
    workers, scheduler : int and str, optional
        As of `analogsim.experiments.jobs.dispatch.computed`.
    progress : callable, optional
        Called with the number of trials known after each.
    fresh : bool
        Forget what the folder holds.
    """

    settings: Settings
    folder: Path | None = None
    workers: int | None = None
    progress: Callable[[int], object] | None = None
    fresh: bool = False
    scheduler: str | None = None

    def __post_init__(self) -> None:
        checked(self.workers)
        if loaded(self.settings).task == "regression":
            raise InputError(
                f"{self.settings.data}: budget and tolerance count points of accuracy, which a regression has not; "
                "see what a value costs with `analogsim sweep CIRCUIT --over KEY=VALUES --metrics test_r2`."
            )
        about = manifest(Plan(self.settings, ()), FIGURES, TASK.module)
        prepared(self.settings)  # what is wrong with the base is said before anything runs
        self._lent = None if self.folder else tempfile.TemporaryDirectory(prefix="analogsim-")
        folder = self.folder or Path(self._lent.name if self._lent else "")
        self._store = Store(folder, about, fresh=self.fresh)
        each = (row for rows in self._store.read() for row in rows.each())
        # What failed is tried again.
        self._known = {row.key: Outcome(row.values, "") for row in each if row.status == "done"}

    def __call__(self, wanted: Sequence[Trial]) -> list[Outcome]:
        """Run what is not known yet; outcomes in the order of the trials. Ctrl-C leaves what is finished on disk."""
        new = {trial.key: trial for trial in wanted if trial.key not in self._known}
        jobs = (Job(key, trial) for key, trial in new.items())
        run = computed(self._store, TASK, jobs, len(new), workers=self.workers, scheduler=self.scheduler)
        with closing(run) as finished:
            for row in (row for rows in finished for row in rows):
                self._known[row.key] = Outcome(row.values, row.message)
                if self.progress:
                    self.progress(len(self._known))
        return [self._known[trial.key] for trial in wanted]

    def close(self) -> None:
        """Let go of the folder."""
        self._store.close()
        if self._lent:
            self._lent.cleanup()


def folder_of(output: str | Path | None) -> Path | None:
    """Where the trials of a result are kept."""
    return None if output is None else results.target(output).with_suffix(".trials")
