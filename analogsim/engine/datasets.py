"""From packed states to labelled data sets, and the verdict on each sample."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from functools import lru_cache

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from analogsim import __version__, accessor  # noqa: F401  (gives datasets their figures)
from analogsim.chip.whole import Chip
from analogsim.engine.chip_cache import kept
from analogsim.engine.packing import Batch
from analogsim.functions.activations import activation

Array = NDArray[np.floating]
Variable = tuple[str | tuple[str, ...], ArrayLike, Mapping[str, object]]
"""Dimensions, values, and long name and units."""
Variables = dict[str, Variable]
Layout = tuple[Hashable, tuple[Hashable, ...], tuple[int, ...], tuple[tuple[str, object], ...]]
"""Name, dimensions, shape, and long name and units of one variable."""
Seed = int | dict[str, object]
"""A seed as it was given, or the state of a generator."""

COMPARTMENTS = ("+", "-")
STATUS: tuple[str, ...] = ("converged", "diverged", "oscillating", "slow")
CONVERGED, DIVERGED, OSCILLATING, SLOW = range(4)


def trend(t: Array, residuals: Array) -> NDArray[np.int64]:
    """Tell a ringing residual from one that creeps, from its course over the last half of the time.

    Parameters
    ----------
    t : (step,) array
    residuals : (step, sample) array

    Returns
    -------
    (sample,) array of OSCILLATING (three or more turning points and no decay to speak of) or SLOW.
    """
    late = t >= (t[0] + t[-1]) / 2
    t, log = t[late], np.log(np.maximum(residuals[late], 1e-300))
    verdict = np.full(residuals.shape[1], SLOW)
    if len(t) < 4:
        return verdict
    for b in range(log.shape[1]):
        change = np.diff(log[:, b])
        signs = np.sign(change[np.abs(change) > 1e-6])
        turns = int((signs[1:] != signs[:-1]).sum())
        slope = np.polyfit(t, log[:, b], 1)[0]
        if turns >= 3 and slope > -0.03:
            verdict[b] = OSCILLATING
    return verdict


def layer_variables(batch: Batch, states: list[Array], dims: tuple[str, ...]) -> Variables:
    """``a_k`` and ``s_k`` of every layer; each state has the dimensions `dims` and then the neurons."""
    chip = batch.chip
    hidden, last = activation(chip.activation), activation(chip.output_activation)
    found: Variables = {}
    for k, a in enumerate(states, start=1):
        f = last if k == len(states) else hidden
        over = (*dims, f"layer{k}")
        found[f"a_{k}"] = (over, a, {"long_name": f"pre-activation of layer {k}", "units": "activity"})
        found[f"s_{k}"] = (over, f(a), {"long_name": f"state of layer {k}", "units": "activity"})
    return found


def inputs(batch: Batch) -> Variables:
    """x, y and the signed β of each sample."""
    found: Variables = {
        "x": (("sample", "feature"), batch.x, {"long_name": "clamped input", "units": "activity"}),
        "beta": (("sample",), batch.beta, {"long_name": "nudging strength β", "units": "1"}),
    }
    if batch.y is not None:
        found["y"] = (("sample", "class"), batch.y, {"long_name": "target", "units": "activity"})
    return found


def coordinates() -> Variables:
    """Labels common to every result."""
    about = {"long_name": "compartment of the dyad", "units": "1"}
    return {"compartment": ("compartment", np.array(COMPARTMENTS), about)}


def status_variable(status: NDArray[np.integer]) -> Variable:
    """The verdict of each sample in words."""
    return (("sample",), np.array(STATUS, dtype="<U11")[status], {"long_name": "verdict", "units": "1"})


def seed_of(seed: int | np.random.Generator | None, rng: np.random.Generator) -> Seed:
    """What the same bits can be drawn from again: a seed as it was given, or the state of its generator before a draw.

    Parameters
    ----------
    seed : int or numpy.random.Generator
        The caller's.
    rng : numpy.random.Generator
        Made of it.
    """
    if isinstance(seed, int | np.integer):
        return int(seed)
    return {**rng.bit_generator.state, "seed_sequence": getattr(rng.bit_generator.seed_seq, "state", None)}


def stamp(chip: Chip, seed: Seed) -> str:
    """The reproducibility stamp as JSON; what it says of the chip is written once."""

    def plain(value: object) -> object:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    def written(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, default=plain)

    run = written({"version": __version__, "numpy": np.__version__, "seed": seed})
    return f'{run[:-1]}, "chip": {kept(chip, "stamp", lambda: written(dict(chip.record)))}}}'


def attributes(batch: Batch, *, seed: Seed, **more: object) -> dict[str, object]:
    """What `gradient` and a reader need to know of the run."""
    chip = batch.chip
    return {
        "analogsim_run": stamp(chip, seed),
        "wiring": batch.wiring.to_json(),
        "rule": batch.wiring.name,
        "time_unit_s": chip.time_unit,
        "activity_unit": chip.activity_unit,
        **more,
    }


def dataset(
    variables: Variables, batch: Batch, *, seed: Seed, coords: Variables | None = None, **attrs: object
) -> xr.Dataset:
    """Assemble, with labels and attributes; `coords` come beside those of every result."""
    known = {name: _variable(value) for name, value in variables.items()}
    if coords is None:
        layout = tuple((name, v.dims, v.shape, tuple(v.attrs.items())) for name, v in known.items())
        found = _template(layout).copy(data=known)
    else:
        labels = {name: _variable(value) for name, value in {**coordinates(), **coords}.items()}
        found = xr.Dataset(known, labels)
    found.attrs = attributes(batch, seed=seed, **attrs)
    return found


@lru_cache(maxsize=64)
def _template(layout: tuple[Layout, ...]) -> xr.Dataset:
    """A data set of that layout without data: assembling one takes longer than a small network does to settle."""
    blank = {
        name: _variable((dims, np.broadcast_to(0.0, shape), dict(about)))  # type: ignore[arg-type]
        for name, dims, shape, about in layout
    }
    return xr.Dataset(blank, {name: _variable(value) for name, value in coordinates().items()})


def _variable(value: Variable) -> xr.Variable:
    """As xarray would make it, but without asking whether an array is one of dask, whose import takes long."""
    dims, values, about = value
    return xr.Variable(dims, np.asarray(values), about, fastpath=True)
