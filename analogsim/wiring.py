"""The wiring of a dyadic network: how the two compartments of a neuron are mixed into the signals it sends.

The whole family of rules is three 2×2 matrices and two nudge gains,

    τ_k^± da_k^±/dt = −a_k^± + W_k u_k^± + V_{k+1} v_k^± + b_k − (±1) n^± β ∇ℓ(r^±)·[k = L],
    u_k = F s_{k−1},   v_k = B s_{k+1},   r = N s_L,

with rows and columns in the order (+, −). Nothing here knows about weights, time constants or devices.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analogsim.arrays import finite
from analogsim.defaults import ALPHA, LAM
from analogsim.errors import InputError, instance, number, shown


@dataclass(frozen=True, eq=False)
class Wiring:
    """Mixing matrices and nudge gains of one learning rule.

    Parameters
    ----------
    forward : (2, 2) array
        F: rows are the receiving, columns the sending compartment. Each row sums to one for every named rule.
    feedback : (2, 2) array
        B, the mixing of the feedback signal. In every named rule except the λ family with λ ≠ ½, each row sums to zero.
    nudge_at : (2, 2) array
        N: the loss is read at ``r = N s_L``.
    nudge_gain : (2,) array
        n = (n⁺, n⁻) ≥ 0: compartment + is nudged by −n⁺β∇ℓ(r⁺), compartment − by +n⁻β∇ℓ(r⁻).
    name : str
        What the rule is called in tables and plots.

    Raises
    ------
    InputError
        If a matrix has the wrong shape, an entry is not finite, or the nudge gains are negative or both zero.
    """

    forward: NDArray[np.float64]
    feedback: NDArray[np.float64]
    nudge_at: NDArray[np.float64]
    nudge_gain: NDArray[np.float64]
    name: str = "custom"

    def __post_init__(self) -> None:
        for field, shape in (("forward", (2, 2)), ("feedback", (2, 2)), ("nudge_at", (2, 2)), ("nudge_gain", (2,))):
            value = finite(f"Wiring.{field}", getattr(self, field), largest=1e6).copy()
            if value.shape != shape:
                raise InputError(f"Wiring.{field} has shape {value.shape}; expected {shape}.")
            value.flags.writeable = False
            object.__setattr__(self, field, value)
        instance("Wiring.name", self.name, str, "a text")
        if (self.nudge_gain < 0).any() or self.nudge_gain.sum() == 0:
            raise InputError(f"Wiring.nudge_gain = {self.nudge_gain.tolist()}: both ≥ 0 and not both zero.")

    @classmethod
    def dual_propagation(cls, alpha: float = ALPHA) -> Wiring:
        """Dual propagation with asymmetric nudging, DP(α). α = 1 is LPOM, α = 0 inverted LPOM.

        Source: Høier, Staudt & Zach, arXiv 2302.01228; Høier & Zach, "Two Tales of Single-Phase Contrastive Hebbian
        Learning", arXiv 2402.08573, Eq. 19.
        """
        a, c = _share("alpha", alpha)
        return cls(_matrix([a, c], [a, c]), _matrix([a, -a], [-c, c]), np.eye(2), np.array([a, c]), f"DP(α={a:g})")

    @classmethod
    def adjoint_dual_propagation(cls, alpha: float = ALPHA) -> Wiring:
        """Adjoint dual propagation, DP⊤(α). Its fixed point at α = 0 is Fenchel back-propagation.

        Source: arXiv 2402.08573, Eqs. 21-22.
        """
        a, c = _share("alpha", alpha)
        mean = _matrix([a, c], [a, c])
        return cls(mean, _matrix([c, -c], [-a, a]), mean, np.array([c, a]), f"DP⊤(α={a:g})")

    @classmethod
    def dyadic(cls, lam: float = LAM) -> Wiring:
        """The λ family: λ = 1 symmetric Hopfield (equilibrium propagation), ½ feed-forward, 0 skew-symmetric Hopfield.

        λ = ½ at β equals DP(½) at 2β. Source: Høier, Kalinin, Ernoult & Zach, "Dyadic Learning in Recurrent and
        Feedforward Models", 2024, Eqs. 8 and 10.
        """
        l, c = _share("lam", lam)
        return cls(_matrix([l, c], [c, l]), _matrix([l, -c], [-c, l]), np.eye(2), np.ones(2), f"dyadic(λ={l:g})")

    @property
    def total_nudge(self) -> float:
        """Σn = n⁺ + n⁻, the divisor of the local rule."""
        return float(self.nudge_gain.sum())

    @cached_property
    def feeds_nothing_back(self) -> bool:
        """Whether equal compartments send no feedback: both rows of B sum to zero."""
        return bool(np.allclose(self.feedback.sum(axis=1), 0.0))

    @cached_property
    def is_feedforward(self) -> bool:
        """Whether the β = 0 equilibrium is a plain forward pass: nothing fed back, and each row of F sums to one."""
        return self.feeds_nothing_back and bool(np.allclose(self.forward.sum(axis=1), 1.0))

    @cached_property
    def hears_the_same(self) -> bool:
        """Whether both compartments get one forward signal and feed back only their difference: DP, DP⊤ and λ = ½."""
        return self.feeds_nothing_back and bool(np.allclose(self.forward[0], self.forward[1]))

    def recurrent_gain(self, unequal: float | None = None) -> float:
        """Weight of the feedback when both compartments are equal: 0 for DP and DP⊤, 2λ − 1 for the λ family.

        Parameters
        ----------
        unequal : float, optional
            What to return where the two compartments get it unequally, instead of the error.

        Raises
        ------
        InputError
            If equal compartments get unequal feedback, so that there is no equilibrium with s⁺ = s⁻.
        """
        if self.feeds_nothing_back:
            return 0.0
        one, other = self.feedback.sum(axis=1).tolist()
        if abs(one - other) <= 1e-8 + 1e-5 * abs(other):
            return float(0.5 * (one + other))
        if unequal is None:
            raise InputError("this wiring feeds equal compartments back unequally; it has no equilibrium with s⁺ = s⁻.")
        return unequal

    def nudge_margin(self, beta: float, curvature: float) -> float:
        """Least real part of the eigenvalues of I + βℓ'' diag(n⁺, −n⁻) N, for a loss of that curvature ℓ''.

        A linear output under the nudge alone obeys τ da/dt = −(I + βℓ'' diag(n⁺, −n⁻) N) a + …: it is stable in
        hardware only if this is above zero. With N = I that is n⁻βℓ'' < 1, and n⁺|β|ℓ'' < 1 for β < 0.
        """
        signed = np.diag(self.nudge_gain * [1, -1]) @ self.nudge_at
        return float(np.linalg.eigvals(np.eye(2) + beta * curvature * signed).real.min())

    def to_json(self) -> str:
        """Serialise for a result file; `from_json` restores the same bits."""
        record = {key: getattr(self, key).tolist() for key in ("forward", "feedback", "nudge_at", "nudge_gain")}
        return json.dumps({**record, "name": self.name})

    @classmethod
    def from_json(cls, text: str) -> Wiring:
        """Restore what `to_json` wrote."""
        try:
            record: dict[str, Any] = json.loads(text)
            return cls(**record)
        except (TypeError, json.JSONDecodeError) as error:
            raise InputError(f"not a wiring written by Wiring.to_json ({error}): {shown(text)}.") from None


def _matrix(plus: list[float], minus: list[float]) -> NDArray[np.float64]:
    return np.array([plus, minus])


def _share(name: str, value: float) -> tuple[float, float]:
    share = number(name, value, low=0, high=1, words=f"0 ≤ {name} ≤ 1")
    return share, 1.0 - share
