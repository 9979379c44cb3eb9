"""DP and DP⊤ by sequential up-down sweeps in which no product is computed twice.

A literal implementation works out a_k = W_k s̄_{k−1} + b_k and the feedback e_k = V_{k+1} d_{k+1} at every visit to
layer k. On the way up only a_k has changed since the last visit, on the way down only e_k: the other one is kept, which
saves half of the products and changes no bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analogsim.errors import InputError
from analogsim.functions.activations import activation
from analogsim.learning.reference import elementwise
from analogsim.learning.reference.layers import Array, Gradients, Layer, Workspace, batch, stack
from analogsim.learning.reference.output import Nudge, check_sweeps
from analogsim.network import Network
from analogsim.wiring import Wiring

MANY = 1000
"""Sweeps from which on it pays to copy the weights for the products."""


@dataclass
class Dyads:
    """Means s̄_k = u_{k+1} and differences d_k = s_k⁺ − s_k⁻ of every layer, (sample, n_k); ``mean[0]`` is x."""

    mean: list[Array]
    difference: list[Array]

    def gradients(self, layers: Sequence[Layer], scale: float, space: Workspace) -> Gradients:
        """The local rule, ∂W_k = −mean d_k s̄_{k−1}ᵀ / (β Σn); `scale` is −1/(sample β Σn)."""
        found = []
        for k, (layer, d, s) in enumerate(zip(layers, self.difference, self.mean, strict=False)):
            shape = (layer.width, s.shape[1])
            found.append(layer.gradient(d, s, scale, space("gradient", k, shape=shape, dtype=d.dtype)))
        return found


def sweep(
    net: Network,
    x: Array,
    y: Array,
    wiring: Wiring,
    beta: float,
    sweeps: int = 1,
    *,
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    workspace: Workspace | None = None,
    tol: float | None = 0.0,
    stabiliser: Sequence[float] | None = None,
) -> tuple[Gradients, Dyads]:
    """Gradient and states after up-down sweeps, for any wiring whose compartments hear the same.

    A free forward pass; then layers L, …, 1, and (1, …, L, …, 1) for each further sweep, with

        s_k^± = f(a_k ± c^± e_k),  s̄ = m⁺s⁺ + m⁻s⁻,  d = s⁺ − s⁻,  m = F[0],  c^± = |B[±, ±]|.

    One sweep costs what back-propagation costs.

    Parameters
    ----------
    net : Network
    x, y : (sample, feature) and (sample, class) arrays
    wiring : Wiring
        DP(α), DP⊤(α), or λ = ½: both rows of F alike, both rows of B sum to zero.
    beta : float
        Nonzero nudge.
    sweeps : int
        K ≥ 1.
    output : {"re-evaluated", "linearised"}
        See `analogsim.learning.reference.output.Nudge`.
    feedback : sequence of (n_in, n_out) arrays, optional
        Feedback path of its own, V ≠ Wᵀ.
    workspace : Workspace, optional
        Buffers to reuse; gradients and states then live in them.
    tol : float or None
        Leave the sweeps once no mean state moves by more in one. At 0 the last repeats the one before it exactly, and
        all further ones would, too; None computes every sweep. Not used with a stabiliser.
    stabiliser : sequence of float, optional
        L_k of each hidden layer, for ReLU: s^± ← f((a ± c^± e + L s^±)/(1 + L)) at each update.

    Raises
    ------
    InputError
        If x, y, β, sweeps or the wiring do not fit.
    """
    check_sweeps(sweeps)
    f, b = wiring.forward, wiring.feedback
    if not wiring.hears_the_same:
        raise InputError(f"{wiring.name}: its compartments hear different signals; use the relaxation of `dyads`.")
    x, y = batch(net, x, y)
    layers, space = stack(net, feedback), workspace or Workspace()
    mean, gain = f[0].astype(x.dtype), np.array([b[0, 0], b[1, 1]], x.dtype)
    nudge, code = Nudge(net, y, wiring, beta, output), activation(net.activation).code
    last = net.layers - 1

    def buffer(name: str, k: int) -> Array:
        return space(name, k, shape=(len(x), layers[k].width), dtype=x.dtype)

    if stabiliser is not None and net.activation != "relu":
        raise InputError(f"a stabiliser here is for relu, not {net.activation}; use `damped_dual_propagation`.")
    a, s, e, d = ([buffer(name, k) for k in range(net.layers)] for name in "ased")
    for k, layer in enumerate(layers):
        layer.forward(s[k - 1] if k else x, a[k])
        elementwise.activate(a[k], layer.bias, code if k < last else nudge.f.code, s[k])
    nudge.free(s[last])
    kappa, bound = nudge.difference_gain(), x.dtype.type(tol or 0.0)

    def damped(k: int) -> None:
        assert stabiliser is not None
        damp = x.dtype.type(stabiliser[k])
        elementwise.damped_relu(a[k], e[k], damp, gain, mean, plus[k], minus[k], s[k], d[k])

    def down() -> None:
        if kappa is None:
            np.subtract(*nudge(a[last], a[last]), out=d[last])
        else:
            elementwise.pull(a[last], y, x.dtype.type(-kappa), d[last])
        for k in range(last - 1, -1, -1):
            layers[k + 1].feedback(d[k + 1], e[k])
            if stabiliser is not None:
                damped(k)
            elif k:
                elementwise.difference(a[k], e[k], code, gain, d[k])

    if stabiliser is not None:
        plus, minus = ([buffer(name, k) for k in range(last)] for name in ("plus", "minus"))
        for k in range(last):
            plus[k][...] = minus[k][...] = s[k]
    down()
    for _ in range(sweeps - 1):
        moved = tol is None or stabiliser is not None
        for k in range(last):
            if stabiliser is not None:
                damped(k)
            else:
                moved = elementwise.mean_state(a[k], e[k], code, gain, mean, s[k], bound) or moved
            layers[k + 1].forward(s[k], a[k + 1])
            elementwise.add_bias(a[k + 1], layers[k + 1].bias)
        if not moved:
            break
        down()
    for k in range(last if stabiliser is None else 0):
        elementwise.both(a[k], e[k], code, gain, mean, s[k], d[k])
    dyads = Dyads([x, *s[:-1]], d)
    with np.errstate(over="ignore", invalid="ignore"):
        return dyads.gradients(layers, -1 / (len(x) * beta * wiring.total_nudge), space), dyads
