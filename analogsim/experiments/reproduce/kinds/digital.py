"""A network trained with a digital rule: accuracy, Lipschitz constants, and their way over the epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from analogsim import measure
from analogsim.errors import unknown
from analogsim.experiments import data
from analogsim.experiments.jobs.points import Found
from analogsim.experiments.reproduce.kinds import Reader, whole
from analogsim.files import read_npz
from analogsim.learning import optimisers
from analogsim.learning.reference import coupled, training
from analogsim.learning.reference.rules import RULES, Rule, rule
from analogsim.network import Network
from analogsim.registry import register
from analogsim.settings.digital_training import DIGITAL

INFERENCE_TOL = 1e-3
"""Change of a state in the last sweep of an inference."""


@register.experiment("digital", "a network trained with a digital rule")
def compute(settings: Mapping[str, object], checkpoint: Path, tell: Callable[[str], None]) -> Found:
    """Train, and read test accuracy (%), Lipschitz constants and all traces."""
    take = Reader(settings)
    name, seed, dtype = take("rule"), take("seed"), take("dtype", DIGITAL.dtype)
    chosen = rule_options(take, name)
    own = recurrence(name, chosen)
    lam = None if own == 0.5 else own
    x, y, test_x, test_y = samples(take, dtype)
    net = network(take, x.shape[1], y.shape[1], seed).astype(dtype)
    epochs = whole("epochs", take("epochs", DIGITAL.epochs))
    batch_size = whole("batch_size", take("batch_size", DIGITAL.batch_size))
    optimiser = optimisers.make(
        take("optimiser", DIGITAL.optimiser), optimisers.Schedule(take("learning_rate", DIGITAL.learning_rate)),
        take("momentum", DIGITAL.momentum), take("weight_decay", DIGITAL.weight_decay),
    )  # fmt: skip
    step, inference = take("beta_step", 0.0), take("inference_sweeps", 200)
    handed_on = {key: take(key, default) for key, default in HANDED_ON.items()}
    take.end()
    kept = checkpoint.with_suffix(".npz")
    if kept.exists() and len(read_npz(kept).get("trace_loss", ())) > epochs:
        kept.unlink()  # of a longer run, which this one is not the beginning of as far as the file can say

    first = chosen.pop("beta") if step else 0.0
    # A random order is drawn by the training, which keeps its generator in the checkpoint.
    order = {"order": chosen.pop("order")} if "order" in chosen else {}
    result = training.train(
        net, x, y, rule(name, **chosen), epochs=epochs, batch_size=batch_size, optimiser=optimiser, seed=seed,
        test=(test_x, test_y), checkpoint=kept,
        schedule=(lambda epoch: {"beta": first + step * epoch}) if step else None,
        forward=partial(coupled.rest, lam=lam, sweeps=inference, tol=INFERENCE_TOL) if lam is not None else None,
        progress=lambda epoch, found: tell(f"epoch {epoch}/{epochs}, test {100 * found['test_accuracy']:.2f} %"),
        **handed_on, **order,
    )  # fmt: skip
    traces = {key: list(map(float, value)) for key, value in result.traces.items()} | aligned(result.traces)
    last = (result.best_epoch or result.epoch) - 1
    values = {key: trace[last] for key, trace in traces.items()}
    for key in ("accuracy", "test_accuracy", "validation_accuracy", "saturation"):
        if key in traces:
            values[key], traces[key] = 100 * values[key], [100 * value for value in traces[key]]
    values["epochs"] = float(result.epoch)
    values["gap"] = values["accuracy"] - values.get("validation_accuracy", values["test_accuracy"])
    values["drop"] = max(traces["test_accuracy"]) - traces["test_accuracy"][-1]
    if own is not None and all(np.isfinite(w).all() for w in result.network.weights):
        final = result.network.astype(float)
        values["lipschitz_hidden"] = measure.lipschitz_hidden(final, own)
        values["lipschitz_output"] = measure.lipschitz_output(final, own)
    return Found(values, traces, "diverged" if result.status == "diverged" else "done")


def aligned(traces: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """Over the epochs, of the first batch: the smallest cosine of a layer to back-propagation, and of the gradient of
    all layers its ``cosine_whole``, its ``norm``, ``reference_norm`` and ``difference``, ‖g − h‖.
    """
    layers = [key.removeprefix("angle_") for key in traces if key.startswith("angle_")]
    if not layers:
        return {}
    cosine = np.cos(np.radians([traces[f"angle_{k}"] for k in layers]))
    g, h = (np.array([traces[f"{name}_norm_{k}"] for k in layers]) for name in ("gradient", "reference"))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        inner, squares = (g * h * cosine).sum(0), ((g**2).sum(0), (h**2).sum(0))
        found = {
            "cosine": cosine.min(0),
            "cosine_whole": inner / np.sqrt(squares[0] * squares[1]),
            "norm": np.sqrt(squares[0]),
            "reference_norm": np.sqrt(squares[1]),
            "difference": np.sqrt(np.maximum(squares[0] + squares[1] - 2 * inner, 0)),
        }
    return {key: list(map(float, value)) for key, value in found.items()}


HANDED_ON = {"feedback": DIGITAL.feedback, "validation": DIGITAL.validation, "blocks": False, "angles": True}


def rule_options(take: Reader, name: str) -> dict[str, Any]:
    """The options that this rule takes among those that any rule takes: rows of a table share their settings."""
    if name not in RULES:
        raise unknown("rule", name, RULES)
    mine: Rule = register.rule[name]
    found = {}
    for key in sorted({option for other in {*RULES, name} for option in register.rule[other].options()}):
        value = take(key)
        if value is not None and key in mine.options() and key not in mine.fixed:
            found[key] = value
    return found


def recurrence(name: str, chosen: Mapping[str, Any]) -> float | None:
    """λ of the network that a rule trains, where that may feed back while it infers: F of its wiring is (λ, 1 − λ)."""
    found: Rule = register.rule[name]
    if not found.recurrent or found.wiring is None:
        return None
    return float(found.wiring(**{key: chosen[key] for key in found.takes if key in chosen}).forward[0, 0])


def samples(take: Reader, dtype: str) -> tuple[np.ndarray, ...]:
    """Train_x, train_y, test_x, test_y: the first ``samples`` and ``test_samples`` of a data set."""
    train, test = take("samples"), take("test_samples")
    return _samples(take("data", DIGITAL.data), train, test, dtype)


@lru_cache(maxsize=2)
def _samples(name: str, train: int | None, test: int | None, dtype: str) -> tuple[np.ndarray, ...]:
    found = data.load_data(name, task="classification").first(train, test).astype(np.dtype(dtype))
    return found.train_x, found.train_y, found.test_x, found.test_y


def network(take: Reader, features: int, classes: int, seed: int) -> Network:
    """A random network; ``init = "negative"`` is Glorot's with the first layer negative, as in the Bilevel paper."""
    init, hidden = take("init", DIGITAL.init), take("hidden")
    net = Network.random(
        (features, *hidden, classes), take("activation", DIGITAL.activation), take("loss", DIGITAL.loss), seed=seed,
        init="glorot" if init == "negative" else init, gain=take("gain", 1.0),
        output_activation=take("output_activation", "identity"),
    )  # fmt: skip
    if init == "negative":
        net = net.replace(weights=(-np.abs(net.weights[0]), *net.weights[1:]))
    return net
