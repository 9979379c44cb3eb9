"""A chip trained in the loop, beside digital DP⊤ and back-propagation on the same batches: a setup in, numbers out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim.circuits.base import child
from analogsim.experiments.notebook import Notebook
from analogsim.experiments.setup import Setup
from analogsim.learning.on_chip import Digital, OnChip
from analogsim.learning.reference import backprop, relaxed
from analogsim.learning.reference.layers import Workspace
from analogsim.learning.reference.training import batches
from analogsim.measure.declaration import Measure, declared
from analogsim.wiring import Wiring

SWEEPS = 8
"""Up-down sweeps of digital DP⊤; it stops earlier once nothing changes."""


class Asked(NamedTuple):
    """What somebody wants to know of the end of a run and of nothing before it."""

    measures: frozenset[str]
    """Names of measures of this package."""
    trainers: frozenset[str]
    """Whose; the chip is always among those that learn."""


def taught(setup: Setup, *, progress: Callable[[], object] | None = None, asked: Asked | None = None) -> xr.Dataset:
    """Train and measure what was prepared. Ctrl-C ends it early and keeps the finished epochs.

    With `asked` the last epoch and the last snapshot hold the same bits as without, and what these do not need is left
    out: other trainers, other measures, epochs and snapshots.
    """
    settings = setup.settings
    chip = OnChip(setup.circuit, setup.chip, setup.wiring, settings, child(settings.seed, "chip"))
    nominal = Wiring.adjoint_dual_propagation(settings.known("alpha"))
    digital = partial(relaxed, wiring=nominal, beta=settings.beta, sweeps=SWEEPS)
    # A rule's buffers serve all batches: a gradient is taken up before the next one overwrites it.
    references = {
        name: Digital(setup.network, partial(rule, workspace=Workspace()), settings)
        for name, rule in (("digital DP⊤", digital), ("back-propagation", backprop))
        if asked is None or name in asked.trainers
    }
    notebook = Notebook(setup, chip, references, None if asked is None else _needed(asked))
    every = asked is None or any(measure.draws for measure in notebook.measures.values())
    if every:
        notebook.note()
    if asked is None:
        notebook.probe()
    # A run that diverges shows it in its figures, and is named; warnings would only repeat it.
    with np.errstate(over="ignore", invalid="ignore"):
        interrupted = _epochs(setup, notebook, progress, every)
        if not every:
            notebook.note()
        notebook.probe()
    dataset = notebook.dataset(interrupted=interrupted)
    dataset.attrs["diverged"] = ", ".join(
        name for name, trainer in notebook.trainers.items() if not all(map(_finite, trainer.network.weights))
    )
    return dataset


def _needed(asked: Asked) -> dict[str, Measure[object]]:
    """The measures that are asked for, and those whose draws of noise come between these."""
    ours = {name: measure for name, measure in declared() if measure.is_built_in}
    some_draw = any(ours[name].draws for name in asked.measures)
    return {name: one for name, one in ours.items() if name in asked.measures or (some_draw and one.draws)}


def _finite(array: NDArray[np.floating]) -> bool:
    return bool(np.isfinite(array).all())


def _epochs(setup: Setup, notebook: Notebook, progress: Callable[[], object] | None, every: bool) -> bool:
    """Train all that the notebook watches on the same batches, and note `every` epoch; whether Ctrl-C ended it."""
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
            if every:
                notebook.note()
    except KeyboardInterrupt:
        interrupted = True
    return interrupted
