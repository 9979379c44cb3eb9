"""How good outputs are: accuracy where targets are classes, squared error and R² where they are values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError, one_of
from analogsim.functions.losses import accuracy
from analogsim.settings.choices import TASKS

Array = NDArray[np.floating]
ROUNDING = 1e-3
"""Shares of classes sum to one within this: they may have been written with three digits."""


@dataclass(frozen=True)
class Figure:
    """A figure of merit of a test set: its name in `figures`, words, units and scale."""

    of: str
    long_name: str
    units: str
    scale: float = 1.0


FIGURES = {
    "classification": {"test_accuracy": Figure("accuracy", "test accuracy", "%", 100.0)},
    "regression": {
        "test_mse": Figure("mse", "mean squared error on the test set", "y²"),
        "test_r2": Figure("r2", "R² on the test set, mean of the outputs", "1"),
    },
}
"""What each task is judged by."""


def shares(y: Array) -> NDArray[np.bool_]:
    """Which rows are shares of classes, ≥ 0 and with a sum of 1; one-hot rows are."""
    with np.errstate(over="ignore"):
        return np.asarray((y >= 0).all(axis=1) & (np.abs(y.sum(axis=1, dtype=float) - 1) <= ROUNDING))


def task_of(y: Array) -> str:
    """``classification`` if every row of targets, (sample, output), holds shares of classes; else ``regression``."""
    return "classification" if y.shape[1] > 1 and shares(y).all() else "regression"


def check(task: str, loss: str) -> None:
    """Refuse a task that is none, and a loss that has no meaning for it.

    Raises
    ------
    InputError
        For cross-entropy, whose targets are shares of classes, in a regression.
    """
    one_of("task", task, TASKS)
    if task == "regression" and loss != "mse":
        raise InputError(f"loss {loss!r} is for classes, and these targets are values: take the loss mse.")


def figures(task: str, out: Array, y: Array) -> dict[str, float]:
    """Figures of merit of outputs against targets, both (sample, output).

    Returns
    -------
    dict
        Of a classification ``accuracy``, the share of samples whose largest output is the largest target. Of a
        regression ``mse``, Σ (r − y)² / (samples · outputs), in the square of the unit of y, and ``r2``, see `r2`.
    """
    if task == "classification":
        return {"accuracy": accuracy(out, y.argmax(-1))}
    return {"mse": float(np.mean((out.astype(float) - y) ** 2)), "r2": r2(out, y)}


def r2(out: Array, y: Array) -> float:
    """R² = 1 − Σ (r − y)² / Σ (y − ȳ)², the coefficient of determination of each output, their mean.

    1 is perfect, 0 no better than the mean ȳ of the targets, and there is no lower bound. An output whose targets are
    all the same has none and is left out; NaN where that is every one.
    """
    y = y.astype(float)
    spread = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    varies = np.ptp(y, axis=0) > 0
    if not varies.any():
        return float("nan")
    error = ((out[:, varies] - y[:, varies]) ** 2).sum(axis=0)
    return float(np.mean(1 - error / spread[varies]))
