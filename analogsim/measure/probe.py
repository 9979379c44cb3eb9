"""Some test samples relaxed on a chip in continuous time, as an oscilloscope would show them."""

from __future__ import annotations

from functools import cached_property
from typing import TypedDict

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.circuits.crossbar.circuit import Crossbar
from analogsim.circuits.optical.circuit import Optoelectronic
from analogsim.engine.transient import relax
from analogsim.functions.node_noises import NODE_NOISES
from analogsim.measure.convergence import settling_time
from analogsim.measure.moment import Setup
from analogsim.measure.power import array_power, duration, energy, settled_states
from analogsim.wiring import Wiring

Array = NDArray[np.floating]
PROBES, SHOWN = 16, 4
"""Test samples relaxed in continuous time, and how many of them keep the traces of their output."""
T_END, TIMES = 40.0, 401
TOLERANCE = 1e-3
"""A sample has settled when max |τ da/dt| / min(1, |β|) stays below this."""


class Common(TypedDict):
    """How every sample is relaxed."""

    wiring: Wiring
    seed: int
    t_end: float
    times: NDArray[np.float64]


class Probe:
    """Traces of test samples from a = 0, the input being switched on at t = 0; each is computed when first asked for.

    Parameters
    ----------
    setup : Setup
    chip : Chip
        As it is now.
    """

    def __init__(self, setup: Setup, chip: Chip) -> None:
        self.setup, self.chip = setup, chip
        self.beta = setup.settings.beta
        self.x, self.y = setup.data.test_x[:PROBES], setup.data.test_y[:PROBES]
        times = np.linspace(0, T_END, TIMES)
        self.common: Common = {"wiring": setup.wiring, "seed": setup.settings.seed, "t_end": T_END, "times": times}

    @cached_property
    def held(self) -> Chip:
        """The chip with its noise held at one draw, since under changing noise a state never settles."""
        mode = "quasi-static" if self.chip.read_mode == "quasi-static" else "per-read"
        still = {kind.field: 0.0 for kind in NODE_NOISES}
        return self.chip.replace(**still, read_mode=mode, read_period=10 * T_END)

    @cached_property
    def nudged(self) -> xr.Dataset:
        """Trajectories of all samples with their labels, the noise held."""
        return relax(self.held, self.x, self.y, beta=self.beta, tol=TOLERANCE, **self.common)

    @cached_property
    def free(self) -> xr.Dataset:
        """Trajectories of all samples without labels, as in an inference, the noise held."""
        return relax(self.held, self.x, beta=0.0, tol=TOLERANCE, **self.common)

    @cached_property
    def live(self) -> xr.Dataset:
        """Trajectories of the first samples with all noise running."""
        if not self.chip.has_noise:
            return self.nudged.isel(sample=slice(SHOWN))
        return relax(self.chip, self.x[:SHOWN], self.y[:SHOWN], beta=self.beta, **self.common)

    @property
    def tolerance(self) -> float:
        """Bound of the residual of a nudged sample that has settled."""
        return TOLERANCE * min(1.0, self.beta)

    @staticmethod
    def settling(found: xr.Dataset, tolerance: float) -> NDArray[np.float64]:
        """When each sample settled, τ; NaN if it did not."""
        times = settling_time(found["time"].values, found["residual"].values, tolerance)
        return np.where(found["status"].values == "converged", times, np.nan)

    @cached_property
    def costs(self) -> dict[str, Array]:
        """Time (s) and energy (J) of an inference and of an update, estimated from the arrays; NaN where none are."""
        made, settings = self.setup.circuit, self.setup.settings
        found: dict[str, Array] = {}
        if not isinstance(made, Crossbar | Optoelectronic):
            names = (f"{what}_{of}" for what in ("inference", "update") for of in ("time", "energy"))
            return dict.fromkeys(names, np.full(len(self.x), np.nan))
        for name, dataset, limit in (("inference", self.free, TOLERANCE), ("update", self.nudged, self.tolerance)):
            settling = self.settling(dataset, limit)
            if isinstance(made, Optoelectronic):
                # One frame rewrites the weights for a whole batch, or several.
                writes = 1.0 / (settings.batch_size * settings.write_every) if name == "update" else 0.0
                found[f"{name}_time"], found[f"{name}_energy"] = made.costs(self.held, settling, writes)
                continue
            states = settled_states(self.held, dataset)
            power = array_power(made, self.held, self.x, states, self.setup.wiring)
            found[f"{name}_time"] = duration(made, settling)
            found[f"{name}_energy"] = energy(made, power, settling)
        if settings.nudge == "auto-zero":
            for what in ("time", "energy"):
                found[f"update_{what}"] = found[f"update_{what}"] + found[f"inference_{what}"]
        return found
