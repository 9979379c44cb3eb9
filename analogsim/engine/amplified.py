"""Relaxation with the dynamics of the amplifiers that read the arrays: `analogsim.chip.amplifiers` beside every leak.

Each output of an amplifier is one more state q (two with an input capacitance, turned into the modes of their 2×2
system), linear but for the signals that drive it. All poles are therefore a diagonal linear part, treated exactly:

    τ da/dt = −a + z(a, q),    dq/dt = λ (m(a) − q)

The compartments take the stages of ETD3RK (`analogsim.engine.etd`); at each of them q comes from m at the same stages,
by the exact integral of the line, then of the parabola, through them. So a stage is consistent however fast an
amplifier is, and the order stays three from λ → 0 to λ → ∞, where q = m(a).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analogsim.chip.amplifiers import Amplifiers
from analogsim.engine import entries, phi
from analogsim.engine.entries import bury, keep_dead, note
from analogsim.engine.packing import Batch
from analogsim.engine.primitives import given
from analogsim.engine.recorder import DONE, EVALUATIONS, STEP, STUCK, TIME, WRITTEN, Record
from analogsim.engine.steps import GROW, TINY, accept, allowed, reject, worst_error
from analogsim.errors import InputError
from analogsim.jit import compiled

if TYPE_CHECKING:
    from analogsim.engine.solvers import Options

Array = np.ndarray

ORDER = 3


@dataclass(frozen=True)
class Stage:
    """The amplifiers of one read as diagonal modes: dq/dt = −rate q + entry M u, y = Re Σ exit q."""

    sender: int
    """Layer whose signal is read; −1 is the input."""
    receiver: int
    matrix: Array  # (bank, m, n), Mᵀ
    rate: Array  # (mode, bank, n)
    entry: Array
    exit: Array
    mix: Array  # (R, 2, m), Q of the sender; unused for the input
    share: Array  # (2, R, n), P of the receiver


def modes(part: Amplifiers, gain: float, bandwidth: float) -> tuple[Array, Array, Array]:
    """Rates, entries and exits of the modes, each (mode, bank, n)."""
    if part.lag is None:
        return _own_modes(part, gain, bandwidth)
    static = 1.0 / (1.0 + part.noise_gain / gain)
    if np.isinf(bandwidth):
        return 1.0 / part.lag[None], (static / part.lag)[None], np.ones((1, *part.lag.shape))
    # Partial fractions of the lag before each mode; a part in 1e6 longer where the two are one.
    rate, entry, exit_ = _own_modes(part, gain, bandwidth)
    lag = part.lag[None].astype(rate.dtype)
    lag = lag * np.where((np.abs(1.0 - rate * lag) < 1e-6).any(axis=0), 1 + 2e-6, 1.0)
    entry = entry / (1.0 - rate * lag)
    behind = -(entry * exit_).sum(axis=0, keepdims=True)
    return (
        np.concatenate([rate, 1.0 / lag]),
        np.concatenate([entry, np.ones_like(lag)]),
        np.concatenate([exit_, behind]),
    )


def _own_modes(part: Amplifiers, gain: float, bandwidth: float) -> tuple[Array, Array, Array]:
    """Modes without the lag of the lines."""
    noise, leak = part.noise_gain, bandwidth / gain
    if part.delay == 0:
        return (leak + bandwidth / noise)[None], (bandwidth / noise)[None], np.ones((1, *noise.shape))
    # States (v, y): the system [[−N/θ, −1/θ], [ω_u, −ω_u/A₀]], driven by M u/θ on v.
    system = np.empty((*noise.shape, 2, 2))
    system[..., 0, 0], system[..., 0, 1] = -noise / part.delay, -1.0 / part.delay
    system[..., 1, 0], system[..., 1, 1] = bandwidth, -leak
    # Two equal eigenvalues have no modes; a part in 1e6 off they have, and the output moves by less than that.
    gap = (system[..., 0, 0] - system[..., 1, 1]) ** 2 - 4 * bandwidth / part.delay
    system[..., 0, 0] *= np.where(np.abs(gap) < 1e-9 * system[..., 0, 0] ** 2, 1 + 1e-6, 1.0)
    values, vectors = np.linalg.eig(system.astype(complex))
    entry = np.linalg.inv(vectors)[..., :, 0] / part.delay
    return tuple(np.moveaxis(found, -1, 0) for found in (-values, entry, vectors[..., 1, :]))  # type: ignore[return-value]


class Amplified:
    """A solver for chips with amplifiers; it keeps their states from one segment to the next.

    Parameters
    ----------
    batch : Batch
        Of the first segment; the amplifiers start at rest at zero.
    """

    def __init__(self, batch: Batch) -> None:
        chip, p = batch.chip, batch.packed
        assert chip.tia is not None
        if p.drive.dtype != np.float64:
            raise InputError("dtype: a chip whose amplifiers have dynamics is relaxed in float64.")
        beyond = {"driver curves": p.shaped, "rails": p.limited, "converters": p.converted}
        if said := ", ".join(what for what, there in beyond.items() if there):
            raise InputError(
                f"Chip.tia: the dynamics of amplifiers are simulated as linear, and this chip has {said}; make those "
                "ideal, or leave the dynamics out with chip.replace(tia=None)."
            )
        self.stages: list[Stage] = []
        edges = p.cum
        for name, q, share in (("forward", p.forward_q, p.forward_p), ("feedback", p.feedback_q, p.feedback_p)):
            for j, part in enumerate(getattr(chip.tia, name)):
                if part is None:
                    continue
                sender, receiver = (j - 1, j) if name == "forward" else (j, j - 1)
                into = slice(edges[receiver], edges[receiver + 1])
                mix: Array
                shares: Array
                if sender < 0:
                    mix, shares = np.ones((1, 2, 0)), chip.gain[0][:, None, :]
                else:
                    mix, shares = q[:, :, edges[sender] : edges[sender + 1]], share[:, :, into]
                matrix = np.ascontiguousarray(part.weights.transpose(0, 2, 1))
                found = modes(part, chip.tia.gain, chip.tia.bandwidth)
                self.stages.append(Stage(sender, receiver, matrix, *found, mix, shares))
        size = len(batch.x)
        kind = np.result_type(np.float64, *(stage.rate for stage in self.stages))
        self.shapes = [(len(s.rate), len(s.matrix), s.share.shape[1], size, s.matrix.shape[2]) for s in self.stages]
        self.cuts = np.cumsum([0, *(int(np.prod(shape)) for shape in self.shapes)])
        self.q = np.zeros(self.cuts[-1], kind)
        # Samples and reads share their rates: what a step needs of them is found once for each.
        self.rate = np.concatenate([stage.rate.ravel() for stage in self.stages]).astype(kind)
        starts = np.cumsum([0, *(stage.rate.size for stage in self.stages)])
        poles = [
            np.broadcast_to(start + np.arange(s.rate.size).reshape(s.rate.shape)[:, :, None, None, :], shape)
            for start, s, shape in zip(starts, self.stages, self.shapes, strict=False)
        ]
        self.pole = np.concatenate([pole.ravel() for pole in poles])
        self.leak = np.concatenate([1.0 / tau.ravel() for tau in chip.tau])
        starts = np.cumsum([0, *(tau.size for tau in chip.tau)])
        nodes = [
            np.broadcast_to(start + np.arange(tau.size).reshape(2, 1, -1), (2, size, tau.shape[1])).astype(float)
            for start, tau in zip(starts, chip.tau, strict=False)
        ]
        self.node = batch.join(nodes).astype(np.intp)

    def views(self, q: Array) -> list[Array]:
        """States of each stage's amplifiers, (mode, bank, R, B, n)."""
        return [q[i:j].reshape(s) for (i, j), s in zip(pairwise(self.cuts), self.shapes, strict=True)]

    def signals(self, batch: Batch, a: Array) -> list[Array]:
        """s = f(a) of each layer."""
        flat = np.empty_like(a)
        for k in range(batch.chip.layers):
            entries.activate_layer(batch.packed, a, flat, k)
        return batch.split(flat)

    def resting(self, batch: Batch, s: list[Array]) -> Array:
        """m: where each amplifier's states would rest."""
        out = np.empty_like(self.q)
        for stage, part in zip(self.stages, self.views(out), strict=True):
            u = batch.x[None] if stage.sender < 0 else np.einsum("rcm,cbm->rbm", stage.mix, s[stage.sender])
            part[...] = (stage.entry / stage.rate)[:, :, None, None, :] * (u[None] @ stage.matrix[:, None])
        return out

    def target(self, batch: Batch, s: list[Array], q: Array) -> Array:
        """z: where each compartment would rest."""
        z = [d.copy() for d in batch.split(batch.packed.drive)]
        # The packed drive holds the input as amplifiers at rest read it.
        z[0] -= batch.chip.gain[0][:, None, :] * (batch.x @ batch.chip.forward[0].T)
        for stage, part in zip(self.stages, self.views(q), strict=True):
            y = np.einsum("qkn,qkrbn->rbn", stage.exit, part).real
            z[stage.receiver] += np.einsum("crn,rbn->cbn", stage.share, y)
        entries.pull_all(batch.packed, s[-1], z[-1])
        return batch.join(z)

    def __call__(self, batch: Batch, a: Array, rec: Record, t_end: float, options: Options) -> int:
        """Advance `a` in place to `t_end` and fill the record; see `analogsim.engine.solvers`."""
        z, s, scratch = np.empty_like(a), np.empty_like(a), np.empty(batch.packed.batch)
        if rec.clock[STEP] == 0:
            rec.clock[STEP] = 0.1 / max(np.abs(self.rate).max(), self.leak.max())
        while rec.clock[TIME] < t_end and rec.alive.any():
            t = rec.clock[TIME]
            k = rec.tally[WRITTEN]
            stop = min(t_end, rec.times[k]) if k < rec.times.size else t_end
            h = min(rec.clock[STEP], stop - t)
            if stop > t and h < TINY * max(abs(t), 1e-3):
                return STUCK
            with np.errstate(over="ignore", invalid="ignore"):
                new, q, error = self._step(batch, a, h)
                gap = np.maximum(largest(batch.split(error[0])), largest(self.views(error[1])))
                size = largest(batch.split(new))
            rec.tally[EVALUATIONS] += 3
            if not judge(rec, gap, size, options.rtol, options.atol, t, h, stop):
                continue
            keep_dead(batch.packed, rec, a, new)
            a[:], self.q = new, q
            bury(batch.packed, rec, a, scratch)
            while rec.tally[WRITTEN] < rec.times.size and rec.times[rec.tally[WRITTEN]] <= rec.clock[TIME]:
                rec.out[rec.tally[WRITTEN]] = a
                rec.tally[WRITTEN] += 1
            entries.target(batch.packed, a, s, z)
            note(batch.packed, rec, a, z, scratch)
            if options.progress is not None:
                options.progress(float(rec.clock[TIME]))
        rec.out[rec.tally[WRITTEN] :] = a
        rec.tally[WRITTEN], rec.clock[TIME] = rec.times.size, t_end
        return DONE

    def _step(self, batch: Batch, a: Array, h: float) -> tuple[Array, Array, tuple[Array, Array]]:
        """One step: compartments, amplifiers, and their differences from embedded second-order results."""
        w, v = h * self.leak, h * self.rate
        half = np.exp(-w / 2)[self.node]
        one = [weight[self.node] for weight in parabola(w)]
        q_half, q_one = ([weight[self.pole] for weight in found] for found in (line(v / 2), parabola(v)))
        s = self.signals(batch, a)
        m1, z1 = self.resting(batch, s), self.target(batch, s, self.q)
        s = self.signals(batch, half * a + (1 - half) * z1)
        m2 = self.resting(batch, s)
        z2 = self.target(batch, s, q_half[0] * self.q + q_half[1] * m1 + q_half[2] * m2)
        s = self.signals(batch, one[0] * a + (1 - one[0]) * (2 * z2 - z1))
        m3 = self.resting(batch, s)
        first = q_one[0] * self.q + q_one[1] * m1 + q_one[2] * m2
        z3 = self.target(batch, s, first + q_one[3] * m3)
        new = one[0] * a + one[1] * z1 + one[2] * z2 + one[3] * z3
        m3 = self.resting(batch, self.signals(batch, new))
        return new, first + q_one[3] * m3, (one[3] * (z1 - 2 * z2 + z3), q_one[3] * (m1 - 2 * m2 + m3))


def largest(parts: list[Array]) -> Array:
    """Largest modulus of each sample, whose axis is the last but one, (B,)."""
    return np.max([np.abs(v).max(tuple(k for k in range(v.ndim) if k != v.ndim - 2)) for v in parts], axis=0)


@compiled
def judge(rec, gap, size, rtol, atol, t, h, stop):
    """Accept a step to `stop` or before it, or shorten it; whether it was accepted."""
    error = worst_error(rec, given(gap, 0), given(size, 0), rtol, atol)
    if error > 1:
        reject(rec, h, error, ORDER)
        return False
    accept(rec, t, h, stop, min(GROW, allowed(max(error, 1e-9), ORDER)))
    return True


def parabola(w: Array) -> tuple[Array, Array, Array, Array]:
    """Weights of the state and of its resting point at 0, h/2 and h, the latter's parabola integrated exactly."""
    e, one, two, three = phi.arrays(w)
    return e, w * (one - 3 * two + 4 * three), w * (4 * two - 8 * three), w * (4 * three - two)


def line(w: Array) -> tuple[Array, Array, Array]:
    """Weights of the state and of its resting point at both ends of a step, joined by a line."""
    e, one, two, _ = phi.arrays(w)
    return e, w * (one - two), w * two
