"""The wiring of a dyadic network: how the two compartments of a neuron are mixed into the signals it sends.

The whole family of rules is three 2×2 matrices and two nudge gains,

    τ_k^± da_k^±/dt = −a_k^± + W_k u_k^± + V_{k+1} v_k^± + b_k − (±1) n^± β ∇ℓ(r^±)·[k = L],
    u_k = F s_{k−1},   v_k = B s_{k+1},   r = N s_L,

with rows and columns in the order (+, −). Nothing here knows about weights, time constants or devices.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
    def numbers(self) -> tuple[float, ...]:
        """F, B, N and n in one row: what two wirings that do the same have in common, whatever they are called."""
        return tuple(np.concatenate([m.ravel() for m in (self.forward, self.feedback, self.nudge_at, self.nudge_gain)]))

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

    @cached_property
    def broken(self) -> tuple[str, ...]:
        """The conditions that are not met for the local rule to be the gradient of the loss, in words with the numbers.

        With V = Wᵀ and c = (1, −1), the local rule tends, as β → 0, to the derivative of the loss at the equilibrium of
        s = f(Σ (W + ψWᵀ)s + b) if, for one number ψ,

            F 1 = 1,   cF = ψc,   B 1 = ψ1,   cB = c,   N 1 = 1.

        Equal compartments then stay equal, and a difference between them travels as an error does in back-propagation.
        n is free. ψ = 0 for DP and DP⊤, 2λ − 1 for the λ family.
        """
        c = np.array([1.0, -1.0])
        psi = self._psi
        found = []
        for text, got, wanted in (
            ("rows of F sum to {}; expected 1 and 1", self.forward.sum(axis=1), np.ones(2)),
            ("rows of B sum to {}; expected one number ψ for both", self.feedback.sum(axis=1), np.full(2, psi)),
            (
                "the upper row of F less the lower is ({}); expected ψ(1, −1) with ψ = {psi:g}, the sum of B's rows",
                c @ self.forward,
                psi * c,
            ),
            ("the upper row of B less the lower is ({}); expected (1, −1)", c @ self.feedback, c),
            ("rows of N sum to {}; expected 1 and 1", self.nudge_at.sum(axis=1), np.ones(2)),
        ):
            if not np.allclose(got, wanted, rtol=0, atol=1e-9):
                joined = (", " if "({})" in text else " and ").join(f"{x:g}" for x in got + 0.0)
                found.append(text.format(joined, psi=psi))
        return tuple(found)

    @property
    def _psi(self) -> float:
        """Mean sum of the rows of B."""
        return float(self.feedback.sum() / 2) + 0.0

    @property
    def exact(self) -> bool:
        """Whether the local rule is the gradient of the loss as β → 0, with V = Wᵀ and no deviations: see `broken`."""
        return not self.broken

    @property
    def psi(self) -> float | None:
        """ψ, the weight of Wᵀ in the free network s = f(Σ (W + ψWᵀ)s + b); None if the wiring is not `exact`."""
        return self._psi if self.exact else None

    @property
    def order(self) -> int:
        """Power of β with which the error of the gradient vanishes: 2 or 1, and 0 where it stays at any β.

        It is 2 if the two compartments may change places: F, B and N stay the same when both rows and columns are
        swapped, and n⁺ = n⁻.
        """
        swapped = ((matrix, matrix[::-1, ::-1]) for matrix in (self.forward, self.feedback, self.nudge_at))
        pairs = [*swapped, (self.nudge_gain, self.nudge_gain[::-1])]
        even = all(np.allclose(one, other, rtol=0, atol=1e-9) for one, other in pairs)
        return (2 if even else 1) if self.exact else 0

    def warn_unless_exact(self) -> None:
        """Warn, once for each wiring, if the local rule is not the gradient of the loss however small β is.

        Warns
        -----
        UserWarning
            With the first condition that is not met.
        """
        if self.broken and "_warned" not in self.__dict__:
            self.__dict__["_warned"] = True
            others = f" (and {len(self.broken) - 1} more)" if len(self.broken) > 1 else ""
            warnings.warn(
                f"the wiring {self.name!r} is not exact: its local rule is not the gradient of the loss, however small "
                f"beta is: {self.broken[0]}{others}.",
                stacklevel=3,
            )

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
        return _nudge_margin(self.numbers, float(beta), float(curvature))

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


@lru_cache(maxsize=256)
def _nudge_margin(numbers: tuple[float, ...], beta: float, curvature: float) -> float:
    """`Wiring.nudge_margin` of the `Wiring.numbers`: training and sweeps ask again and again."""
    nudge_at, nudge_gain = np.reshape(numbers[8:12], (2, 2)), np.array(numbers[12:])
    signed = np.diag(nudge_gain * [1, -1]) @ nudge_at
    return float(np.linalg.eigvals(np.eye(2) + beta * curvature * signed).real.min())


def _matrix(plus: list[float], minus: list[float]) -> NDArray[np.float64]:
    return np.array([plus, minus])


def _share(name: str, value: float) -> tuple[float, float]:
    share = number(name, value, low=0, high=1, words=f"0 ≤ {name} ≤ 1")
    return share, 1.0 - share
