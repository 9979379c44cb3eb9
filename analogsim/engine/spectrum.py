"""Linear stability of an equilibrium: eigenvalues of τ⁻¹(∂z/∂a − 1) from products with the Jacobian."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.columns import CUBE, FEEDBACK, FORWARD, HIGH, INPUTS, LINEAR, LOW, REACH, SQUARE
from analogsim.engine.chip_cache import kept
from analogsim.engine.entries import activate_layer
from analogsim.engine.kernel import (
    Problem,
    block,
    code_of,
    copy,
    curve,
    drive,
    echo,
    is_tiled,
    mix,
    multiply,
    multiply_tile,
    read,
    receive,
    state_size,
    zero,
)
from analogsim.engine.packing import Batch
from analogsim.engine.primitives import filled, given, span, table
from analogsim.functions.activations import activation
from analogsim.functions.losses import MSE, loss
from analogsim.functions.machine_code import bend, slope
from analogsim.jit import compiled, inner

Array = NDArray[np.floating]

DENSE = 400
"""State variables up to which all eigenvalues are computed."""
SQUARINGS = ((1.0, 7), (3.0, 8))
"""Shifts of the Jacobian, in units of its mean leak, and how often each is squared for a bound of the abscissa."""
KRYLOV, ROOM = (15, 20, 25, 30, 40, 60), 0.5
"""Dimensions of the Krylov spaces that are tried first, and the share of the leak that the last must keep."""


@compiled
def slopes(p, a, d):
    """d = f'(a) on packed arrays."""
    a, d = given(a, state_size(p)), filled(d, state_size(p))
    for layer in range(p.cum.size - 1):
        start, size = 2 * p.batch * p.cum[layer], 2 * p.batch * (p.cum[layer + 1] - p.cum[layer])
        slope(code_of(p, layer), span(a, start, size), span(d, start, size))


@inner
def read_along(p, matrices, q, at, s, sender, receiver):
    """Derivative of `read` at the states `at` in the direction `s`; converters count as their mean slope, one."""
    if not p.shaped and not p.limited and not p.converted:
        return read(p, matrices, q, s, sender, receiver)
    if p.limited and is_tiled(p, sender, receiver):
        return tiles_along(p, matrices, q, at, s, sender, receiver)
    held = p.spare[3]
    if p.limited:
        free = read(p, matrices, q, at, sender, receiver)
        copy(span(p.current, 0, free.size), held)
    current = multiply(p, matrices, sent_along(p, q, at, s, sender, receiver), sender, receiver)
    if p.limited:
        for k in range(current.shape[0]):
            for i in range(current.shape[1]):
                there = held[k * current.shape[1] + i]
                if not p.rails[0] < there < p.rails[1]:
                    current[k, i] = 0
    return current


@inner
def sent_along(p, q, at, s, sender, receiver):
    """Derivative of the signals (R·B, n) that are sent, in scratch."""
    signal, law = mix(p, q, s, sender), curve(p, sender, receiver)
    if p.shaped:
        first, n = p.cum[sender], p.cum[sender + 1] - p.cum[sender]
        state = block(at, p, sender)
        for r in range(q.shape[0]):
            plus, minus = span(q[r, 0], first, n), span(q[r, 1], first, n)
            for b in range(p.batch):
                for i in range(n):
                    u = plus[i] * state[0, b, i] + minus[i] * state[1, b, i]
                    along = law[LINEAR] + u * (2 * law[SQUARE] + u * 3 * law[CUBE])
                    signal[r * p.batch + b, i] *= along if law[LOW] < u < law[HIGH] else 0
    return signal


@inner
def tiles_along(p, matrices, q, at, s, sender, receiver):
    """The same of an array whose tiles are clipped one by one: those at their rails pass nothing on."""
    way, j = FORWARD if sender < receiver else FEEDBACK, max(sender, receiver)
    sent = sent_along(p, q, at, s, sender, receiver)
    rows, n = sent.shape
    copy(span(p.signal, 0, rows * n), span(p.spare[3], 0, rows * n))
    along, signal = table(p.spare[3], 0, rows, n), mix(p, q, at, sender)
    if p.shaped:
        drive(curve(p, sender, receiver), span(p.signal, 0, signal.size))
    m = p.cum[receiver + 1] - p.cum[receiver]
    current, change = span(p.spare[1], 0, rows * m), span(p.spare[2], 0, rows * m)
    total, first = table(p.current, 0, rows, m), 0
    zero(span(p.current, 0, rows * m))
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
    """out = ∂z/∂a · v at the states `at` with slopes d.

    `soft` (2, B, n_L) is `Loss.spread` at N s_L; `s` is scratch.
    """
    numbers, last = state_size(p), p.cum.size - 2
    at, d, v, soft = given(at, numbers), given(d, numbers), given(v, numbers), given(soft, 2 * p.target.size)
    s, out = filled(s, numbers), filled(out, numbers)
    for i in range(v.size):
        s[i] = d[i] * v[i]
    zero(out)
    for layer in range(last + 1):
        ol = block(out, p, layer)
        if layer > 0:
            current = read_along(p, p.w, p.forward_q, at, s, layer - 1, layer)
            receive(p, p.forward_p, current, ol, layer)
        if p.echoed:
            echo(p, s, ol, layer)
        if layer < last:
            current = read_along(p, p.v, p.feedback_q, at, s, layer + 1, layer)
            receive(p, p.feedback_p, current, ol, layer)
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
        coupling = _columns(self.packed, self.at, self.d, self.soft)
        return self.leak[:, None] * (coupling - np.eye(self.size))


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


def _columns(p: Problem, at: Array, d: Array, soft: Array) -> Array:
    """∂z/∂a (2·N, 2·N) of one sample at the states `at` with slopes d, all columns as samples of one batch."""
    size, sizes = len(d), np.diff(p.cum)
    scratch = np.empty((2, max(p.forward_q.shape[0], p.feedback_q.shape[0]) * size * int(sizes.max())), d.dtype)
    spare = np.empty((4, scratch.shape[1] if p.spare.size else 0), d.dtype)
    many = p._replace(
        batch=size, beta=np.full(size, p.beta[0]), signal=scratch[0], current=scratch[1], spare=spare,
        drive=np.empty(0, d.dtype), target=np.empty((size, p.target.shape[1]), d.dtype),
    )  # fmt: skip

    def repeated(flat: Array) -> Array:
        layers = np.split(flat, 2 * p.cum[1:-1])
        return np.concatenate([np.repeat(v.reshape(2, 1, -1), size, axis=1).ravel() for v in layers])

    units = np.split(np.eye(size, dtype=d.dtype), 2 * p.cum[1:-1], axis=1)
    v = np.concatenate([e.reshape(size, 2, -1).transpose(1, 0, 2).ravel() for e in units])
    out = np.empty_like(v)
    tangent(many, repeated(at), repeated(d), np.repeat(soft, size, axis=1), v, np.empty_like(v), out)
    parts = [out[i:j].reshape(2, size, -1) for i, j in pairwise(2 * size * p.cum)]
    return np.concatenate([z.transpose(0, 2, 1).reshape(-1, size) for z in parts])


def decays(batch: Batch, a: Array, rate: float) -> NDArray[np.bool_]:
    """Whether every perturbation of the state of each sample dies out faster than e^(−rate·t).

    Where reading is linear and the loss quadratic, J = T⁻¹(K D − 1) with one K for all samples of equal β, and samples
    with the same slopes D are judged once. Up to `DENSE` state variables J itself is judged; above, see `_by_krylov`.

    Parameters
    ----------
    batch : Batch
    a : packed array
        States of all samples.
    rate : float
        In 1/time_unit; ≥ 0.

    Returns
    -------
    (B,) array of bool
    """
    p, states, d = batch.packed, batch.by_sample(a), np.empty_like(a)
    slopes(p, a, d)
    alike = p.loss == MSE and not (p.shaped or p.limited or p.converted)
    leak = np.concatenate([1 / tau.ravel() for tau in batch.chip.tau])
    couplings: dict[float, Array] = {}
    judged: dict[Hashable, bool] = {}
    found = np.empty(p.batch, np.bool_)

    def jacobian(row: int) -> Jacobian:
        return Jacobian(batch.take(np.array([row])), np.ascontiguousarray(states[row]))

    for row, (beta, own) in enumerate(zip(p.beta.tolist(), batch.by_sample(d), strict=True)):
        key = (beta, own.tobytes()) if alike else row
        if key not in judged and own.size > DENSE:
            judged[key] = _by_krylov(jacobian(row), rate)
        elif key not in judged:
            if not (alike and beta in couplings):
                one = jacobian(row)
                couplings[beta] = _columns(one.packed, one.at, np.ones_like(own), one.soft)
            judged[key] = _matrix_decays(couplings[beta], own, leak, rate)
        found[row] = judged[key]
    return found


def _matrix_decays(coupling: Array, d: Array, leak: Array, rate: float) -> bool:
    """Whether all eigenvalues of T⁻¹(K D − 1) lie left of −rate.

    What has no slope acts on nothing and decays with its own leak, so that the rest may be judged by itself.
    """
    live = d != 0
    if not (leak[~live] > rate).all():
        return False
    jacobian = coupling[np.ix_(live, live)] * d[live] - np.eye(live.sum())
    jacobian *= leak[live, None]
    return not live.any() or _is_left_of(jacobian, -rate) or bool(np.linalg.eigvals(jacobian).real.max() < -rate)


def _is_left_of(matrix: Array, bound: float) -> bool:
    """Whether a bound on powers shows that all eigenvalues have real parts below `bound`; False says nothing.

    With B = 1 + (M − bound)/c an eigenvalue μ of M at or right of the bound is one of B of modulus ≥ 1, for any c > 0.
    So there is none if ‖Bⁿ‖ < 1 for any n, and squaring soon gets to high n. c is of the order of the leak.
    """
    eye = np.eye(len(matrix))
    shifted = matrix - bound * eye
    for share, squarings in SQUARINGS:
        c = -share * float(np.trace(matrix)) / len(matrix)
        if not c > 0:
            return False
        power = eye + shifted / c
        size = float(np.linalg.norm(power))
        for _ in range(squarings):
            if size < 1:
                return True
            power = power @ power
            size, before = float(np.linalg.norm(power)), size
            if size > 1e3 and size > 0.01 * before**2:  # it grows for good
                break
        if size < 1:
            return True
    return False


def _by_krylov(jacobian: Jacobian, rate: float) -> bool:
    """Whether all eigenvalues lie left of −rate, as far as products with the Jacobian tell.

    Small Krylov spaces answer where there is room: once the rightmost Ritz pair is accurate, or when in the last of
    them all values keep half of the leak, which an eigenvalue further right would have pulled along. Otherwise the
    leading eigenvalue itself is asked for.
    """
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
    if largest <= 0:
        return False
    return kept(chip, ("coupling", p.w.dtype, batch.wiring.numbers), lambda: _most_coupled(batch)) <= largest**2


def _most_coupled(batch: Batch) -> float:
    """Largest sum of squares of what two neighbouring layers do to each other in both directions together."""
    p, chip, most = batch.packed, batch.chip, 0.0
    for k in range(1, chip.layers):
        here, below = slice(p.cum[k], p.cum[k + 1]), slice(p.cum[k - 1], p.cum[k])
        w, v = chip.forward[k], np.asarray(chip.feedback[k]).T
        square = 0.0
        for c in range(2):
            for d in range(2):
                up = p.forward_p[c, :, here].T @ p.forward_q[:, d, below]
                down = p.feedback_q[:, c, here].T @ p.feedback_p[d, :, below]
                square += float(np.square(up * w + down * v).sum())
        most = max(most, square)
    return most


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
