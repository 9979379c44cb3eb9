"""Batch after batch at rest on one chip whose weights change in between: `settle` without labels, for training.

The chip is packed once, its weights again after every update, and a batch only brings its drive, its noise and its
targets. Wirings that feed nothing back while the compartments agree (DP, DP⊤, λ = ½) need a few up-down passes, which
are trusted as long as they contract; other samples and other wirings are left to `analogsim.engine.equilibrium.find`,
which judges by the ODE where it must.

Noise is held for a settle, with the distribution that `settle` gives it: all that enters the two compartments of one
neuron in one sample is a pair of Gaussian numbers (`analogsim.engine.noise.pairs`), whose covariance follows from the
signals after the first pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from analogsim.chip.whole import Chip
from analogsim.engine import datasets, equilibrium, passes
from analogsim.engine.noise.pairs import PairNoise
from analogsim.engine.packing import Batch, prepare
from analogsim.engine.resting import quiet
from analogsim.engine.transient import relax
from analogsim.errors import unknown
from analogsim.functions.activations import activation
from analogsim.functions.losses import loss
from analogsim.wiring import Wiring

Array = NDArray[np.floating]

METHODS = ("auto", "plain")
EULER = 300
"""Damped synchronous steps before a sample counts as not settled."""
SWEEPS, PATIENCE = 60, 12
"""Most up-down passes, and how many before a sample that does not come nearer is left to the general solver."""
RAILED = 1e4
"""Activity beyond which a sample that passes do not settle counts as diverged: any amplifier would be at its rails."""


@dataclass
class Settled:
    """A batch at rest on the chip."""

    a: list[Array]
    """(2, sample, n_k) of each layer."""
    s: list[Array]
    status: NDArray[np.int64]
    """Index into `analogsim.engine.datasets.STATUS`, for each sample."""

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Samples whose states are not at the rails."""
        return self.status != datasets.DIVERGED


class Settler:
    """Lets batches come to rest.

    Parameters
    ----------
    wiring : Wiring
    tol : float
        Bounds max |τ da/dt| / min(1, |β|) in units of the activity or, for samples that need many passes, of the
        sample's largest activity where that is larger; > 0.
    dtype : dtype
        float64 or float32.
    method : {"auto", "plain"}
        "auto" leaves what is slow to settle to the general solver, which tests its stability or asks the ODE. "plain"
        takes the same passes and leaves it at that; where there is recurrent feedback it takes damped synchronous steps
        from a = 0, Euler's for equal τ, of η = 1/(1 + σ²), σ being slope times coupling: those that bring a
        skew-symmetric network to rest fastest. Many times cheaper with recurrent feedback or a chip that runs away.
    """

    def __init__(
        self, wiring: Wiring, *, tol: float = 1e-3, dtype: DTypeLike = np.float64, method: str = "auto"
    ) -> None:
        if method not in METHODS:
            raise unknown("settling method", method, METHODS)
        self.wiring, self.tol, self.dtype, self.method = wiring, tol, np.dtype(dtype), method
        self.chip: Chip | None = None
        self.memory: dict[int, tuple[passes.Flow, dict[str, Array]]] = {}

    def __call__(self, chip: Chip, x: Array, y: Array | None, beta: Array | float, rng: np.random.Generator) -> Settled:
        """Settle a batch from a = 0 with one draw of every noise source."""
        batch = self.batch(chip, x, y, beta)
        if chip.has_noise and not self.pairwise:
            batch = quiet(batch, rng)
        limit = self.tol * np.where(batch.beta == 0, 1.0, np.minimum(1.0, np.abs(batch.beta)))
        held = self._is_held(chip, float(batch.beta.min()), float(batch.beta.max()))
        if chip.has_echo or not (self.wiring.is_feedforward and held):
            if chip.has_noise and self.pairwise:
                flow = passes.new_flow(np.zeros_like(batch.packed.drive), batch.packed)
                passes.once(batch.packed, flow, "begin")
                sweep_once(batch, flow)
                self.add_noise(batch, flow, rng)
            if self.method == "plain":
                how: dict[str, Any] = {"method": "synchronous", "eta": _step(batch), "max_sweeps": EULER}
            else:
                # An unstable nudge: the passes solve for the output exactly, and would report an equilibrium that the
                # hardware leaves. Ask the ODE.
                how = {"method": "auto" if held else "ode"}
            found = equilibrium.find(batch, np.zeros_like(batch.packed.drive), limit, **how)
            return _settled(batch, found.a, None, found.status)
        flow = self._buffers(len(x))[0]
        for array in (flow.a, flow.s, flow.above, flow.up, flow.down, flow.status):
            array[:] = 0
        flow.below[:] = batch.packed.drive
        sweep_once(batch, flow, _UP[chip.layers])
        if chip.has_noise and self.pairwise:
            sweep_once(batch, flow)
            quiet_drive = batch.packed.drive.copy()
            self.add_noise(batch, flow, rng)
            flow.below[:] += batch.packed.drive - quiet_drive
        status = self._sweep(batch, flow, limit)
        left = np.flatnonzero(status == datasets.SLOW)
        if not len(left) or self.method == "plain":
            return _settled(batch, flow.a, flow.s, status)
        part = batch.take(left)
        found = equilibrium.find(part, np.zeros_like(part.packed.drive), limit[left] * _largest(batch, flow)[left])
        status[left] = found.status
        for layer, better in zip(batch.split(flow.a), part.split(found.a), strict=True):
            layer[:, left] = better
        return _settled(batch, flow.a, None, status)

    def batch(self, chip: Chip, x: Array, y: Array | None, beta: Array | float) -> Batch:
        """Pack a batch; nothing is checked, that was done when the data were loaded."""
        if chip is not self.chip:
            self._load(chip)
        n, x = len(x), np.asarray(x, self.dtype)
        beta = np.broadcast_to(np.asarray(beta, float), (n,))
        own = self._buffers(n)[1]
        current = chip.read(chip.sent(x, 0, 0), 0, 0, self.first)
        at = 0
        for j, constant in enumerate(self.constant):
            layer = own["drive"][at : at + n * constant.size].reshape(2, n, -1)
            at += layer.size
            if j == 0:
                np.multiply(self.gain, current, out=layer)
                layer += constant
            else:
                layer[:] = constant
        own["beta"][:] = beta
        own["target"][:] = 0 if y is None else y
        return Batch(chip, self.wiring, x, y, beta, self.packed._replace(batch=n, **cast(Any, own)))

    def _is_held(self, chip: Chip, *betas: float) -> bool:
        """Whether the output is stable under the nudge alone, as far as linear theory can say."""
        least = min(self.wiring.nudge_margin(b, loss(chip.loss).curvature) for b in betas)
        return least > 0 or chip.output_activation != "identity"

    def _load(self, chip: Chip) -> None:
        """Pack what a chip brings to every batch; only its weights, if it is the last one after an update."""
        # The frame is asked for here also of a first chip: those that are rewritten from it take it over.
        if self.chip is None or not chip.differs_in_weights_only(self.chip):
            silent = np.zeros((1, chip.sizes[0]))
            packed = prepare(chip, silent, None, self.wiring, 0.0, self.dtype).with_own_matrices()
            self.memory, self.packed, self.gain = {}, packed.packed, np.asarray(chip.gain[0], self.dtype)[:, None, :]
            # What a silent input leaves of the drive is the same in every batch.
            layers = zip(packed.split(packed.packed.drive), chip.biases, strict=True)
            self.unbiased = [drive - b for drive, b in layers]
            self.noise, self.pairwise = PairNoise(self.gain, self.dtype), PairNoise.fits(chip, self.packed)
        p = self.packed
        for j in range(1, chip.layers):
            w, v, here = chip.forward[j], np.asarray(chip.feedback[j]), slice(p.at[j - 1], p.at[j])
            p.w[here].reshape(w.shape[1], -1)[:] = w.T
            p.v[here].reshape(v.shape[1], -1)[:] = v.T
        self.chip, self.first = chip, np.asarray(chip.forward[0], self.dtype).T
        self.constant = [(u + b).astype(self.dtype) for u, b in zip(self.unbiased, chip.biases, strict=True)]
        if self.pairwise:
            self.noise.rewrite(chip)

    def _buffers(self, n: int) -> tuple[passes.Flow, dict[str, Array]]:
        """Working memory for batches of n samples."""
        if n not in self.memory:
            p = self.packed
            size = 2 * n * int(p.cum[-1])
            own = {name: np.zeros(n * p.signal.size, self.dtype) for name in ("signal", "current")}
            own["spare"] = np.zeros((4, n * p.spare.shape[1]), self.dtype)
            own |= {"drive": np.zeros(size, self.dtype), "beta": np.zeros(n, self.dtype)}
            own["target"] = np.zeros((n, p.target.shape[1]), self.dtype)
            self.memory[n] = passes.new_flow(np.zeros(size, self.dtype), p._replace(batch=n, **cast(Any, own))), own
        return self.memory[n]

    def add_noise(self, batch: Batch, flow: passes.Flow, rng: np.random.Generator) -> None:
        """Add one draw of every source to the drive, given the states in the flow; only where `pairwise`."""
        self.noise.add(batch, batch.split(flow.s), rng)

    def _sweep(self, batch: Batch, flow: passes.Flow, limit: Array) -> NDArray[np.int64]:
        """Sweep until every sample rests; the index of each one's verdict."""
        trail, visits = np.empty((SWEEPS + PATIENCE, len(limit))), passes.visits("up-down", batch.chip.layers)
        early, allowed, made = np.full(len(limit), np.inf), limit, 0
        while made < SWEEPS:
            one = self.dtype.type(1)
            made = passes.march(batch.packed, flow, visits, one, allowed, trail, made + 1, PATIENCE // 2)
            live = flow.status == passes.LIVE
            if not live.any():
                break
            allowed = limit * _largest(batch, flow)
            if made >= PATIENCE and not (flow.change < 0.7 * early)[live].any():
                break
            early = flow.change.copy()
        status = np.array([datasets.SLOW, datasets.CONVERGED, datasets.DIVERGED])[flow.status]
        if (flow.status == passes.SETTLED).all():
            return status
        passes.once(batch.packed, flow, "check")
        largest = _largest(batch, flow)
        status[(status == datasets.SLOW) & (flow.residual <= limit * largest)] = datasets.CONVERGED
        railed = (status == datasets.SLOW) & (largest >= RAILED)
        if 2 * railed.sum() > len(railed):  # the chip has run away: nothing is to be gained by the ODE
            railed = status == datasets.SLOW
        status[railed] = datasets.DIVERGED
        return status


class _Up(dict[int, NDArray[np.int64]]):
    """Visits of one pass up from silent neurons, which feed nothing back, by the number of layers."""

    def __missing__(self, layers: int) -> NDArray[np.int64]:
        self[layers] = np.array([(k, (passes.BELOW if k else 0) | passes.SETTLE) for k in range(layers)])
        return self[layers]


_UP = _Up()


def relaxed(
    chip: Chip, x: Array, y: Array | None, wiring: Wiring, beta: Array | float, t_end: float, rng: np.random.Generator
) -> Settled:
    """The states of a batch after some time of the full dynamics from a = 0, with noise and every time constant.

    A sample counts as diverged or not; a noisy one never rests.
    """
    found = relax(chip, x, y, wiring=wiring, beta=beta, t_end=t_end, times=[t_end], seed=rng)
    last, layers = found.isel(time=-1), range(1, chip.layers + 1)
    a, s = (
        [last[f"{name}_{k}"].transpose("compartment", "sample", f"layer{k}").values.astype(x.dtype) for k in layers]
        for name in ("a", "s")
    )
    diverged = found["status"].values.astype(str) == datasets.STATUS[datasets.DIVERGED]
    return Settled(a, s, np.where(diverged, datasets.DIVERGED, datasets.CONVERGED))


def _step(batch: Batch) -> float:
    """η = 1/(1 + σ²), at most ½."""
    return float(min(0.5, 1 / (1 + equilibrium.coupling_strength(batch) ** 2)))


def sweep_once(batch: Batch, flow: passes.Flow, visits: NDArray[np.int64] | None = None) -> None:
    """One up-down pass, or other visits, of all samples whatever their residual."""
    visits = passes.visits("up-down", batch.chip.layers) if visits is None else visits
    width = len(flow.change)
    nothing, trail = np.full(width, -1.0), np.empty((2, width))
    passes.march(batch.packed, flow, visits, flow.a.dtype.type(1), nothing, trail, 1, 1)


def _largest(batch: Batch, flow: passes.Flow) -> Array:
    """max(1, max |a|) of each sample."""
    found = np.max([np.abs(a).max(axis=(0, 2)) for a in batch.split(flow.a)], axis=0)
    return np.maximum(1.0, np.nan_to_num(found, nan=np.inf))


def _settled(batch: Batch, a: Array, s: Array | None, status: NDArray[np.int64]) -> Settled:
    """Copies of the states, since the working memory is used again."""
    a = a.copy()
    if s is not None:
        return Settled(batch.split(a), batch.split(s.copy()), status)
    chip, layers = batch.chip, batch.split(a)
    names = [chip.activation] * (chip.layers - 1) + [chip.output_activation]
    return Settled(layers, [activation(name)(v) for name, v in zip(names, layers, strict=True)], status)
