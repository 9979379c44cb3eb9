"""Linear stability of an equilibrium: eigenvalues of τ⁻¹(∂z/∂a − 1) from products with the Jacobian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs
from scipy.special import softmax

from analogsim.engine.kernel import activate_layer, block, code_of, curve, echo, mix, multiply, read, receive, slope
from analogsim.engine.problem import Batch
from analogsim.jit import jit

Array = NDArray[np.floating]

DENSE = 400
"""State variables up to which all eigenvalues are computed."""


@jit
def slopes(p, a, d):
    """d = f'(a) on packed arrays."""
    for layer in range(p.cum.size - 1):
        start, stop = 2 * p.batch * p.cum[layer], 2 * p.batch * p.cum[layer + 1]
        slope(code_of(p, layer), a[start:stop], d[start:stop])


@jit
def read_along(p, matrices, q, at, s, sender, receiver):
    """Derivative of `read` at the states `at` in the direction `s`; converters count as their mean slope, one."""
    if not p.shaped and not p.limited and not p.converted:
        return read(p, matrices, q, s, sender, receiver)
    free = np.ones((1, 1), np.bool_)
    if p.limited:
        current = read(p, matrices, q, at, sender, receiver)
        free = (current > p.rails[0]) & (current < p.rails[1])
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
    current = multiply(p, matrices, signal, sender, receiver)
    if p.limited:
        current *= free
    return current


@jit
def tangent(p, at, d, soft, v, s, out):
    """out = ∂z/∂a · v at the states `at` with slopes d; `soft` (2, B, n_L) is softmax(N s_L) for cross-entropy."""
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
            mean = 0.0
            if p.loss == 1:
                for i in range(ol.shape[2]):
                    mean += soft[c, b, i] * (p.nudge_at[c, 0] * sl[0, b, i] + p.nudge_at[c, 1] * sl[1, b, i])
            for i in range(ol.shape[2]):
                r = p.nudge_at[c, 0] * sl[0, b, i] + p.nudge_at[c, 1] * sl[1, b, i]
                bend = r if p.loss == 0 else soft[c, b, i] * (r - mean)
                ol[c, b, i] -= p.nudge[c, i] * p.beta[b] * bend


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
        from analogsim.activations import activation

        self.packed, self.size = batch.packed, a.size
        self.d, self.s = np.empty_like(a), np.empty_like(a)
        slopes(self.packed, a, self.d)
        self.at = np.empty_like(a)
        for layer in range(len(batch.chip.forward)):
            activate_layer(self.packed, a, self.at, layer)
        last = activation(batch.chip.output_activation)(batch.split(a)[-1])
        self.soft = softmax(np.einsum("cd,dbi->cbi", batch.wiring.nudge_at, last), axis=-1).astype(a.dtype)
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
    jacobian = Jacobian(batch, a)
    if jacobian.size <= DENSE:
        values = np.linalg.eigvals(jacobian.dense())
    else:
        operator = LinearOperator((jacobian.size, jacobian.size), matvec=jacobian, dtype=float)
        first = np.random.default_rng(0).standard_normal(jacobian.size)
        try:
            values = eigs(operator, k=2, which="LR", ncv=ncv, maxiter=30, tol=1e-4, v0=first, return_eigenvectors=False)
        except ArpackNoConvergence as stalled:
            values = stalled.eigenvalues
            if not len(values):
                values = np.linalg.eigvals(_hessenberg(jacobian, first, 2 * ncv))
    top = values[np.argmax(values.real)]
    return float(top.real), float(abs(top.imag))


def _hessenberg(jacobian: Jacobian, v: Array, m: int) -> Array:
    """Plain Arnoldi with re-orthogonalisation: the projection whose eigenvalues are Ritz values."""
    basis, h = [v / np.linalg.norm(v)], np.zeros((m + 1, m))
    for k in range(m):
        w = jacobian(basis[k])
        for _ in range(2):
            for i, q in enumerate(basis):
                c = float(q @ w)
                h[i, k] += c
                w = w - c * q
        h[k + 1, k] = np.linalg.norm(w)
        if h[k + 1, k] < 1e-12:
            return h[: k + 1, : k + 1]
        basis.append(w / h[k + 1, k])
    return h[:m]
