"""Feedback arrays V that are not rewritten from W at every update.

A circuit writes V with W at every update. A designer may rather copy W into a second array now and then, whose writing
errors are new each time, or never tell it W: leave it random, or give it the same increments as W.

The increments are those that the devices really made, after the update. In digital training
(`analogsim.learning.reference.feedback`) the optimiser steps W and V alike, with moments of their own for both: the law
of Kolen and Pollack is the same, and nothing of how it is carried out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit
from analogsim.errors import InputError, out_of_range, unknown

Array = NDArray[np.floating]

SCHEMES = {
    "fixed": "V follows W at every update with an error that stays: a second array with cells of its own",
    "copied": "V is written from W every so many updates, each time with a new error",
    "random": "V is random and never written (feedback alignment)",
    "kolen-pollack": "V starts at random and gets the increments of W; both decay, and so does their difference",
}


class SecondArray:
    """Writes the feedback path after an update.

    ==============  ====================================================
    fixed           V = Wᵀ + error · rms(W) · ξ, ξ ~ N(0, 1) drawn once
    copied          the same every `every` updates, ξ drawn anew
    random          V = rms(W₀) · ξ for ever
    kolen-pollack   V ← (1 − d) (V + ΔWᵀ), W ← (1 − d) (W + ΔW)
    ==============  ====================================================

    Parameters
    ----------
    circuit : Circuit
    chip : Chip
        Programmed by it, without read noise (its size would have to follow V).
    scheme : {"fixed", "copied", "random", "kolen-pollack"}
    error : float
        Relative error of a copy, ≥ 0; for "fixed" and "copied".
    every : int
        Updates from one copy to the next, ≥ 1.
    decay : float
        Share d of both matrices lost in an update, 0 ≤ d < 1.
    rng : numpy.random.Generator

    References
    ----------
    Lillicrap et al. 2016, doi:10.1038/ncomms13276 (random); Kolen & Pollack 1994 and Akrout et al., arXiv 1904.05391.
    """

    def __init__(
        self, circuit: Circuit, chip: Chip, scheme: str, rng: np.random.Generator, *,
        error: float = 0.0, every: int = 1, decay: float = 0.0,
    ) -> None:  # fmt: skip
        if scheme not in SCHEMES:
            raise unknown("writing scheme of V", scheme, SCHEMES)
        for name, value, good, told in (
            ("error", error, 0 <= error < np.inf, "error ≥ 0"),
            ("every", every, every >= 1, "every ≥ 1"),
            ("decay", decay, 0 <= decay < 1, "0 ≤ decay < 1"),
        ):
            if not good:
                raise out_of_range(name, value, told)
        if any(noise is not None and np.any(noise) for noise in chip.feedback_noise):
            raise InputError("a feedback array written by a scheme of its own: set the chip's read noise to zero.")
        self.circuit, self.scheme, self.rng = circuit, scheme, rng
        self.error, self.every, self.decay = error, every, decay
        self.updates = 0
        self.xi = [rng.standard_normal(w.T.shape) for w in chip.forward[1:]]
        self.v = self._copy(chip, error) if scheme in ("fixed", "copied") else self._copy(chip, 1.0, keep=0.0)

    def started(self, chip: Chip) -> Chip:
        """The chip with the feedback path as it is before the first update."""
        return chip.replace(feedback=tuple(self.v))

    def written(self, before: Chip, after: Chip) -> Chip:
        """The chip after an update with the feedback path that the scheme leaves."""
        self.updates += 1
        if self.scheme == "fixed":
            self.v = self._copy(after, self.error)
        elif self.scheme == "copied" and self.updates % self.every == 0:
            self.xi = [self.rng.standard_normal(xi.shape) for xi in self.xi]
            self.v = self._copy(after, self.error)
        elif self.scheme == "kolen-pollack":
            moved = [w.T - old.T for w, old in zip(after.forward, before.forward, strict=True)]
            self.v = [None if v is None else (1 - self.decay) * (v + d) for v, d in zip(self.v, moved, strict=True)]
            if self.decay:
                lost = [(-self.decay * w, np.zeros_like(b)) for w, b in zip(after.forward, after.biases, strict=True)]
                after = self.circuit.update(after, lost, self.rng)
        return after.replace(feedback=tuple(self.v))

    def _copy(self, chip: Chip, error: float, keep: float = 1.0) -> list[Array | None]:
        """V = keep · Wᵀ + error · rms(W) · ξ."""
        pairs = zip(chip.forward[1:], self.xi, strict=True)
        return [None, *((keep * w.T + error * np.sqrt(np.mean(w**2)) * xi).astype(w.dtype) for w, xi in pairs)]
