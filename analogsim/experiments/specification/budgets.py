"""What does each nonideality of a circuit cost? Each alone, all but each, and all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from analogsim.circuits.base import Circuit
from analogsim.errors import InputError, out_of_range
from analogsim.experiments import results
from analogsim.experiments.setup import prepare
from analogsim.experiments.specification.catalogue import choose, nonidealities, with_values
from analogsim.experiments.specification.trials import FIGURES, Trial, Trials, folder_of
from analogsim.settings.calls import called_with
from analogsim.settings.record import Settings


def budget(
    circuit: str | Path | Circuit | Settings = "crossbar",
    *,
    names: Iterable[str] = (),
    seeds: int = 5,
    output: str | Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    progress: Callable[[int, int], object] | None = None,
    **options: object,
) -> xr.Dataset:
    """Train with each nonideality alone, with all but each, with all and with none.

    Parameters
    ----------
    circuit : str, path, Circuit or Settings
        Name of a circuit card, the path of one, or a circuit; or all settings, which the options then change. Their
        seed is the first of the seeds.
    names : iterable of str
        Keys such as ``circuit.gain_mismatch``; all that the circuit has if empty. Those not named stay as they are
        throughout.
    seeds : int
        Trials of each case, ≥ 2; the same weights, batches and draws in every case.
    output : path, optional
        Result (``.nc``); trials are kept in a folder beside it, from which the same call goes on.
    workers, scheduler, fresh
        As in `analogsim.experiments.sweeps.sweep`.
    progress : callable, optional
        Called with the numbers of trials done and of all.
    **options
        Fields of `Settings`, and values of cards by key, as in ``**{"device.read_noise": 0.1}``.

    Returns
    -------
    xarray.Dataset
        Over ``case`` ("none", "all", "only KEY", "all but KEY") and ``seed``: ``accuracy``, ``loss`` in points against
        digital back-propagation with the same seed, and ``bias`` and ``noise``, the errors of the gradient in the
        layer where they are largest; see `analogsim.experiments.specification.trial.trained`. All are NaN where a trial
        failed, and ``message`` says why.

    Raises
    ------
    InputError
        If a name, a number or a file is not right, or the circuit has no nonideality.
    """
    settings = called_with(circuit, options)
    if seeds < 2:
        raise out_of_range("seeds", seeds, "seeds ≥ 2")
    found = choose(settings, names) if names else [one for one in nonidealities(settings) if not one.is_off]
    if not found:
        raise InputError(f"the circuit {settings.circuit!r} is ideal; give it something to lose with --set or --noise.")
    trials = Trials(settings, folder_of(output), workers, scheduler=scheduler, fresh=fresh)
    ideal = {one.key: one.ideal for one in found}
    cases = {"none": ideal, "all": {}}
    for one in found:
        cases[f"only {one.key}"] = {key: value for key, value in ideal.items() if key != one.key}
        cases[f"all but {one.key}"] = {one.key: one.ideal}
    numbers = [settings.seed + k for k in range(seeds)]
    wanted = [Trial(replace(settings, seed=seed), "back-propagation") for seed in numbers]
    wanted += [Trial(replace(with_values(settings, c), seed=seed)) for c in cases.values() for seed in numbers]
    if progress:
        trials.progress = lambda done: progress(done, len({trial.key for trial in wanted}))
    try:
        outcomes = trials(wanted)
    finally:
        trials.close()
    figures = np.array([outcome.figures for outcome in outcomes]).reshape(1 + len(cases), seeds, len(FIGURES))
    dims = ("case", "seed")
    variables: dict[str, tuple[str | tuple[str, ...], ArrayLike, dict[str, str]]] = {
        name: (dims, figures[1:, :, k], {"long_name": text, "units": unit})
        for k, (name, (text, unit)) in enumerate(FIGURES.items())
    }
    points = figures[:1, :, 0] - figures[1:, :, 0]
    variables["loss"] = (dims, points, {"long_name": "accuracy lost against back-propagation", "units": "points"})
    about = {"long_name": "test accuracy of back-propagation", "units": "%"}
    variables["backprop"] = ("seed", figures[0, :, 0], about)
    about = {"long_name": "why back-propagation failed", "units": "1"}
    variables["backprop_message"] = ("seed", np.array([outcome.message for outcome in outcomes[:seeds]], object), about)
    variables["message"] = (
        dims, np.array([outcome.message for outcome in outcomes[seeds:]], object).reshape(len(cases), seeds),
        {"long_name": "what went wrong", "units": "1"},
    )  # fmt: skip
    described = {
        "meaning": [one.long_name for one in found],
        "unit": [one.unit for one in found],
        "value": [str(one.value if one.value is not None else "the model's own") for one in found],
    }
    for name, values in described.items():
        variables[name] = ("nonideality", np.array(values, object), {"long_name": name, "units": "1"})
    dataset = xr.Dataset(variables, {"case": list(cases), "seed": numbers, "nonideality": [one.key for one in found]})
    dataset.attrs["kind"] = "budget"
    setup = prepare(settings)
    about_run = {"settings": asdict(settings), "cards": dict(setup.chip.record), "words": setup.words()}
    dataset = results.stamped(dataset, seed=settings.seed, **about_run)
    if output is not None:
        results.save(dataset, output)
    return dataset
