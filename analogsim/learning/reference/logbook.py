"""What is written down after each epoch of training: of the network, and of one gradient beside back-propagation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analogsim.engine.norms import product_norm
from analogsim.functions.activations import activation
from analogsim.functions.losses import LOSSES
from analogsim.learning import scores
from analogsim.learning.reference.backpropagation import backprop
from analogsim.learning.reference.layers import Array, Gradients
from analogsim.network import Network

Forward = Callable[[Network, Array], list[Array]]


def judged(net: Network, x: Array, y: Array, task: str, forward: Forward | None = None) -> dict[str, float]:
    """The figures of a task (`analogsim.learning.scores.figures`) on some samples; `forward` as in `network`."""
    a = (forward or Network.forward)(net, x)[-1]
    return scores.figures(task, activation(net.output_activation)(a), np.asarray(y))


def network(
    net: Network,
    x: Array,
    y: Array,
    most: int = 10000,
    *,
    task: str = "classification",
    forward: Forward | None = None,
) -> dict[str, float]:
    """Mean loss, figures of the task, saturation and Lipschitz estimate of the digital pass, on at most `most` samples.

    `forward` gives the pre-activations of a network that does not infer by a feed-forward pass.

    ``saturation`` is the share of hidden neurons and samples on a flat part of their activation, in the sense of
    `Activation.saturated`; ``lipschitz`` is ‖W_L ⋯ W_1‖₂, the estimate of arXiv 2402.08573, Table 1, free of slopes.
    """
    x, y = x[:most], y[:most]
    a, f = (forward or Network.forward)(net, x), activation(net.activation)
    out = activation(net.output_activation)(a[-1])
    hidden = [float(f.saturated(value).mean()) for value in a[:-1]]
    return {
        "loss": float(LOSSES[net.loss].value(out, y).mean()),
        **scores.figures(task, out, y),
        "saturation": float(np.mean(hidden)) if hidden else 0.0,
        "max_activation": max(float(np.abs(f(value)).max()) for value in a),
        "lipschitz": product_norm(net.weights),
    }


def gradients(net: Network, x: Array, y: Array, found: Gradients, *, angles: bool = True) -> dict[str, float]:
    """Norms of each layer's weights and gradient, its angle to back-propagation in degrees, and the norm of that."""
    traces: dict[str, float] = {}
    exact = backprop(net, x, y) if angles else found
    for k, (pair, reference) in enumerate(zip(found, exact, strict=True), start=1):
        g, h = (np.concatenate([part.ravel() for part in which]).astype(float) for which in (pair, reference))
        traces[f"gradient_norm_{k}"] = float(np.linalg.norm(g))
        traces[f"weight_norm_{k}"] = float(np.linalg.norm(net.weights[k - 1]))
        if angles:
            traces[f"reference_norm_{k}"] = float(np.linalg.norm(h))
            with np.errstate(invalid="ignore", divide="ignore"):
                cosine = g @ h / np.linalg.norm(g) / np.linalg.norm(h)
            traces[f"angle_{k}"] = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return traces
