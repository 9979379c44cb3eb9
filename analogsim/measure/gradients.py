"""How close a gradient comes to its reference: the angle and the length, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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

    Returns
    -------
    Alignment
        ``cosine`` and ``norm_ratio`` of each layer, and ``whole_cosine``.
    """
    ours = [np.concatenate([np.ravel(w), np.ravel(b)]) for w, b in gradient]
    theirs = [np.concatenate([np.ravel(w), np.ravel(b)]) for w, b in reference]
    dot = np.array([u @ v for u, v in zip(ours, theirs, strict=True)])
    square, reference_square = np.array([u @ u for u in ours]), np.array([v @ v for v in theirs])
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = dot / np.sqrt(square * reference_square)
        ratio = np.where(reference_square > 0, np.sqrt(square / reference_square), np.nan)
        whole = dot.sum() / np.sqrt(square.sum() * reference_square.sum())
    return Alignment(cosine, ratio, float(whole))
