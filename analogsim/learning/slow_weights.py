"""Learning without phases: the weights are slow states of the same dynamical system as the neurons.

    τ da/dt = z(a; W, V) − a,      dW_k/dt = −(1/τ_W) · (local rule at the present state),

with samples presented one after another and states that are never reset. V follows W through the same increments (one
array read both ways, or two that get the same updates). For τ_W ≫ dwell ≫ τ the weights follow gradient descent,
dW/dt = −∇L/τ_W, averaged over the samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.chip.whole import Chip
from analogsim.engine.entries import target
from analogsim.engine.kernel import Problem
from analogsim.engine.packing import Batch, Stream, drive, prepare
from analogsim.errors import InputError, instance, number, out_of_range
from analogsim.functions.losses import LOSSES
from analogsim.learning.local import from_batch
from analogsim.wiring import Wiring

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.floating]


def continuous(
    chip: Chip,
    stream: Stream,
    *,
    wiring: Wiring,
    beta: ArrayLike,
    tau_w: float,
    dt: float = 0.05,
    gate: float = 0.0,
) -> tuple[Chip, xr.Dataset]:
    """Let a chip learn from a stream, weights and neurons in one system.

    The leak is integrated exactly and everything else to first order, in steps of `dt`.

    Parameters
    ----------
    chip : Chip
        Without noise sources.
    stream : Stream
        Of one sample at a time, or of several trajectories in parallel that share the weights.
    wiring : Wiring
    beta : float or (trajectory,) array
        Not zero; of either sign.
    tau_w : float
        Time constant of the weights in units of ``time_unit``, for gradients of order one; > 0.
    dt : float
        Step, at most one tenth of the dwell.
    gate : float
        Blanking: weights rest for this long after each change of sample; 0 ≤ gate < dwell.

    Returns
    -------
    Chip
        With the weights and biases learnt.
    xarray.Dataset
        ``loss`` before the sample left (step), and ``weight_norm`` (step, layer).

    Raises
    ------
    InputError
        For values out of range, a noisy chip, or a stream without targets.
    """
    instance("chip", chip, Chip, "a Chip")
    instance("stream", stream, Stream, "a Stream of samples")
    tau_w, dt = number("tau_w", tau_w, above=0), number("dt", dt, above=0, low=1e-9 * stream.dwell)
    if not 0 <= number("gate", gate) < stream.dwell:
        raise out_of_range("gate", gate, f"0 ≤ gate < dwell = {stream.dwell:g}")
    if dt > stream.dwell / 10:
        raise out_of_range("dt", dt, f"at most one tenth of the dwell, {stream.dwell / 10:g}")
    if stream.y is None:
        raise InputError("stream.y is None: learning needs targets.")
    if chip.has_noise:
        raise InputError("continuous learning integrates a noiseless chip; set its noise to zero.")
    xs, ys = np.asarray(stream.x), np.asarray(stream.y)
    # What is written to on the way must be nobody else's: neither the targets given nor the matrices kept.
    batch = prepare(chip, xs[0], ys[0].copy(), wiring, beta).with_own_matrices()
    p = batch.packed
    a, s, z = (np.zeros(batch.size) for _ in range(3))
    weights = [w.copy() for w in chip.forward]
    biases = [b.copy() for b in chip.biases]
    feedback = [None if v is None else v.copy() for v in chip.feedback]
    steps = max(1, round(stream.dwell / dt))
    h = stream.dwell / steps
    keep = [np.exp(-h / tau)[:, None, :] for tau in chip.tau]
    losses: list[float] = []
    norms: list[list[float]] = []
    now = chip
    for x, y in zip(xs, ys, strict=True):
        p.target[:] = y
        p.drive[:] = drive(now, x, wiring)
        for step in range(steps):
            target(p, a, s, z)
            if step * h >= gate:
                present = Batch(now, wiring, x, y, batch.beta, p)
                change = [(-h / tau_w * w, -h / tau_w * b) for w, b in from_batch(present, a)]
                _add(p, change, weights, biases, feedback)
                now = chip.replace(forward=tuple(weights), biases=tuple(biases))
                p.drive[:] = drive(now, x, wiring)
            for al, zl, e in zip(batch.split(a), batch.split(z), keep, strict=True):
                al += (1 - e) * (zl - al)
        r = np.einsum("cd,dbi->cbi", wiring.nudge_at, batch.split(s)[-1]).mean(axis=0)
        losses.append(float(LOSSES[chip.loss].value(r, y).mean()))
        norms.append([float(np.linalg.norm(w)) for w in weights])
    learnt = chip.replace(forward=tuple(weights), biases=tuple(biases), feedback=tuple(feedback))
    return learnt, _dataset(stream, losses, norms, batch.wiring, tau_w)


def _add(
    p: Problem,
    change: list[tuple[Array, Array]],
    weights: list[Array],
    biases: list[Array],
    feedback: list[Array | None],
) -> None:
    """Add the increments to the matrices, and to the packed copies that the kernel reads."""
    for k, (w, b) in enumerate(change):
        weights[k] += w
        biases[k] += b
        if k:
            n, m = w.shape
            at = p.at[k - 1]
            p.w[at : at + n * m].reshape(m, n)[:] += w.T
            p.v[at : at + n * m].reshape(n, m)[:] += w
            back = feedback[k]
            assert back is not None
            back += w.T


def _dataset(stream: Stream, losses: list[float], norms: list[list[float]], wiring: Wiring, tau_w: float) -> xr.Dataset:
    import xarray as xr

    ends = stream.dwell * np.arange(1, len(losses) + 1)
    return xr.Dataset(
        {
            "loss": ("step", losses, {"long_name": "loss before the sample left", "units": "1"}),
            "weight_norm": (("step", "layer"), norms, {"long_name": "Frobenius norm of the weights", "units": "1"}),
        },
        {"time": ("step", ends, {"long_name": "time", "units": "time unit of the chip"})},
        {"rule": wiring.name, "tau_w": tau_w, "dwell": stream.dwell},
    )
