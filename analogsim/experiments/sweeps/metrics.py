"""What a sweep records of each point: figures of a whole run, or of the chip as programmed, before any training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim import measure
from analogsim.circuits.base import child
from analogsim.engine import datasets
from analogsim.engine.resting import settle
from analogsim.errors import InputError, one_of, shown
from analogsim.experiments.data import FIGURES
from analogsim.experiments.notebook import GRADIENT_SAMPLES, PROBES
from analogsim.experiments.setup import Setup
from analogsim.learning.on_chip import OnChip, Settled
from analogsim.learning.reference import implicit
from analogsim.measure import Alignment


class Initial:
    """A chip as programmed. Every part is computed when a metric first asks for it."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    @cached_property
    def _first(self) -> tuple[Any, Settled]:
        setup, data = self.setup, self.setup.data
        rng = child(setup.settings.seed, "chip")
        chip = OnChip(setup.circuit, setup.chip, setup.wiring, setup.settings, rng)
        return chip.gradient(data.train_x[:GRADIENT_SAMPLES], data.train_y[:GRADIENT_SAMPLES])

    @property
    def settled(self) -> Settled:
        """Some training samples at rest, nudged."""
        return self._first[1]

    @cached_property
    def alignment(self) -> Alignment:
        """The first gradient against the exact one; NaN where the network has no equilibrium."""
        setup, data = self.setup, self.setup.data
        x, y = data.train_x[:GRADIENT_SAMPLES], data.train_y[:GRADIENT_SAMPLES]
        try:
            return measure.alignment(self._first[0], implicit(setup.chip.network(), x, y, setup.wiring))
        except InputError:
            nothing = np.full(setup.chip.layers, np.nan)
            return Alignment(nothing, nothing, np.nan)

    @cached_property
    def abscissa(self) -> float:
        """Largest real part of an eigenvalue at the equilibria of the probe samples, of the chip without noise."""
        setup, data = self.setup, self.setup.data
        found = settle(
            setup.chip, data.test_x[:PROBES], data.test_y[:PROBES], wiring=setup.wiring, beta=setup.settings.beta,
            seed=setup.settings.seed, stability=True,
        )["spectral_abscissa"].values  # fmt: skip
        return float(np.nanmax(found)) if np.isfinite(found).any() else float("nan")


@dataclass(frozen=True)
class Metric:
    """A number for each point, and how to read it from a run's dataset or from an `Initial`."""

    long_name: str
    units: str
    read: Callable[[Any], float]


def _last(name: str, **place: Any) -> Callable[[xr.Dataset], float]:
    return lambda run: float(run[name].isel(epoch=-1).sel(**place).max())


def _shares(status: NDArray[Any]) -> float:
    return 100 * float((status == datasets.CONVERGED).mean())


TRAINED: dict[str, Metric] = {
    "test_accuracy": Metric("test accuracy", "%", _last("test_accuracy", trainer="chip")),
    "test_accuracy_digital": Metric(
        "test accuracy of digital DP⊤", "%", _last("test_accuracy", trainer="digital DP⊤")
    ),
    "test_accuracy_backprop": Metric(
        "test accuracy of back-propagation", "%", _last("test_accuracy", trainer="back-propagation")
    ),
    **{
        f"{name}{suffix}": Metric(f"{figure.long_name}{whose}", figure.units, _last(name, trainer=trainer))
        for name, figure in FIGURES["regression"].items()
        for suffix, whose, trainer in (
            ("", "", "chip"),
            ("_digital", ", digital DP⊤", "digital DP⊤"),
            ("_backprop", ", back-propagation", "back-propagation"),
        )
    },
    "test_loss": Metric("mean loss on the test set", "1", _last("test_loss", trainer="chip")),
    "lipschitz": Metric("Lipschitz constant", "1", _last("lipschitz", trainer="chip")),
    "gradient_cosine": Metric("cosine to the exact gradient", "1", _last("gradient_cosine_whole")),
    "gradient_cosine_worst": Metric(
        "cosine to the exact gradient, worst layer", "1",
        lambda run: float(run["gradient_cosine"].isel(epoch=-1).min(skipna=False)),
    ),
    "symmetry_defect": Metric(
        "feedback error ‖V − Wᵀ‖/‖W‖", "1", lambda run: float(run["symmetry_defect"].isel(epoch=-1).max())
    ),
    "activation_max": Metric("largest |a|", "activity", _last("activation_max")),
    "settled": Metric("training samples that settled", "%", _last("settled")),
    "converged": Metric(
        "probe samples that converge", "%",
        lambda run: 100 * float((run["status"].isel(snapshot=-1) == "converged").mean()),
    ),
    "settling_time": Metric(
        "settling time, median", "τ",
        lambda run: float(run["settling_time"].isel(snapshot=-1).fillna(np.inf).median()),
    ),
}  # fmt: skip
"""Figures at the end of a run."""

INITIAL: dict[str, Metric] = {
    "initial_settled": Metric(
        "samples that settle before training", "%", lambda chip: _shares(chip.settled.status)
    ),
    "initial_gradient_cosine": Metric(
        "cosine to the exact gradient before training", "1", lambda chip: chip.alignment.whole_cosine
    ),
    "initial_gradient_cosine_worst": Metric(
        "cosine to the exact gradient before training, worst layer", "1",
        lambda chip: float(chip.alignment.cosine.min()),
    ),
    "initial_symmetry_defect": Metric(
        "feedback error ‖V − Wᵀ‖/‖W‖ before training", "1",
        lambda chip: float(measure.symmetry_defect(chip.setup.chip).max(initial=0.0)),
    ),
    "initial_lipschitz": Metric(
        "Lipschitz constant before training", "1", lambda chip: measure.lipschitz(chip.setup.chip.network())
    ),
    "programming_error": Metric(
        "programming error ‖W_chip − W‖/‖W‖, worst layer", "1",
        lambda chip: max(
            float(np.linalg.norm(got - want) / np.linalg.norm(want))
            for got, want in zip(chip.setup.chip.forward, chip.setup.network.weights, strict=True)
        ),
    ),
    "spectral_abscissa": Metric(
        "largest real part of an eigenvalue before training", "1/τ", lambda chip: chip.abscissa
    ),
}  # fmt: skip
"""Figures of the chip as programmed; a sweep of these alone trains nothing."""

Own = Callable[[Setup], float]
Chosen = dict[str, Metric | Own]


def choose(metrics: Iterable[str] | Mapping[str, Own] | None, tasks: Iterable[str] = FIGURES) -> Chosen:
    """The metrics by name; all of a run's that suit the tasks if nothing is said.

    Raises
    ------
    InputError
        If a name is unknown, or is of a task that is not among them.
    """
    suits = {name for task in tasks for name in FIGURES[task]}
    bound = {name: name.removesuffix("_digital").removesuffix("_backprop") for name in TRAINED}
    bound = {name: of for name, of in bound.items() if any(of in figures for figures in FIGURES.values())}
    if metrics is None:
        return {name: metric for name, metric in TRAINED.items() if bound.get(name) in (None, *suits)}
    if isinstance(metrics, Mapping):
        return dict(metrics)
    known = TRAINED | INITIAL
    chosen: Chosen = {}
    if not isinstance(metrics, Iterable) or isinstance(metrics, str):
        raise InputError(f"metrics = {shown(metrics)}: expected a list of names, or functions by name.")
    for name in metrics:
        one_of("metric", name, known)
        if bound.get(name) not in (None, *suits):
            raise InputError(f"metric {name!r} has no meaning for {' and '.join(tasks)}; take {', '.join(suits)}.")
        chosen[name] = known[name]
    if not chosen:
        raise InputError("metrics: give at least one.")
    return chosen
