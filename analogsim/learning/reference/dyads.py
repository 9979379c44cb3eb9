"""Relaxation of dyads by sweeps, for any wiring: both compartments of every layer are kept, in any order of updates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from analogsim.errors import InputError, out_of_range, unknown
from analogsim.functions.activations import activation
from analogsim.learning.reference import dual
from analogsim.learning.reference.layers import Array, Gradients, Layer, Workspace, batch, stack
from analogsim.learning.reference.options import gated, wirings
from analogsim.learning.reference.output import Nudge, check_sweeps
from analogsim.network import Network
from analogsim.wiring import Wiring

ORDERS = ("up-down", "forward", "odd-even", "synchronous", "random")
PROJECTIONS = ("relu", "identity")
"""Activations that project on a set, f(f(a)) = f(a)."""


def stabilise(a: Sequence[Array], old: Sequence[Array], strength: float) -> list[Array]:
    """(a + L·old)/(1 + L), Two Tales Eq. 53, whose fixed points do not depend on L.

    ``old`` is the state where f projects, as there; elsewhere that would move the fixed point, and it must be the old
    pre-activation.
    """
    damp = a[0].dtype.type(strength)
    return [(value + damp * other) / (1 + damp) for value, other in zip(a, old, strict=True)]


class Relaxation:
    """States s_k^± of a dyadic network and their updates, a_k^± ← (1 − η) a_k^± + η (W_k u_k^± + b_k + V_{k+1} v_k^±).

    Parameters
    ----------
    net, x, y, beta, output, feedback
        As for `relaxed`.
    wirings : sequence of Wiring
        One for each connection: that of W_k mixes what goes through it, forward and back.
    damping : float
        η, 0 < η ≤ 1.
    stabiliser : sequence of float, optional
        L_k ≥ 0 of each layer: see `stabilise`.
    """

    def __init__(
        self,
        net: Network,
        x: Array,
        y: Array,
        wirings: Sequence[Wiring],
        beta: float,
        *,
        output: str = "re-evaluated",
        feedback: Sequence[Array | None] | None = None,
        damping: float = 1.0,
        stabiliser: Sequence[float] | None = None,
    ) -> None:
        if not 0 < damping <= 1:
            raise out_of_range("damping", damping, "0 < η ≤ 1")
        self.x, self.y = batch(net, x, y)
        self.beta, self.wirings = beta, list(wirings)
        self.layers: list[Layer] = stack(net, feedback)
        self.f = activation(net.activation)
        self.projects = net.activation in PROJECTIONS
        self.nudge = Nudge(net, self.y, self.wirings[-1], beta, output)
        self.eta = self.x.dtype.type(damping)
        self.stabiliser = [0.0] * net.layers if stabiliser is None else list(stabiliser)
        self.drive = self.layers[0].forward(self.x) + self.layers[0].bias
        self.a: list[list[Array]] = []
        self.s: list[list[Array]] = []
        s = self.x
        for k, layer in enumerate(self.layers):
            a = layer.forward(s) + layer.bias
            s = self.f(a) if k < net.layers - 1 else self.nudge.f(a)
            self.a.append([a, a])
            self.s.append([s, s])
        self.nudge.free(s)

    def forward_signal(self, k: int) -> list[Array]:
        """u_k^± = F s_{k−1}; k counts from 0."""
        return [self.x, self.x] if k == 0 else _mix(self.wirings[k].forward, self.s[k - 1])

    def update(self, k: int) -> float:
        """Update layer k (from 0) and return the largest change of a state."""
        layer, dtype = self.layers[k], self.x.dtype.type
        new: list[Array]
        if k == 0:
            drive = [self.drive, self.drive]
        else:
            u = self.forward_signal(k)
            first = layer.forward(u[0]) + layer.bias
            drive = [first, first if u[1] is u[0] else layer.forward(u[1]) + layer.bias]
        if k == len(self.layers) - 1:
            new = list(self.nudge(drive[0], drive[1]))
        else:
            # V v^± = B (V s⁺, V s⁻): two products for any B, one where B sees only the difference.
            b, s = self.wirings[k + 1].feedback, self.s[k + 1]
            path = self.layers[k + 1].feedback
            if np.allclose(b.sum(1), 0):
                e = path(s[0] - s[1])
                back: list[Array] = [dtype(b[0, 0]) * e, dtype(b[1, 0]) * e]
            else:
                back = _mix(b, [path(s[0]), path(s[1])])
            a: list[Array] = [p + q for p, q in zip(drive, back, strict=True)]
            if self.eta < 1:
                a = [old + self.eta * (target - old) for old, target in zip(self.a[k], a, strict=True)]
            if self.stabiliser[k]:
                a = stabilise(a, self.s[k] if self.projects else self.a[k], self.stabiliser[k])
            self.a[k] = a
            new = [self.f(value) for value in a]
        if k == len(self.layers) - 1 and self.eta < 1:
            # The proximal step gives states; the output is damped there.
            new = [old + self.eta * (target - old) for old, target in zip(self.s[k], new, strict=True)]
        change = max(float(np.abs(p - q).max()) for p, q in zip(new, self.s[k], strict=True))
        self.s[k] = new
        return change

    def sweep(self, order: Sequence[int], *, together: bool = False) -> float:
        """Update layers in turn, or all from the same old states; return the largest change."""
        if not together:
            return max(self.update(k) for k in order)
        old, found, change = list(self.s), list(self.s), 0.0
        for k in order:
            self.s = list(old)
            change = max(change, self.update(k))
            found[k] = self.s[k]
        self.s = found
        return change

    def gradients(self) -> Gradients:
        """The local rule: ∂W_k = −(1/(βΣn)) mean Σ_± ± s_k^± u_k^±ᵀ."""
        scale = -1 / (len(self.x) * self.beta * self.wirings[-1].total_nudge)
        found = []
        for k, (layer, s) in enumerate(zip(self.layers, self.s, strict=True)):
            u = self.forward_signal(k)
            if u[0] is u[1]:
                found.append(layer.gradient(s[0] - s[1], u[0], scale))
                continue
            plus, minus = layer.gradient(s[0], u[0], scale), layer.gradient(s[1], u[1], scale)
            found.append((plus[0] - minus[0], plus[1] - minus[1]))
        return found


def orders(layers: int, order: str, sweeps: int, rng: np.random.Generator | None) -> Iterator[list[int]]:
    """Layer numbers, from 0, of each sweep after the free forward pass."""
    up, down = list(range(layers)), list(range(layers - 1, -1, -1))
    for count in range(sweeps):
        if order == "up-down":
            yield down if count == 0 else up[:-1] + down
        elif order == "odd-even":
            yield down[::2] + down[1::2]
        elif order == "random":
            assert rng is not None
            yield list(rng.permutation(layers))
        else:
            yield up


def settle(state: Relaxation, numbers: Iterable[list[int]], tol: float, *, together: bool = False) -> Gradients:
    """Sweep until no state moves by more than `tol`, and apply the local rule; what diverges ends as Inf or NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        for order in numbers:
            if state.sweep(order, together=together) <= tol:
                break
        return state.gradients()


@gated
def relaxed(
    net: Network,
    x: Array,
    y: Array,
    *,
    wiring: Wiring | Sequence[Wiring],
    beta: float = 0.5,
    sweeps: int = 1,
    order: str = "up-down",
    output: str = "re-evaluated",
    feedback: Sequence[Array | None] | None = None,
    damping: float = 1.0,
    tol: float = 0.0,
    rng: np.random.Generator | None = None,
    workspace: Workspace | None = None,
) -> Gradients:
    """Gradient by the local rule after a number of sweeps, for any wiring.

    Parameters
    ----------
    net : Network
    x, y : (sample, feature) and (sample, class) arrays
    wiring : Wiring or sequence of Wiring
        One for all connections or one for each W_k.
    beta : float
        Nonzero; negative nudges the other way.
    sweeps : int
        At most so many sweeps after a free forward pass.
    order : {"up-down", "forward", "odd-even", "synchronous", "random"}
        "up-down" is L…1, then 1…L…1 and so on; "forward" is 1…L; "odd-even" takes every other layer, from the output;
        "synchronous" updates all layers from the same old states; "random" draws a permutation for each sweep.
    output : {"re-evaluated", "linearised"}
        How the loss enters: see `analogsim.learning.reference.output.Nudge`.
    feedback : sequence of (n_in, n_out) arrays, optional
        A feedback path V of its own.
    damping : float
        η of arXiv 2402.08573 / Dyadic Learning Eq. 10, 0 < η ≤ 1.
    tol : float
        Stop when no state moves by more in a sweep.
    rng : numpy.random.Generator
        Needed by "random" only.
    workspace : Workspace, optional

    Returns
    -------
    list of (weights, bias)
        Means over the samples.

    Raises
    ------
    InputError
        If an option is out of range, or an order needs `rng` and there is none.
    """
    check_sweeps(sweeps)
    if order not in ORDERS:
        raise unknown("order", order, ORDERS)
    if order == "random" and rng is None:
        raise InputError('order="random" needs rng=numpy.random.default_rng(seed).')
    single = wiring if isinstance(wiring, Wiring) else None
    if single is not None and order == "up-down" and damping == 1 and single.hears_the_same:
        return dual.sweep(
            net, x, y, single, beta, sweeps, output=output, feedback=feedback, tol=tol, workspace=workspace
        )[0]
    state = Relaxation(net, x, y, wirings(net, wiring), beta, output=output, feedback=feedback, damping=damping)
    return settle(state, orders(net.layers, order, sweeps, rng), tol, together=order == "synchronous")


def _mix(matrix: Array, s: Sequence[Array]) -> list[Array]:
    """Rows of a 2×2 matrix on (s⁺, s⁻); one array twice where the rows are alike."""
    m = matrix.astype(s[0].dtype)
    plus = m[0, 0] * s[0] + m[0, 1] * s[1]
    return [plus, plus if np.array_equal(m[0], m[1]) else m[1, 0] * s[0] + m[1, 1] * s[1]]
