"""Recurrent networks: equilibrium propagation on layered Hopfield networks, the skew-symmetric one, and any λ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from analogsim.defaults import LAM
from analogsim.errors import InputError, out_of_range, unknown
from analogsim.functions.activations import activation
from analogsim.learning.reference import coupled
from analogsim.learning.reference.dyads import relaxed
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch, stack
from analogsim.learning.reference.options import gated
from analogsim.learning.reference.output import Nudge, check_sweeps
from analogsim.learning.reference.rules import Rule
from analogsim.network import Network
from analogsim.registry import register
from analogsim.wiring import Wiring

PHASES = ("centred", "positive", "negative")


def safe_damping(net: Network) -> float:
    """η = 1/(1 + σ²), safe for a skew coupling of norm σ: damped sweeps need η < 2/(1 + σ²).

    σ is bounded by the slope times the largest sum of the norms of the weights on the two sides of a layer.
    """
    norms = [float(np.linalg.norm(w, 2)) for w in net.weights[1:]] + [0.0]
    pairs = [a + b for a, b in zip([0.0, *norms], norms, strict=False)]
    return 1 / (1 + (activation(net.activation).slope_max * max(pairs)) ** 2)


@gated
def dyadic(
    net: Network,
    x: Array,
    y: Array,
    *,
    lam: float | Sequence[float] = LAM,
    beta: float = 0.1,
    sweeps: int = 200,
    damping: float | None = None,
    order: str | None = None,
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    tol: float = 0.0,
    rng: np.random.Generator | None = None,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of the λ family: λ = 1 symmetric Hopfield (centred EP), ½ feedforward (DP(½) at 2β), 0 skew-symmetric.

        a_k^± ← (1 − η) a_k^± + η (W_k(λs_{k−1}^± + λ̄s_{k−1}^∓) + b_k + V_{k+1}(λs_{k+1}^± − λ̄s_{k+1}^∓)),

    the output nudged by ∓β∇ℓ(s^±), and ∂W_k = −mean Σ_± ± s_k^± u_k^±ᵀ / (2β).

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    lam : float or sequence of float
        One λ, or one for each connection: λ_k for W_k and its way back V_k. `train(schedule=…)` changes it during
        training.
    beta : float
        β ≠ 0.
    damping : float, optional
        η; None: 1 for λ ≥ ½, `safe_damping` below.
    order : str, optional
        As in `analogsim.learning.reference.dyads.relaxed`. Where neither it nor `damping` is given and one λ holds for
        all layers, the same equilibrium is found faster: see `analogsim.learning.reference.coupled`.
    sweeps, output, feedback, tol, rng, workspace
        As in `analogsim.learning.reference.dyads.relaxed`.

    Notes
    -----
    Høier, Kalinin, Ernoult & Zach, "Dyadic Learning in Recurrent and Feedforward Models", 2024, Eqs. 5, 8 and 10.
    """
    values = [float(lam)] * net.layers if isinstance(lam, (int, float)) else [float(v) for v in lam]
    if len(values) != net.layers:
        raise InputError(f"lam holds {len(values)} numbers; expected one for each of the {net.layers} layers.")
    wirings = [Wiring.dyadic(value) for value in values]
    if order is None and damping is None and len(set(values)) == 1 and values[0] != 0.5:
        return coupled.relaxed(
            net, x, y, values[0], beta=beta, sweeps=sweeps, output=output, feedback=feedback, tol=tol,
            workspace=workspace,
        )  # fmt: skip
    if damping is None:
        damping = safe_damping(net) if min(values) < 0.5 else 1.0
    return relaxed(
        net, x, y, wiring=wirings[0] if len(set(values)) == 1 else wirings, beta=beta, sweeps=sweeps, damping=damping,
        order=order or "up-down", output=output, feedback=feedback, tol=tol, rng=rng, workspace=workspace,
    )  # fmt: skip


def skew_symmetric(net: Network, x: Array, y: Array, **options: object) -> Gradients:
    """Gradient of the skew-symmetric Hopfield network: `dyadic` with λ = 0.

    Parameters
    ----------
    net, x, y
        As of `dyadic`.
    **options
        Its other keywords.
    """
    return dyadic(net, x, y, lam=0.0, **options)  # type: ignore[arg-type]


@gated
def equilibrium_propagation(
    net: Network,
    x: Array,
    y: Array,
    *,
    beta: float = 0.1,
    phase: str = "centred",
    sweeps: int = 200,
    damping: float = 1.0,
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    tol: float = 0.0,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of equilibrium propagation on a layered Hopfield network, one state a neuron, phases one after another.

    s_k = f(a_k), a_k = W_k s_{k−1} + b_k + V_{k+1} s_{k+1}, the output nudged by −β∇ℓ, and
    ∂W_k = −mean [s_k s_{k−1}ᵀ]^{β₁}_{β₂} / (β₁ − β₂) with (β₁, β₂) = (β, −β), (β, 0) or (0, −β).

    Parameters
    ----------
    net, x, y
        As of `backprop`.
    beta : float
        > 0.
    phase : {"centred", "positive", "negative"}
        Laborieux et al., arXiv 2006.03824. Centred is `dyadic` with λ = 1, its error O(β²); one-sided O(β).
    sweeps : int
        At most so many up-down sweeps in each phase; the nudged ones start from the free one.
    damping, output, feedback, tol, workspace
        As in `analogsim.learning.reference.dyads.relaxed`.

    Notes
    -----
    Scellier & Bengio, arXiv 1602.05179.
    """
    check_sweeps(sweeps)
    if phase not in PHASES:
        raise unknown("phase", phase, PHASES)
    if not beta > 0:
        raise out_of_range("beta", beta, "β > 0; the phase says its sign")
    if not 0 < damping <= 1:
        raise out_of_range("damping", damping, "0 < η ≤ 1")
    x, y = batch(net, x, y)
    layers, f, f_out = stack(net, feedback), activation(net.activation), activation(net.output_activation)
    last, eta = net.layers - 1, x.dtype.type(damping)
    first = layers[0].forward(x) + layers[0].bias
    nudge = Nudge(net, y, Wiring.dyadic(1.0), beta, output)

    def relax(a: list[Array], s: list[Array], side: int | None) -> tuple[list[Array], list[Array]]:
        """Settle from (a, s); side 0 is the +β phase, 1 the −β phase, None the free one."""
        a, s = list(a), list(s)
        for _ in range(sweeps):
            change = 0.0
            for k in [*range(last), *range(last, -1, -1)]:
                drive = first if k == 0 else layers[k].forward(s[k - 1]) + layers[k].bias
                if k < last:
                    a[k] = a[k] + eta * (drive + layers[k + 1].feedback(s[k + 1]) - a[k])
                    new = f(a[k])
                else:
                    target = f_out(drive) if side is None else nudge(drive, drive)[side]
                    new = s[k] + eta * (target - s[k])
                change = max(change, float(np.abs(new - s[k]).max()))
                s[k] = new
            if change <= tol:
                break
        return a, s

    a: list[Array] = []
    s: list[Array] = [x]
    for k, layer in enumerate(layers):
        a.append(layer.forward(s[-1]) + layer.bias)
        s.append((f if k < last else f_out)(a[-1]))
    free = relax(a, s[1:], None)
    nudge.free(free[1][last])
    upper = relax(*free, 0) if phase != "negative" else free
    lower = relax(*free, 1) if phase != "positive" else free
    scale = -1 / (len(x) * beta * (2 if phase == "centred" else 1))
    found: Gradients = []
    for k, layer in enumerate(layers):
        parts = [
            layer.gradient(s[k], x if k == 0 else s[k - 1], sign * scale) for sign, (_, s) in ((1, upper), (-1, lower))
        ]
        found.append((parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]))
    return found


DYADIC = "Høier, Kalinin, Ernoult & Zach, Dyadic Learning in Recurrent and Feedforward Models, 2024"

register.rule("ep", "equilibrium propagation, the symmetric Hopfield network of λ = 1")(
    Rule(
        source="Scellier & Bengio, Front. Comput. Neurosci. 11, 24 (2017), doi:10.3389/fncom.2017.00024",
        wiring=partial(Wiring.dyadic, 1.0),
        digital=equilibrium_propagation,
        recurrent=True,
        activation="hard-sigmoid",
        init="glorot",
    )
)
register.rule("sshm", "skew-symmetric Hopfield network, λ = 0")(
    Rule(
        source=DYADIC,
        wiring=partial(Wiring.dyadic, 0.0),
        digital=dyadic,
        fixed={"lam": 0.0},
        recurrent=True,
        activation="hard-sigmoid",
        init="glorot",
    )
)
register.rule("dyadic", "dyadic network of any λ")(
    Rule(
        source=DYADIC,
        wiring=Wiring.dyadic,
        takes=("lam",),
        digital=dyadic,
        recurrent=True,
        activation="hard-sigmoid",
        init="glorot",
    )
)
