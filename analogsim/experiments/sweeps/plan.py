"""All points of a sweep by their number: a grid, a Latin hypercube or a Sobol sequence, times the seeds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError, one_of, out_of_range
from analogsim.experiments.jobs.points import digest
from analogsim.experiments.sweeps.axes import Axis, Value, check_together
from analogsim.settings.keyed import put
from analogsim.settings.record import Settings

DESIGNS = {
    "grid": "every combination of the values",
    "lhs": "Latin hypercube: each of N slices of every axis is met once (McKay et al., Technometrics 21, 239, 1979)",
    "sobol": "scrambled Sobol sequence, best with N a power of two (Owen, J. Complexity 14, 466, 1998)",
}


@dataclass(frozen=True)
class Plan:
    """What is swept.

    Parameters
    ----------
    base : Settings
        All that is not swept.
    axes : tuple of Axis
    seeds : tuple of int, optional
        Repetitions; a last dimension ``seed``.
    design : {"grid", "lhs", "sobol"}
    points : int, optional
        Points of a sampled design.

    Raises
    ------
    InputError
        If a key is swept twice, or the design does not suit the axes.
    """

    base: Settings
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] | None = None
    design: str = "grid"
    points: int | None = None

    def __post_init__(self) -> None:
        keys = [axis.key for axis in self.axes]
        if len(set(keys)) < len(keys):
            raise InputError(f"a key is swept twice: {', '.join(keys)}.")
        one_of("design", self.design, DESIGNS)
        check_together(self.base, self.axes)
        if self.design == "grid":
            for axis in self.axes:
                if not axis.values:
                    raise InputError(
                        f"{axis.key}: a grid needs a step or a number of values, as in {axis.key}=0:1:0.1; "
                        "a range alone is for --design lhs or sobol."
                    )
            if self.points is not None:
                raise InputError("--points is for --design lhs and sobol; a grid has the values of its axes.")
        elif self.points is None or self.points < 1 or not self.axes:
            lacks = [] if self.axes else ["--over KEY=LOW:HIGH"]
            lacks += ["--points N, N ≥ 1"] if self.points is None or self.points < 1 else []
            raise InputError(f"--design {self.design} needs {' and '.join(lacks)}.")
        for seed in self.seeds or ():
            if seed < 0:
                raise out_of_range("seed", seed, "seed ≥ 0")
        if self.seeds is not None and len(set(self.seeds)) < max(len(self.seeds), 1):
            raise InputError(f"seeds = {self.seeds}: at least one, and none twice.")

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the result's dimensions."""
        swept = tuple(axis.key for axis in self.axes) if self.design == "grid" else ("point",)
        return (*swept, *(("seed",) if self.seeds is not None else ()))

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""
        swept = tuple(len(axis.values) for axis in self.axes) if self.design == "grid" else (self.points or 0,)
        return (*swept, *((len(self.seeds),) if self.seeds is not None else ()))

    @property
    def size(self) -> int:
        """Number of points."""
        return prod(self.shape)

    @cached_property
    def samples(self) -> NDArray[np.float64]:
        """Shares in [0, 1) of a sampled design, (point, axis)."""
        import warnings

        from scipy.stats import qmc

        seed = np.random.default_rng(self.base.seed)
        count, width = self.points or 0, len(self.axes)
        if self.design == "lhs":
            found: NDArray[np.float64] = qmc.LatinHypercube(width, rng=seed).random(count)
            return found
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a count that is no power of two is only less balanced
            found = qmc.Sobol(width, rng=seed).random(count)
            return np.minimum(found, np.nextafter(1, 0), dtype=np.float64)

    def swept(self, index: int) -> dict[str, Value]:
        """The swept values of a point, by key."""
        place = [int(k) for k in np.unravel_index(index, self.shape)] if self.shape else []
        if self.design == "grid":
            found = {axis.key: axis.values[k] for axis, k in zip(self.axes, place, strict=False)}
        else:
            found = {axis.key: axis.at(u) for axis, u in zip(self.axes, self.samples[place[0]], strict=True)}
        if self.seeds is not None:
            found["seed"] = self.seeds[place[-1]]
        return found

    @cached_property
    def _base(self) -> dict[str, object]:
        return asdict(self.base)

    def fields(self, index: int) -> dict[str, object]:
        """The fields of `Settings` of a point; ``seed`` is the repetition's, its own follows from its content."""
        found = self._base
        for key, value in self.swept(index).items():
            found = put(found, key, value)
        return found

    def digest(self, index: int) -> tuple[int, int]:
        """Key and seed of a point, both from its content, so that order and neighbours do not matter."""
        return digest(self.fields(index))

    def digests(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Keys and seeds of all points."""
        keys, seeds = np.empty(self.size, np.uint64), np.empty(self.size, np.int64)
        for index in range(self.size):
            keys[index], seeds[index] = self.digest(index)
        return keys, seeds

    def coords(self) -> dict[str, tuple[str, list[Value], dict[str, str]]]:
        """Coordinates of the result, labelled."""
        found: dict[str, tuple[str, list[Value], dict[str, str]]] = {}
        for k, axis in enumerate(self.axes):
            attrs = {"long_name": axis.long_name, "units": axis.units, "spacing": "log" if axis.log else "linear"}
            if self.design == "grid":
                found[axis.key] = (axis.key, list(axis.values), attrs)
            else:
                found[axis.key] = ("point", [axis.at(u) for u in self.samples[:, k]], attrs)
        if self.seeds is not None:
            found["seed"] = ("seed", list(self.seeds), {"long_name": "repetition", "units": "1"})
        return found

    def words(self) -> list[str]:
        """The plan in words, a line for each axis."""
        lines = [f"Sweep     {self.size} points: {' × '.join(f'{n} {d}' for d, n in zip(self.dims, self.shape))}"]  # noqa: B905
        for axis in self.axes:
            unit = "" if axis.units == "1" else f" {axis.units}"
            shown = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in axis.values[:8])
            span = shown + (f", … {axis.values[-1]}" if len(axis.values) > 8 else "")
            if self.design != "grid" and axis.low is not None:
                span = f"{axis.low:g} to {axis.high:g}{', by ratio' if axis.log else ''}"
            lines.append(f"          {axis.key} = {span}{unit} ({axis.long_name})")
        if self.design != "grid":
            lines.append(f"          {DESIGNS[self.design]}")
        if self.axes:
            lines.append("          and for all that is not swept:")
        return lines
