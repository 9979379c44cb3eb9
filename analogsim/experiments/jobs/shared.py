"""What several jobs need and one process works out once: the data sets.

A result that many jobs share, such as the digital training beside all chips of one network, fits here as one more
function of what it depends on. Its key is `analogsim.experiments.jobs.points.digest` of the settings that it is a
function of, those of the chip left out; it is computed by the first job that asks for the key, by a function of its
own that jobs and tests can call, and kept as a job of its own, in a row of the same journal under that key (arrays in
``more``), so that a resumed sweep finds it and a change of code refuses it like any other row. No job may depend on
which process asked first: what is shared is a function of its key alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from analogsim.experiments import data
from analogsim.files import expand
from analogsim.registry import Given, register
from analogsim.settings.record import Settings


def loaded(settings: Settings) -> data.Dataset:
    """The data set, read once in each process; its arrays are shared by the jobs, so they are made read-only."""
    if isinstance(settings.data, Given):
        return data.load_data(settings.data, **settings.data_options)
    return _loaded(settings.data, stamp(settings.data), register.data.added.get(settings.data), **settings.data_options)


@lru_cache(maxsize=2)
def _loaded(name: str, stamp: int, made_by: object, **options: object) -> data.Dataset:
    found = data.load_data(name, **options)  # type: ignore[arg-type]
    for value in vars(found).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return found


def stamp(name: str) -> int:
    """When a file of the user's was written last; 0 for a built-in data set."""
    return expand(name).stat().st_mtime_ns if name.endswith(".npz") and expand(name).exists() else 0
