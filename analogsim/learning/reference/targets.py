"""Fenchel back-propagation: finite targets sent backwards instead of infinitesimal errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analogsim.errors import InputError
from analogsim.functions.activations import activation
from analogsim.functions.losses import LOSSES
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch, stack
from analogsim.learning.reference.options import gated
from analogsim.learning.reference.rules import Rule
from analogsim.network import Network
from analogsim.registry import register


def spacings(net: Network, beta: float | Sequence[float]) -> list[float]:
    """β_1 … β_L, from one number or one for each layer, all positive."""
    given = [float(beta)] * net.layers if isinstance(beta, (int, float)) else [float(b) for b in beta]
    if len(given) != net.layers or not all(np.isfinite(b) and b > 0 for b in given):
        raise InputError(f"beta = {beta!r}: one number > 0, or one for each of the {net.layers} layers.")
    return given


@gated
def fenchel(
    net: Network,
    x: Array,
    y: Array,
    *,
    beta: float | Sequence[float] = 0.5,
    feedback: Sequence[Array | None] | None = None,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of Fenchel back-propagation.

    After a free forward pass z* (a_k = W_k z*_{k−1} + b_k) targets go backwards,

        z̄_L = f_L(a_L − β_L ∇ℓ(z*_L)),   z̄_k = f(a_k + (β_k/β_{k+1}) V_{k+1} (z̄_{k+1} − z*_{k+1})),

    and ∂W_k = mean (z*_k − z̄_k) z*_{k−1}ᵀ / β_k: with the free state below, not with its target.
    With one β it is DP⊤(0) after one sweep.

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    beta : float or sequence of float
        Spacing β > 0, one for all layers or one for each.
    feedback, workspace
        As in `analogsim.learning.reference.dyads.relaxed`.

    Notes
    -----
    Zach, "Bilevel Programs Meet Deep Learning", Eqs. 51 and 53, Remark 2.
    """
    x, y = batch(net, x, y)
    betas, layers = spacings(net, beta), stack(net, feedback)
    free, target = states(net, x, y, betas, feedback)
    below = [x, *free[:-1]]
    return [
        layer.gradient(z - s, u, -1 / (len(x) * b))
        for layer, z, s, u, b in zip(layers, target, free, below, betas, strict=True)
    ]


def states(
    net: Network, x: Array, y: Array, beta: float | Sequence[float], feedback: Sequence[Array | None] | None = None
) -> tuple[list[Array], list[Array]]:
    """Free states z*_k and targets z̄_k of `fenchel`, for k = 1 … L."""
    betas, layers, dtype = spacings(net, beta), stack(net, feedback), x.dtype.type
    f, f_out = activation(net.activation), activation(net.output_activation)
    a: list[Array] = []
    z: list[Array] = []
    for k, layer in enumerate(layers):
        a.append(layer.forward(z[-1] if k else x) + layer.bias)
        z.append((f if k < net.layers - 1 else f_out)(a[-1]))
    target = [f_out(a[-1] - dtype(betas[-1]) * LOSSES[net.loss].gradient(z[-1], y))]
    for k in range(net.layers - 1, 0, -1):
        ratio = dtype(betas[k - 1] / betas[k])
        target.insert(0, f(a[k - 1] + ratio * layers[k].feedback(target[0] - z[k])))
    return z, target


register.rule("fenchel", "Fenchel back-propagation")(
    Rule(
        source="Zach, Bilevel Programs Meet Deep Learning: A Unifying View on Inference Learning Methods",
        digital=fenchel,
    )
)
