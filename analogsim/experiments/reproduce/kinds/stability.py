"""Does a network settle: the ODE of a chip, undamped sweeps, and synchronous damped steps, at the same weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from analogsim.circuits.base import circuit
from analogsim.engine.resting import settle
from analogsim.errors import unknown
from analogsim.experiments.jobs.points import Found
from analogsim.experiments.reproduce.kinds import Reader, whole
from analogsim.experiments.reproduce.kinds.digital import network, samples
from analogsim.learning.reference import backprop
from analogsim.learning.reference.training import train
from analogsim.registry import register
from analogsim.settings.record import Settings

WAYS = {"ode": "ode", "sweeps": "up-down", "steps": "synchronous"}
"""Name in the table -> method of `settle`."""
WEIGHTS = ("initial", "trained")


@register.experiment("stability", "whether a network settles, in the ODE and by iterations")
def compute(settings: Mapping[str, object], checkpoint: Path, tell: Callable[[str], None]) -> Found:
    """Shares (%) of the samples that settle and that diverge in each way, from a = 0."""
    take = Reader(settings)
    seed, weights, probes = take("seed"), take("weights", "initial"), whole("probes", take("probes", 16))
    if weights not in WEIGHTS:
        raise unknown("weights", weights, WEIGHTS)
    x, y, _, _ = samples(take, "float64")
    net = network(take, x.shape[1], y.shape[1], seed)
    rule = Settings(rule=take("rule"), alpha=take("alpha"), lam=take("lam"), beta=take("beta", Settings.beta))
    epochs, batch_size = take("epochs", 5), take("batch_size", 50)
    overrides = {key: take(key) for key in settings if "." in key}
    made = circuit(take("circuit", "ideal"), device=take("device"), **overrides)
    bounds = {"tol": take("tol", 1e-4), "horizon": take("horizon", 200.0)}
    sweeps, eta = take("max_sweeps", 300), take("eta", 1.0)
    take.end()
    if weights == "trained":
        net = train(net, x, y, backprop, epochs=epochs, batch_size=batch_size, seed=seed, angles=False).network
        tell("trained")
    chip = made.program(net, seed=seed)
    values: dict[str, float] = {}
    for name, method in WAYS.items():
        found = settle(
            chip, x[:probes], y[:probes], wiring=rule.wiring(), beta=rule.beta, method=method, eta=eta,
            max_sweeps=sweeps, seed=seed, **bounds,
        )["status"].values  # fmt: skip
        for status in ("converged", "diverged"):
            values[f"{name}_{status}"] = 100 * float((found == status).mean())
        values[f"{name}_bounded"] = 100 - values[f"{name}_converged"] - values[f"{name}_diverged"]
        tell(f"{name}: {values[f'{name}_converged']:.0f} % settle")
    values["largest_norm"] = max(float(np.linalg.norm(w, 2)) for w in net.weights[1:])
    return Found(values)
