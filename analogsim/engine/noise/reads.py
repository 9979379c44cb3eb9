"""Noise of the arrays held over time, drawn outside the right-hand side and added to the drive.

Each read disturbs its outputs by the law of `analogsim.engine.noise.pairs`. What an output shows without any signal is
shared out as the read itself is ("common") or drawn for each compartment ("differential"). The intensity of a light
source is drawn once for all that it lights, so that it reaches the outputs through the weights: W (σ_u ξ), σ_u that of
`analogsim.chip.transfer.Light`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.transfer import Light
from analogsim.chip.whole import Chip
from analogsim.engine.noise.pairs import disturbed
from analogsim.engine.packing import Batch, factorise
from analogsim.errors import InputError
from analogsim.functions.activations import activation

Array = NDArray[np.floating]

SUBTICK = 0.25
"""How often the size of a held draw follows the signal, in units of time."""


def freeze(chip: Chip, rng: np.random.Generator) -> Chip:
    """Draw quasi-static noise once: a chip whose matrices carry it; what outputs show without a signal stays noise.

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
        self.lights = [
            (name, j, Light(*map(float, chip.light[way, j])), weights.T, self._shares(name).sum(axis=1))
            for way, (name, arrays) in enumerate((("forward", chip.forward), ("feedback", chip.feedback)))
            for j, weights in enumerate(arrays)
            if weights is not None and chip.light[way, j, :2].any()
        ]
        self.shapes: list[tuple[int, ...]] = [(2, len(batch.x), squares.shape[1]) for _, _, squares in self.reads]
        self.shapes += [(share.shape[1], len(batch.x), len(sigma)) for _, _, sigma, share in self.floors]
        once = 1 if chip.read_correlation == "common" else 2
        self.shapes += [
            (once, len(light.groups(weights.shape[1])), len(batch.x), len(weights))
            for _, _, light, weights, _ in self.lights
        ]
        self.draws: list[Array] = []
        self.held: list[Array] = []
        self.redraw()
        self.present()

    @property
    def sources(self) -> int:
        """How many reads are noisy."""
        return len(self.reads) + len(self.floors) + len(self.lights)

    def _shares(self, name: str) -> Array:
        """How much of each read's own noise each compartment gets, (2, R)."""
        if self.batch.chip.read_correlation == "differential":
            return np.eye(2)
        one = np.ones((2, 1))
        return factorise(getattr(self.batch.wiring, name), 0 * one, one)[1][:, :, 0]

    def redraw(self, keep: float = 0.0) -> None:
        """Draw again; `keep` is the correlation with the draw before (exp(−h/T) for an OU process)."""
        fresh: list[Array] = [self.rng.standard_normal(shape) for shape in self.shapes]
        if keep:
            fresh = [keep * old + (1 - keep**2) ** 0.5 * new for old, new in zip(self.draws, fresh, strict=True)]
        self.draws = fresh

    def present(self) -> None:
        """Draw what is held while a sample is present; to be called when the next ones are."""
        if self.batch.chip.read_held:
            self.held = [self.rng.standard_normal(shape) for shape in self.shapes[: len(self.reads)]]

    def _drawn(self) -> list[Array]:
        """The draws of the weights' noise: what is held for the samples, and what changes."""
        draws, share = self.draws[: len(self.reads)], self.batch.chip.read_held
        if not share:
            return draws
        return [share**0.5 * h + (1 - share) ** 0.5 * d for h, d in zip(self.held, draws, strict=True)]

    def drive(self, a: Array) -> Array:
        """Constant drive plus what the held draws add at the state `a` (packed)."""
        chip = self.batch.chip
        layers = self.batch.split(a)
        total = [d.astype(float) for d in self.batch.split(self.batch.packed.drive)]
        hidden, last = activation(chip.activation), activation(chip.output_activation)
        s = [(last if k == chip.layers - 1 else hidden)(layer.astype(float)) for k, layer in enumerate(layers)]
        for (name, j, squares), draw in zip(self.reads, self._drawn(), strict=True):
            into, share = self._receiver(name, j)
            total[into] += share * disturbed(self._sent(name, j, s), squares, draw, chip.read_correlation == "common")
        floors, lights = (self.draws[i:] for i in (len(self.reads), len(self.reads) + len(self.floors)))
        for (name, j, sigma, shares), draw in zip(self.floors, floors, strict=False):
            into, share = self._receiver(name, j)
            total[into] += share * np.einsum("cr,rbi->cbi", shares, sigma * draw)
        for (name, j, light, weights, shares), draw in zip(self.lights, lights, strict=True):
            into, share = self._receiver(name, j)
            spread = light.relative * self._sent(name, j, s) + light.bias * shares[:, None, None]
            parts = [spread * draw[:, g] @ weights[:, here] for g, here in enumerate(light.groups(weights.shape[1]))]
            total[into] += share * np.concatenate(parts, axis=2)
        return self.batch.join(list(total))

    def _receiver(self, name: str, j: int) -> tuple[int, Array]:
        """Who gets a read, and how much of it each compartment gets, (2, 1, n)."""
        chip, into = self.batch.chip, j if name == "forward" else j - 1
        share = chip.gain[into] if name == "forward" else chip.gain[into] * (1 + chip.mirror[into])
        return into, share[:, None]

    def _sent(self, name: str, j: int, s: list[Array]) -> Array:
        """What each compartment sends into an array, given the states, (2, B, m)."""
        batch = self.batch
        if name == "feedback":
            return batch.chip.sent(np.einsum("cd,dbi->cbi", batch.wiring.feedback, s[j]), 1, j)
        u = np.broadcast_to(batch.x, (2, *batch.x.shape)) if j == 0 else self._mix(j)(s[j - 1])
        return batch.chip.sent(u, 0, j)

    def _mix(self, j: int) -> Callable[[Array], Array]:
        divider = self.batch.chip.divider[j - 1]
        rows = divider[[0, 0]] if np.allclose(*self.batch.wiring.forward) else divider
        forward = self.batch.wiring.forward
        return lambda s: np.einsum("cd,dbi->cbi", forward, s) + rows[:, None] * (s[0] - s[1])
