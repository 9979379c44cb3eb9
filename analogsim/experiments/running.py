"""One run: a chip trained in the loop, beside digital DP⊤ and back-propagation on the same batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import xarray as xr

from analogsim.experiments.loop import taught
from analogsim.experiments.results import stamped
from analogsim.experiments.setup import Setup, prepare
from analogsim.settings.record import Settings


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


def train(setup: Setup, *, progress: Callable[[], Any] | None = None) -> xr.Dataset:
    """Run what was prepared. Ctrl-C ends it early and keeps the finished epochs."""
    return stamped(taught(setup, progress=progress), **setup.record())
