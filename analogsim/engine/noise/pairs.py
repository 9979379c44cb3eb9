"""The law of noise in a pair of compartments: variances, covariance, and numbers drawn from them.

A read of W with independent weight errors of standard deviation σ_ij perturbs output i by a Gaussian of variance
Σ_j σ²_ij u_j², exactly; so one normal number for each output is drawn, never one for each weight. Between the
compartments of a neuron, whose reads have the signals u⁺ and u⁻, the draws are those of one physical read ("common":
covariance Σ_j σ²_ij u_j⁺ u_j⁻) or of two ("differential": none). A pair (ξ, η) of standard normal numbers with the
Cholesky factor of the 2×2 covariance C becomes

    (√C⁺⁺ ξ,   C⁺⁻/√C⁺⁺ ξ + √(C⁻⁻ − (C⁺⁻)²/C⁺⁺) η).

Rounding must not make a difference between compartments that see the same read. `disturbed` takes any two signals of
one read. `PairNoise` takes all noise of a neuron at once, where each direction has a single read that the compartments
share: then C = A ppᵀ + B qqᵀ + D, with A and B the variances of the forward and the feedback read, including what their
outputs show without a signal, p and q (2,) what each compartment gets of them, and D the variance of the node itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.engine.kernel import Problem
from analogsim.engine.packing import Batch
from analogsim.jit import compiled

Array = NDArray[np.floating]


def variance(u: Array, squares: Array) -> Array:
    """Σ_j σ²_ij u_j² of signals u (…, n) for `squares` = (σ²)ᵀ, (n, m)."""
    return np.asarray((u * u) @ squares)


def disturbed(u: Array, squares: Array, draw: Array, common: bool) -> Array:
    """What standard normal numbers `draw` (2, B, m) make of a read of the signals u (2, B, n), one a compartment.

    Parameters
    ----------
    u : array, (2, sample, n)
        What each compartment sends into the array.
    squares : array, (n, m)
        (σ²)ᵀ, the variance of each weight.
    draw : array, (2, sample, m)
        Standard normal numbers.
    common : bool
        Whether the two compartments read the array with the same draw of its cells.
    """
    plus, minus = variance(u[0], squares), variance(u[1], squares)
    if not common:
        return np.sqrt(np.stack([plus, minus])) * draw
    shared = (u[0] * u[1]) @ squares
    root = np.sqrt(plus)
    along = np.divide(shared, root, out=np.zeros_like(root), where=root > 0)
    left = minus - along**2
    rest = np.sqrt(np.where(left > 1e-12 * minus, left, 0.0))
    return np.stack([root * draw[0], along * draw[0] + rest * draw[1]])


class PairNoise:
    """All that is random on a chip, as one pair of numbers for each neuron; see `fits`.

    Parameters
    ----------
    gain : (2, 1, n_1) array
        What each compartment of the first layer gets of the currents of W_1.
    dtype : dtype
    """

    def __init__(self, gain: Array, dtype: np.dtype) -> None:
        self.gain, self.dtype = gain, dtype
        self.squares: list[list[Array | None]] = []
        self.floors: list[list[Array | None]] = []

    @staticmethod
    def fits(chip: Chip, packed: Problem) -> bool:
        """Whether one read each way, of undistorted signals, held and without memory, is all there is."""
        return (
            packed.forward_q.shape[0] == packed.feedback_q.shape[0] == 1
            and chip.read_mode != "quasi-static"
            and not (chip.has_coloured_noise or chip.is_shaped or chip.converters.any() or chip.light[..., :2].any())
        )

    def rewrite(self, chip: Chip) -> None:
        """Take over the noise of a chip whose weights have changed."""
        self.squares = [
            [None if sigma is None else np.square(sigma, dtype=self.dtype).T for sigma in arrays]
            for arrays in (chip.forward_noise, chip.feedback_noise)
        ]
        self.floors = [
            [None if sigma is None else np.square(sigma, dtype=self.dtype) for sigma in arrays]
            for arrays in (chip.forward_floor, chip.feedback_floor)
        ]

    def add(self, batch: Batch, s: list[Array], rng: np.random.Generator) -> None:
        """Add one draw of every source to the drive of a batch, given its states s, (2, B, n) of each layer."""
        chip, p = batch.chip, batch.packed
        common = chip.read_correlation == "common"
        draws = rng.standard_normal(p.drive.size, dtype=self.dtype.type)
        for k, (drive, draw) in enumerate(zip(batch.split(p.drive), batch.split(draws), strict=True)):
            here = slice(p.cum[k], p.cum[k + 1])
            below, above = self.squares[0][k], self.squares[1][k + 1] if k + 1 < chip.layers else None
            ahead = back = np.zeros(drive.shape[1:], self.dtype)
            # Always contiguous: another layout would be another function to compile.
            share = np.array(self.gain[:, 0] if k == 0 else p.forward_p[:, 0, here], order="C")
            if below is not None:
                ahead = variance(batch.x if k == 0 else _sent(p.forward_q, s[k - 1], p.cum[k - 1]), below)
            if above is not None:
                back = variance(_sent(p.feedback_q, s[k + 1], p.cum[k + 1]), above)
            floors = self.floors[0][k], self.floors[1][k + 1] if k + 1 < chip.layers else None
            if common:
                ahead = ahead if floors[0] is None else ahead + floors[0]
                back = back if floors[1] is None else back + floors[1]
            else:  # two reads of their own: none of them is scaled to what the other compartment gets
                gains = chip.gain[k], chip.gain[k] * (1 + chip.mirror[k])
                for gain, floor in zip(gains, floors, strict=True):
                    if floor is not None:
                        noise = rng.standard_normal(drive.shape, dtype=self.dtype.type)
                        drive += (gain[:, None] * np.sqrt(floor) * noise).astype(self.dtype)
            disturb(drive, draw, ahead, share, back, p.feedback_p[:, 0, here], self.dtype.type(chip.node_noise), common)


def _sent(q: Array, s: Array, first: int) -> Array:
    """The one signal that a layer with states s (2, B, n) sends through the mixing q (1, 2, N)."""
    here = slice(first, first + s.shape[2])
    return np.asarray(q[0, 0, here] * s[0] + q[0, 1, here] * s[1])


@compiled
def disturb(drive, draw, ahead, p, back, q, node, common):
    """Add to a layer's drive (2, B, n) a pair of Gaussian numbers for each neuron, made of two standard ones.

    A and B are `ahead` and `back`, (B, n), p and q (2, n), D = node². Where each compartment has its own draw, C is
    diagonal. det C is written as a sum of non-negative terms.
    """
    shared = draw.dtype.type(1 if common else 0)
    one, nothing = draw.dtype.type(1), draw.dtype.type(0)
    own = one - shared
    white = node * node
    for b in range(drive.shape[1]):
        plus, minus, first, second = drive[0, b], drive[1, b], draw[0, b], draw[1, b]
        forward, feedback = ahead[b], back[b]
        for i in range(plus.size):
            p0, p1, q0, q1 = p[0, i], p[1, i], q[0, i], q[1, i]
            a, e = forward[i], feedback[i]
            d0 = white + own * (a * p0 * p0 + e * q0 * q0)
            d1 = white + own * (a * p1 * p1 + e * q1 * q1)
            a, e = shared * a, shared * e
            c00 = a * p0 * p0 + e * q0 * q0 + d0
            c01 = a * p0 * p1 + e * q0 * q1
            c11 = a * p1 * p1 + e * q1 * q1 + d1
            cross = p0 * q1 - p1 * q0
            det = a * e * cross * cross + d0 * d1
            det += a * (p0 * p0 * d1 + p1 * p1 * d0) + e * (q0 * q0 * d1 + q1 * q1 * d0)
            inverse = one / c00 if c00 > nothing else nothing
            rest = det * inverse if c00 > nothing else c11
            root = np.sqrt(inverse)
            plus[i] += c00 * root * first[i]
            minus[i] += c01 * root * first[i] + np.sqrt(rest) * second[i]
