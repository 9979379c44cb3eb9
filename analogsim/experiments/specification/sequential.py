"""How bad may one thing be? A search over a grid of values in which every answer costs noisy, expensive trials.

At one value the losses x_1 … x_n of n seeds have mean x̄. With a prior of ν₀ degrees of freedom and variance s₀² (of the
losses of the circuit as it is), the mean loss μ has the posterior

    (μ − x̄) √n / s ~ t_ν,    ν = ν₀ + n − 1,    s² = (ν₀ s₀² + Σ (x_i − x̄)²) / ν

(Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, section 3.3, with the mean known only from the trials). A value is
judged as soon as P(μ ≤ limit) leaves (1 − c, c), or when the seeds are used up, by what is more probable.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student


@dataclass(frozen=True)
class Judge:
    """Decides from a few losses whether their mean is within the limit.

    Parameters
    ----------
    limit : float
        Largest mean loss allowed.
    spread : float
        s₀ > 0, prior standard deviation of a loss.
    freedom : float
        ν₀ > 0, degrees of freedom of the prior.
    confidence : float
        c, ½ < c < 1.
    most : int
        Trials at one value, at most.
    """

    limit: float
    spread: float
    freedom: float
    confidence: float = 0.9
    most: int = 5

    def probability(self, losses: ArrayLike) -> float:
        """P(μ ≤ limit) after these losses; ½ before any."""
        x = np.asarray(losses, float)
        n = len(x)
        if not n:
            return 0.5
        freedom = self.freedom + n - 1
        variance = (self.freedom * self.spread**2 + ((x - x.mean()) ** 2).sum()) / freedom
        return float(student.cdf((self.limit - x.mean()) * np.sqrt(n / variance), freedom))

    def verdict(self, losses: Sequence[float]) -> bool | None:
        """Whether the mean loss is within the limit; None while that is open and trials are left."""
        p = self.probability(losses)
        if 1 - self.confidence < p < self.confidence and len(losses) < self.most:
            return None
        return p >= 0.5


def search(size: int, start: int, step: int) -> Generator[int, bool, tuple[int, int]]:
    """Find the last good place of a row in which good places come before bad ones.

    Parameters
    ----------
    size : int
        Places 0 … size − 1; ask about one by yielding it, and be sent whether it is good.
    start : int
        The first that is asked about.
    step : int
        Stride with which the border is bracketed before it is bisected.

    Returns
    -------
    (int, int)
        The last good place, −1 if there is none, and the first bad one, `size` if there is none.
    """
    good, bad = -1, size
    at = min(max(start, 0), size - 1)
    while good < 0 or bad == size:
        if (yield at):
            good = at
            if good == size - 1 or bad == good + 1:
                return good, bad
            if bad < size:
                break
            at = min(good + step, size - 1)
        else:
            bad = at
            if bad == 0 or good == bad - 1:
                return good, bad
            if good >= 0:
                break
            at = max(bad - step, 0)
    while bad - good > 1:
        at = (good + bad) // 2
        if (yield at):
            good = at
        else:
            bad = at
    return good, bad
