r"""Microring weight bank: add-drop rings tuned on and off resonance; a weight is drop minus through.

A ring with self-couplings t_1, t_2, round-trip amplitude a and round-trip phase φ drops and passes

.. math::
    T_d = \frac{(1 - t_1^2)(1 - t_2^2)\,a}{D}, \qquad T_t = 1 - \frac{(1 - t_1^2)(1 - t_2^2 a^2)}{D}, \qquad
    D = 1 - 2 t_1 t_2 a \cos φ + (t_1 t_2 a)^2 ,

and w = T_d − T_t; without loss 1/D is a Lorentzian and w = 2/(1 + (2δ/Γ)²) − 1. Light is not absorbed by a weight but
routed, so every source lights the detectors whatever the weights.

The N channels of a bank are spread evenly over the free spectral range, Δ = 2π/N apart, and pass all its rings one
after another: ring k, detuned by φ_k from its own channel, meets channel j at φ_k + (j − k)Δ. What it drops of channel
j is crosstalk; powers add, light that is dropped stays dropped, and rings do not interfere with one another,

.. math::
    D_j = \sum_k T_d(φ_k + (j - k)Δ) \prod_{i<k} T_t(φ_i + (j - i)Δ), \qquad
    w_j = D_j - \prod_k T_t(φ_k + (j - k)Δ).

A ring is tuned at most half-way to the next channel, and weights span the smaller of the two sides of w within that
range; there is none if Δ is about a linewidth or less. Phases err by a draw for each ring, by the temperature, which is
one for all rings of an element, and by the heaters of the other rings of the bank: of the phase that one gives its own
ring, a ring d places away gets the share κ^d. A correction cancels what the heaters share and sets the phases with the
crosstalk of perfect rings taken into account; the couplings stay as fabricated.

Standard transfer functions of add-drop rings: Bogaerts et al., Laser & Photonics Reviews 6, 47 (2012),
doi:10.1002/lpor.201100017. Weight banks: Tait et al., Sci. Rep. 7, 7430 (2017), doi:10.1038/s41598-017-07754-z.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.optical import Curves
from analogsim.devices.weighting import Channels, Realised, Weighting
from analogsim.errors import InputError
from analogsim.registry import register

ROUNDS = 6
"""Rounds of a correction; each leaves of an error about the share that crosstalk has in a weight."""
CLEAR = 0.05
"""Crosstalk from all other channels up to which a bank passes for one whose channels are apart."""


@register.device("microring-bank")
@dataclass(frozen=True, kw_only=True)
class MicroringBank(Weighting):
    """A ring for each weight, in banks of as many rings as there are channels.

    Parameters
    ----------
    coupling : float
        t of both couplers, self-coupling of the field; 0 < t < 1.
    round_trip : float
        a, amplitude that is left after one round; 0 < a ≤ 1.
    phase_error : float
        Standard deviation of the round-trip phase at each writing, rad.
    coupler_error : float
        Standard deviation of each coupler's t.
    temperature_error : float
        Standard deviation of the temperature from where the rings were tuned, common to all, drawn at each writing, K.
    thermal_shift : float
        Round-trip phase by kelvin, rad/K.
    thermal_crosstalk : float
        κ, share of a heater's phase that the next ring gets; 0 ≤ κ ≤ 0.5.
    """

    coupling: float = quantity("self-coupling of the field at both couplers", above=0, high=0.9999)
    round_trip: float = quantity("amplitude that is left after one round", above=0, high=1)
    phase_error: float = quantity("standard deviation of the round-trip phase", "rad", low=0, default=0.0, ideal=0.0)
    coupler_error: float = quantity("standard deviation of the self-coupling", low=0, high=0.1, default=0.0, ideal=0.0)
    temperature_error: float = quantity(
        "standard deviation of the temperature of all rings", "K", low=0, default=0.0, ideal=0.0
    )
    thermal_shift: float = quantity("round-trip phase by kelvin", "rad/K", low=0, default=0.0)
    thermal_crosstalk: float = quantity(
        "share of a heater's phase that the next ring gets", low=0, high=0.5, default=0.0, ideal=0.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temperature_error and not self.thermal_shift:
            raise InputError(
                f"device.temperature_error = {self.temperature_error:g} K needs device.thermal_shift, rad by kelvin."
            )
        if not self.weight(self.spacing / 2.0) < 0:
            fits = int(np.ceil(np.pi / self.phase_for(0.0))) - 1
            raise InputError(
                f"device.channels = {self.channels}: with device.coupling = {self.coupling:g} neighbours are "
                f"{self.spacing / self.linewidth():.2g} linewidths apart, too close for a negative weight. Take at "
                f"most {fits} channels, fewer for weights that do not disturb one another, or raise the coupling."
            )
        if not self.span > 0:
            raise InputError(
                f"device.round_trip = {self.round_trip:g} with device.coupling = {self.coupling:g}: the ring loses "
                "more than it drops, so that no weight is positive. Lower the coupling or the loss."
            )

    def weight(self, phase: ArrayLike) -> Array:
        """w = T_d − T_t at a round-trip phase, rad from resonance."""
        drop, through = self.transmissions(np.asarray(phase, dtype=float), self.coupling, self.coupling)
        return drop - through

    def linewidth(self) -> float:
        """Full width at half maximum of the resonance, rad."""
        product = self.coupling**2 * self.round_trip
        return float(2.0 * np.arccos(max(1.0 - (1.0 - product) ** 2 / (2.0 * product), -1.0)))

    @property
    def spacing(self) -> float:
        """Δ, round-trip phase between neighbouring channels, rad."""
        return 2.0 * np.pi / self.channels

    def crosstalk(self, distance: ArrayLike) -> Array:
        """Share of what a resonant ring drops of its own channel that it drops of one so many places away."""
        found = self.transmissions(np.asarray(distance, dtype=float) * self.spacing, self.coupling, self.coupling)[0]
        return found / self.transmissions(np.zeros(()), self.coupling, self.coupling)[0]

    def total_crosstalk(self) -> float:
        """The same of all other channels together."""
        return float(self.crosstalk(np.arange(1, self.channels)).sum())

    def transmissions(self, phase: Array, t1: ArrayLike, t2: ArrayLike) -> tuple[Array, Array]:
        """T_d and T_t."""
        t1, t2, a = np.asarray(t1), np.asarray(t2), self.round_trip
        below = 1.0 - 2.0 * t1 * t2 * a * np.cos(phase) + (t1 * t2 * a) ** 2
        return (1 - t1**2) * (1 - t2**2) * a / below, 1.0 - (1 - t1**2) * (1 - t2**2 * a**2) / below

    @property
    def span(self) -> float:
        """Greatest |w| that both signs reach without going further than half-way to the next channel."""
        return float(min(self.weight(0.0), -self.weight(self.spacing / 2.0)))

    def phase_for(self, weight: ArrayLike) -> Array:
        """Round-trip phase that gives w without errors, rad in [0, π]."""
        t2, a = self.coupling**2, self.round_trip
        both = (1 - t2) * ((1 - t2) * a + 1 - t2 * a**2)
        below = both / (1.0 + np.asarray(weight, dtype=float))
        return np.arccos(np.clip((1.0 + (t2 * a) ** 2 - below) / (2.0 * t2 * a), -1.0, 1.0))

    def realise(
        self, relative: Array, outputs: Channels, fixed: np.random.Generator, fresh: np.random.Generator, correct: bool
    ) -> Realised:
        """Tune every ring."""
        wanted = self.quantise(relative) * self.span
        phase = self.phase_for(wanted)
        perfect = np.full((2, *phase.shape), self.coupling)
        lowest, highest = self.weight(self.spacing / 2.0), self.weight(0.0)
        aim = wanted
        for _ in range(ROUNDS if correct and self.channels > 1 else 0):
            drop, through = self.bank(phase, perfect)
            aim = np.clip(aim + wanted - (drop - through), lowest, highest)
            phase = self.phase_for(aim)
        if not correct:
            phase = self.heated(phase)
        if self.phase_error:
            phase = phase + self.phase_error * fresh.standard_normal(phase.shape)
        if self.temperature_error:
            phase = phase + self.temperature_error * self.thermal_shift * fresh.standard_normal()
        couplings = self.coupling + self.coupler_error * fixed.standard_normal((2, *phase.shape))
        drop, through = self.bank(phase, np.clip(couplings, 0.0, 0.9999))
        share = 1.0 / min(len(relative), self.channels)
        floor = np.zeros((2, len(relative), 1))
        return Realised(drop / self.span, through / self.span, floor, (drop + through) * share, self.span * share)

    def bank(self, phases: Array, couplings: Array) -> tuple[Array, Array]:
        """What all rings of a bank together drop and pass of each channel, (n, m).

        Parameters
        ----------
        phases : (n, m) array
            Detuning of each ring from its own channel, rad; so many neighbours as there are channels make a bank.
        couplings : (2, n, m) array
            t of both couplers of each ring.
        """
        n, m = phases.shape
        rings, one, other = (self._banks(values) for values in (phases, *couplings))
        missing = self._banks(np.ones_like(phases)) == 0
        dropped, left = np.zeros(rings.shape), np.ones(rings.shape)
        for k in range(rings.shape[2]):
            here = np.s_[:, :, k, None]
            met = rings[here] + (np.arange(rings.shape[2]) - k) * self.spacing
            drop, through = self.transmissions(met, one[here], other[here])
            dropped += left * np.where(missing[here], 0.0, drop)
            left *= np.where(missing[here], 1.0, through)
        return dropped.reshape(n, -1)[:, :m], left.reshape(n, -1)[:, :m]

    def heated(self, phases: Array) -> Array:
        """Phases (n, m) with what the heaters of the other rings of each bank add."""
        if not self.thermal_crosstalk:
            return phases
        banks = self._banks(phases)
        place = np.arange(banks.shape[2])
        share = self.thermal_crosstalk ** np.abs(place[:, None] - place)
        added = banks @ (share - np.eye(len(place)))
        return phases + added.reshape(len(phases), -1)[:, : phases.shape[1]]

    def _banks(self, values: Array) -> Array:
        """Values of rings (n, m) by bank, (n, banks, rings of a bank); 0 where the last one has no ring."""
        n, m = values.shape
        size = min(self.channels, m)
        return np.pad(values, ((0, 0), (0, -m % size))).reshape(n, -1, size)

    def curves(self) -> Curves:
        """Drop, through and weight over the detuning."""
        detuning = np.linspace(-5, 5, 401)
        drop, through = self.transmissions(detuning * self.linewidth(), self.coupling, self.coupling)
        shown = {"drop": drop, "through": through, "weight": drop - through}
        return Curves(detuning, shown, "detuning (linewidths)", "transmission (1)")

    def words(self) -> list[str]:
        """Say what errs."""
        said = [*super().words(), f"drop minus through of rings, weights within ±{self.span:.3g} of the light"]
        if self.channels > 1:
            finesse = 2.0 * np.pi / self.linewidth()
            words = f"{self.channels} channels, finesse {finesse:.3g}: a resonant ring drops {self.crosstalk(1):.2%} of"
            said.append(f"{words} the next channel, {self.total_crosstalk():.2%} of all others; simulated")
        if self.total_crosstalk() > CLEAR:
            clear = next(n for n in range(self.channels, 0, -1) if replace(self, channels=n).total_crosstalk() <= CLEAR)
            said.append(f"channels so close disturb one another: with at most {clear} it would be {CLEAR:.0%} or less")
        said += [f"phase error σ {self.phase_error:g} rad"] if self.phase_error else []
        said += [f"coupler error σ {self.coupler_error:g}"] if self.coupler_error else []
        if drift := self.temperature_error * self.thermal_shift:
            said.append(f"temperature σ {self.temperature_error:g} K, {drift:.2g} rad in all rings")
        warmed = f"of each heater's phase {self.thermal_crosstalk:.2%} in the next ring"
        return said + ([warmed] if self.thermal_crosstalk else [])
