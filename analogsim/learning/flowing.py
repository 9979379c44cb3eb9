"""Learning while the network flows: samples follow each other, states are never reset, weights move in between.

Each sample stays for K time constants. In each of them the states move on, in one of four ways, and unless the update
is blanked (the first `gate` time constants of a sample, while the new input meets the old error) the rule reads them.

==========  ============================================================================================================
ode         τ da/dt = z(a) − a with the chip's own time constants (`analogsim.engine.etd`)
sweeps      one layer-ordered sweep a time constant: up with the new input, then down with the new error
neurons     every neuron at the ticks of its own Poisson clock (`analogsim.engine.clocks`)
layers      every layer at the ticks of its own
==========  ============================================================================================================

The weights stand still while the states move on, and are changed by whole updates in between, as `OnChip` makes them:
through any device and any noise. `analogsim.learning.slow_weights` is the other limit: weights and states move together
in one system of equations, without devices or noise. A step there is one small explicit step of both; here a whole time
constant is solved to a tolerance, or passed by a sweep or by clocks. The two share the kernel and the local rule.

A batch is so many trajectories in parallel that share the weights. A noisy chip draws all its noise once for each time
constant, of the size that the present signals give it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.engine import clocks, datasets, entries, etd, passes
from analogsim.engine.batches import Settled, Settler, sweep_once
from analogsim.engine.kernel import BLOW_UP
from analogsim.engine.packing import Batch
from analogsim.engine.recorder import new_record
from analogsim.errors import InputError, one_of
from analogsim.functions.activations import activation
from analogsim.settings.choices import FLOWS

Array = NDArray[np.floating]

RTOL, ATOL = 1e-3, 1e-5
"""Of the ODE, for each time constant."""


class Flowing:
    """States that live on from batch to batch.

    Parameters
    ----------
    settler : Settler
        Packs the batches and draws the noise.
    dwell : int
        K, time constants for each sample; ≥ 1.
    gate : int
        Time constants without an update after each change of sample; 0 ≤ gate < dwell.
    flow : {"ode", "sweeps", "neurons", "layers"}
    rate : float
        Mean ticks of each clock in a time constant.
    """

    def __init__(self, settler: Settler, dwell: int, gate: int = 0, flow: str = "ode", rate: float = 4.0) -> None:
        self.settler, self.dwell, self.gate, self.rate = settler, dwell, gate, rate
        self.flow = one_of("flow", flow, FLOWS)
        self.states: dict[int, Array] = {}
        self.ticked: dict[int, Array] = {}

    def present(
        self, chips: Iterator[Chip], x: Array, y: Array, beta: Array, rng: np.random.Generator
    ) -> Iterator[Settled]:
        """Present a batch: the states at the end of each time constant in which an update is due.

        Parameters
        ----------
        chips : iterator of Chip
            Asked before each time constant for the chip as it then is.
        """
        for step in range(self.dwell):
            chip = next(chips)
            batch = self.settler.batch(chip, x, y, beta)
            a = self.states.setdefault(len(x), np.zeros(batch.packed.drive.size, self.settler.dtype))
            if chip.has_noise:
                self._disturb(batch, a, rng)
            self._advance(batch, a, rng)
            if not np.isfinite(a).all() or np.abs(a).max() > BLOW_UP:
                a[:] = 0
                yield Settled([], [], np.full(len(x), datasets.DIVERGED))
            elif step >= self.gate:
                layers = batch.split(a)
                names = [chip.activation] * (chip.layers - 1) + [chip.output_activation]
                s = [activation(name)(v) for name, v in zip(names, layers, strict=True)]
                yield Settled(layers, s, np.full(len(x), datasets.CONVERGED))

    def _disturb(self, batch: Batch, a: Array, rng: np.random.Generator) -> None:
        if not self.settler.pairwise:
            raise InputError("learning while the network flows: this kind of noise, or this rule with read noise, is "
                             "not simulated; use settled states.")  # fmt: skip
        flow = passes.new_flow(a, batch.packed)
        entries.target(batch.packed, flow.a, flow.s, flow.below)
        self.settler.add_noise(batch, flow, rng)

    def _advance(self, batch: Batch, a: Array, rng: np.random.Generator) -> None:
        """Let one time constant pass."""
        p = batch.packed
        if self.flow == "ode":
            work, rec = np.empty((6, a.size), a.dtype), new_record(p.batch, np.array([1.0]), a.size, a.dtype)
            etd.advance(p, a, work, rec, 1.0, RTOL, ATOL, 0.0, -1)
            return
        flow = passes.new_flow(a, p)
        if self.flow == "sweeps":
            passes.once(p, flow, "begin")
            sweep_once(batch, flow, _down(batch.chip.layers))
        else:
            whole = self.flow == "layers"
            shape = (1, len(p.cum) - 1) if whole else (p.batch, int(p.cum[-1]))
            last = self.ticked.setdefault(p.batch, np.zeros(shape))
            tick = clocks.tick_layers if whole else clocks.tick_neurons
            tick(p, flow, last, 0.0, 1.0, self.rate, False, rng)
            last -= 1.0
        a[:] = flow.a


def _down(layers: int) -> NDArray[np.int64]:
    """Visits from the layer below the output to the first, each with what it hears from above."""
    return np.array([(k, passes.ABOVE | passes.SETTLE) for k in range(layers - 2, -1, -1)], np.int64).reshape(-1, 2)
