"""Implicit differentiation: the exact derivative of the loss at the β = 0 equilibrium of a recurrent network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analogsim.engine.norms import largest_eigenvalue
from analogsim.errors import InputError
from analogsim.functions.activations import activation
from analogsim.functions.losses import LOSSES
from analogsim.learning.reference.backpropagation import backprop
from analogsim.learning.reference.layers import Array, Gradients, batch
from analogsim.learning.reference.options import gated, wirings
from analogsim.network import Network
from analogsim.wiring import Wiring

CHUNK = 2**25
"""Entries of all Jacobians held at once: 256 MiB in float64."""


@gated
def implicit(net: Network, x: Array, y: Array, wiring: Wiring | Sequence[Wiring], *, tol: float = 1e-12) -> Gradients:
    """Derivative of the mean loss at the equilibrium without a nudge, with tied weights V = Wᵀ.

    With equal compartments the network rests at

        a_k = W_k s_{k−1} + b_k + g W_{k+1}ᵀ s_{k+1},   s_k = f_k(a_k),   g = ``wiring.recurrent_gain()``,

    where g, one for each W_{k+1}, is 0 for DP and DP⊤, and 2λ − 1 for the λ family. The adjoint solves

        δ_k = f_k'(a_k) ∘ (W_{k+1}ᵀ δ_{k+1} + g W_k δ_{k−1} + [k = L] ∇ℓ(s_L)),

    and ∂W_k = mean(δ_k s_{k−1}ᵀ + g s_k δ_{k−1}ᵀ) (the second term for k > 1), ∂b_k = mean δ_k.

    Parameters
    ----------
    net : Network
    x, y : (sample, feature) and (sample, class) arrays
    wiring : Wiring or sequence of Wiring
        One for all connections or one for each W_k. The rows of F and of N must sum to one, as those of every named
        rule do.
    tol : float
        Bound on the residual max |−a + …| relative to 1 + max |a|.

    Returns
    -------
    list of (weights, bias)
        Float64 whatever the type of the network.

    Raises
    ------
    InputError
        If the equilibrium is not reached, or the wiring has none with equal compartments.

    Notes
    -----
    Almeida 1987; Pineda, Phys. Rev. Lett. 59, 2229 (1987), 10.1103/PhysRevLett.59.2229.
    """
    each_layer = wirings(net, wiring)
    for each in each_layer:
        for name in ("forward", "nudge_at"):
            if not np.allclose(getattr(each, name).sum(1), 1):
                raise InputError(f"implicit: the rows of {each.name}.{name} do not sum to one.")
    gain = [each.recurrent_gain() for each in each_layer]
    net = net.astype(np.float64)
    if not any(gain[1:]):
        return backprop(net, x, y)
    x, y = batch(net, x, y)
    bounds = np.cumsum((0, *net.sizes[1:]))
    size = max(1, CHUNK // int(bounds[-1]) ** 2)
    total: Gradients = [(np.zeros_like(w), np.zeros_like(b)) for w, b in zip(net.weights, net.biases, strict=True)]
    for start in range(0, len(x), size):
        part, target = x[start : start + size], y[start : start + size]
        a = equilibrium(net, part, gain, tol=tol)
        s, slope = _states(net, a, bounds), _slopes(net, a, bounds)
        right = np.zeros_like(a)
        right[:, bounds[-2] :] = slope[:, bounds[-2] :] * LOSSES[net.loss].gradient(s[:, bounds[-2] :], target)
        system = np.eye(bounds[-1]) - slope[:, :, None] * _coupling(net, gain, bounds).T
        delta = np.linalg.solve(system, right[..., None])[..., 0]
        for k, (weights, bias) in enumerate(total):
            own = slice(bounds[k], bounds[k + 1])
            below = slice(bounds[k - 1], bounds[k]) if k else None
            weights += delta[:, own].T @ (part if below is None else s[:, below])
            if below is not None:
                weights += gain[k] * s[:, own].T @ delta[:, below]
            bias += delta[:, own].sum(0)
    return [(weights / len(x), bias / len(x)) for weights, bias in total]


def equilibrium(net: Network, x: Array, gain: Sequence[float], *, tol: float = 1e-12, steps: int = 5000) -> Array:
    """Pre-activations at rest, all layers side by side, (sample, n_1 + … + n_L); ``gain[k]`` belongs to W_{k+1}.

    Starts at a = 0 and takes Euler steps of da/dt = −a + …, short enough for a skew coupling of that norm, so that it
    stays in the basin where the network itself would end; Newton's method finishes.

    Raises
    ------
    InputError
        If it does not converge.
    """
    bounds = np.cumsum((0, *net.sizes[1:]))
    coupling = _coupling(net, gain, bounds)
    drive = np.zeros((len(x), bounds[-1])) + np.concatenate(net.biases)
    drive[:, : bounds[1]] += x @ net.weights[0].T

    def residual(a: Array) -> Array:
        return drive + _states(net, a, bounds) @ coupling.T - a

    def size(r: Array, a: Array) -> Array:
        return np.abs(r).max(1) / (1 + np.abs(a).max(1))

    # A skew coupling of norm σ needs η < 2/(1 + σ²); a symmetric one needs less care.
    step = 1 / (1 + _norm(coupling) ** 2)
    a = np.zeros_like(drive)
    with np.errstate(all="ignore"):
        for _ in range(steps // 50):
            for _ in range(50):
                a += step * residual(a)
            settled = (size(residual(a), a) < 1e-3).all()
            if settled or not np.isfinite(a).all():
                break
        for _ in range(50 if settled else 0):
            r = residual(a)
            if (size(r, a) <= tol).all():
                break
            jacobian = np.eye(bounds[-1]) - coupling * _slopes(net, a, bounds)[:, None, :]
            move = np.linalg.solve(jacobian, r[..., None])[..., 0]
            # A ReLU kink can make a full Newton step overshoot: halve it until the residual falls.
            scale = np.ones((len(x), 1))
            for _ in range(8):
                worse = size(residual(a + scale * move), a) > np.maximum(size(r, a), tol)
                if not worse.any():
                    break
                scale[worse] /= 2
            a += scale * move
    if not np.isfinite(a).all() or not (size(residual(a), a) <= max(tol, 1e-14)).all():
        raise InputError(
            f"no equilibrium found from a = 0 with feedback gains {gain[1:]}: the network diverges or is multistable. "
            "Try smaller weights, a bounded activation, or fewer samples at a time."
        )
    return a


def _coupling(net: Network, gain: Sequence[float], bounds: NDArray[np.int64]) -> Array:
    matrix = np.zeros((bounds[-1], bounds[-1]))
    for k in range(1, net.layers):
        own, below = slice(bounds[k], bounds[k + 1]), slice(bounds[k - 1], bounds[k])
        matrix[own, below] = net.weights[k]
        matrix[below, own] = gain[k] * net.weights[k].T
    return matrix


def _norm(matrix: Array, iterations: int = 30) -> float:
    """Spectral norm by power iterations, five per cent on the safe side."""
    start = np.random.default_rng(0).standard_normal(len(matrix))
    return 1.05 * largest_eigenvalue(lambda v: matrix.T @ (matrix @ v), start, iterations) ** 0.5


def _states(net: Network, a: Array, bounds: NDArray[np.int64]) -> Array:
    s = activation(net.activation)(a)
    last = slice(bounds[-2], None)
    s = s.copy() if s is a else s
    s[:, last] = activation(net.output_activation)(a[:, last])
    return s


def _slopes(net: Network, a: Array, bounds: NDArray[np.int64]) -> Array:
    slope = activation(net.activation).derivative(a)
    last = slice(bounds[-2], None)
    slope[:, last] = activation(net.output_activation).derivative(a[:, last])
    return slope
