"""The dyads of LeCun's own Lagrangian: exact back-propagation at any nudge, but neurons must know the slope f'(a)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analogsim.defaults import ALPHA
from analogsim.errors import out_of_range
from analogsim.functions.activations import activation
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch, stack
from analogsim.learning.reference.options import gated
from analogsim.learning.reference.output import Nudge, check_sweeps
from analogsim.learning.reference.rules import Rule
from analogsim.network import Network
from analogsim.registry import register
from analogsim.wiring import Wiring


@gated
def lecun_lagrangian(
    net: Network,
    x: Array,
    y: Array,
    *,
    alpha: float = ALPHA,
    beta: float = 0.5,
    sweeps: int = 1,
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient from the saddle of ℓ(s_L) + Σ δ_kᵀ(s_k − f(W_k s_{k−1} + b_k)) with s = αs⁺ + ᾱs⁻, δ = s⁺ − s⁻.

        s_k⁺ = f(a_k) + ᾱ e_k,  s_k⁻ = f(a_k) − α e_k,  e_k = V_{k+1} [f'(a_{k+1}) ∘ (s_{k+1}⁺ − s_{k+1}⁻)],

    and ∂W_k = −mean [f'(a_k) ∘ (s_k⁺ − s_k⁻)] s̄_{k−1}ᵀ / β. Eq. 28 prints s⁻ − s⁺ in e; with δ = s⁺ − s⁻ of Eq. 17
    the stationary point has the sign used here (with the other one the gradient alternates from layer to layer).

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    alpha : float
        0 ≤ α ≤ 1.
    beta : float
        Nonzero; the result depends on neither at the fixed point, which one sweep reaches.
    sweeps : int
        Up-down sweeps.
    output, feedback, workspace
        As in `analogsim.learning.reference.dyads.relaxed`.

    Notes
    -----
    LeCun 1988; arXiv 2402.08573, Eqs. 27-28.
    """
    check_sweeps(sweeps)
    if not 0 <= alpha <= 1:
        raise out_of_range("alpha", alpha, "0 ≤ α ≤ 1")
    x, y = batch(net, x, y)
    layers, f, f_out = stack(net, feedback), activation(net.activation), activation(net.output_activation)
    linear = net.replace(output_activation="identity")
    nudge = Nudge(linear, y, Wiring.adjoint_dual_propagation(alpha), beta, output)
    last, share = net.layers - 1, x.dtype.type(alpha)

    a: list[Array] = [x] * net.layers
    plus, minus = [x] * net.layers, [x] * net.layers

    def mean(k: int) -> Array:
        return x if k < 0 else share * plus[k] + (1 - share) * minus[k]

    def slope(k: int) -> Array:
        return (f if k < last else f_out).derivative(a[k])

    def update(k: int) -> None:
        a[k] = layers[k].forward(mean(k - 1)) + layers[k].bias
        if k == last:
            plus[k], minus[k] = nudge(f_out(a[k]), f_out(a[k]))
            return
        e = layers[k + 1].feedback(slope(k + 1) * (plus[k + 1] - minus[k + 1]))
        plus[k], minus[k] = f(a[k]) + (1 - share) * e, f(a[k]) - share * e

    for k in range(net.layers):
        a[k] = layers[k].forward(mean(k - 1)) + layers[k].bias
        plus[k] = minus[k] = f(a[k]) if k < last else f_out(a[k])
    nudge.free(plus[last])
    for count in range(sweeps):
        for k in [*range(last if count else 0), *range(last, -1, -1)]:
            update(k)
    scale = -1 / (len(x) * beta)
    return [
        layer.gradient(np.ascontiguousarray(slope(k) * (plus[k] - minus[k])), mean(k - 1), scale)
        for k, layer in enumerate(layers)
    ]


register.rule("lecun", "dyads of LeCun's Lagrangian")(
    Rule(
        source="Høier & Zach, Two Tales of Single-Phase Contrastive Hebbian Learning, ICML 2024, arXiv 2402.08573",
        digital=lecun_lagrangian,
    )
)
