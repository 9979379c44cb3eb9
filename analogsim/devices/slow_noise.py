r"""1/f noise of a cell's reads, shared out by speed: what stands still over a batch, over a sample, or over a read.

A noise of one read that grows as σ²(t) = A² ln[(t + t₀ + T)/(2T)], t after a cell was written, is that of the one-sided
spectrum S(f) = A²/f from f₁ = 1/(t + t₀ + T), the slowest that can have shown itself since, to f₂ = 1/(2T), the fastest
that reads of duration T tell apart. A mean over a duration D leaves of it

.. math::
    \frac{\sigma^2(D)}{A^2} = \int_{f_1}^{f_2} \frac{\mathrm{d}f}{f} \left(\frac{\sin πfD}{πfD}\right)^2
        = g(π f_2 D) - g(π f_1 D), \qquad
    g(u) = \mathrm{Ci}(2u) - \frac{\sin 2u}{2u} - \frac{\sin^2 u}{2u^2}

which for f₁D ≪ 1 ≪ f₂D is 3/2 − γ − ln(2π f₁D), γ = 0.5772: as a rule most of it, whatever the mean. M. S. Keshner,
Proc. IEEE 70, 212 (1982), doi:10.1109/PROC.1982.12282, for 1/f noise of a finite age.

Three shares with sharp borders stand for the spectrum (`shares`). They have its variance of one read, of the mean over
a sample and of the mean over a batch. The slow one is part of the weights and moves on between batches as a bank of
Ornstein-Uhlenbeck processes, whose corners lie on the logarithmic axis as in `analogsim.engine.noise.nodes.Flicker`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import sici

Array = NDArray[np.floating]
Band = tuple[float, float]
"""Lowest and highest frequency, Hz."""

WIDTH = np.log(10.0) / 2
"""Share of ln f that a process of the bank stands for: two in a decade follow 1/f to 2.3 %."""


class Shares(NamedTuple):
    """Variances in units of A²; their sum is ln(f₂/f₁).

    Parameters
    ----------
    slow : float
        What stands still over a batch.
    held : float
        What stands still over a sample, and is another one for the next.
    fast : float
        What is drawn on the read clock.
    """

    slow: float
    held: float
    fast: float

    @property
    def changing(self) -> float:
        """Share of the variance of one read that is not in the weights."""
        return (self.held + self.fast) / sum(self)


def mean_variance(band: Band, duration: float) -> float:
    """σ²(D)/A², the variance of a mean over `duration` seconds; that of one read, ln(f₂/f₁), at 0."""
    if duration == 0:
        return float(np.log(band[1] / band[0]))
    u = np.pi * np.array(band) * duration
    low, high = sici(2 * u)[1] - np.sin(2 * u) / (2 * u) - np.sin(u) ** 2 / (2 * u**2)
    return float(high - low)


def shares(band: Band, sample: float, samples: int, average: float) -> Shares:
    """Share out 1/f noise by speed.

    Parameters
    ----------
    band : tuple of two floats
        f₁ and f₂, Hz.
    sample : float
        Duration of a sample, s; > 0.
    samples : int
        In a batch; ≥ 1.
    average : float
        Variance that the mean over a sample leaves of noise on the read clock, in units of its own; where that does
        not move while a sample lasts, 1, it is what is held too.
    """
    one, whole = mean_variance(band, 0.0), mean_variance(band, sample)
    fast = (one - whole) / (1.0 - average) if average < 1.0 else one - whole
    slow = rest = one - fast
    if samples > 1:
        slow = (samples * mean_variance(band, samples * sample) - whole) / (samples - 1)
        slow = min(max(slow, 0.0), rest)
    return Shares(slow, rest - slow, fast) if average < 1.0 else Shares(slow, 0.0, one - slow)


def begun(slow: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw the slow share of cells that were just written, (1, …) in units of A: the sum of their processes."""
    return np.asarray(np.sqrt(slow) * rng.standard_normal((1, *shape)))


def moved(
    processes: Array, before: tuple[Band, float], after: tuple[Band, float], seconds: float, rng: np.random.Generator
) -> Array:
    """The slow share some time later.

    Each process has a corner f_k and the variance v_k = Δ ln f; it keeps e^{−2π f_k t} of itself, exactly as an
    Ornstein-Uhlenbeck process does. As cells get older lower frequencies join in.

    Parameters
    ----------
    processes : (1, …) or (K, …) array
        As drawn, or as left by the last move, in units of A.
    before, after : pairs of band and slow share
    seconds : float
        Between the two.
    rng : numpy.random.Generator

    Returns
    -------
    (K, …) array
    """
    old, new = _widths(before[1]), _widths(after[1])
    if len(processes) < len(old):  # only their sum is known: draw them, given that
        parts = np.sqrt(_along(old, processes)) * rng.standard_normal((len(old), *processes.shape[1:]))
        processes = parts + _along(old / old.sum(), processes) * (processes.sum(axis=0) - parts.sum(axis=0))
    count = len(new)
    old, top = np.append(old, np.zeros(count))[:count], after[0][0] * np.exp(after[1])
    corner = top * np.exp(new / 2 - np.cumsum(new))
    # A process whose share of the axis has shrunk is made smaller first; one that has grown gets the rest anew.
    keep = np.exp(-2 * np.pi * corner * abs(seconds)) * np.sqrt(
        np.divide(new, old, out=np.ones(count), where=old > new)
    )
    fresh = np.sqrt(np.maximum(new - keep**2 * old, 0.0))
    found = _along(fresh, processes) * rng.standard_normal((count, *processes.shape[1:]))
    kept = min(count, len(processes))
    found[:kept] += _along(keep[:kept], processes) * processes[:kept]
    return np.asarray(found)


def _widths(slow: float) -> Array:
    """Share of ln f of each process, from the fastest down; the last one has what is left."""
    count = max(int(np.ceil(slow / WIDTH)), 1)
    return np.array([WIDTH] * (count - 1) + [slow - WIDTH * (count - 1)])


def _along(values: Array, like: Array) -> Array:
    """A number for each process, to be multiplied with arrays of cells."""
    return values.reshape(-1, *[1] * (like.ndim - 1))
