"""One point of a study, in whatever process: the settings of a kind in, its numbers out."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from analogsim.experiments.jobs.imports import code
from analogsim.experiments.jobs.points import Found, digest
from analogsim.experiments.reproduce.kinds import load
from analogsim.experiments.sweeps.ingredients import made_of
from analogsim.registry import register
from analogsim.text import visible

if TYPE_CHECKING:
    from analogsim.experiments.reproduce.study_points import Point

CONTINUED = ("epochs",)
"""Settings by which a longer run continues a shorter one: they are not in the name of its checkpoint."""


def computed(point: Point, *, folder: Path, verbose: bool = False) -> Found:
    """Compute a point, from its checkpoint in a folder if there is one; nine digits of each number.

    Raises
    ------
    InputError
        If a setting is wrong, and with it the card.
    """

    def tell(text: str) -> None:
        if verbose:
            print(visible(f"{datetime.now():%H:%M:%S} {point.words()}: {text}"), file=sys.stderr, flush=True)

    folder.mkdir(parents=True, exist_ok=True)  # a worker of a cluster may have a disk of its own
    found = load(point.kind)(point.settings, folder / checkpoint(point), tell)
    tell(found.status)
    values = {key: float(f"{value:.9g}") for key, value in found.values.items()}
    series = {key: [float(f"{value:.9g}") for value in entries] for key, entries in found.series.items()}
    return Found(values, series, found.status, found.message)


def checkpoint(point: Point) -> str:
    """Name, without suffix, of what a point keeps in order to go on after a kill; another one for other code."""
    settings = {key: value for key, value in point.settings.items() if key not in CONTINUED}
    made = code(__name__) + made_of_kind(point.kind)
    return f"{digest({'kind': point.kind, 'code': made, **settings})[0]:016x}"


def made_of_kind(kind: str) -> str:
    """Digest of a kind of computation that is not of this package; empty for the others, which `code` covers."""
    return made_of(kind, load(kind), "computation") if register.experiment.is_foreign(kind) else ""
