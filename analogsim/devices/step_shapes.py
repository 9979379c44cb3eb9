r"""The shapes of pulsed steps: how the step of one pulse depends on the weight.

================  ==========================================  ==========================================
ConstantStep      1                                           1
LinearStep        1 − γ_u w/w_max                             1 − γ_d w/w_min
SoftBounds        1 − w'/b_max                                1 − w'/b_min,  w' = w + reference
ExpStep           max(1 − A_u e^{γ_u z}, 0)                   max(1 − A_d e^{−γ_d z}, 0)
PowStep           ((b_max − w)/(b_max − b_min))^{γ_u}         ((w − b_min)/(b_max − b_min))^{γ_d}
================  ==========================================  ==========================================

with z = 2 a w/(b_max − b_min) + b; the up step is Δ_u f_u and the down step Δ_d f_d (`analogsim.devices.pulsed`). The
γ of LinearStep are those of each cell, |γ + σ_γ ξ|.

Constant: Gokmen & Vlasov, doi:10.3389/fnins.2016.00333. Soft bounds and exponential: fits of Gong et al.,
doi:10.1038/s41467-018-04485-1, and Gong & Rasch et al., doi:10.1109/IEDM45625.2022.10019569. Linear: fits of ECRAM,
doi:10.1109/IEDM.2018.8614551. All as named by Rasch et al., arXiv 2104.02184.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.cards import flag, quantity
from analogsim.devices.base import Array, Cells
from analogsim.devices.pulsed import Pulsed
from analogsim.registry import register


@register.device("constant-step")
@dataclass(frozen=True, kw_only=True)
class ConstantStep(Pulsed):
    """Every step the same."""

    def shape_up(self, w: Array, cells: Cells) -> Array:
        """f_u(w)."""
        return np.ones_like(w)

    shape_down = shape_up


@register.device("linear-step")
@dataclass(frozen=True, kw_only=True)
class LinearStep(Pulsed):
    """Steps that shrink linearly towards the bounds of a typical cell.

    Parameters
    ----------
    gamma_up, gamma_down : float
        Share of the step lost at the bound.
    gamma_up_spread, gamma_down_spread : float
        σ_γ, their standard deviations over the cells.
    """

    gamma_up: float = quantity("share of the up step lost at w_max", low=0)
    gamma_down: float = quantity("share of the down step lost at w_min", low=0)
    gamma_up_spread: float = quantity("spread of gamma_up over the cells", low=0, default=0.0, ideal=0.0)
    gamma_down_spread: float = quantity("spread of gamma_down over the cells", low=0, default=0.0, ideal=0.0)

    def typical(self) -> Cells:
        """The cell without spread."""
        return {**super().typical(), "gamma_up": np.asarray(self.gamma_up), "gamma_down": np.asarray(self.gamma_down)}

    def cells(self, shape: tuple[int, ...], rng: np.random.Generator) -> Cells:
        """Draw the slopes of each cell too."""
        drawn = dict(super().cells(shape, rng))
        for key, mean, spread in (
            ("gamma_up", self.gamma_up, self.gamma_up_spread),
            ("gamma_down", self.gamma_down, self.gamma_down_spread),
        ):
            drawn[key] = np.abs(mean + spread * rng.standard_normal(shape)) if spread else np.asarray(mean)
        return drawn

    def shape_up(self, w: Array, cells: Cells) -> Array:
        """f_u(w)."""
        return 1.0 - cells["gamma_up"] * w / self.w_max

    def shape_down(self, w: Array, cells: Cells) -> Array:
        """f_d(w)."""
        return 1.0 - cells["gamma_down"] * w / self.w_min


@register.device("soft-bounds")
@dataclass(frozen=True, kw_only=True)
class SoftBounds(Pulsed):
    """Steps that vanish at each cell's own bounds, seen against a reference.

    Parameters
    ----------
    subtract_symmetry_point : bool
        Whether each cell's reference is the weight at which its up and down steps are equal.
    """

    subtract_symmetry_point: bool = flag("whether the reference is each cell's symmetry point", default=False)

    def typical(self) -> Cells:
        """The cell without spread, its reference 0."""
        return {**super().typical(), "reference": np.asarray(0.0)}

    def cells(self, shape: tuple[int, ...], rng: np.random.Generator) -> Cells:
        """Draw the reference too."""
        drawn = dict(super().cells(shape, rng))
        reference = self.symmetry_point(drawn) if self.subtract_symmetry_point else np.zeros(shape)
        if self.reference_spread:
            reference = reference + self.reference_spread * rng.standard_normal(shape)
        return {
            **drawn,
            "reference": reference,
            "b_max": drawn["b_max"] - reference,
            "b_min": drawn["b_min"] - reference,
        }

    @staticmethod
    def symmetry_point(cells: Cells) -> Array:
        """Weight at which one pulse up and one down cancel: Δ_u (1 − w/b_max) = Δ_d (1 − w/b_min)."""
        up, down = cells["up"], cells["down"]
        slope = up / cells["b_max"] - down / cells["b_min"]
        return np.divide(up - down, slope, out=np.zeros_like(slope), where=slope != 0)

    def reference(self, cells: Cells, rng: np.random.Generator) -> Array:
        """Zero, where each cell is read against its symmetry point anyway, with the error that is in its draws."""
        return np.zeros_like(cells["b_max"]) if self.subtract_symmetry_point else super().reference(cells, rng)

    def shape_up(self, w: Array, cells: Cells) -> Array:
        """f_u(w)."""
        return 1.0 - (w + cells["reference"]) / (cells["b_max"] + cells["reference"])

    def shape_down(self, w: Array, cells: Cells) -> Array:
        """f_d(w)."""
        return 1.0 - (w + cells["reference"]) / (cells["b_min"] + cells["reference"])


@register.device("exp-step")
@dataclass(frozen=True, kw_only=True)
class ExpStep(Pulsed):
    """Steps that change exponentially with the weight.

    Parameters
    ----------
    a, b : float
        Scale and shift of z.
    gamma_up, gamma_down, amplitude_up, amplitude_down : float
        γ and A.
    """

    a: float = quantity("scale of the weight in the exponent")
    b: float = quantity("shift of the exponent")
    gamma_up: float = quantity("rate of the exponent, up")
    gamma_down: float = quantity("rate of the exponent, down")
    amplitude_up: float = quantity("A of the up step")
    amplitude_down: float = quantity("A of the down step")

    def _z(self, w: Array, cells: Cells) -> Array:
        return 2.0 * self.a * w / (cells["b_max"] - cells["b_min"]) + self.b

    def shape_up(self, w: Array, cells: Cells) -> Array:
        """f_u(w)."""
        return np.maximum(1.0 - self.amplitude_up * np.exp(self.gamma_up * self._z(w, cells)), 0.0)

    def shape_down(self, w: Array, cells: Cells) -> Array:
        """f_d(w)."""
        return np.maximum(1.0 - self.amplitude_down * np.exp(-self.gamma_down * self._z(w, cells)), 0.0)


@register.device("pow-step")
@dataclass(frozen=True, kw_only=True)
class PowStep(Pulsed):
    """Steps that vanish at the bounds with a power of the distance.

    Parameters
    ----------
    gamma_up, gamma_down : float
        Powers.
    """

    gamma_up: float = quantity("power of the up step", low=0)
    gamma_down: float = quantity("power of the down step", low=0)

    def shape_up(self, w: Array, cells: Cells) -> Array:
        """f_u(w)."""
        share = (cells["b_max"] - w) / (cells["b_max"] - cells["b_min"])
        return np.clip(share, 0.0, 1.0) ** self.gamma_up

    def shape_down(self, w: Array, cells: Cells) -> Array:
        """f_d(w)."""
        share = (w - cells["b_min"]) / (cells["b_max"] - cells["b_min"])
        return np.clip(share, 0.0, 1.0) ** self.gamma_down
