"""Event-driven asynchrony: every neuron, or every layer, updates at the ticks of its own Poisson clock.

Between ticks a neuron holds its states. At a tick both of its compartments move,

    a ← a + κ (z(a) − a),   κ = 1 − e^{−Δt/τ} with Δt the time since its last tick, or κ = 1 ("jump"),

so that for rates far above 1/τ the ODE is recovered, whatever the order of the ticks. Only what a changed state sends
on is recomputed: one row of W upwards and one of V downwards for each tick of a neuron.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.engine.entries import bury, keep_dead, note, target
from analogsim.engine.kernel import activate_layer, block, code_of, copy, pull_sample
from analogsim.engine.packing import Batch
from analogsim.engine.passes import clear, hear, new_flow
from analogsim.engine.primitives import filled, span
from analogsim.engine.recorder import ACCEPTED, DONE, EVALUATIONS, TIME, WRITTEN, Record
from analogsim.errors import InputError, flag, number, one_of
from analogsim.functions.machine_code import activate
from analogsim.jit import compiled, inner

SLICES = 64
"""How often, at least, a run is looked at for its residual, and rounding in the received sums is cleared."""


@dataclass(frozen=True)
class Clock:
    """When neurons update.

    Parameters
    ----------
    rate : float
        Mean number of ticks of each clock in a unit of time; > 0.
    of : {"neuron", "layer"}
        Who has a clock. Neurons of different samples tick independently; layers ("random DP") tick for the whole batch.
    jump : bool
        Go all the way to z at a tick, instead of as far as the leak would have come since the last one.
    """

    rate: float
    of: str = "neuron"
    jump: bool = False

    def __post_init__(self) -> None:
        number("Clock.rate", self.rate, above=0, high=1e6)
        one_of("Clock.of", self.of, ("neuron", "layer"))
        flag("Clock.jump", self.jump)


def advance(batch: Batch, a: np.ndarray, rec: Record, t_end: float, clock: Clock, rng: np.random.Generator) -> int:
    """Run the clocks from the record's time to t_end, in place."""
    p = batch.packed
    if p.echoed:
        raise InputError("clock: neurons that update one at a time do not hear the echo of full duplex arrays.")
    begin = float(rec.clock[TIME])
    flow = new_flow(a, p)
    flow.a[:] = a
    neurons = clock.of == "neuron"
    last = np.full((p.batch, p.cum[-1]) if neurons else (1, len(p.cum) - 1), begin)
    z, s, scratch = np.empty_like(a), np.empty_like(a), np.empty(p.batch)
    run = tick_neurons if neurons else tick_layers
    for stop in np.unique(np.concatenate([rec.times, np.linspace(begin, t_end, SLICES + 1)])):
        old = flow.a.copy()
        if stop > begin:
            rec.tally[EVALUATIONS] += run(
                p, flow, last, float(rec.clock[TIME]), float(stop), clock.rate, clock.jump, rng
            )
        rec.clock[TIME] = stop
        bury(p, rec, flow.a, scratch)
        keep_dead(p, rec, old, flow.a)
        target(p, flow.a, s, z)
        note(p, rec, flow.a, z, scratch)
        rec.tally[ACCEPTED] += 1
        while rec.tally[WRITTEN] < len(rec.times) and rec.times[rec.tally[WRITTEN]] <= stop:
            rec.out[rec.tally[WRITTEN]] = flow.a
            rec.tally[WRITTEN] += 1
    a[:] = flow.a
    return DONE


@inner
def prime(p, flow):
    """Fill s and what every layer receives, from the present states."""
    last = p.cum.size - 2
    for layer in range(last + 1):
        activate_layer(p, flow.a, flow.s, layer)
    clear(p, flow)
    for layer in range(last):
        hear(p, flow, layer, layer + 1)
        hear(p, flow, layer + 1, layer)


@inner
def send(p, matrices, q, share, received, b, sender, i, change, receiver):
    """Add to what the receiver gets a change of the two states of one neuron of one sample."""
    m = p.cum[receiver + 1] - p.cum[receiver]
    at = p.at[min(sender, receiver)] + i * m
    here, there = p.cum[sender] + i, p.cum[receiver]
    zl = block(received, p, receiver)
    for r in range(q.shape[0]):
        signal = q[r, 0, here] * change[0] + q[r, 1, here] * change[1]
        for j in range(m):
            current = signal * matrices[at + j]
            zl[0, b, j] += share[0, r, there + j] * current
            zl[1, b, j] += share[1, r, there + j] * current


@compiled
def tick_neurons(p, flow, last, t0, t1, rate, jump, rng):
    """Let every neuron of every sample tick between t0 and t1; returns the events in units of a whole update."""
    prime(p, flow)
    top, total = p.cum.size - 2, p.cum[p.cum.size - 1]
    events, last = 0, filled(last, p.batch * total)
    # The output sends nothing upwards, so its place there is free.
    trial = block(flow.up, p, top)
    fresh, state, change = flow.pairs[0], flow.pairs[1], flow.pairs[2]
    for b in range(p.batch):
        t = t0 - np.log(1 - rng.random()) / (rate * total)
        while t < t1:
            k = min(int(rng.random() * total), total - 1)
            layer = 0
            while p.cum[layer + 1] <= k:
                layer += 1
            i = k - p.cum[layer]
            al, sl = block(flow.a, p, layer), block(flow.s, p, layer)
            below, above = block(flow.below, p, layer), block(flow.above, p, layer)
            if layer == top:
                for c in range(2):
                    for j in range(al.shape[2]):
                        trial[c, b, j] = below[c, b, j]
                pull_sample(p, sl, trial, b)
            for c in range(2):
                z = trial[c, b, i] if layer == top else below[c, b, i] + above[c, b, i]
                kappa = 1.0 if jump else -np.expm1((last[b, k] - t) * np.float64(p.leak[c, k]))
                fresh[c] = al[c, b, i] + kappa * (z - al[c, b, i])
                al[c, b, i] = fresh[c]
            activate(code_of(p, layer), fresh, state)
            for c in range(2):
                change[c] = state[c] - sl[c, b, i]
                sl[c, b, i] = state[c]
            if change[0] != 0 or change[1] != 0:
                if layer < top:
                    send(p, p.w, p.forward_q, p.forward_p, flow.below, b, layer, i, change, layer + 1)
                if layer > 0:
                    send(p, p.v, p.feedback_q, p.feedback_p, flow.above, b, layer, i, change, layer - 1)
            last[b, k] = t
            events += 1
            t -= np.log(1 - rng.random()) / (rate * total)
    return events // max(1, total * p.batch)


@compiled
def tick_layers(p, flow, last, t0, t1, rate, jump, rng):
    """Let the layers tick between t0 and t1; returns the updates in units of a whole one."""
    prime(p, flow)
    layers = p.cum.size - 1
    events, last = 0, filled(last, layers)
    t = t0 - np.log(1 - rng.random()) / (rate * layers)
    while t < t1:
        layer = min(int(rng.random() * layers), layers - 1)
        al, sl = block(flow.a, p, layer), block(flow.s, p, layer)
        below, above, z = block(flow.below, p, layer), block(flow.above, p, layer), block(flow.up, p, layers - 1)
        if layer == layers - 1:
            copy(
                span(flow.below, 2 * p.batch * p.cum[layer], z.size), span(flow.up, 2 * p.batch * p.cum[layer], z.size)
            )
            for b in range(p.batch):
                pull_sample(p, sl, z, b)
        for c in range(2):
            for i in range(al.shape[2]):
                kappa = 1.0 if jump else -np.expm1((last[0, layer] - t) * np.float64(p.leak[c, p.cum[layer] + i]))
                for b in range(p.batch):
                    aim = z[c, b, i] if layer == layers - 1 else below[c, b, i] + above[c, b, i]
                    al[c, b, i] += kappa * (aim - al[c, b, i])
        activate_layer(p, flow.a, flow.s, layer)
        if layer < layers - 1:
            hear(p, flow, layer, layer + 1)
        if layer > 0:
            hear(p, flow, layer, layer - 1)
        last[0, layer] = t
        events += 1
        t -= np.log(1 - rng.random()) / (rate * layers)
    return events // layers
