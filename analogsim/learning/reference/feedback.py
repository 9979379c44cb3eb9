"""Feedback paths that are not the transpose: feedback alignment and Kolen-Pollack learning, under any rule."""

from __future__ import annotations

import numpy as np

from analogsim.errors import one_of
from analogsim.learning.reference.layers import Array, Gradients
from analogsim.network import Network
from analogsim.settings.digital_training import FEEDBACKS


class FeedbackPath:
    """Matrices V_{k+1}, (n_k, n_{k+1}), that a rule sends its errors through, and how they change in training.

    Parameters
    ----------
    net : Network
    kind : {"transpose", "alignment", "kolen-pollack"}
        "transpose": V = Wᵀ. "alignment": random and fixed (Lillicrap et al. 2016, 10.1038/ncomms13276).
        "kolen-pollack": starts at random and receives the transposed weight update; with equal weight decay of both
        V − Wᵀ dies out (Kolen & Pollack 1994; Akrout et al., arXiv 1904.05391), without it the difference stays.
    rng : numpy.random.Generator
        Draws V with the root mean square of the weights it stands for.

    Attributes
    ----------
    matrices : list of arrays or None
        What the ``feedback=`` of a rule takes.
    """

    def __init__(self, net: Network, kind: str = "transpose", rng: np.random.Generator | None = None) -> None:
        one_of("feedback path", kind, FEEDBACKS)
        self.kind = kind
        self.matrices: list[Array | None] | None = None
        if kind == "transpose":
            return
        rng = rng or np.random.default_rng(0)
        self.matrices = [None]
        for w in net.weights[1:]:
            scale = np.sqrt((w**2).mean())
            self.matrices.append((scale * rng.standard_normal(w.shape[::-1])).astype(w.dtype))

    def parameters(self) -> list[Array]:
        """Arrays that the optimiser changes."""
        if self.matrices is None or self.kind == "alignment":
            return []
        return [v for v in self.matrices if v is not None]

    def gradients(self, gradients: Gradients) -> list[Array]:
        """Their gradients: those of W transposed, so that an optimiser steps V and W alike."""
        return [np.ascontiguousarray(weights.T) for weights, _ in gradients[1:]] if self.parameters() else []
