"""Linear stability of an equilibrium: eigenvalues of τ⁻¹(∂z/∂a − 1) from products with the Jacobian."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.columns import FEEDBACK, FORWARD, INPUTS, REACH
from analogsim.engine.kernel import (
    activate_layer,
    block,
    code_of,
    curve,
    drive,
    echo,
    is_tiled,
    mix,
    multiply,
    multiply_tile,
    read,
    receive,
)
from analogsim.engine.packing import Batch
from analogsim.engine.primitives import span
from analogsim.functions.activations import activation
from analogsim.functions.losses import loss
from analogsim.functions.machine_code import bend, slope
from analogsim.jit import compiled

Array = NDArray[np.floating]

DENSE = 400
"""State variables up to which all eigenvalues are computed."""
KRYLOV, ROOM = (15, 20, 25, 30, 40, 60), 0.5
"""Dimensions of the Krylov spaces that are tried first, and the share of the leak that the last must keep."""


@compiled
def slopes(p, a, d):
    """d = f'(a) on packed arrays."""
    for layer in range(p.cum.size - 1):
        start, size = 2 * p.batch * p.cum[layer], 2 * p.batch * (p.cum[layer + 1] - p.cum[layer])
        slope(code_of(p, layer), span(a, start, size), span(d, start, size))


@compiled
def read_along(p, matrices, q, at, s, sender, receiver):
    """Derivative of `read` at the states `at` in the direction `s`; converters count as their mean slope, one."""
    if not p.shaped and not p.limited and not p.converted:
        return read(p, matrices, q, s, sender, receiver)
    if p.limited and is_tiled(p, sender, receiver):
        return tiles_along(p, matrices, q, at, s, sender, receiver)
    free = np.ones((1, 1), np.bool_)
    if p.limited:
        current = read(p, matrices, q, at, sender, receiver)
        free = (current > p.rails[0]) & (current < p.rails[1])
    current = multiply(p, matrices, sent_along(p, q, at, s, sender, receiver), sender, receiver)
    if p.limited:
        current *= free
    return current


@compiled
def sent_along(p, q, at, s, sender, receiver):
    """Derivative of the signals (R·B, n) that are sent."""
    signal = mix(p, q, at, sender).copy()
    if p.shaped:
        low, high, c1, c2, c3 = curve(p, sender, receiver)
        for k in range(signal.shape[0]):
            for i in range(signal.shape[1]):
                u = signal[k, i]
                signal[k, i] = c1 + u * (2 * c2 + u * 3 * c3) if low < u < high else 0
    else:
        signal[:] = 1
    signal *= mix(p, q, s, sender)
    return signal


@compiled
def tiles_along(p, matrices, q, at, s, sender, receiver):
    """The same of an array whose tiles are clipped one by one: those at their rails pass nothing on."""
    way, j = FORWARD if sender < receiver else FEEDBACK, max(sender, receiver)
    along = sent_along(p, q, at, s, sender, receiver)
    signal = mix(p, q, at, sender)
    if p.shaped:
        drive(curve(p, sender, receiver), span(p.signal, 0, signal.size))
    rows, m = signal.shape[0], p.cum[receiver + 1] - p.cum[receiver]
    current, change = np.empty(rows * m, signal.dtype), np.empty(rows * m, signal.dtype)
    total = p.current[: rows * m].reshape(rows, m)
    total[:] = 0
    first = 0
    for t in range(p.tile_at[way, j], p.tile_at[way, j + 1]):
        size, reach = int(p.tiles[t, INPUTS]), p.tiles[t, REACH]
        multiply_tile(p, matrices, signal, p.at[min(sender, receiver)], first, size, current)
        multiply_tile(p, matrices, along, p.at[min(sender, receiver)], first, size, change)
        for k in range(rows):
            for i in range(m):
                if reach * p.rails[0] < current[k * m + i] < reach * p.rails[1]:
                    total[k, i] += change[k * m + i]
        first += size
    return total


@compiled
def tangent(p, at, d, soft, v, s, out):
    """out = ∂z/∂a · v at the states `at` with slopes d; `soft` (2, B, n_L) is `Loss.spread` at N s_L."""
    last = p.cum.size - 2
    for i in range(v.size):
        s[i] = d[i] * v[i]
    out[:] = 0
    for layer in range(last + 1):
        ol = block(out, p, layer)
        if layer > 0:
            receive(p, p.forward_p, read_along(p, p.w, p.forward_q, at, s, layer - 1, layer), ol, layer)
        if p.echoed:
            echo(p, s, ol, layer)
        if layer < last:
            receive(p, p.feedback_p, read_along(p, p.v, p.feedback_q, at, s, layer + 1, layer), ol, layer)
    ol, sl = block(out, p, last), block(s, p, last)
    for b in range(p.batch):
        for c in range(2):
            bend(p.loss, p.nudge_at, sl, soft, p.nudge, p.beta[b], b, c, ol)


class Jacobian:
    """τ⁻¹(∂z/∂a − 1) of one sample, as a linear operator on vectors in packed order.

    Parameters
    ----------
    batch : Batch
        With one sample.
    a : (2·N,) array
        The state; at a kink the left-hand slope holds.
    """

    def __init__(self, batch: Batch, a: Array) -> None:
        self.packed, self.size = batch.packed, a.size
        self.d, self.s = np.empty_like(a), np.empty_like(a)
        slopes(self.packed, a, self.d)
        self.at = np.empty_like(a)
        for layer in range(len(batch.chip.forward)):
            activate_layer(self.packed, a, self.at, layer)
        last = activation(batch.chip.output_activation)(batch.split(a)[-1])
        r = np.einsum("cd,dbi->cbi", batch.wiring.nudge_at, last)
        self.soft = loss(batch.chip.loss).spread(r).astype(a.dtype)
        ones = [np.repeat(tau, 1, axis=0)[:, None, :] for tau in batch.chip.tau]
        self.leak = 1 / np.concatenate([o.ravel() for o in ones])

    def __call__(self, v: Array) -> Array:
        """Product with a vector (2·N,)."""
        out = np.empty_like(self.d)
        tangent(self.packed, self.at, self.d, self.soft, np.ascontiguousarray(v, self.d.dtype), self.s, out)
        return self.leak * (out - v)

    def dense(self) -> Array:
        """The matrix, (2·N, 2·N)."""
        return np.stack([self(e) for e in np.eye(self.size)], axis=1)


def leading(batch: Batch, a: Array, ncv: int = 60) -> tuple[float, float]:
    """Spectral abscissa and |Im| of the leading eigenvalue at the state of one sample.

    Dense up to `DENSE` state variables; Arnoldi (ARPACK) above, with the best Ritz value where it does not converge.

    Returns
    -------
    abscissa : float
        Largest real part, in 1/time_unit; the equilibrium is stable if negative.
    angular : float
        |Im| of that eigenvalue, in rad/time_unit.
    """
    return _leading(Jacobian(batch, a), ncv)


def _leading(jacobian: Jacobian, ncv: int = 60) -> tuple[float, float]:
    if jacobian.size <= DENSE:
        values = np.linalg.eigvals(jacobian.dense())
    else:
        from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

        operator = LinearOperator((jacobian.size, jacobian.size), matvec=jacobian, dtype=float)
        first = np.random.default_rng(0).standard_normal(jacobian.size)
        try:
            values = eigs(operator, k=2, which="LR", ncv=ncv, maxiter=30, tol=1e-4, v0=first, return_eigenvectors=False)
        except ArpackNoConvergence as stalled:
            values = stalled.eigenvalues
            if not len(values):
                *_, (h, _) = _arnoldi(jacobian, first, (2 * ncv,))
                values = np.linalg.eigvals(h)
    top = values[np.argmax(values.real)]
    return float(top.real), float(abs(top.imag))


def decays(batch: Batch, a: Array, rate: float) -> bool:
    """Whether every perturbation of the state of one sample dies out faster than e^(−rate·t).

    Small Krylov spaces answer where there is room: once the rightmost Ritz pair is accurate, or when in the last of
    them all values keep half of the leak, which an eigenvalue further right would have pulled along. Otherwise the
    leading eigenvalue itself is asked for.
    """
    jacobian = Jacobian(batch, a)
    if jacobian.size > DENSE:
        for h, rest in _arnoldi(jacobian, np.random.default_rng(0).standard_normal(jacobian.size), KRYLOV):
            values, vectors = np.linalg.eig(h)
            top = np.argmax(values.real)
            rightmost, doubt = values[top].real, 3 * abs(rest * vectors[-1, top])
            if rightmost + doubt < -2 * rate:
                return True
            if rightmost - doubt > -2 * rate:
                break
        if rightmost < -max(2 * rate, ROOM * float(jacobian.leak.min())):
            return True
    return _leading(jacobian)[0] < -rate


def is_dissipative(batch: Batch, margin: float) -> bool:
    """Whether the coupling alone makes every state stable, all rates at least margin/τ: f'·λ_max(sym K) ≤ 1 − margin.

    With slopes D ≥ 0 and time constants T the Jacobian T⁻¹(K D − 1) is similar to
    T^−½(D^½ K D^½ − 1)T^−½, whose symmetric part is at most −(1 − f'·λ_max(sym K)) T⁻¹. A skew-symmetric K has none.
    λ_max is bounded from above, by Frobenius norms of W-and-Vᵀ blocks; False says nothing.
    """
    p, chip = batch.packed, batch.chip
    if p.echoed or p.shaped or p.limited or p.converted:
        return False
    nudge = float(np.linalg.norm(p.nudge_at) * np.linalg.norm(np.abs(p.nudge).max(axis=1)) * np.abs(p.beta).max())
    slope = max(activation(name).slope_max for name in (chip.activation, chip.output_activation))
    largest = (1 - margin) / slope - loss(chip.loss).curvature * nudge
    for k in range(1, chip.layers):
        here, below = slice(p.cum[k], p.cum[k + 1]), slice(p.cum[k - 1], p.cum[k])
        w, v = chip.forward[k], np.asarray(chip.feedback[k]).T
        square = 0.0
        for c in range(2):
            for d in range(2):
                up = p.forward_p[c, :, here].T @ p.forward_q[:, d, below]
                down = p.feedback_q[:, c, here].T @ p.feedback_p[d, :, below]
                square += float(np.square(up * w + down * v).sum())
        if square > max(largest, 0.0) ** 2:
            return False
    return largest > 0


def _arnoldi(jacobian: Jacobian, v: Array, sizes: tuple[int, ...]) -> Iterator[tuple[Array, float]]:
    """Projections onto Krylov spaces of these sizes, whose eigenvalues are Ritz values, and what they leave out.

    |rest·y_m| is the residual of the Ritz pair with the eigenvector y. With re-orthogonalisation.
    """
    most = max(sizes)
    basis, h = np.empty((most + 1, v.size)), np.zeros((most + 1, most))
    basis[0] = v / np.linalg.norm(v)
    for k in range(most):
        known, w = basis[: k + 1], np.asarray(jacobian(basis[k]), float)
        for _ in range(2):
            c = known @ w
            h[: k + 1, k] += c
            w -= c @ known
        h[k + 1, k] = np.linalg.norm(w)
        whole = h[k + 1, k] < 1e-12
        if whole or k + 1 in sizes:
            yield h[: k + 1, : k + 1], h[k + 1, k]
        if whole:
            return
        basis[k + 1] = w / h[k + 1, k]
