"""Losses ℓ(r, y): value, gradient, curvature and compiled code of each, under one name and one code.

To add one: an entry in `LOSSES`, and its branch in `pull` and `bend`, which are plain Python and compiled by
`analogsim.functions.machine_code`; see `analogsim.functions.activations`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from analogsim.errors import one_of

Array = NDArray[np.floating]

MSE, CROSS_ENTROPY = range(2)
"""Codes that the compiled functions branch on."""


@dataclass(frozen=True)
class Loss:
    """ℓ(r, y) for each sample, with its gradient and its curvature in r.

    Attributes
    ----------
    name : str
    code : int
        What compiled code knows it by.
    value, gradient : callable
        ℓ, (sample,), and ∇ℓ, (sample, output), of outputs r and targets y, both (sample, output).
    curvature : float
        Largest eigenvalue of ∇²ℓ, over all r: ℓ'' of what a nudge may do to a linear output.
    spread : callable
        p(r) with ∇²ℓ = diag(p) − p pᵀ, which `bend` takes; of the quadratic loss, whose ∇²ℓ is the identity, zeros.
    """

    name: str
    code: int
    value: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    curvature: float
    spread: Callable[[Array], Array]


LOSSES = {
    item.name: item
    for item in (
        Loss("mse", MSE, lambda r, y: 0.5 * ((r - y) ** 2).sum(-1), lambda r, y: r - y, 1.0, np.zeros_like),
        Loss(
            "cross-entropy",
            CROSS_ENTROPY,
            lambda r, y: -(y * scipy.special.log_softmax(r, axis=-1)).sum(-1),
            lambda r, y: scipy.special.softmax(r, axis=-1) * y.sum(-1, keepdims=True) - y,
            0.5,
            lambda r: np.asarray(scipy.special.softmax(r, axis=-1)),
        ),
    )
}


def loss(name: str) -> Loss:
    """Look a loss up by its name.

    Parameters
    ----------
    name : str
        A key of `LOSSES`.

    Raises
    ------
    InputError
        If there is none of that name; the message names the nearest.
    """
    return LOSSES[one_of("loss", name, LOSSES)]


def accuracy(r: Array, labels: NDArray[np.integer]) -> float:
    """Share of samples, 0 to 1, whose largest output is the label; r is (sample, class), the labels are (sample,).

    Parameters
    ----------
    r : array, (sample, class)
        What the loss is read at.
    labels : array of int, (sample,)
    """
    return float((r.argmax(-1) == labels).mean())


# To be compiled: no calls of Python functions, and no allocations. Indices instead of views of one sample: making those
# takes longer than what is done with a few outputs.


def pull(code, mixing, s, y, nudge, beta, b, c, z):
    """Subtract nudge·β·∇ℓ(r, y) from z at r = mixing·s, for compartment c of sample b.

    mixing (2, 2); s, z (2, sample, n); y (sample, n); nudge (2, n).
    """
    if code == MSE:
        for i in range(z.shape[2]):
            r = mixing[c, 0] * s[0, b, i] + mixing[c, 1] * s[1, b, i]
            z[c, b, i] -= nudge[c, i] * beta * (r - y[b, i])
    else:
        top, mass, total = -np.inf, 0.0, 0.0
        for i in range(z.shape[2]):
            top = max(top, mixing[c, 0] * s[0, b, i] + mixing[c, 1] * s[1, b, i])
        for i in range(z.shape[2]):
            r = mixing[c, 0] * s[0, b, i] + mixing[c, 1] * s[1, b, i]
            mass += np.exp(r - top)
            total += y[b, i]
        for i in range(z.shape[2]):
            r = mixing[c, 0] * s[0, b, i] + mixing[c, 1] * s[1, b, i]
            z[c, b, i] -= nudge[c, i] * beta * (total * np.exp(r - top) / mass - y[b, i])


def bend(code, mixing, s, spread, nudge, beta, b, c, z):
    """Subtract nudge·β·∇²ℓ·(mixing·s) from z: the derivative of `pull` along s, p(r) being spread (2, sample, n)."""
    mean = 0.0
    if code == CROSS_ENTROPY:
        for i in range(z.shape[2]):
            mean += spread[c, b, i] * (mixing[c, 0] * s[0, b, i] + mixing[c, 1] * s[1, b, i])
    for i in range(z.shape[2]):
        r = mixing[c, 0] * s[0, b, i] + mixing[c, 1] * s[1, b, i]
        along = r if code == MSE else spread[c, b, i] * (r - mean)
        z[c, b, i] -= nudge[c, i] * beta * along
