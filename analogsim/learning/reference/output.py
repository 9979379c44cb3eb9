"""The nudged output layer: where the loss enters a dyadic network."""

from __future__ import annotations

import numpy as np

from analogsim.errors import InputError, out_of_range, unknown
from analogsim.functions.activations import activation
from analogsim.functions.losses import LOSSES
from analogsim.learning.reference.layers import Array
from analogsim.network import Network
from analogsim.wiring import Wiring

OUTPUTS = ("re-evaluated", "linearised")


class Nudge:
    """States of the output layer, s_L^± = f_L(a^±) with a^± = drive^± − (±1) n^± β ∇ℓ(r^±) and r = N s_L.

    Parameters
    ----------
    net : Network
    y : (sample, class) array
    wiring : Wiring
    beta : float
        Nonzero; negative values nudge the other way.
    output : {"re-evaluated", "linearised"}
        "re-evaluated" solves the equation at the current drive: Eq. 22 of arXiv 2402.08573 for DP⊤, the proximal step
        of Eq. 3 there for DP. "linearised" keeps ∇ℓ at the free prediction, as the published code does with
        cross-entropy; then the output error is the same in every sweep.

    Raises
    ------
    InputError
        If β is zero or not finite, or the proximal step of a compartment does not exist (n^∓ |β| ≥ 1 for ½‖·‖²).
    """

    def __init__(self, net: Network, y: Array, wiring: Wiring, beta: float, output: str = "re-evaluated") -> None:
        if output not in OUTPUTS:
            raise unknown("output", output, OUTPUTS)
        if not np.isfinite(beta) or beta == 0:
            raise out_of_range("beta", beta, "a finite number other than 0")
        self.y, self.loss, self.f = y, LOSSES[net.loss], activation(net.output_activation)
        self.linear = net.output_activation == "identity"
        self.frozen: Array | None = None
        self.output = output
        plus, minus = wiring.nudge_gain
        self.gains = (plus * beta, -minus * beta)
        self.mixing = wiring.nudge_at
        self.own = np.array_equal(self.mixing, np.eye(2))
        # With equal drives the nudges cancel in r: then r = a_L, exactly.
        same = np.allclose(self.mixing[0], self.mixing[1]) and np.isclose(self.mixing.sum(), 2)
        self.balanced = bool(self.linear and same and np.isclose(self.mixing[0] @ self.gains, 0))
        weakest = min(self.gains) if self.own else 0.0
        steepest = self.loss.curvature * self.f.slope_max
        if output == "re-evaluated" and weakest * steepest <= -1:
            raise out_of_range(
                "beta", beta, f"n|β| < {1 / steepest:g} for the compartment that climbs the loss",
                hint='Nudge less, or use output="linearised".',
            )  # fmt: skip

    def free(self, prediction: Array) -> None:
        """Tell the free prediction s_L, at which "linearised" takes its gradient."""
        if self.output == "linearised":
            self.frozen = self.loss.gradient(prediction, self.y)

    def difference_gain(self) -> float | None:
        """κ with s_L⁺ − s_L⁻ = −κ(a_L − y) for equal drives, or None where there is no such number."""
        up, down = self.gains
        if self.loss.name != "mse" or not self.linear or self.output != "re-evaluated":
            return None
        if self.balanced:
            return up - down
        return (up - down) / ((1 + up) * (1 + down)) if self.own else None

    def __call__(self, plus: Array, minus: Array) -> tuple[Array, Array]:
        """States (s_L⁺, s_L⁻) for the two drives, each (sample, class)."""
        drives, dtype = (plus, minus), plus.dtype.type
        gains = tuple(dtype(g) for g in self.gains)
        a: tuple[Array, ...]
        if self.frozen is not None:
            a = tuple(drive - g * self.frozen for drive, g in zip(drives, gains, strict=True))
        elif self.balanced and (plus is minus or np.array_equal(plus, minus)):
            nudge = self.loss.gradient(plus, self.y)
            a = tuple(plus - g * nudge for g in gains)
        elif self.own and self.linear and self.loss.name == "mse":
            a = tuple((drive + g * self.y) / (1 + g) for drive, g in zip(drives, gains, strict=True))
        elif self.own and self.f.name == "hard-sigmoid" and self.loss.name == "mse":
            a = tuple(self._clipped(drive, g) for drive, g in zip(drives, gains, strict=True))
        else:
            a = self._iterate(drives, gains)
        return self.f(a[0]), self.f(a[1])

    def _clipped(self, drive: Array, gain: np.floating) -> Array:
        """Solve a = drive − g (clip(a/2, 0, 1) − y): linear in three parts and rising where g > −2."""
        pulled, two = drive + gain * self.y, drive.dtype.type(2)
        inside = pulled * (two / (two + gain))
        return np.where(inside < 0, pulled, np.where(inside > two, pulled - gain, inside))

    def _iterate(self, drives: tuple[Array, Array], gains: tuple[np.floating, ...]) -> tuple[Array, ...]:
        """Damped fixed-point iteration; the damping is that of the steepest possible loss."""
        dtype = drives[0].dtype.type
        n = self.mixing.astype(dtype)
        steps = [dtype(1 / (1 + abs(float(g)) * self.loss.curvature)) for g in gains]
        tol = 20 * np.finfo(dtype).eps
        a = [drive.copy() for drive in drives]
        for _ in range(500):
            s = [self.f(value) for value in a]
            change = 0.0
            for i in (0, 1):
                r = s[i] if self.own else n[i, 0] * s[0] + n[i, 1] * s[1]
                move = drives[i] - gains[i] * self.loss.gradient(r, self.y) - a[i]
                change = max(change, float(np.abs(move).max(initial=0) / (1 + np.abs(a[i]).max(initial=0))))
                a[i] = a[i] + steps[i] * move
            if change < tol:
                break
        return tuple(a)


def check_sweeps(sweeps: int) -> None:
    """Raise unless `sweeps` is a positive whole number."""
    if int(sweeps) != sweeps or sweeps < 1:
        raise InputError(f"sweeps = {sweeps!r}: a whole number, at least 1.")
