"""Dual propagation and its adjoint, DP(α) and DP⊤(α), in any order of sweeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analogsim.defaults import ALPHA
from analogsim.learning.reference.dyads import relaxed
from analogsim.learning.reference.layers import Array, Gradients, Workspace
from analogsim.learning.reference.options import gated
from analogsim.learning.reference.rules import Rule
from analogsim.network import Network
from analogsim.registry import register
from analogsim.wiring import Wiring


@gated
def dual_propagation(
    net: Network,
    x: Array,
    y: Array,
    *,
    alpha: float = ALPHA,
    beta: float = 0.5,
    sweeps: int = 1,
    order: str = "up-down",
    output: str = "re-evaluated",
    damping: float = 1.0,
    tol: float = 0.0,
    feedback: Sequence[Array | None] | None = None,
    rng: np.random.Generator | None = None,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of DP(α): α = 1 is LPOM, α = 0 inverted LPOM.

    s_k⁺ = f(a_k + α e_k), s_k⁻ = f(a_k − ᾱ e_k), e_k = V_{k+1}(s_{k+1}⁺ − s_{k+1}⁻), a_k = W_k s̄_{k−1} + b_k, a prox
    step of the loss at the output, and ∂W_k = −mean (s_k⁺ − s_k⁻) s̄_{k−1}ᵀ / β. For α ≠ ½ plain sweeps diverge at
    ordinary weights: `damped_dual_propagation` is the remedy.

    Parameters
    ----------
    net : Network
    x, y : (sample, feature) and (sample, class) arrays
    alpha : float
        0 ≤ α ≤ 1.
    beta : float
        Nonzero; β(1 − α) < 1 for ½‖·‖².
    sweeps, order, output, damping, tol, feedback, rng, workspace
        As in `analogsim.learning.reference.dyads.relaxed`. One up-down sweep costs what back-propagation costs.

    Returns
    -------
    list of (weights, bias)

    Notes
    -----
    Høier, Staudt & Zach, arXiv 2302.01228; Høier & Zach, arXiv 2402.08573, Eqs. 2 and 3.
    """
    return relaxed(
        net, x, y, wiring=Wiring.dual_propagation(alpha), beta=beta, sweeps=sweeps, order=order, output=output,
        damping=damping, tol=tol, feedback=feedback, rng=rng, workspace=workspace,
    )  # fmt: skip


@gated
def adjoint_dual_propagation(
    net: Network,
    x: Array,
    y: Array,
    *,
    alpha: float = ALPHA,
    beta: float = 0.5,
    sweeps: int = 1,
    order: str = "up-down",
    output: str = "re-evaluated",
    damping: float = 1.0,
    tol: float = 0.0,
    feedback: Sequence[Array | None] | None = None,
    rng: np.random.Generator | None = None,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of DP⊤(α): α and ᾱ change places in the feedback, which moves s̄_k only to second order in β.

    s_k⁺ = f(a_k + ᾱ e_k), s_k⁻ = f(a_k − α e_k), s_L^± = a_L ∓ n^± β∇ℓ(a_L), n = (ᾱ, α). Its fixed point at α = 0 is
    Fenchel back-propagation. Parameters as in `dual_propagation`, any β ≠ 0.

    Notes
    -----
    arXiv 2402.08573, Eqs. 19 and 22.
    """
    return relaxed(
        net, x, y, wiring=Wiring.adjoint_dual_propagation(alpha), beta=beta, sweeps=sweeps, order=order, output=output,
        damping=damping, tol=tol, feedback=feedback, rng=rng, workspace=workspace,
    )  # fmt: skip


register.rule("dpt", "adjoint dual propagation")(
    Rule(
        source="Høier & Zach, Two Tales of Single-Phase Contrastive Hebbian Learning, ICML 2024, arXiv 2402.08573",
        wiring=Wiring.adjoint_dual_propagation,
        takes=("alpha",),
        digital=adjoint_dual_propagation,
    )
)
register.rule("dp", "dual propagation")(
    Rule(
        source="Høier, Staudt & Zach, Dual Propagation, ICML 2023, arXiv 2302.01228",
        wiring=Wiring.dual_propagation,
        takes=("alpha",),
        digital=dual_propagation,
    )
)
