"""One run: a chip trained in the loop, beside digital DP⊤ and back-propagation on the same batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from analogsim.circuits.base import child
from analogsim.experiments.record import Notebook
from analogsim.experiments.results import stamped
from analogsim.experiments.settings import Settings
from analogsim.experiments.setup import Setup, prepare
from analogsim.experiments.trainers import Digital, OnChip
from analogsim.learning.reference import adjoint_dual_propagation, backprop
from analogsim.learning.training import batches

SWEEPS = 8
"""Up-down sweeps of digital DP⊤; it stops earlier once nothing changes."""


def run(settings: Settings | None = None, *, progress: Callable[[], Any] | None = None, **options: Any) -> xr.Dataset:
    """Simulate, train and measure.

    Parameters
    ----------
    settings : Settings, optional
    progress : callable, optional
        Called after every batch.
    **options
        Fields of `Settings`, if no settings are given.

    Returns
    -------
    xarray.Dataset
        Measures over ``epoch`` (0 is before training), traces of the probe samples at the first and last epoch
        (``snapshot``), and the stamp as the attribute ``analogsim_run``.

    Raises
    ------
    InputError
        For whatever is wrong with a card, a key, a value, a name or a file.
    """
    return train(prepare(settings or Settings(**options)), progress=progress)


def train(setup: Setup, *, progress: Callable[[], Any] | None = None, stamp: bool = True) -> xr.Dataset:
    """Run what was prepared. Ctrl-C ends it early and keeps the finished epochs."""
    settings, data = setup.settings, setup.data
    chip = OnChip(setup.circuit, setup.chip, setup.wiring, settings, child(settings.seed, "chip"))
    alpha = 0.5 if settings.alpha is None else settings.alpha
    digital = partial(adjoint_dual_propagation, alpha=alpha, beta=settings.beta, sweeps=SWEEPS)
    references = {
        "digital DP⊤": Digital(setup.network, digital, settings),
        "back-propagation": Digital(setup.network, backprop, settings),
    }
    notebook = Notebook(setup, chip, references)
    notebook.note()
    notebook.probe()
    order, interrupted = np.random.default_rng(settings.seed), False
    try:
        for _ in range(settings.epochs):
            for rows in batches(len(data.train_x), settings.batch_size, order):
                x, y = data.train_x[rows], data.train_y[rows]
                for trainer in notebook.trainers.values():
                    trainer.step(x, y)
                if progress:
                    progress()
            notebook.note()
    except KeyboardInterrupt:
        interrupted = True
    notebook.probe()
    dataset = notebook.dataset(interrupted=interrupted)
    return stamped(dataset, **setup.record()) if stamp else dataset
