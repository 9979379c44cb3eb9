"""How well a chip learns, looked at after each epoch: what its gradients do wrong, and how near trouble is.

`light` costs a few settles of 200 samples; `full` adds Lipschitz constants and spectral abscissae on a few samples,
whose cost grows with the cube of the network.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from analogsim import measure
from analogsim.engine import datasets
from analogsim.engine.resting import settle
from analogsim.errors import InputError
from analogsim.experiments.setup import Setup
from analogsim.learning.on_chip import OnChip
from analogsim.learning.reference import implicit

DRAWS = 4
"""Noise draws from which bias and noise of the gradient are told apart."""
SAMPLES = 200
"""Training samples on which the gradient is compared with its reference."""
FEW = 4
"""Samples of what is expensive."""
RUNAWAY = 10.0
"""Growth of the largest |a| over its value before training that raises the alarm; trained networks stay below 5."""

COSTS = ("inference_time", "inference_energy", "update_time", "update_energy")
"""What is estimated of each sample's inference and each update, where a circuit has figures for it."""

VERDICTS = tuple(datasets.STATUS)
Page = dict[str, tuple[tuple[str, ...], str, str]]
PAGES: Page = {
    "gradient_bias": (("epoch", "layer"), "error of the gradient's mean over noise draws, relative", "1"),
    "gradient_noise": (("epoch", "layer"), "noise of one gradient, relative", "1"),
    "verdicts": (("epoch", "verdict"), "training samples by verdict", "%"),
    "lipschitz_hidden": (("epoch", "slopes"), "Lipschitz constant, drive to states", "1"),
    "lipschitz_output": (("epoch", "slopes"), "Lipschitz constant, input to output", "1"),
    "spectral_abscissa": (("epoch",), "largest real part of an eigenvalue", "1/time unit"),
}
"""What this adds to the notebook of a run; ``slopes``: all one, or those of a few samples at rest (the largest)."""


def examine(setup: Setup, chip: OnChip, level: str) -> dict[str, Any]:
    """One page of `PAGES`; NaN for what the level leaves out."""
    layers = chip.chip.layers
    page: dict[str, Any] = {name: np.full(layers, np.nan) for name in ("gradient_bias", "gradient_noise")}
    page |= {name: np.full(2, np.nan) for name in ("lipschitz_hidden", "lipschitz_output")}
    page["spectral_abscissa"] = np.nan
    counts = np.bincount(np.concatenate(chip.verdicts), minlength=len(VERDICTS)) if chip.verdicts else np.zeros(4)
    page["verdicts"] = 100 * counts / max(1, counts.sum())
    if level == "off":
        return page
    x, y = setup.data.train_x[:SAMPLES], setup.data.train_y[:SAMPLES]
    try:
        reference = implicit(chip.network, x, y, setup.wiring)
    except InputError:
        return page  # no equilibrium, and so no exact gradient
    draws = [chip.gradient(x, y)[0] for _ in range(DRAWS if chip.chip.has_noise else 1)]
    found = measure.errors(draws * (2 if len(draws) == 1 else 1), reference)
    page["gradient_bias"], page["gradient_noise"] = found.bias, found.noise
    return page | _expensive(setup, chip) if level == "full" else page


def _expensive(setup: Setup, chip: OnChip) -> dict[str, Any]:
    x, y = setup.data.test_x[:FEW], setup.data.test_y[:FEW]
    free = chip.settle(x, None, 0.0)
    points = [None, *([a.mean(axis=0)[i] for a in free.a] for i in range(FEW))]
    constants = np.array([measure.chip_lipschitz(chip.chip, setup.wiring, point) for point in points])
    worst = np.stack([constants[0], constants[1:].max(axis=0)])
    beta = setup.settings.beta
    stable = settle(chip.chip, x, y, wiring=setup.wiring, beta=beta, seed=setup.settings.seed, stability=True)
    abscissa = stable["spectral_abscissa"].values
    return {
        "lipschitz_hidden": worst[:, 0],
        "lipschitz_output": worst[:, 1],
        "spectral_abscissa": float(np.nanmax(abscissa)) if np.isfinite(abscissa).any() else np.nan,
    }


def alarm(activation_max: Any) -> str:
    """One line of warning if activations run away from epoch to epoch, nothing otherwise."""
    values = np.asarray(activation_max, float)
    worst = float(np.nan_to_num(values, nan=np.inf).max())
    if not worst > RUNAWAY * values[0]:
        return ""
    return (
        f"ALARM: the largest |a| grew from {values[0]:.3g} to {worst:.3g}: compartments run away from each other. "
        "Try --nudge chop or auto-zero, or a bounded activation."
    )


def update_cost(setup: Setup) -> dict[str, float]:
    """What an update costs for each sample: settles, reads of an array, and time constants where samples flow."""
    settings, network = setup.settings, setup.network
    signals = [np.linalg.matrix_rank(m) for m in (setup.wiring.forward, setup.wiring.feedback)]
    reads = 1 + (signals[0] + signals[1]) * (network.layers - 1)
    settles = {"auto-zero": 2}.get(settings.nudge, 1)
    if settings.continuous:
        return {"settles": 0.0, "array_reads": float(reads), "time_constants": float(settings.continuous)}
    constants = settles * settings.relax_time if settings.states == "relax" else np.nan
    return {"settles": float(settles), "array_reads": float(settles * reads), "time_constants": float(constants)}
