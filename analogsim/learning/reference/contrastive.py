"""Contrastive Hebbian learning with layer discounting, and its convex form: a free and a clamped minimum."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from analogsim.functions.activations import activation
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch, stack
from analogsim.learning.reference.options import gated
from analogsim.learning.reference.output import Nudge, check_sweeps
from analogsim.learning.reference.rules import Rule
from analogsim.learning.reference.targets import spacings
from analogsim.network import Network
from analogsim.registry import register
from analogsim.wiring import Wiring


@gated
def contrastive_hebbian(
    net: Network,
    x: Array,
    y: Array,
    *,
    beta: float | Sequence[float] = 0.1,
    convex: bool = False,
    sweeps: int = 200,
    damping: float = 1.0,
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    tol: float = 0.0,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of L_GC, the difference of a loss-augmented and a free minimum of Σ_k w_k E_k, w_k = 1/∏_{l≥k} β_l.

    Both minima are found by up-down sweeps of

        z_k ← f(a_k + β_k V_{k+1} z_{k+1})                  E_k = G(z_k) − z_kᵀ a_k   (Hebbian)
        z_k ← f(a_k + β_k V_{k+1} (z_{k+1} − a_{k+1}))      E_k = ½‖z_k − a_k‖² + F(z_k)   (convex, f = prox_F)

    with a_k = W_k z_{k−1} + b_k, the clamped output by a proximal step of β_L ℓ, and

        ∂W_k = −w_k mean (ẑ_k ẑ_{k−1}ᵀ − ž_k ž_{k−1}ᵀ)                           (Hebbian)
        ∂W_k = −w_k mean ((ẑ_k − â_k) ẑ_{k−1}ᵀ − (ž_k − ǎ_k) ž_{k−1}ᵀ)           (convex).

    Layer k is discounted by β_k against the next, so that w_1 = β^{−L}: small β needs float64.

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    beta : float or sequence of float
        Discounts β_1 … β_L, 0 < β.
    convex : bool
        The sum is then jointly convex in all z, for every discount.
    sweeps : int
        At most so many in each phase; the clamped one starts from the free minimum.
    damping : float
        Of the states, 0 < η ≤ 1.
    output, feedback, tol, workspace
        As in `analogsim.learning.reference.dyads.relaxed`.

    Notes
    -----
    Xie & Seung, Neural Computation 15, 441 (2003); Zach & Estellers 2019; Bilevel Programs Meet Deep Learning,
    Eqs. 22-25 and Table 1.
    """
    x, y = batch(net, x, y)
    layers, betas = stack(net, feedback), spacings(net, beta)
    free, clamped = states(
        net, x, y, betas, convex=convex, sweeps=sweeps, damping=damping, output=output, feedback=feedback, tol=tol
    )
    found: Gradients = []
    for k, layer in enumerate(layers):
        scale = -1 / (len(x) * float(np.prod(betas[k:])))
        parts = []
        for sign, z in ((1, [x, *clamped]), (-1, [x, *free])):
            post = z[k + 1] - layer.forward(z[k]) - layer.bias if convex else z[k + 1]
            parts.append(layer.gradient(post, z[k], sign * scale))
        found.append((parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]))
    return found


def states(
    net: Network,
    x: Array,
    y: Array,
    beta: float | Sequence[float],
    *,
    convex: bool = False,
    sweeps: int = 200,
    damping: float = 1.0,
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    tol: float = 0.0,
) -> tuple[list[Array], list[Array]]:
    """Free states ž_k and clamped states ẑ_k of `contrastive_hebbian` for k = 1 … L; options as there."""
    check_sweeps(sweeps)
    layers, betas, dtype = stack(net, feedback), spacings(net, beta), x.dtype.type
    f, f_out, last = activation(net.activation), activation(net.output_activation), net.layers - 1
    nudge = Nudge(net, y, Wiring.dual_propagation(1.0), betas[-1], output)

    def drive(z: list[Array], k: int) -> Array:
        return layers[k].forward(z[k]) + layers[k].bias

    def settle(z: list[Array], outer: Callable[[Array], Array]) -> list[Array]:
        z = list(z)
        for _ in range(sweeps):
            change = 0.0
            for k in [*range(last), *range(last, -1, -1)]:
                if k == last:
                    new = outer(drive(z, k))
                else:
                    above = z[k + 2] - drive(z, k + 1) if convex else z[k + 2]
                    new = f(drive(z, k) + dtype(betas[k]) * layers[k + 1].feedback(above))
                new = z[k + 1] + dtype(damping) * (new - z[k + 1])
                change = max(change, float(np.abs(new - z[k + 1]).max()))
                z[k + 1] = new
            if change <= tol:
                break
        return z

    z = [x]
    for k in range(net.layers):
        z.append((f if k < last else f_out)(drive(z, k)))
    # Free: E alone is least at a plain forward output; what lies below still feels the layers above.
    free = settle(z, f_out)
    nudge.free(free[-1])
    clamped = settle(free, lambda a: nudge(a, a)[0])
    return free[1:], clamped[1:]


register.rule("chl", "contrastive Hebbian learning, discounted by layer")(
    Rule(
        source="Xie & Seung, Neural Computation 15, 441 (2003)",
        digital=contrastive_hebbian,
    )
)
register.rule("chl-convex", "its convex form")(
    Rule(
        source="Zach, Bilevel Programs Meet Deep Learning: A Unifying View on Inference Learning Methods",
        digital=contrastive_hebbian,
        fixed={"convex": True},
    )
)
