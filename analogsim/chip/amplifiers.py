"""Transimpedance amplifiers with finite gain, bandwidth and input capacitance.

Each sensed line of each bank of cells ends in an inverting op-amp with feedback resistor R_f. With the line voltages u,
M u = R_f Σ_j G_j u_j what an ideal amplifier would give (sign turned to positive), the noise gain N = 1 + R_f Σ_j G_j,
the open-loop gain A₀ and ω_u = 2π GBW, the output y obeys

    dy/dt = −(ω_u/A₀) y + ω_u v,      v = (M u − y)/N                        without input capacitance,
                                      R_f C_in dv/dt = M u − y − N v         with it (v: minus the virtual ground).

Its resting value is y = M u / (1 + N/A₀), so that a finite gain alone is a change of the weights, row by row; as the
row sums of an array and of its transpose differ, so do W and Vᵀ.

Lines with capacitance hand M u to their amplifier by a lag of time constant T: T dp/dt = M u − p, with p for M u above.
With ω_u = ∞ that lag is all there is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError, out_of_range

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Amplifiers:
    """The amplifiers of one read, whose outputs are summed over the banks.

    Parameters
    ----------
    weights : (bank, n, m) array
        M of each bank, with its sign.
    noise_gain : (bank, n) array
        N; ≥ 1.
    delay : float
        R_f C_in in units of the chip's ``time_unit``; 0 without input capacitance.
    lag : (bank, n) array, optional
        T of each line, in units of ``time_unit``; > 0. None without.
    """

    weights: Array
    noise_gain: Array
    delay: float = 0.0
    lag: Array | None = None

    def __post_init__(self) -> None:
        if self.weights.ndim != 3 or self.noise_gain.shape != self.weights.shape[:2]:
            shapes = f"{self.weights.shape} and {self.noise_gain.shape}"
            raise InputError(
                f"Amplifiers: weights and noise_gain have shapes {shapes}; expected (bank, n, m), (bank, n)."
            )
        if not (self.noise_gain >= 1).all():
            raise out_of_range("Amplifiers.noise_gain", float(self.noise_gain.min()), "noise_gain ≥ 1")
        if not 0 <= self.delay < np.inf:
            raise out_of_range("Amplifiers.delay", self.delay, "0 ≤ delay < inf")
        if self.lag is not None:
            if self.lag.shape != self.noise_gain.shape:
                raise InputError(f"Amplifiers.lag has shape {self.lag.shape}; expected {self.noise_gain.shape}.")
            if not (self.lag > 0).all():
                raise out_of_range("Amplifiers.lag", float(self.lag.min()), "lag > 0")

    def static(self, gain: float) -> Array:
        """Matrix that the amplifiers amount to at rest, (n, m)."""
        found: Array = (self.weights / (1.0 + self.noise_gain / gain)[..., None]).sum(axis=0)
        return found


@dataclass(frozen=True)
class TIA:
    """Amplifiers of a whole chip, for their dynamics; at rest they are already in the chip's matrices.

    Parameters
    ----------
    forward : tuple of Amplifiers
        Of the read of W_{j+1}, for each layer.
    feedback : tuple of (Amplifiers or None)
        Of the read of V_{j+1}; ``feedback[0]`` is None.
    gain : float
        A₀, open-loop gain at low frequency; > 0, inf allowed.
    bandwidth : float
        ω_u, rad per ``time_unit``; > 0, and finite unless all lines have a lag.
    """

    forward: tuple[Amplifiers, ...]
    feedback: tuple[Amplifiers | None, ...]
    gain: float
    bandwidth: float

    def __post_init__(self) -> None:
        if not self.gain > 0:
            raise out_of_range("TIA.gain", self.gain, "gain > 0")
        lagging = all(part is None or part.lag is not None for part in (*self.forward, *self.feedback))
        if not (0 < self.bandwidth < np.inf or (self.bandwidth == np.inf and lagging)):
            raise out_of_range("TIA.bandwidth", self.bandwidth, "0 < bandwidth < inf (rad per time_unit)")
        if len(self.feedback) != len(self.forward) or self.feedback[0] is not None:
            raise InputError("TIA.feedback: one entry for each of TIA.forward, the first None.")

    @property
    def poles(self) -> tuple[float, float]:
        """Slowest and fastest closed-loop pole ω_u (1/A₀ + 1/N) without input capacitance, rad per ``time_unit``."""
        gains = np.concatenate([a.noise_gain.ravel() for a in (*self.forward, *self.feedback) if a is not None])
        slow, fast = (float(self.bandwidth * (1 / self.gain + 1 / g)) for g in (gains.max(), gains.min()))
        return slow, fast

    def to_arrays(self) -> dict[str, Array]:
        """Arrays for a file; `from_arrays` restores them."""
        found: dict[str, Array] = {"limits": np.array([self.gain, self.bandwidth])}
        for name in ("forward", "feedback"):
            for j, part in enumerate(getattr(self, name)):
                if part is not None:
                    given = {key: value for key, value in vars(part).items() if value is not None}
                    found |= {f"{name}.{j}.{key}": np.asarray(value) for key, value in given.items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], layers: int) -> TIA | None:
        """Restore what `to_arrays` gave; None if there is nothing."""
        if "limits" not in arrays:
            return None

        def part(name: str, j: int) -> Amplifiers | None:
            if f"{name}.{j}.weights" not in arrays:
                return None
            weights, gain, delay = (arrays[f"{name}.{j}.{key}"] for key in ("weights", "noise_gain", "delay"))
            return Amplifiers(weights, gain, float(delay), arrays.get(f"{name}.{j}.lag"))

        ahead = tuple(found for j in range(layers) if (found := part("forward", j)) is not None)
        back = tuple(part("feedback", j) for j in range(layers))
        return cls(ahead, back, gain=float(arrays["limits"][0]), bandwidth=float(arrays["limits"][1]))
