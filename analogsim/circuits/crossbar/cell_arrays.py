"""The weights, noise and offset that an array of cells has when it is read in one direction.

The read noise of a cell counts as much as its current does: σ is scaled by the effective over the cell's own
conductance, which is right to first order in the wire resistance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analogsim.cards import choice, quantity
from analogsim.chip.amplifiers import Amplifiers
from analogsim.circuits.base import Array, Circuit, child
from analogsim.circuits.crossbar.lines import NEGLIGIBLE, Lines
from analogsim.circuits.crossbar.mapping import MAPPINGS, relative_sigma, relative_weights, slice_weights
from analogsim.circuits.crossbar.periphery import Periphery, banks, noise_gain
from analogsim.devices.base import Device
from analogsim.devices.ideal import Ideal


@dataclass
class Read:
    """One direction of an array."""

    weights: Array
    sigma: Array | None = None
    amplifiers: Amplifiers | None = None
    offset: Array | None = None
    noise_gain: Array | None = None
    """N of the amplifiers, (bank, n), where it matters."""
    back: Array | None = None
    """That of the reverse read of the same array."""

    def add(self, error: Array, gain: float) -> None:
        """Add an error to the weights, and to the weights that the model of the amplifiers holds."""
        self.weights = self.weights + error
        if self.amplifiers is not None:
            first = error * (1.0 + self.amplifiers.noise_gain[0] / gain)[:, None]
            weights = self.amplifiers.weights.copy()
            weights[0] += first
            self.amplifiers = replace(self.amplifiers, weights=weights)


@dataclass(frozen=True, kw_only=True)
class Arrays(Lines, Periphery, Circuit):
    """A circuit whose weights are arrays of cells: effective weights, noise and offset of each read.

    Parameters
    ----------
    device : Device
        The cells.
    mapping : {"one-sided", "differential", "reference"}, optional
        How a weight becomes cells. If it is not given it follows from the device: differential pairs for cells that
        learn by pulses in both directions, which would start at their lower bound in a one-sided pair and could not go
        down; one-sided for all others.
    slices, slice_bits : int
        Cells for one share, each with so many bits; one slice is analog.
    noise : float, optional
        Relative standard deviation of each weight at each read, in place of the device's read noise.
    """

    device: Device
    mapping: str = choice("how a weight becomes cells", MAPPINGS, default=None)
    slices: int = quantity("cells that share the bits of one", low=1, high=8, whole=True, default=1)
    slice_bits: int = quantity("bits of a slice, where there are several", low=1, high=8, whole=True, default=2)
    noise: float | None = quantity(
        "relative standard deviation of each weight at each read", low=0, default=None, ideal=None
    )

    def _complete(self) -> None:
        super()._complete()
        if self.mapping is None:
            self._follow("1", mapping="differential" if self.device.moves_both_ways else "one-sided")

    def cells_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        n, m = shape
        cells = (n + 1, m) if self.mapping == "reference" else (2, n, m)
        return (self.slices, *cells) if self.slices > 1 else cells

    def gain_errors(self, outputs: int, j: int | str, read: str, seed: int) -> Array:
        """Gain error of each subtractor (forward) or inverter (reverse) of layer j+1."""
        forward = read == "forward"
        spread = self.subtractor_mismatch if forward else self.inverter_mismatch
        name = "subtractor" if forward else "inverter"
        return spread * child(seed, name, j).standard_normal(outputs) if spread else np.zeros(outputs)

    def read(
        self, cells: Array, sigma: Array | None, scale: float, read: str, j: int | str, seed: int, *, lags: bool = False
    ) -> Read:
        """Effective weights, noise and offset of an array that is read in one direction; `lags`: its lines' delay."""
        span = self.device.span
        alone = self.cell_conductance(self.device, cells, self.activity_unit, read)
        seen = self.effective(alone, read)
        if sigma is not None and seen is not cells:
            sigma = sigma * np.divide(seen, cells, out=np.ones_like(seen), where=cells > 0)
        parts = self.parts
        found = Read(np.empty(0))
        if self.has_electronic_noise:
            found.noise_gain = self._noise_gain(seen, scale, read)
            found.back = self._noise_gain(seen, scale, "reverse") if read == "forward" else None
        if self.is_plain:
            share = (seen - self.device.g_min) / span
            share = np.tensordot(parts, share, axes=1) if self.slices > 1 else share
            found.weights = scale * relative_weights(share, self.mapping)
            found.weights = found.weights if read == "forward" else found.weights.T.copy()
        else:
            found.amplifiers = self._amplifiers(seen, parts, scale, read, j, seed)
            found.weights = found.amplifiers.static(self.tia_gain)
            found.offset = self._offset(found.amplifiers, parts, read, j, seed)
        if lags:
            amplifiers = found.amplifiers or self._amplifiers(seen, parts, scale, read, j, seed)
            found.amplifiers = replace(amplifiers, lag=self._lags(alone, seen, read))
        if self.noise is not None:
            found.sigma = self.noise * np.abs(found.weights) if self.noise else None
        elif sigma is not None and sigma.any():
            sigma = np.sqrt(np.tensordot(parts**2, sigma**2, axes=1)) if self.slices > 1 else sigma
            sigma = scale * relative_sigma(sigma / span, self.mapping)
            found.sigma = sigma if read == "forward" else sigma.T.copy()
        return found

    def resistance(self, scale: float) -> float:
        """R_f of the amplifiers, ohm, that makes `scale` of a full range of conductance."""
        return (2.0 if self.mapping == "reference" else 1.0) * scale / self.device.span

    def _noise_gain(self, seen: Array, scale: float, read: str) -> Array:
        """N of the amplifiers of all slices of an array, (bank, n)."""
        slices, rf = seen if self.slices > 1 else seen[None], self.resistance(scale)
        return np.concatenate([noise_gain(part, rf, self.mapping, read) for part in slices])

    def _amplifiers(self, seen: Array, parts: Array, scale: float, read: str, j: int | str, seed: int) -> Amplifiers:
        """Amplifiers of all slices of an array."""
        rf = self.resistance(scale)
        delay = rf * self.tia_capacitance / self.time_unit
        error = self.gain_errors(seen.shape[-2] - (self.mapping == "reference"), j, read, seed)
        slices = seen if self.slices > 1 else seen[None]
        made = [banks(part, rf, self.mapping, read, error, delay) for part in slices]
        weights = np.concatenate([p * bank.weights for p, bank in zip(parts, made, strict=True)])
        return Amplifiers(weights, np.concatenate([bank.noise_gain for bank in made]), delay)

    def _lags(self, cells: Array, seen: Array, read: str) -> Array:
        """Lag of the lines of each bank, (bank, n), in units of time; of lines that are joined, that of their sum."""
        slices = self.slices > 1
        lag, flow = self.delays(cells, read), seen.sum(axis=-1 if read == "forward" else -2)
        if self.mapping == "reference":
            lag = lag if slices else lag[None]
            if read == "forward":
                lag = np.stack([lag[:, :-1], np.broadcast_to(lag[:, -1:], lag[:, :-1].shape)], axis=1)
        elif read == "reverse":
            total = flow.sum(axis=-2, keepdims=True)
            lag = np.divide((lag * flow).sum(axis=-2, keepdims=True), total, out=np.zeros_like(total), where=total > 0)
        found = lag.reshape(-1, lag.shape[-1]) / self.time_unit
        # Lines without current would have no lag at all.
        return np.maximum(found, 1e-3 * NEGLIGIBLE)

    def _offset(self, amplifiers: Amplifiers, parts: Array, read: str, j: int | str, seed: int) -> Array:
        """Offset of the summed outputs, in activities: each amplifier's own times its noise gain."""
        gain = amplifiers.noise_gain
        if not self.tia_offset:
            return np.zeros(gain.shape[1])
        draw = child(seed, "amplifier offset", read, j).standard_normal(gain.shape)
        if self.mapping == "reference" and read == "forward":
            draw[1::2] = draw[1::2, :1]  # the reference line has one amplifier for all outputs
        closed = self.closed(gain, gain)
        return self.tia_offset / self.activity_unit * (closed * draw).sum(axis=0)

    @property
    def parts(self) -> Array:
        """Weight of each slice."""
        return slice_weights(self.slices, self.slice_bits) if self.slices > 1 else np.ones(1)

    def closed(self, gain: Array, own: Array) -> Array:
        """What the summed output shows of each amplifier's own, (bank, n), at noise gains N of that shape."""
        parts = np.repeat(self.parts, len(gain) // len(self.parts))[:, None]
        return np.asarray(parts * own / (1.0 + gain / self.tia_gain))

    @property
    def has_electronic_noise(self) -> bool:
        """Whether amplifiers and cells make noise: not those of ideal cells."""
        return self.electronic_noise > 0 and type(self.device) is not Ideal

    @property
    def is_plain(self) -> bool:
        """Whether the periphery is ideal."""
        return not (
            self.has_amplifiers
            or self.has_dynamics
            or self.tia_offset
            or self.subtractor_mismatch
            or self.inverter_mismatch
        )
