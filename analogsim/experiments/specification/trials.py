"""Many short trainings, each kept as it ends, so that a search that was stopped goes on from what it knows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from analogsim.errors import InputError, out_of_range
from analogsim.experiments.specification import trial
from analogsim.experiments.specification.trial import FIGURES, Trial, lost, prepared, work
from analogsim.experiments.sweeps import backends
from analogsim.experiments.sweeps.identity import manifest
from analogsim.experiments.sweeps.plan import Plan
from analogsim.experiments.sweeps.points import loaded
from analogsim.experiments.sweeps.store import Store
from analogsim.files import check_writable, expand
from analogsim.settings.record import Settings

__all__ = ["FIGURES", "Failed", "Outcome", "Trial", "Trials", "folder_of"]


class Failed(RuntimeError):
    """Trials without which there is no result have failed."""


class Outcome(NamedTuple):
    """What became of a trial."""

    figures: list[float]
    """As `FIGURES`; NaN where the trial failed. Training that diverges is no failure: its accuracy is what it is."""
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
        about = manifest(Plan(self.settings, ()), FIGURES, trial.__name__)
        prepared(self.settings)  # what is wrong with the base is said before anything runs
        self._store = Store(self.folder or self._lent.name, about, fresh=self.fresh)  # type: ignore[union-attr]
        self._known: dict[int, Outcome] = {}
        for rows in self._store.read():
            for k, key in enumerate(rows.keys):
                if not rows.messages.get(k):  # what failed is tried again
                    self._known[int(key)] = Outcome(rows.values[k].tolist(), "")

    def __call__(self, wanted: Sequence[Trial]) -> list[Outcome]:
        """Run what is not known yet; outcomes in the order of the trials. Ctrl-C leaves what is finished on disk."""
        new = {trial.key: trial for trial in wanted if trial.key not in self._known}
        workers = min(self.workers or backends.cores(), max(len(new), 1))
        with closing(backends.run(work, ([item] for item in new.items()), workers, lost)) as finished:
            for (row,) in finished:
                self._store.append([row])
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
    if output is None:
        return None
    if Path(output).suffix != ".nc":
        raise InputError(f"{output}: a result is a NetCDF file; end its name in .nc.")
    check_writable(output)
    return expand(output).with_suffix(".trials")
