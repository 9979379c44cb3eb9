"""Reproduce a study: its points, its table, its verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from analogsim.experiments.reproduce import claims, computing, table_lines
from analogsim.experiments.reproduce.card import Study, read
from analogsim.experiments.reproduce.computing import Record
from analogsim.experiments.reproduce.study_points import Point, points
from analogsim.files import expand


@dataclass(frozen=True)
class Outcome:
    """What came out of a study.

    Attributes
    ----------
    study : Study
    size : str
    on : str or None
        The circuit, if the study was moved onto one.
    points : list of Point
    records : dict
        Key of a point -> its record.
    computed_by : list of str
        Version and commit of all that computed them.
    lines : list of Line
    verdicts : list of Judged
    """

    study: Study
    size: str
    on: str | None
    points: list[Point]
    records: dict[int, Record]
    computed_by: list[str]
    lines: list[table_lines.Line]
    verdicts: list[claims.Judged]

    @property
    def name(self) -> str:
        """Of the page: that of the card, with the circuit if there is one."""
        return self.study.name if self.on is None else f"{self.study.name}-{self.on}"


def carry_out(
    name: str | Study,
    size: str = "medium",
    *,
    on: str | None = None,
    output: str | Path | None = None,
    seeds: int | None = None,
    rows: list[str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    verbose: bool = False,
    progress: Callable[[int, int, Mapping[str, int]], None] | None = None,
    compute: bool = True,
) -> Outcome:
    """Compute a study, or what is missing of it, and judge its claims.

    Parameters
    ----------
    name : str or Study
        A card in ``experiments/``, or a path that ends in ``.toml``.
    size : {"quick", "medium", "full"}
    on : str, optional
        Move the study onto this circuit, as the card says.
    output : path, optional
        Where points are kept; a folder of the user's cache if not given.
    seeds : int, optional
        Repetitions, from 0 on; the card's if not given.
    rows : list of str, optional
        Only these.
    workers, scheduler, fresh, verbose, progress
        As in `analogsim.experiments.reproduce.computing.run`.
    compute : bool
        False: only judge what is there.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        For whatever is wrong with the card or the options.
    """
    study = read(name) if isinstance(name, str) else name
    chosen = points(study, size, on, seeds, rows)
    folder = expand(output) if output else cache(study.name)
    if compute:
        records = computing.run(
            chosen, folder, workers=workers, scheduler=scheduler, fresh=fresh, verbose=verbose, progress=progress
        )
    else:
        records = computing.there(chosen, folder)
    found = table_lines.lines(chosen, records)
    verdicts = claims.judge(study, found, size, on)
    return Outcome(study, size, on, chosen, records, computing.computed_by(folder), found, verdicts)


def cache(name: str) -> Path:
    """The user's folder for the points of a study."""
    from analogsim.experiments.data import cache_folder

    return cache_folder() / "studies" / name
