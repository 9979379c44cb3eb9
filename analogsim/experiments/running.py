"""One run: a chip trained in the loop, beside digital DP⊤ and back-propagation on the same batches."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import xarray as xr
from threadpoolctl import threadpool_limits

from analogsim.circuits.base import Circuit
from analogsim.experiments import results
from analogsim.experiments.loop import taught
from analogsim.experiments.setup import Setup, prepare
from analogsim.settings.calls import called_with
from analogsim.settings.record import Settings

SMALL = 2**16
"""Weights of an array, 256 × 256, with which a batch is multiplied by one thread: two take longer."""


def run(
    circuit: str | Path | Circuit | Settings = "crossbar",
    *,
    output: str | Path | None = None,
    progress: Callable[[], object] | None = None,
    **options: object,
) -> xr.Dataset:
    """Train a dyadic network in the loop on a circuit, beside digital DP⊤ and back-propagation on the same data.

    What ``analogsim run`` does: ``run("crossbar", alpha=0.3, noise=0.05, hidden=(64, 32))``.

    Parameters
    ----------
    circuit : str, path, Circuit or Settings
        Name of a circuit card, the path of one, or a circuit; or all settings, which the options then change.
    output : path, optional
        Where to write the result, too (``.nc``).
    progress : callable, optional
        Called after every batch.
    **options
        Fields of `Settings`, and values of cards by key, as in ``**{"device.read_noise": 0.1}``.

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
    settings = called_with(circuit, options)
    target = None if output is None else results.target(output)
    dataset = train(prepare(settings), progress=progress)
    if target is not None:
        results.save(dataset, target)
    return dataset


def train(setup: Setup, *, progress: Callable[[], object] | None = None) -> xr.Dataset:
    """Run what was prepared. Ctrl-C ends it early and keeps the finished epochs."""
    with _threads(setup):
        found = taught(setup, progress=progress)
    return results.stamped(found, **setup.record())


def _threads(setup: Setup) -> AbstractContextManager[object]:
    """One BLAS thread for products that end before a second one has woken up, which then waits busily for the next."""
    limit = 1 if max(w.size for w in setup.network.weights) <= SMALL else None
    held: AbstractContextManager[object] = threadpool_limits(limit)
    return held
