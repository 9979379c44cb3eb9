"""The λ family by block over-relaxation: both compartments side by side, no product computed twice.

Away from λ = ½ the layers are coupled both ways and an equilibrium takes many sweeps. For λ < ½ sweeps in layer order
under-relaxed by `relaxation` converge where undamped ones oscillate, and many times faster than a small step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from analogsim.engine.norms import coupling_norm, relaxation_factor
from analogsim.functions.activations import activation
from analogsim.learning.reference.dyads import orders
from analogsim.learning.reference.elementwise import couple
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch, stack
from analogsim.learning.reference.output import Nudge, check_sweeps
from analogsim.network import Network
from analogsim.wiring import Wiring


def relaxation(net: Network, lam: float) -> float:
    """ω of passes in layer order, `analogsim.engine.norms.relaxation_factor`, for λ < ½; else 1."""
    if lam >= 0.5:
        return 1.0
    strength = activation(net.activation).slope_max * coupling_norm(net.weights[1:])
    return relaxation_factor(strength * (1 - 2 * lam) ** 0.5)


class Coupled:
    """States of a network in which layer k hears W_k from below and W_{k+1}ᵀ from above, and its sweeps.

    Parameters
    ----------
    net : Network
    x : (sample, feature) array
    lam : float
    nudge : Nudge, optional
        With it every layer holds s⁺ in its first and s⁻ in its last rows; without, there is one state, at β = 0.
    start : list of (sample, n_k) arrays, optional
        Pre-activations; of a feed-forward pass if not given.
    """

    def __init__(
        self,
        net: Network,
        x: Array,
        lam: float,
        nudge: Nudge | None = None,
        *,
        feedback: Sequence[Array | None] | None = None,
        start: Sequence[Array] | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        self.layers, self.x, self.nudge = stack(net, feedback), x, nudge
        self.lam = x.dtype.type(lam)
        self.code = activation(net.activation).code
        f, self.f_out = activation(net.activation), activation(net.output_activation)
        self.omega = x.dtype.type(relaxation(net, lam))
        space = workspace or Workspace()
        copies = 1 if nudge is None else 2
        rows, last = copies * len(x), net.layers - 1
        self.partner = len(x) if nudge else 0
        buffers = [
            [space("coupled", name, k, rows, shape=(rows, n), dtype=x.dtype) for k, n in enumerate(net.sizes[1:])]
            for name in "aspq"
        ]
        self.a, self.s, self.p, self.q = buffers
        below = x
        for k, layer in enumerate(self.layers):
            first = layer.forward(below)
            a = first + layer.bias if start is None else start[k]
            below = (f if k < last else self.f_out)(a)
            if k == 0:
                self.p[0].reshape(copies, *first.shape)[...] = first
            self.a[k].reshape(copies, *a.shape)[...] = a
            self.s[k].reshape(copies, *a.shape)[...] = below
        # Which products are those of the present states.
        self.fresh_p, self.fresh_q = [k == 0 for k in range(net.layers)], [False] * net.layers
        if nudge is not None:
            nudge.free(below)

    def update(self, k: int, tol: np.floating) -> bool:
        """Update layer k (from 0); whether a state moved by more than `tol`."""
        if not self.fresh_p[k]:
            self.layers[k].forward(self.s[k - 1], self.p[k])
            self.fresh_p[k] = True
        if k == len(self.layers) - 1:
            moved = self._output(tol)
        else:
            if not self.fresh_q[k]:
                self.layers[k + 1].feedback(self.s[k + 1], self.q[k])
                self.fresh_q[k] = True
            bias = self.layers[k].bias
            moved = couple(
                self.a[k], self.p[k], self.q[k], bias, self.lam, self.omega, self.partner, self.code, self.s[k], tol
            )
            self.fresh_p[k + 1] = False
        if k:
            self.fresh_q[k - 1] = False
        return moved

    def _output(self, tol: np.floating) -> bool:
        p, bias, s = self.p[-1], self.layers[-1].bias, self.s[-1]
        if self.nudge is None:
            self.a[-1][...] = p + bias
            new = self.f_out(self.a[-1])
        else:
            plus, minus = np.split(p, 2)
            share = self.lam
            drives = (share * plus + (1 - share) * minus + bias, share * minus + (1 - share) * plus + bias)
            new = np.concatenate(self.nudge(*drives))
        new = s + self.omega * (new - s)
        moved = not np.abs(new - s).max() <= tol
        s[...] = new
        return moved

    def settle(self, numbers: Iterable[list[int]], tol: float) -> None:
        """Sweep until nothing moves by more than `tol`."""
        bound = self.x.dtype.type(tol)
        with np.errstate(over="ignore", invalid="ignore"):
            for order in numbers:
                moved = [self.update(k, bound) for k in order]
                if not any(moved):
                    break

    def gradients(self, scale: float) -> Gradients:
        """``scale`` Σ_± ± s_k^± u_k^±ᵀ, u^± = λs_{k−1}^± + λ̄s_{k−1}^∓."""
        found = []
        for k, layer in enumerate(self.layers):
            plus, minus = np.split(self.s[k], 2)
            if k == 0:
                found.append(layer.gradient(plus - minus, self.x, scale))
                continue
            below = self.s[k - 1]
            u = self.lam * below + (1 - self.lam) * np.roll(below, self.partner, 0)
            found.append(layer.gradient(np.concatenate([plus, -minus]), u, scale))
        return found


def order_of(lam: float) -> str:
    """Order of the sweeps that `relaxation` is for."""
    return "forward" if lam < 0.5 else "up-down"


def rest(net: Network, x: Array, lam: float, *, sweeps: int = 200, tol: float = 1e-4) -> list[Array]:
    """Pre-activations at the equilibrium without a nudge, a_k = W_k s_{k−1} + b_k + (2λ − 1) W_{k+1}ᵀ s_{k+1}.

    What a network of the λ family infers; at λ = ½ the feed-forward pass. `tol` bounds the change of a state in the
    last sweep.
    """
    if lam == 0.5:
        return net.forward(x)
    found: list[list[Array]] = [[] for _ in net.weights]
    space = Workspace()
    for start in range(0, len(x), 500):
        state = Coupled(net, x[start : start + 500], lam, workspace=space)
        state.settle(orders(net.layers, order_of(lam), sweeps, None), tol)
        for kept, a in zip(found, state.a, strict=True):
            kept.append(a.copy())
    return [np.concatenate(parts) for parts in found]


def relaxed(
    net: Network,
    x: Array,
    y: Array,
    lam: float,
    *,
    beta: float,
    sweeps: int,
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    tol: float = 0.0,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient of `analogsim.learning.reference.dyadic` for one λ, in the order and with the ω that suit it.

    For λ > ½ there may be many equilibria: the relaxation starts from the one at β = 0, so that both compartments stay
    in its basin.
    """
    check_sweeps(sweeps)
    x, y = batch(net, x, y)
    wiring = Wiring.dyadic(lam)
    start = rest(net, x, lam, sweeps=sweeps, tol=tol) if lam > 0.5 else None
    nudge = Nudge(net, y, wiring, beta, output)
    state = Coupled(net, x, lam, nudge, feedback=feedback, start=start, workspace=workspace)
    state.settle(orders(net.layers, order_of(lam), sweeps, None), tol)
    with np.errstate(over="ignore", invalid="ignore"):
        return state.gradients(-1 / (len(x) * beta * wiring.total_nudge))
