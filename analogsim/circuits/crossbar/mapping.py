"""How weights become cells: one or two cells a weight, a reference column, several cells for the bits of one.

A cell holds a share u ∈ [0, 1] of the range between g_min and g_max; w̃ = w/w_max ∈ [−1, 1].

==============  ==================================  =====================
one-sided       u^± = max(±w̃, 0)                    w̃ = u⁺ − u⁻
differential    u^± = (1 ± w̃)/2                     w̃ = u⁺ − u⁻
reference       u = (1 + w̃)/2, u_ref = ½            w̃ = 2 (u − u_ref)
==============  ==================================  =====================

The reference is one column of cells, shared by all outputs of the array. It is trimmed to ½, be that a level of the
cells or not (two columns at the levels beside ½, each with half the weight, come to the same), so an even number L of
levels holds the odd multiples of w_max/(L − 1) and no zero. With K slices of b bits a share is rounded to K·b bits,
each slice holding b of them in a cell of its own: u = Σ_k B^k (B − 1)/(B^K − 1) u_k with B = 2^b; the reference is ½
in each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

MAPPINGS = ("one-sided", "differential", "reference")


def shares(relative: Array, mapping: str) -> Array:
    """Return u of every cell for w̃ (n, m): (2, n, m) for pairs, (n + 1, m) with the reference in the last row."""
    if mapping == "reference":
        return np.vstack([(1.0 + relative) / 2.0, np.full((1, relative.shape[1]), 0.5)])
    cells = np.empty((2, *relative.shape))
    if mapping == "one-sided":
        np.maximum(relative, 0.0, out=cells[0])
        np.subtract(cells[0], relative, out=cells[1])
    else:
        np.add(0.5, relative / 2.0, out=cells[0])
        np.subtract(1.0, cells[0], out=cells[1])
    return cells


def relative_weights(cells: Array, mapping: str) -> Array:
    """Return w̃ of realised shares; the inverse of `shares`."""
    return 2.0 * (cells[:-1] - cells[-1]) if mapping == "reference" else cells[0] - cells[1]


def relative_sigma(sigma: Array, mapping: str) -> Array:
    """Return the standard deviation of w̃ for independent σ of the shares."""
    if mapping == "reference":
        return 2.0 * np.sqrt(sigma[:-1] ** 2 + sigma[-1] ** 2)
    return np.sqrt(sigma[0] ** 2 + sigma[1] ** 2)


def slice_weights(slices: int, bits: int) -> Array:
    """Weight of each slice's share in the whole, the least significant first; they sum to one."""
    base = 2**bits
    return np.array([base**k * (base - 1) / (base**slices - 1) for k in range(slices)])


def sliced(cells: Array, slices: int, bits: int) -> Array:
    """Round shares to slices·bits bits and return the share of each slice, shape (slices, *cells.shape)."""
    base = 2**bits
    code = np.rint(cells * (base**slices - 1)).astype(np.int64)
    return np.stack([(code // base**k) % base for k in range(slices)]) / (base - 1)
