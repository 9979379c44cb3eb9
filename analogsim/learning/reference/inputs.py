"""Training against the input: one step up the input gradient before any rule, and DP with a nudged input layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from analogsim.errors import out_of_range
from analogsim.functions.activations import activation
from analogsim.functions.losses import LOSSES
from analogsim.learning.reference.backpropagation import backprop
from analogsim.learning.reference.dyads import Relaxation, _mix, orders, settle
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch
from analogsim.learning.reference.lifted import squared_norms
from analogsim.learning.reference.options import gated
from analogsim.learning.reference.output import check_sweeps
from analogsim.learning.reference.rules import Rule
from analogsim.network import Network
from analogsim.registry import register
from analogsim.wiring import Wiring


def input_gradient(net: Network, x: Array, y: Array) -> Array:
    """∂ℓ/∂x of each sample, (sample, feature)."""
    x, y = batch(net, x, y)
    a, f, f_out = net.forward(x), activation(net.activation), activation(net.output_activation)
    delta = f_out.derivative(a[-1]) * LOSSES[net.loss].gradient(f_out(a[-1]), y)
    for k in range(net.layers - 1, 0, -1):
        delta = f.derivative(a[k - 1]) * (delta @ net.weights[k])
    return delta @ net.weights[0]


@gated
def adversarial(
    net: Network,
    x: Array,
    y: Array,
    *,
    step: float = 0.5,
    sign: bool = False,
    rule: Callable[..., Gradients] = backprop,
    **options: object,
) -> Gradients:
    """Gradient of a rule at x + step·∂ℓ/∂x, or x + step·sign(∂ℓ/∂x).

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    step : float
        ≥ 0; the published code takes ½ with the raw gradient and no clipping.
    sign : bool
        The fast gradient sign method of Goodfellow et al., arXiv 1412.6572.
    rule : callable
    **options
        Options of the rule.
    """
    if not step >= 0:
        raise out_of_range("step", step, "step ≥ 0")
    x, y = batch(net, x, y)
    direction = input_gradient(net, x, y)
    moved = x + x.dtype.type(step) * (np.sign(direction) if sign else direction)
    if not np.isfinite(moved).all():  # a network that diverges has no gradient, which is a result
        pairs = zip(net.weights, net.biases, strict=True)
        return [(np.full_like(w, np.nan), np.full_like(b, np.nan)) for w, b in pairs]
    return rule(net, moved, y, **options)


class _RobustInput(Relaxation):
    """A relaxation whose input has two compartments as well, s_0^± = x + B[±] V_1 s_1^±."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.inputs: list[Array] = []
        super().__init__(*arguments, **options)
        self.inputs = [self.x, self.x]

    def forward_signal(self, k: int) -> list[Array]:
        return _mix(self.wirings[0].forward, self.inputs) if k == 0 else super().forward_signal(k)

    def update(self, k: int) -> float:
        if k == 0:
            e, b = self.layers[0].feedback(self.s[0][0] - self.s[0][1]), self.wirings[0].feedback.astype(self.x.dtype)
            self.inputs = [self.x + b[0, 0] * e, self.x + b[1, 0] * e]
            u = self.forward_signal(0)
            self.drive = self.layers[0].forward(u[0]) + self.layers[0].bias
        return super().update(k)


@gated
def robust_dual_propagation(
    net: Network,
    x: Array,
    y: Array,
    *,
    alpha: float = 0.0,
    beta: float = 0.5,
    sweeps: int = 15,
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    tol: float = 0.0,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of DP(α) whose input may be pushed, too: a term E_0(s_0) = ½‖s_0 − x‖² is added to the potential.

    s_0⁺ = x + α W_1ᵀd_1, s_0⁻ = x − ᾱ W_1ᵀd_1, d_1 = s_1⁺ − s_1⁻, and layer 1 hears s̄_0 = αs_0⁺ + ᾱs_0⁻; for α < ½ the
    input moves against the loss, which is adversarial training inside the same relaxation. Sweeps are damped as in
    `damped_dual_propagation`, the input included.

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    alpha, beta, sweeps, output, tol, workspace
        As in `damped_dual_propagation`.
    feedback : sequence of (n_in, n_out) arrays, optional
        Here the first, V_1, is used.

    Notes
    -----
    Two Tales of Single-Phase Contrastive Hebbian Learning, ICML 2024, sections 4.3 and 6.1. The published code does not
    hold this variant, and the text leaves E_0 open ("e.g."): the unit quadratic is our choice.
    """
    check_sweeps(sweeps)
    wiring = Wiring.dual_propagation(alpha)
    stabiliser = [abs(1 - 2 * alpha) * max(0.0, n - 1) / 2 for n in squared_norms(net)]
    # The input has no state of its own to damp: layer 1 takes its share.
    first = abs(1 - 2 * alpha) * float(np.linalg.norm(net.weights[0], 2)) ** 2
    stabiliser[0] += first
    state = _RobustInput(
        net, x, y, [wiring] * net.layers, beta, output=output, feedback=feedback, stabiliser=stabiliser
    )
    return settle(state, orders(net.layers, "up-down", sweeps, None), tol)


register.rule("dp-robust", "DP(α) with a nudged input layer")(
    Rule(
        source="Høier & Zach, Two Tales of Single-Phase Contrastive Hebbian Learning, ICML 2024, arXiv 2402.08573",
        digital=robust_dual_propagation,
    )
)
register.rule("adversarial", "back-propagation one step up the input gradient")(Rule(digital=adversarial))
