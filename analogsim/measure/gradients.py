"""How close a gradient comes to its reference: the angle and the length, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analogsim.arrays import real
from analogsim.errors import InputError, shown

Gradient = Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]]


class Alignment(NamedTuple):
    """Agreement of two gradients; NaN where one of them is zero."""

    cosine: NDArray[np.float64]
    """(layer,): cosine between the two, weights and biases of a layer taken as one vector."""
    norm_ratio: NDArray[np.float64]
    """(layer,): length of the gradient over the length of the reference."""
    whole_cosine: float
    """Cosine over all layers together. A large output layer can hide what is wrong in the first."""


def alignment(gradient: Gradient, reference: Gradient) -> Alignment:
    """Compare two gradients given as one ``(weights, bias)`` for each layer.

    Parameters
    ----------
    gradient, reference : sequence of (weights, bias)
        One pair of arrays for each layer, of the same shapes.

    Returns
    -------
    Alignment
        ``cosine`` and ``norm_ratio`` of each layer, and ``whole_cosine``.
    """
    ours, theirs = _vectors("gradient", gradient), _vectors("reference", reference)
    _same(ours, theirs)
    dot = np.array([u @ v for u, v in zip(ours, theirs, strict=True)])
    square, reference_square = np.array([u @ u for u in ours]), np.array([v @ v for v in theirs])
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = dot / np.sqrt(square * reference_square)
        ratio = np.where(reference_square > 0, np.sqrt(square / reference_square), np.nan)
        whole = dot.sum() / np.sqrt(square.sum() * reference_square.sum())
    return Alignment(cosine, ratio, float(whole))


def _vectors(name: str, gradient: Gradient) -> list[NDArray[np.floating]]:
    """Each layer's weights and biases as one vector."""
    found = []
    for pair in gradient if isinstance(gradient, Sequence) else [gradient]:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"{name} holds {shown(pair)}; expected (weights, bias) of each layer.")
        found.append(np.concatenate([np.ravel(real(name, part)) for part in pair]).astype(float))
    return found


def _same(ours: list[NDArray[np.floating]], theirs: list[NDArray[np.floating]]) -> None:
    if [v.shape for v in ours] != [v.shape for v in theirs]:
        raise InputError("the gradients belong to networks of different sizes.")


class Errors(NamedTuple):
    """What repeated noisy gradients do wrong, relative to the length of the reference; NaN where that is zero."""

    bias: NDArray[np.float64]
    """(layer,): error of the mean over the noise, which no averaging removes."""
    noise: NDArray[np.float64]
    """(layer,): standard deviation of one gradient about that mean, over all directions."""


def errors(draws: Sequence[Gradient], reference: Gradient) -> Errors:
    """Split the error of noisy gradients of the same samples into bias and noise.

    With R draws g_r of mean ḡ and the reference g, for each layer,

        noise² = Σ_r ‖g_r − ḡ‖² / ((R − 1) ‖g‖²),    bias² = ‖ḡ − g‖² / ‖g‖² − noise² / R,

    the latter free of the noise left in ḡ, and at least 0.

    Parameters
    ----------
    draws : sequence of gradients
        R ≥ 2, each one ``(weights, bias)`` for each layer.
    reference : gradient
    """
    if not isinstance(draws, Sequence) or len(draws) < 2:
        raise InputError(f"draws = {shown(draws)}: expected at least two gradients of the same samples.")
    theirs, ours = _vectors("reference", reference), [_vectors("draws", draw) for draw in draws]
    for draw in ours:
        _same(draw, theirs)
    bias, noise = [], []
    for layer, wanted in enumerate(theirs):
        found = np.array([draw[layer] for draw in ours])
        mean, square = found.mean(axis=0), float(wanted @ wanted) or np.nan
        variance = float(((found - mean) ** 2).sum()) / (len(found) - 1)
        left = float(((mean - wanted) ** 2).sum()) - variance / len(found)
        bias.append(np.sqrt(max(left, 0.0) / square))
        noise.append(np.sqrt(variance / square))
    return Errors(np.array(bias), np.array(noise))
