"""A chip trained in the loop, beside digital DP⊤ and back-propagation on the same batches: a setup in, numbers out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim.circuits.base import child
from analogsim.experiments.notebook import Notebook
from analogsim.experiments.setup import Setup
from analogsim.learning.on_chip import Digital, OnChip
from analogsim.learning.reference import adjoint_dual_propagation, backprop
from analogsim.learning.reference.training import batches

SWEEPS = 8
"""Up-down sweeps of digital DP⊤; it stops earlier once nothing changes."""


def taught(setup: Setup, *, progress: Callable[[], object] | None = None) -> xr.Dataset:
    """Train and measure what was prepared. Ctrl-C ends it early and keeps the finished epochs."""
    settings = setup.settings
    chip = OnChip(setup.circuit, setup.chip, setup.wiring, settings, child(settings.seed, "chip"))
    digital = partial(adjoint_dual_propagation, alpha=settings.known("alpha"), beta=settings.beta, sweeps=SWEEPS)
    references = {
        "digital DP⊤": Digital(setup.network, digital, settings),
        "back-propagation": Digital(setup.network, backprop, settings),
    }
    notebook = Notebook(setup, chip, references)
    notebook.note()
    notebook.probe()
    # A run that diverges shows it in its figures, and is named; warnings would only repeat it.
    with np.errstate(over="ignore", invalid="ignore"):
        interrupted = _epochs(setup, notebook, progress)
        notebook.probe()
    dataset = notebook.dataset(interrupted=interrupted)
    dataset.attrs["diverged"] = ", ".join(
        name for name, trainer in notebook.trainers.items() if not all(map(_finite, trainer.network.weights))
    )
    return dataset


def _finite(array: NDArray[np.floating]) -> bool:
    return bool(np.isfinite(array).all())


def _epochs(setup: Setup, notebook: Notebook, progress: Callable[[], object] | None) -> bool:
    """Train all that the notebook watches on the same batches; return whether Ctrl-C ended it."""
    settings, data = setup.settings, setup.data
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
    return interrupted
