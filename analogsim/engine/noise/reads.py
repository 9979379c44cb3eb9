"""Noise of the arrays held over time, drawn outside the right-hand side and added to the drive.

Each read disturbs its outputs by the law of `analogsim.engine.noise.pairs`. What an output shows without any signal is
shared out as the read itself is ("common") or drawn for each compartment ("differential").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.engine.noise.pairs import disturbed
from analogsim.engine.packing import Batch, factorise
from analogsim.errors import InputError
from analogsim.functions.activations import activation

Array = NDArray[np.floating]

SUBTICK = 0.25
"""How often the size of a held draw follows the signal, in units of time."""


def freeze(chip: Chip, rng: np.random.Generator) -> Chip:
    """Draw quasi-static noise once: a chip whose matrices carry it and that is noiseless otherwise.

    Parameters
    ----------
    chip : Chip
    rng : numpy.random.Generator

    Raises
    ------
    InputError
        If the noise is differential: two compartments that read one frozen array cannot see different weights.
    """
    if chip.read_correlation == "differential":
        raise InputError(
            "read_mode = 'quasi-static' with read_correlation = 'differential': one frozen array looks the same to "
            "both compartments. Use read_correlation = 'common' or read_mode = 'per-read'."
        )
    if any(floor is not None and floor.any() for floor in (*chip.forward_floor, *chip.feedback_floor)):
        raise InputError(
            "read_mode = 'quasi-static': the noise of the read-out itself (shot and thermal noise of detectors) is not "
            "static. Use read_mode = 'per-read' or 'ou'."
        )
    none = (None,) * chip.layers
    drawn = {
        name: tuple(
            m if m is None or sigma is None else m + sigma * rng.standard_normal(m.shape)
            for m, sigma in zip(getattr(chip, name), getattr(chip, f"{name}_noise"), strict=True)
        )
        for name in ("forward", "feedback")
    }
    return chip.replace(**drawn, forward_noise=none, feedback_noise=none)


class ReadNoise:
    """Held draws for every read of a chip, and the drive they make at a given state.

    Parameters
    ----------
    batch : Batch
    rng : numpy.random.Generator
    """

    def __init__(self, batch: Batch, rng: np.random.Generator) -> None:
        chip = batch.chip
        self.batch, self.rng = batch, rng
        self.reads = [
            (name, j, np.asarray(sigma).T ** 2)
            for name, arrays in (("forward", chip.forward_noise), ("feedback", chip.feedback_noise))
            for j, sigma in enumerate(arrays)
            if sigma is not None and sigma.any()
        ]
        self.floors = [
            (name, j, np.asarray(sigma), self._shares(name))
            for name, arrays in (("forward", chip.forward_floor), ("feedback", chip.feedback_floor))
            for j, sigma in enumerate(arrays)
            if sigma is not None and sigma.any()
        ]
        self.draws: list[Array] = []
        self.redraw()

    @property
    def sources(self) -> int:
        """How many reads are noisy."""
        return len(self.reads) + len(self.floors)

    def _shares(self, name: str) -> Array:
        """How much of each read's own noise each compartment gets, (2, R)."""
        if self.batch.chip.read_correlation == "differential":
            return np.eye(2)
        one = np.ones((2, 1))
        return factorise(getattr(self.batch.wiring, name), 0 * one, one)[1][:, :, 0]

    def redraw(self, keep: float = 0.0) -> None:
        """Draw again; `keep` is the correlation with the draw before (exp(−h/T) for an OU process)."""
        samples = len(self.batch.x)
        shapes = [(2, samples, squares.shape[1]) for _, _, squares in self.reads]
        shapes += [(share.shape[1], samples, len(sigma)) for _, _, sigma, share in self.floors]
        fresh: list[Array] = [self.rng.standard_normal(shape) for shape in shapes]
        if keep:
            fresh = [keep * old + (1 - keep**2) ** 0.5 * new for old, new in zip(self.draws, fresh, strict=True)]
        self.draws = fresh

    def drive(self, a: Array) -> Array:
        """Constant drive plus what the held draws add at the state `a` (packed)."""
        chip, wiring = self.batch.chip, self.batch.wiring
        layers = self.batch.split(a)
        total = [d.astype(float) for d in self.batch.split(self.batch.packed.drive)]
        hidden, last = activation(chip.activation), activation(chip.output_activation)
        s = [(last if k == chip.layers - 1 else hidden)(layer.astype(float)) for k, layer in enumerate(layers)]
        for (name, j, squares), draw in zip(self.reads, self.draws[: len(self.reads)], strict=True):
            if name == "forward":
                into, share = j, chip.gain[j][:, None]
                u = np.broadcast_to(self.batch.x, (2, *self.batch.x.shape)) if j == 0 else self._mix(j)(s[j - 1])
                u = chip.sent(u, 0, j)
            else:
                into, share = j - 1, (chip.gain[j - 1] * (1 + chip.mirror[j - 1]))[:, None]
                u = chip.sent(np.einsum("cd,dbi->cbi", wiring.feedback, s[j]), 1, j)
            total[into] += share * disturbed(u, squares, draw, chip.read_correlation == "common")
        for (name, j, sigma, shares), draw in zip(self.floors, self.draws[len(self.reads) :], strict=True):
            into = j if name == "forward" else j - 1
            share = chip.gain[into] * (1 if name == "forward" else 1 + chip.mirror[into])
            total[into] += share[:, None] * np.einsum("cr,rbi->cbi", shares, sigma * draw)
        return self.batch.join(list(total))

    def _mix(self, j: int) -> Callable[[Array], Array]:
        divider = self.batch.chip.divider[j - 1]
        rows = divider[[0, 0]] if np.allclose(*self.batch.wiring.forward) else divider
        forward = self.batch.wiring.forward
        return lambda s: np.einsum("cd,dbi->cbi", forward, s) + rows[:, None] * (s[0] - s[1])
