"""Objectives behind the rules, as functions: relaxations of a bilevel program, and the potentials of layered networks.

A bilevel program is min ℓ(s*) with s* = argmin E(s). Its relaxations take ℓ and E as `Convex`; those of networks take
states, one array for each layer from k = 1, and return means over the samples. Biases are part of a_k.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, root
from scipy.special import xlogy

from analogsim.errors import InputError, unknown
from analogsim.functions.activations import LEAK, activation
from analogsim.functions.losses import LOSSES
from analogsim.learning.reference.layers import Array
from analogsim.learning.reference.targets import spacings
from analogsim.network import Network


@dataclass(frozen=True)
class Convex:
    """A smooth function of a vector with its gradient and Hessian."""

    value: Callable[[Array], float]
    gradient: Callable[[Array], Array]
    hessian: Callable[[Array], Array]


def quadratic(hessian: Array, linear: Array) -> Convex:
    """½ sᵀHs + bᵀs."""
    return Convex(lambda s: float(s @ hessian @ s / 2 + linear @ s), lambda s: hessian @ s + linear, lambda s: hessian)


def minimiser(parts: Sequence[tuple[float, Convex]], start: Array) -> Array:
    """argmin of a weighted sum, by trust-region Newton steps."""
    found = minimize(
        lambda s: sum(w * part.value(s) for w, part in parts),
        start,
        jac=lambda s: sum(w * part.gradient(s) for w, part in parts),
        hess=lambda s: sum(w * part.hessian(s) for w, part in parts),
        method="trust-exact",
        options={"gtol": 1e-11},
    )
    return found.x


def arovr(loss: Convex, energy: Convex, alpha: float, beta: float, start: Array) -> float:
    """Adversarial relaxed optimal value, Two Tales Eq. 15.

    J = min_{s⁺} max_{s⁻} αℓ(s⁺) + ᾱℓ(s⁻) + (E(s⁺) − E(s⁻))/β; the maximum needs E − ᾱβℓ convex. α = 1 is the
    contrastive surrogate, α = ½ the centred one. J falls with α, since ∂J/∂α = ℓ(s⁺) − ℓ(s⁻) ≤ 0 (Proposition 4.1a
    there prints the inequality the other way round); βJ grows with β where ℓ ≥ 0 (4.1b); J falls with β at fixed ᾱβ
    (4.2).
    """
    plus = minimiser([(alpha * beta, loss), (1.0, energy)], start)
    minus = minimiser([(-(1 - alpha) * beta, loss), (1.0, energy)], start)
    gap = (energy.value(plus) - energy.value(minus)) / beta
    return alpha * loss.value(plus) + (1 - alpha) * loss.value(minus) + gap


def contrastive_surrogate(loss: Convex, energy: Convex, beta: float, start: Array) -> float:
    """L^β = min_z {ℓ + E/β} − min_z E/β, Bilevel Eq. 5.

    L^β ≤ ℓ(z*) ≤ L^β + β‖∇ℓ(z*)‖²/(2ν) for convex ℓ and ν-strongly convex E (Proposition 3 there).
    """
    return arovr(loss, energy, 1.0, beta, start)


def sprovr(loss: Convex, energy: Convex, alpha: float, beta: float, start: Array) -> float:
    """Saddle-point relaxed optimal value, Two Tales Eq. 10: ℓ(αs⁺ + ᾱs⁻) + (E(s⁺) − E(s⁻))/β at its saddle.

    At most `arovr` where ℓ is convex.
    """
    n = len(start)

    def conditions(both: Array) -> Array:
        plus, minus = both[:n], both[n:]
        pull = beta * loss.gradient(alpha * plus + (1 - alpha) * minus)
        return np.concatenate((alpha * pull + energy.gradient(plus), (1 - alpha) * pull - energy.gradient(minus)))

    found = root(conditions, np.concatenate((start, start)), tol=1e-12)
    plus, minus = found.x[:n], found.x[n:]
    return loss.value(alpha * plus + (1 - alpha) * minus) + (energy.value(plus) - energy.value(minus)) / beta


def arovr_gain(loss_hessian: Array, energy_hessian: Array, alpha: float) -> Array:
    """M with y⁺ − y⁻ = M W z̄ + const for quadratic ℓ and F: −(H_F + αH_ℓ)⁻¹ H_ℓ (H_F − ᾱH_ℓ)⁻¹; Two Tales Eq. 61."""
    plus, minus = energy_hessian + alpha * loss_hessian, energy_hessian - (1 - alpha) * loss_hessian
    return -np.linalg.solve(plus, loss_hessian) @ np.linalg.inv(minus)


def sprovr_gain(loss_hessian: Array, energy_hessian: Array, alpha: float) -> Array:
    """M = −H_F⁻¹ H_ℓ ((2α − 1)H_ℓ + H_F)⁻¹; Two Tales Eq. 72. It is the smaller error signal of the two."""
    mean = (2 * alpha - 1) * loss_hessian + energy_hessian
    return -np.linalg.solve(energy_hessian, loss_hessian) @ np.linalg.inv(mean)


CONJUGATE = ("identity", "relu", "leaky-relu", "hard-sigmoid", "tanh", "sigmoid")
"""Activations whose resting energy G, with ∇G = f⁻¹, is known in closed form."""


def resting(name: str, s: Array) -> Array:
    """G(s), elementwise, with ∇G = f⁻¹ and G = +∞ where f never goes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if name == "identity":
            return s**2 / 2
        if name == "relu":
            return np.where(s >= 0, s**2 / 2, np.inf)
        if name == "leaky-relu":
            return np.where(s >= 0, s**2, s**2 / LEAK) / 2
        if name == "hard-sigmoid":
            return np.where((s >= 0) & (s <= 1), s**2, np.inf)
        if name == "tanh":
            return (xlogy(1 + s, 1 + s) + xlogy(1 - s, 1 - s)) / 2
        if name == "sigmoid":
            return xlogy(s, s) + xlogy(1 - s, 1 - s)
    raise InputError(f"activation {name!r} has no resting energy in closed form; valid: {', '.join(CONJUGATE)}.")


def conjugate(name: str, a: Array) -> Array:
    """G*(a) = max_s sa − G(s), elementwise, with ∇G* = f."""
    if name == "tanh":
        return np.logaddexp(a, -a) - np.log(2)
    if name == "sigmoid":
        return np.logaddexp(0, a)
    s = activation(name)(a)
    return s * a - resting(name, s)


def _drives(net: Network, x: Array, states: Sequence[Array]) -> list[Array]:
    below = [x, *states[:-1]]
    return [s @ w.T + b for s, w, b in zip(below, net.weights, net.biases, strict=True)]


def _names(net: Network) -> list[str]:
    return [net.activation] * (net.layers - 1) + [net.output_activation]


def _loss(net: Network, s: Array, y: Array) -> float:
    return float(LOSSES[net.loss].value(s, y).mean())


def dp(
    net: Network, x: Array, y: Array, plus: Sequence[Array], minus: Sequence[Array], alpha: float, beta: float
) -> float:
    """L_DP = αℓ(s_L⁺) + ᾱℓ(s_L⁻) + Σ_k [G(s_k⁺) − G(s_k⁻) − (s_k⁺ − s_k⁻)ᵀa_k]/β, a_k = W_k s̄_{k−1} + b_k.

    Two Tales Eqs. 1 and 23.
    """
    mean = [alpha * p + (1 - alpha) * m for p, m in zip(plus, minus, strict=True)]
    total = alpha * _loss(net, plus[-1], y) + (1 - alpha) * _loss(net, minus[-1], y)
    for name, p, m, a in zip(_names(net), plus, minus, _drives(net, x, mean), strict=True):
        total += float((resting(name, p) - resting(name, m) - (p - m) * a).sum(-1).mean()) / beta
    return total


def dpt(
    net: Network, x: Array, y: Array, plus: Sequence[Array], minus: Sequence[Array], alpha: float, beta: float
) -> float:
    """L_DP⊤ = ℓ(s̄_L) + Σ_k (s_k⁺ − s_k⁻)ᵀ(f⁻¹(s̄_k) − a_k)/β, for invertible f. Two Tales Eq. 18; its ℓ is βℓ here."""
    inverse: dict[str, Callable[[Array], Array]] = {
        "identity": lambda s: s,
        "leaky-relu": lambda s: np.where(s > 0, s, s / LEAK),
        "tanh": np.arctanh,
        "sigmoid": lambda s: np.log(s / (1 - s)),
    }
    names = _names(net)
    for name in names:
        if name not in inverse:
            raise unknown("invertible activation", name, inverse)
    mean = [alpha * p + (1 - alpha) * m for p, m in zip(plus, minus, strict=True)]
    total = _loss(net, mean[-1], y)
    for name, p, m, s, a in zip(names, plus, minus, mean, _drives(net, x, mean), strict=True):
        total += float(((p - m) * (inverse[name](s) - a)).sum(-1).mean()) / beta
    return total


def _layer_energy(kind: str, name: str, z: Array, a: Array) -> Array:
    """E_k(z_k, z_{k−1}) of each sample: "fenchel" G(z) − zᵀa, "proximal" ½‖z − a‖² + F(z), "quadratic" ½‖z − f(a)‖²."""
    if kind == "fenchel":
        return (resting(name, z) - z * a).sum(-1)
    if kind == "proximal":
        # f = prox_F, F = G − ½z².
        return (resting(name, z) - z * a + a**2 / 2).sum(-1)
    if kind == "quadratic":
        return ((z - activation(name)(a)) ** 2).sum(-1) / 2
    raise unknown("energy", kind, ("fenchel", "proximal", "quadratic"))


def _least_energy(kind: str, name: str, a: Array) -> Array:
    """min_z E_k(z, z_{k−1})."""
    if kind == "quadratic":
        return np.zeros(a.shape[:-1])
    return (a**2 / 2 - conjugate(name, a) if kind == "proximal" else -conjugate(name, a)).sum(-1)


def locally_contrastive(
    net: Network, x: Array, y: Array, z: Sequence[Array], beta: float | Sequence[float], energy: str = "fenchel"
) -> float:
    """L_LC = ℓ(z_L) + Σ_k (E_k(z_k, z_{k−1}) − min E_k)/β_k: LPOM ("fenchel", "proximal") or MAC ("quadratic").

    Bilevel Eqs. 28, 30 and 34.
    """
    total = _loss(net, z[-1], y)
    for name, s, a, b in zip(_names(net), z, _drives(net, x, z), spacings(net, beta), strict=True):
        total += float((_layer_energy(energy, name, s, a) - _least_energy(energy, name, a)).mean()) / b
    return total


def globally_contrastive(
    net: Network,
    x: Array,
    y: Array,
    clamped: Sequence[Array],
    free: Sequence[Array],
    beta: float | Sequence[float],
    energy: str = "fenchel",
) -> float:
    """L_GC = ℓ(ẑ_L) + Σ_k w_k (E_k(ẑ) − E_k(ž)), w_k = 1/∏_{l≥k} β_l: CHL ("fenchel") or convex CHL ("proximal").

    Bilevel Eqs. 22-24.
    """
    betas = spacings(net, beta)
    total = _loss(net, clamped[-1], y)
    for k, name in enumerate(_names(net)):
        weight = 1 / float(np.prod(betas[k:]))
        for sign, z in ((weight, clamped), (-weight, free)):
            total += sign * float(_layer_energy(energy, name, z[k], _drives(net, x, z)[k]).mean())
    return total


def fenchel_bp(
    net: Network, x: Array, y: Array, target: Sequence[Array], free: Sequence[Array], beta: float | Sequence[float]
) -> float:
    """L_FenBP of Bilevel Eq. 49, from the free states z* and the targets z̄ of `targets.states`.

    Its gradient in W_k is that of the terms Ẽ_k(z̄_k, z*_{k−1})/β_k alone, the states held (Remark 2).
    """
    if net.output_activation != "identity":
        raise InputError("the Fenchel objective is stated for a linear output.")
    betas = spacings(net, beta)
    pull = LOSSES[net.loss].gradient(free[-1], y)
    total = _loss(net, free[-1], y) + float(((target[-1] - free[-1]) * pull).sum(-1).mean())
    for k, (name, a) in enumerate(zip(_names(net), _drives(net, x, free), strict=True)):
        gap = _layer_energy("fenchel", name, target[k], a) - _least_energy("fenchel", name, a)
        total += float(gap.mean()) / betas[k]
        if k:
            back = (free[k] - target[k]) @ net.weights[k]
            total += float(((target[k - 1] - free[k - 1]) * back).sum(-1).mean()) / betas[k]
    return total
