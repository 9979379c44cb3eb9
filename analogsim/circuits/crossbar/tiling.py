r"""An array in tiles: each is read by amplifiers and converters of its own, and the outputs are added digitally.

An array of more lines than `Lines.tile` is split evenly, 784 word lines by 256 into four tiles of 196. What belongs to
a sensed line of a tile is drawn for each of the k tiles that the line's output comes from; cells, and what drives the
lines, are as in one array. So

- offsets add as √k σ of one; the noise gain of a tile's amplifier, 1 + R_f Σ G over its own cells, is smaller;
- gain errors as σ (Σ_t y_t²)^½: σ|y| for partial sums y_t of random signs, σ|y|/√k for equal ones;
- a converter of b bits and a range ±R makes an error of step/√12 in each tile, √k of it in the sum. With the range of
  the whole array in each (`tile_range = "fixed"`) that is √k times as much as in one array. Partial sums of random
  signs are smaller by √k: with as much less range ("root") the error is that of one array. With the k-th part
  ("share"), which is enough for equal partial sums only, it is 1/√k of it, and random ones clip;
- conversions, and their energy, grow as k; the drop along wires falls as 1/k².

The converters of tiles are simulated wherever an array is read: in `relax`, `settle`, training and inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analogsim.circuits.base import Array
from analogsim.circuits.crossbar.cell_arrays import Arrays, Read
from analogsim.circuits.crossbar.periphery import REACHES
from analogsim.circuits.wires.geometry import even_split
from analogsim.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Tiled(Arrays):
    """Arrays that are read tile by tile."""

    def check_tiles(self) -> None:
        """Raise `InputError` for what is not simulated together."""
        if not self.tile or self.partial_sums == "current":
            return
        for bad, what, hint in (
            (self.has_dynamics, "the dynamics of amplifiers", "leave tia_bandwidth at inf"),
            (bool(self.c_word or self.c_bit), "line capacitance", "leave c_word and c_bit at 0"),
            (self.mapping == "reference" and self.has_wires, "reference columns behind wires", "use pairs of cells"),
        ):
            if bad:
                raise InputError(
                    f"circuit.tile = {self.tile} with circuit.partial_sums = 'digital' is not simulated with {what}: "
                    f"{hint}, or set partial_sums = 'current'."
                )

    def cuts(self, lines: int, read: str) -> list[slice]:
        """The driven ones of so many inputs (forward) or outputs (reverse) in each tile."""
        if not self.tile:
            return [slice(0, lines)]
        # A reference is one line more, in every tile.
        own = self.mapping == "reference" and read == "reverse"
        return even_split(lines, max(self.tile - own, 1))

    def tiles(self, lines: int, read: str) -> Array | None:
        """`ReadPath.tiles` of an array with so many driven lines; None where outputs pass no converter on their own."""
        cuts = self.cuts(lines, read)
        if len(cuts) == 1 or not self.clips or self.partial_sums == "current":
            return None
        reach = float(len(cuts)) ** REACHES[self.tile_range]
        return np.array([[float(cut.stop - cut.start) for cut in cuts], [reach] * len(cuts)])

    def read(
        self, cells: Array, sigma: Array | None, scale: float, read: str, j: int | str, seed: int, *, lags: bool = False
    ) -> Read:
        """As of `Arrays`, of all tiles together."""
        n, m = cells.shape[-2] - (self.mapping == "reference"), cells.shape[-1]
        cuts = self.cuts(m if read == "forward" else n, read)
        if len(cuts) == 1 or self.partial_sums == "current":
            whole = super().read(cells, sigma, scale, read, j, seed, lags=lags)
            if self.partial_sums == "digital" and read == "forward" and len(self.cuts(n, "reverse")) > 1:
                whole.back = None
            return whole
        found = []
        for t, cut in enumerate(cuts):
            part, noise = (None if a is None else self._of_tile(a, cut, read) for a in (cells, sigma))
            assert part is not None
            found.append(super().read(part, noise, scale, read, f"{j}.{t}", seed))
        return _joined(found, len(self.parts))

    def _of_tile(self, cells: Array, cut: slice, read: str) -> Array:
        """The cells of a tile, with a reference line of its own."""
        if read == "forward":
            return cells[..., cut]
        if self.mapping == "reference":
            return np.concatenate([cells[..., cut, :], cells[..., -1:, :]], axis=-2)
        return cells[..., cut, :]

    def tile_words(self, sizes: Sequence[int]) -> list[str]:
        """Say into which tiles the arrays between layers of so many neurons are split."""
        said = []
        for j, (inputs, outputs) in enumerate(pairwise(sizes)):
            rows, columns = self.cuts(inputs, "forward"), self.cuts(outputs, "reverse")
            if len(rows) * len(columns) > 1:
                largest = f"{rows[0].stop} × {columns[0].stop + (self.mapping == 'reference')}"
                said.append(f"layer {j + 1}: {len(rows)} × {len(columns)} tiles of up to {largest} lines")
        if not said:
            return []
        if self.partial_sums == "current":
            return [*said, "currents of tiles added in front of one amplifier and converter a line"]
        said.append(f"outputs of tiles added digitally, each with amplifiers{' and converter' * self.clips} of its own")
        if self.clips and self.tile_range != "fixed":
            said[-1] += f", its range { ({'root': '1/√k', 'share': '1/k'}[self.tile_range]) } of that of k tiles"
        return said


def _joined(parts: list[Read], slices: int) -> Read:
    """What reads of tiles, side by side along the driven lines, come to when their outputs are added."""
    weights = np.concatenate([part.weights for part in parts], axis=1)
    sigmas = [part.sigma for part in parts if part.sigma is not None]
    if len(sigmas) not in (0, len(parts)):  # a tile without any noisy cell
        sigmas = [np.zeros(part.weights.shape) if part.sigma is None else part.sigma for part in parts]
    # Banks are told apart by their slice first.
    gains = [g.reshape(slices, -1, g.shape[-1]) for part in parts if (g := part.noise_gain) is not None]
    offsets = [part.offset for part in parts if part.offset is not None]
    return Read(
        weights,
        sigma=np.concatenate(sigmas, axis=1) if sigmas else None,
        offset=np.sum(offsets, axis=0) if offsets else None,
        noise_gain=np.concatenate(gains, axis=1).reshape(-1, len(weights)) if gains else None,
    )
