"""The method of auxiliary coordinates and predictive coding: states may differ from f(a), at a quadratic price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analogsim.errors import InputError
from analogsim.functions.activations import activation
from analogsim.functions.losses import LOSSES
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch, stack
from analogsim.learning.reference.options import gated
from analogsim.learning.reference.output import check_sweeps
from analogsim.learning.reference.rules import Rule
from analogsim.learning.reference.targets import spacings
from analogsim.network import Network
from analogsim.registry import register


def _rate(net: Network, ratios: Sequence[float], outer: float) -> float:
    """A step below 2 over the largest curvature, by the norms of the weights and the slope."""
    slope = max(1.0, activation(net.activation).slope_max)
    norms = [float(np.linalg.norm(w, 2)) ** 2 * slope**2 * r for w, r in zip(net.weights[1:], ratios, strict=True)]
    return 1 / (1 + max([*norms, outer]))


@gated
def auxiliary_coordinates(
    net: Network,
    x: Array,
    y: Array,
    *,
    beta: float | Sequence[float] = 0.5,
    steps: int = 200,
    rate: float | None = None,
    feedback: Sequence[Array | None] | None = None,
    tol: float = 0.0,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of MAC at the minimum in z of ℓ(z_L) + Σ ‖z_k − f_k(a_k)‖²/(2β_k), a_k = W_k z_{k−1} + b_k.

    The minimum is found by gradient steps, all layers at once:

        z_k ← z_k − rate·(ε_k − (β_k/β_{k+1}) V_{k+1} [f'(a_{k+1}) ∘ ε_{k+1}]),  ε_k = z_k − f(a_k),

    with + β_L ∇ℓ(z_L) in place of the second term for the output. ∂W_k = −mean [f'(a_k) ∘ ε_k] z_{k−1}ᵀ / β_k.

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    beta : float or sequence of float
        β_k = 1/μ_k of the quadratic penalties, > 0.
    steps : int
        At most so many.
    rate : float, optional
        None: from the norms of the weights.
    feedback : sequence, optional
        A path V of its own.
    tol : float
        Stop when no state moves by more.
    workspace : Workspace, optional

    Notes
    -----
    Carreira-Perpiñán & Wang 2014; Bilevel Programs Meet Deep Learning, Eq. 30. The weights follow the gradient at the
    minimum; the alternating exact solve for the weights of the first paper is not implemented.
    """
    check_sweeps(steps)
    x, y = batch(net, x, y)
    layers, betas, dtype = stack(net, feedback), spacings(net, beta), x.dtype.type
    f, f_out, last, loss = (
        activation(net.activation),
        activation(net.output_activation),
        net.layers - 1,
        LOSSES[net.loss],
    )
    ratios = [betas[k] / betas[k + 1] for k in range(last)]
    step = dtype(_rate(net, ratios, betas[-1]) if rate is None else rate)
    z = [x]
    for k, layer in enumerate(layers):
        z.append((f if k < last else f_out)(layer.forward(z[-1]) + layer.bias))

    def errors() -> tuple[list[Array], list[Array]]:
        """ε_k and f'(a_k) ∘ ε_k."""
        missing: list[Array] = []
        weighed: list[Array] = []
        for k, layer in enumerate(layers):
            a, g = layer.forward(z[k]) + layer.bias, f if k < last else f_out
            missing.append(z[k + 1] - g(a))
            weighed.append(g.derivative(a) * missing[-1])
        return missing, weighed

    for _ in range(steps):
        missing, weighed = errors()
        change = 0.0
        for k in range(net.layers):
            if k == last:
                pull = dtype(betas[-1]) * loss.gradient(z[-1], y)
            else:
                pull = -dtype(ratios[k]) * layers[k + 1].feedback(weighed[k + 1])
            move = step * (missing[k] + pull)
            change = max(change, float(np.abs(move).max()))
            z[k + 1] = z[k + 1] - move
        if change <= tol:
            break
    _, weighed = errors()
    return [layer.gradient(e, s, -1 / (len(x) * b)) for layer, e, s, b in zip(layers, weighed, z, betas, strict=False)]


@gated
def predictive_coding(
    net: Network,
    x: Array,
    y: Array,
    *,
    beta: float = 0.5,
    clamped: bool = False,
    steps: int = 200,
    rate: float | None = None,
    feedback: Sequence[Array | None] | None = None,
    tol: float = 0.0,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of a predictive coding network at the minimum in a of β ℓ(f_L(a_L)) + Σ ½‖ε_k‖².

    ε_k = a_k − W_k f(a_{k−1}) − b_k are the prediction errors; they settle by

        a_k ← a_k − rate·(ε_k − f'(a_k) ∘ V_{k+1} ε_{k+1}),   a_L: ε_L + β f_L' ∘ ∇ℓ,

    and ∂W_k = −mean ε_k f(a_{k−1})ᵀ / β.

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    beta : float
        > 0.
    clamped : bool
        Hold f_L(a_L) at the target instead, β → ∞ (linear output only: a_L = y); the gradient is then not divided by β.
    steps, rate, feedback, tol, workspace
        As in `auxiliary_coordinates`.

    Notes
    -----
    Whittington & Bogacz, Neural Computation 29, 1229 (2017), 10.1162/NECO_a_00949.
    """
    check_sweeps(steps)
    x, y = batch(net, x, y)
    if clamped and net.output_activation != "identity":
        raise InputError(f'clamped=True needs a linear output; output_activation = "{net.output_activation}".')
    spacing = spacings(net, beta)[0]
    layers, dtype = stack(net, feedback), x.dtype.type
    f, f_out, last, loss = (
        activation(net.activation),
        activation(net.output_activation),
        net.layers - 1,
        LOSSES[net.loss],
    )
    step = dtype(_rate(net, [1.0] * last, 0.0 if clamped else spacing) if rate is None else rate)
    a: list[Array] = []
    s = x
    for layer in layers:
        a.append(layer.forward(s) + layer.bias)
        s = f(a[-1])
    if clamped:
        a[last] = y.copy()

    def errors() -> list[Array]:
        inputs = [x, *(f(value) for value in a[:-1])]
        return [value - layer.forward(s) - layer.bias for value, layer, s in zip(a, layers, inputs, strict=True)]

    for _ in range(steps):
        missing, change = errors(), 0.0
        for k in range(net.layers - clamped):
            if k == last:
                pull = dtype(spacing) * f_out.derivative(a[k]) * loss.gradient(f_out(a[k]), y)
            else:
                pull = -f.derivative(a[k]) * layers[k + 1].feedback(missing[k + 1])
            move = step * (missing[k] + pull)
            change = max(change, float(np.abs(move).max()))
            a[k] = a[k] - move
        if change <= tol:
            break
    scale = -1 / (len(x) * (1.0 if clamped else spacing))
    inputs = [x, *(f(value) for value in a[:-1])]
    return [layer.gradient(e, s, scale) for layer, e, s in zip(layers, errors(), inputs, strict=True)]


register.rule("mac", "method of auxiliary coordinates")(
    Rule(
        source="Carreira-Perpiñán & Wang, Distributed Optimization of Deeply Nested Systems, AISTATS 2014",
        digital=auxiliary_coordinates,
    )
)
register.rule("pcn", "predictive coding")(
    Rule(
        source="Whittington & Bogacz, Neural Computation 29, 1229 (2017), doi:10.1162/NECO_a_00949",
        digital=predictive_coding,
    )
)
