"""How strongly the layers of a network act on each other: norms by power iteration, and the step that they allow.

With θ the matrix over all neurons but the clamped input that holds W_2 … W_L below its diagonal, the layers of a
network with negative recurrent feedback −g are coupled by θ − gθᵀ, which a change of scale of each layer turns into
√g (θ − θᵀ): skew, with eigenvalues ±iμ. Neighbouring layers only are coupled, so that layers of odd and of even number
act on each other alone, and ‖θ − θᵀ‖ is the norm of the map from the one set to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

MARGIN = 1.03
"""Power iterations underestimate a norm; too small an ω costs little, too large a one diverges."""


def largest_eigenvalue(product: Callable[[Array], Array], start: Array, steps: int) -> float:
    """Largest eigenvalue of a symmetric matrix without negative ones, from below, by power iteration.

    Parameters
    ----------
    product : callable
        The matrix times a vector.
    start : (n,) array
        Where to begin; random, or it may miss the leading eigenvector.
    steps : int
        At least one.
    """
    vector, size = start, float(start @ start) ** 0.5
    for _ in range(steps):
        vector = product(vector / (size or 1.0))
        size = float(vector @ vector) ** 0.5
    return size


def coupling_norm(matrices: Sequence[Array], steps: int = 25) -> float:
    """‖θ − θᵀ‖₂ of a chain of layers, from below.

    Parameters
    ----------
    matrices : sequence of (n_{k+1}, n_k) arrays
        W_2 … W_L; none: 0.
    steps : int
        Power iterations.
    """
    if not matrices:
        return 0.0
    across = _across(matrices)
    start = np.random.default_rng(0).standard_normal(across.shape[1:]).astype(across.dtype)
    return largest_eigenvalue(lambda v: across.T @ (across @ v), start, steps) ** 0.5


def _across(matrices: Sequence[Array]) -> Array:
    """θ − θᵀ from the layers of even number in the chain to those of odd number."""
    if len(matrices) == 1:
        return matrices[0]
    sizes = [matrices[0].shape[1], *(len(m) for m in matrices)]
    edges = [np.cumsum([0, *sizes[i::2]]) for i in (0, 1)]
    places = [slice(edges[i % 2][i // 2], edges[i % 2][i // 2 + 1]) for i in range(len(sizes))]
    across = np.zeros((edges[1][-1], edges[0][-1]), matrices[0].dtype)
    for k, m in enumerate(matrices):
        if k % 2:
            across[places[k], places[k + 1]] = -m.T
        else:
            across[places[k + 1], places[k]] = m
    return across


def relaxation_factor(strength: float) -> float:
    """ω = 2/(1 + √(1 + s²)): the best for passes in layer order where Jacobi's iteration has eigenvalues ±iμ, |μ| ≤ s.

    The coupling is consistently ordered, so that by Young's relation (ν + ω − 1)² = νω²(iμ)² every pass shrinks the
    error by 1 − ω. Exact for constant slopes.

    Parameters
    ----------
    strength : float
        s = max f'·‖θ − θᵀ‖·√g; `MARGIN` is put on it here.

    Notes
    -----
    D. M. Young, Trans. Am. Math. Soc. 76, 92 (1954), 10.1090/S0002-9947-1954-0059635-7.
    """
    s = MARGIN * strength
    return float(2 / (1 + np.sqrt(1 + s * s)))


def product_norm(matrices: Sequence[Array]) -> float:
    """‖W_L ⋯ W_2 W_1‖₂, NaN if an entry is not finite."""
    product = matrices[0]
    with np.errstate(over="ignore", invalid="ignore"):
        for m in matrices[1:]:
            product = m @ product
    return float(np.linalg.norm(product, 2)) if np.isfinite(product).all() else float("nan")
