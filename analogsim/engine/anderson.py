"""Anderson acceleration of a pass, for each sample on its own.

x′ = g(x) − ΔG γ with γ the least-squares solution of ΔR γ = r, r = g(x) − x, over the last few passes (D. Anderson,
J. ACM 12, 547, 1965; type II of H. Fang and Y. Saad, 2009). A sample whose change grows far beyond its best takes the
plain pass and forgets its history; a restart of the whole batch would not converge where single samples misbehave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analogsim.engine.packing import Batch

Array = NDArray[np.floating]

DEPTH = 5
GROWTH = 10.0


class Anderson:
    """History of a batch of passes.

    Parameters
    ----------
    batch : Batch
        Only for its layout.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.last: tuple[Array, Array] | None = None
        self.dr: list[Array] = []
        self.dg: list[Array] = []
        self.valid: list[NDArray[np.bool_]] = []

    def take(self, rows: NDArray[np.int64]) -> None:
        """Keep some samples."""
        self.batch = self.batch.take(rows)
        if self.last is not None:
            self.last = (self.last[0][rows], self.last[1][rows])
        self.dr = [m[rows] for m in self.dr]
        self.dg = [m[rows] for m in self.dg]
        self.valid = [m[rows] for m in self.valid]

    def mix(self, x: Array, g: Array, change: Array, best: Array) -> Array:
        """The next state from the packed states before and after a pass."""
        count = self.batch.packed.batch
        plain = self._by_sample(g)
        r = plain - self._by_sample(x)
        reject = change > GROWTH * best
        if self.last is not None:
            self.dr.append(r - self.last[0])
            self.dg.append(plain - self.last[1])
            self.valid.append(np.ones(count, bool))
            self.dr, self.dg, self.valid = self.dr[-DEPTH:], self.dg[-DEPTH:], self.valid[-DEPTH:]
        for known in self.valid:
            known &= ~reject
        self.last = (r, plain)
        if not self.dr:
            return g
        mask = np.stack(self.valid)[:, :, None]
        dr = np.where(mask, np.stack(self.dr), 0.0)
        gram = np.einsum("kbd,lbd->bkl", dr, dr)
        right = np.einsum("kbd,bd->bk", dr, r)
        ridge = 1e-12 * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-300
        gamma = np.linalg.solve(gram + ridge * np.eye(len(dr)), right[..., None])[..., 0]
        mixed = plain - np.einsum("bk,kbd->bd", gamma, np.where(mask, np.stack(self.dg), 0.0))
        mixed[reject] = plain[reject]
        return self._packed(mixed, g.dtype)

    def _by_sample(self, flat: Array) -> Array:
        """(B, 2·N) in double precision."""
        return self.batch.by_sample(flat).astype(float)

    def _packed(self, rows: Array, dtype: np.dtype) -> Array:
        found, first = [], 0
        for n in self.batch.chip.sizes[1:]:
            part = rows[:, first : first + 2 * n].reshape(len(rows), 2, n)
            found.append(np.ascontiguousarray(part.transpose(1, 0, 2), dtype=dtype).ravel())
            first += 2 * n
        return np.concatenate(found)
