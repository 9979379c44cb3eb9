"""A chip trained in the loop, beside digital DP⊤ and back-propagation on the same batches: a setup in, numbers out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from analogsim.circuits.base import child
from analogsim.experiments.record import Notebook
from analogsim.experiments.setup import Setup
from analogsim.experiments.trainers import Digital, OnChip
from analogsim.learning.reference import adjoint_dual_propagation, backprop
from analogsim.learning.training import batches

SWEEPS = 8
"""Up-down sweeps of digital DP⊤; it stops earlier once nothing changes."""


def taught(setup: Setup, *, progress: Callable[[], Any] | None = None) -> xr.Dataset:
    """Train and measure what was prepared. Ctrl-C ends it early and keeps the finished epochs."""
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
    return notebook.dataset(interrupted=interrupted)
