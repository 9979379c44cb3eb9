"""A chip trained in the loop, or a network by digital back-propagation on the same batches, with nothing beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from analogsim import measure
from analogsim.circuits.base import child
from analogsim.engine.batches import METHODS
from analogsim.engine.spectrum import leading
from analogsim.errors import unknown
from analogsim.experiments.insitu import accuracy, lessons
from analogsim.experiments.jobs.points import Found
from analogsim.experiments.reproduce.kinds import Reader
from analogsim.experiments.reproduce.kinds.chip import prepared
from analogsim.experiments.setup import Setup
from analogsim.learning.on_chip import Digital, OnChip
from analogsim.learning.reference import backprop
from analogsim.learning.reference.training import batches
from analogsim.learning.second_array import SecondArray
from analogsim.measure.moment import Moment
from analogsim.registry import register

LEARNERS = {"chip": "the chip, by the local rule", "back-propagation": "the same network in floating point"}
NOTES, SAMPLES = 40, 100
"""How often the chip is looked at while it learns, and with how many training samples."""
PROBES = 6
"""Test samples at whose states slopes and spectra are taken."""
Series = dict[str, list[float]]


@register.experiment("in-situ", "a chip trained in the loop, or digital back-propagation on the same batches, alone")
def compute(settings: Mapping[str, object], checkpoint: Path, tell: Callable[[str], None]) -> Found:
    """Train; the test accuracy after every epoch, and what becomes of activations and gradients on the way.

    Beside the settings of a chip: ``learner``; ``init_gain``, which scales the initial weights; ``settler``, the method
    of `analogsim.engine.batches.Settler`; ``feedback_writes`` with ``feedback_error``, ``feedback_every`` and
    ``feedback_decay``, the scheme of `analogsim.learning.second_array.SecondArray`; ``robustness``, whether the
    Lipschitz constants and the spectral abscissa of what was learnt are worked out.
    """
    take = Reader(settings)
    learner = take("learner", "chip")
    scheme = take("feedback_writes")
    options = {
        name: take(f"feedback_{name}", default) for name, default in (("error", 0.0), ("every", 1), ("decay", 0.0))
    }
    gain, method, robust = take("init_gain", 1.0), take("settler", "auto"), take("robustness", False)
    if learner not in LEARNERS:
        raise unknown("learner", learner, LEARNERS)
    setup = _scaled(prepared(take), gain)
    if learner != "chip":
        return _digital(setup, tell)
    rng = child(setup.settings.seed, "chip")
    chip = OnChip(setup.circuit, setup.chip, setup.wiring, setup.settings, rng)
    if method not in METHODS:
        raise unknown("settler", method, METHODS)
    chip.settler.method = method
    second = None
    if scheme is not None:
        second = SecondArray(setup.circuit, chip.chip, scheme, child(setup.settings.seed, "second array"), **options)
        chip.chip = second.started(chip.chip)
    found = _chip(setup, chip, second, tell)
    if robust and found.status == "done":
        found.values |= _robustness(setup, chip)
    return found


def _scaled(setup: Setup, gain: float) -> Setup:
    """The setup with initial weights times a number."""
    if gain == 1.0:
        return setup
    network = setup.network.replace(weights=tuple(w * w.dtype.type(gain) for w in setup.network.weights))
    return replace(setup, network=network, chip=setup.circuit.program(network, seed=setup.settings.seed))


def _digital(setup: Setup, tell: Callable[[str], None]) -> Found:
    trainer, series = Digital(setup.network, backprop, setup.settings), Series(test_accuracy=[])
    for epoch in lessons(setup, trainer):
        if epoch:
            series["test_accuracy"].append(accuracy(setup, trainer))
            tell(f"epoch {epoch}, test {series['test_accuracy'][-1]:.2f} %")
    return Found({"test_accuracy": series["test_accuracy"][-1]}, series)


def _chip(setup: Setup, chip: OnChip, second: SecondArray | None, tell: Callable[[str], None]) -> Found:
    data, order = setup.data, _order(setup)
    series: Series = {"test_accuracy": [], "settled": [], "update": [], "activation_max": [], "worst_cosine": []}
    done, stride = 0, max(1, setup.updates // NOTES)
    with np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(setup.settings.epochs):
            for rows in batches(len(data.train_x), setup.settings.batch_size, order):
                if done % stride == 0:
                    _note(setup, chip, done, series)
                before = chip.chip
                chip.step(data.train_x[rows], data.train_y[rows])
                if second is not None and chip.chip is not before:
                    chip.chip = second.written(before, chip.chip)
                done += 1
            series["test_accuracy"].append(accuracy(setup, chip))
            series["settled"].append(chip.settled_share())
            tell(f"epoch {epoch + 1}, test {series['test_accuracy'][-1]:.2f} %")
        _note(setup, chip, done, series)
    values = {"first_cosine": series["worst_cosine"][0]}
    values |= {key: series[key][-1] for key in ("test_accuracy", "settled", "activation_max", "worst_cosine")}
    return Found(values, series, "done" if np.isfinite(values["activation_max"]) else "diverged")


def _note(setup: Setup, chip: OnChip, done: int, series: Series) -> None:
    """Largest |a| and the worst layer's cosine to the exact gradient, on some training samples."""
    moment = Moment(setup, chip.chip, lambda: {"chip": chip}, count=SAMPLES)
    with chip.aside():
        cosine = float(np.min(moment.alignment.cosine))
    series["update"].append(float(done))
    series["activation_max"].append(moment.activation_max)
    series["worst_cosine"].append(cosine)


def _robustness(setup: Setup, chip: OnChip) -> dict[str, float]:
    """Lipschitz constants for slopes of one and, the worst of some test samples, at their states; spectral abscissa."""
    x, wiring = setup.data.test_x[:PROBES], setup.wiring
    settled, batch = chip.settle(x, None, 0.0), chip.settler.batch(chip.chip, x, None, 0.0)
    hidden, output = measure.chip_lipschitz(chip.chip, wiring)
    worst, abscissae = [0.0, 0.0], []
    for k in range(len(x)):
        here = measure.chip_lipschitz(chip.chip, wiring, [a[:, k].mean(axis=0) for a in settled.a])
        worst = list(np.maximum(worst, here))
        state = np.concatenate([a[:, k].ravel() for a in settled.a])
        abscissae.append(leading(batch.take(np.array([k])), state)[0])
    return {
        "lipschitz_hidden": hidden, "lipschitz_output": output, "lipschitz_hidden_slopes": float(worst[0]),
        "lipschitz_output_slopes": float(worst[1]), "spectral_abscissa": max(abscissae),
    }  # fmt: skip


def _order(setup: Setup) -> np.random.Generator:
    """That of `analogsim.experiments.running.train`: every learner sees the same batches."""
    return np.random.default_rng(setup.settings.seed)
