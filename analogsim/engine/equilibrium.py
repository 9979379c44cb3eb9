"""Equilibria of packed problems: sweeps first, acceleration where they are slow, the ODE as the last word.

Which sweep is fast depends on the wiring. One forward and one feedback read (DP, DP⊤, λ = ½): up-down sweeps. Negative
recurrent feedback (λ < ½): block SOR with ω = 2/(1 + √(1 + s²)), s = slope·‖K‖·√(1 − 2λ), optimal for the linear
problem, whose Jacobi eigenvalues are imaginary (D. Young, Iterative Solution of Large Linear Systems, 1971). Positive
recurrent feedback (λ > ½): several equilibria may exist, so small synchronous steps from a = 0 choose the basin first.

A sweep's equilibrium need not be one that the hardware reaches or keeps. Wherever plain sweeps were not quickly
contracting, the equilibrium is tested for linear stability, and what is unstable is judged by the ODE from a = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.activations import activation
from analogsim.engine import etd, kernel, results, sweeps
from analogsim.engine.anderson import Anderson
from analogsim.engine.problem import Batch
from analogsim.engine.recorder import new_record
from analogsim.errors import InputError

Array = NDArray[np.floating]

METHODS = ("auto", "up-down", "sor", "synchronous", "ode")
PATIENCE, GAIN = 6, 3.3
"""A sample that does not gain this factor in this many sweeps is slow."""
STRUGGLE = {"up-down": 12, "sor": 50}
"""Sweeps of grace before a slow sample is accelerated and its stability doubted; SOR takes 35 at trained weights."""
DECADES = 12.0
"""e-folds from the order of one to 1e-5: an equilibrium that needs longer than the horizon is left to the ODE."""
NEAR = 1e-3
"""Residual at which the ODE changes to a strict tolerance."""
BASIN = 0.05
"""Share of max |a| that a sample may move after the prelude without its basin being in doubt."""
PRELUDE, PRELUDE_STEP = 200, 0.2
"""Damped synchronous steps (40 τ in the manner of the ODE) before sweeps, where several equilibria may exist."""


@dataclass
class Equilibrium:
    """States, verdicts and what they cost.

    Attributes
    ----------
    a : packed array
    status : (B,) int array
        Index into `results.STATUS`.
    residual : (B,) array
        max |z(a) − a|, from one evaluation at the final state.
    checked : (B,) str array
        What the verdict rests on: "sweeps", "spectrum", "ode".
    evaluations : float
        Sum over sweeps and steps of the share of samples still active, in right-hand sides of the whole batch.
    """

    a: Array
    status: NDArray[np.int64]
    residual: Array
    checked: NDArray[np.str_]
    evaluations: float


def find(
    batch: Batch,
    a: Array,
    tol: Array,
    *,
    method: str = "auto",
    eta: float = 0.05,
    max_sweeps: int = 120,
    horizon: float = 200.0,
) -> Equilibrium:
    """Settle a packed problem from the state `a`.

    Parameters
    ----------
    tol : (B,) array
        On max |z(a) − a| of each sample.
    method : str
        "auto" chooses, accelerates and falls back on the ODE; the others do just what they say.
    eta : float
        Damping of "synchronous".
    max_sweeps : int
    horizon : float
        How long the ODE may run, in units of the largest time constant.
    """
    method = _hearing(batch, method)
    count = batch.packed.batch
    out = Equilibrium(
        a.copy(), np.full(count, results.SLOW), np.full(count, np.inf), np.full(count, "sweeps", dtype="<U8"), 0.0
    )
    everyone = np.arange(count)
    if method == "ode":
        _by_ode(batch, out, everyone, tol, horizon)
        return out
    plan = _plan(batch) if method == "auto" else (method, 1.0 if method != "sor" else _omega(batch))
    early = None
    if method == "auto" and _recurrent(batch) > 1e-12:
        _by_sweeps(batch, out, everyone, tol, ("synchronous", 1.0), PRELUDE_STEP, PRELUDE, accelerate=False)
        out.a[~np.isfinite(out.a)] = 0
        everyone = np.flatnonzero(out.status != results.CONVERGED)
        early = out.a.copy()
    if not len(everyone):
        return out
    left, suspect = _by_sweeps(batch, out, everyone, tol, plan, eta, max_sweeps, accelerate=method == "auto")
    if method == "auto":
        for row in suspect:
            if (early is not None and _moved(batch, early, out.a, row)) or not _settles(batch, out, row, horizon):
                left = np.append(left, row)
        if len(left):
            _by_ode(batch, out, np.sort(left), tol, horizon)
    return out


def _hearing(batch: Batch, method: str) -> str:
    """The ODE in place of sweeps where layers hear themselves: those go from layer to layer."""
    if not batch.packed.echoed:
        return method
    if method not in ("auto", "ode"):
        raise InputError(f"method = {method!r}: sweeps do not hear the echo of full duplex; use 'auto' or 'ode'.")
    return "ode"


def rest(batch: Batch, a: Array, tol: Array, max_sweeps: int = 200) -> Equilibrium:
    """Find a = z(a) by accelerated sweeps alone, stable or not: where linear theory can be applied."""
    if batch.packed.echoed:
        raise InputError("full duplex: sweeps, which find resting points whether stable or not, do not hear the echo.")
    count = batch.packed.batch
    out = Equilibrium(
        a.copy(), np.full(count, results.SLOW), np.full(count, np.inf), np.full(count, "sweeps", dtype="<U8"), 0.0
    )
    _by_sweeps(batch, out, np.arange(count), tol, _plan(batch), 1.0, max_sweeps, accelerate=True)
    return out


def _moved(batch: Batch, before: Array, after: Array, row: int) -> bool:
    """Whether sweeps took a sample so far from the end of the prelude that its basin is in doubt."""
    pairs = list(zip(batch.split(before), batch.split(after), strict=True))
    gap = max(float(np.abs(a[:, row] - b[:, row]).max()) for a, b in pairs)
    return gap > BASIN * max(float(np.abs(b[:, row]).max()) for _, b in pairs)


def _recurrent(batch: Batch) -> float:
    """Feedback that equal compartments get: 2λ − 1 for the λ family, 0 for DP, DP⊤ and λ = ½."""
    rows = batch.wiring.feedback.sum(axis=1)
    return float(rows.mean()) if np.allclose(rows, rows[0]) else 0.0


def _plan(batch: Batch) -> tuple[str, float]:
    recurrent = _recurrent(batch)
    if recurrent < -1e-12:
        return "sor", _omega(batch)
    return "up-down", 1.0


def _omega(batch: Batch) -> float:
    """ω = 2/(1 + √(1 + s²)), from the norms of the matrices between layers."""
    chip = batch.chip
    s = 1.03 * activation(chip.activation).slope_max * coupling_norm(batch) * np.sqrt(max(0.0, -_recurrent(batch)))
    return float(2 / (1 + np.sqrt(1 + s**2)))


def coupling_norm(batch: Batch, steps: int = 25) -> float:
    """√(‖K_W‖·‖K_V‖) for the inter-layer matrices, by power iteration; W_1 acts on the clamped input only."""
    chip = batch.chip
    norms = []
    for matrices in (chip.forward[1:], tuple(np.asarray(v).T for v in chip.feedback[1:])):
        if not matrices:
            return 0.0
        rng, size = np.random.default_rng(0), 0.0
        vectors: list[Array] = [rng.standard_normal(m.shape[1:]) for m in matrices]
        for _ in range(steps):
            # The matrices stand on one off-diagonal, so the norm of the whole is the largest of the blocks.
            vectors = [m.T @ (m @ u) for m, u in zip(matrices, vectors, strict=True)]
            lengths = [float((u @ u) ** 0.5) for u in vectors]
            vectors = [u / length if length > 0 else u for u, length in zip(vectors, lengths, strict=True)]
            size = max(lengths)
        norms.append(size**0.5)
    return float((norms[0] * norms[1]) ** 0.5)


def _by_sweeps(
    batch: Batch,
    out: Equilibrium,
    rows: NDArray[np.int64],
    tol: Array,
    plan: tuple[str, float],
    eta: float,
    max_sweeps: int,
    accelerate: bool,
) -> tuple[NDArray[np.int64], list[int]]:
    """Sweep the samples `rows`; returns those not settled, and those settled but to be tested for stability."""
    name, omega = plan
    whole, left, suspect = batch.packed.batch, [], []
    part = batch.take(rows)
    flow = sweeps.new_flow(_rows(batch, out.a, rows), len(rows))
    warm = bool(flow.a.any())
    if name != "synchronous":
        sweeps.begin(part.packed, flow)
    best = np.full(len(rows), np.inf)
    trail: list[Array] = []
    mixer: Anderson | None = None
    for sweep in range(1, max_sweeps + 1):
        before = flow.a.copy() if mixer is not None else flow.a
        _sweep(name, part, flow, omega, eta)
        out.evaluations += part.packed.batch / whole
        change = flow.change / (eta if name == "synchronous" else 1.0)
        lost = ~(change < kernel.BLOW_UP)
        done = ~lost & (change <= tol[rows])
        if done.any() and (done.mean() >= 0.25 or sweep % 4 == 0 or (done | lost).all()):
            residual = _residual(part, flow)
            out.evaluations += part.packed.batch / whole
            done = ~lost & (residual <= tol[rows])
            out.residual[rows[done]] = residual[done]
            _put(batch, out.a, rows[done], part, flow.a, done)
            out.status[rows[done]] = results.CONVERGED
            slowly = mixer is not None or sweep > STRUGGLE.get(name, max_sweeps)
            # Positive recurrent feedback has slow modes that sweeps do not show; and a warm start that was at rest
            # from the first has not shown that it attracts anything.
            untried = _recurrent(batch) > 1e-12 or (warm and sweep <= 2)
            suspect += [int(r) for r in rows[done]] if slowly or untried else []
        else:
            done = np.zeros_like(lost)
        if lost.any():
            left += [int(r) for r in rows[lost]]
            _put(batch, out.a, rows[lost], part, np.nan_to_num(flow.a), lost)
            out.status[rows[lost]] = results.DIVERGED
        gone = done | lost
        best = np.minimum(best, change)
        trail.append(change)
        if gone.all():
            rows = rows[:0]
            break
        if gone.any() and (gone.mean() >= 0.25 or lost.any() or done.any()):
            keep = np.flatnonzero(~gone)
            a = _rows(part, flow.a, keep)
            rows, part, best = rows[keep], part.take(keep), best[keep]
            trail = [t[keep] for t in trail]
            flow = sweeps.new_flow(a, len(keep))
            _refresh(name, part, flow)
            if mixer is not None:
                mixer.take(keep)
                continue
        if accelerate and _recurrent(batch) <= 1e-12:
            if mixer is None and sweep >= STRUGGLE[name] and _is_slow(trail):
                mixer = Anderson(part)
            elif mixer is not None and before.shape == flow.a.shape:
                flow.a[:] = mixer.mix(before, flow.a, change, best)
                _refresh(name, part, flow)
                out.evaluations += 0.5 * part.packed.batch / whole
    if len(rows):
        everyone = np.ones(len(rows), bool)
        _put(batch, out.a, rows, part, flow.a, everyone)
        out.residual[rows] = _residual(part, flow)
        recent = np.stack(trail[-max(8, len(trail) // 2) :])
        out.status[rows] = results.trend(np.arange(len(recent), dtype=float), recent)
        left += [int(r) for r in rows]
    return np.array(left, dtype=np.int64), suspect


def _sweep(name: str, part: Batch, flow: sweeps.Flow, omega: float, eta: float) -> None:
    if name == "up-down":
        sweeps.up_down(part.packed, flow, omega)
    elif name == "sor":
        sweeps.relaxed(part.packed, flow, omega)
    else:
        sweeps.synchronous(part.packed, flow, eta)


def _refresh(name: str, part: Batch, flow: sweeps.Flow) -> None:
    """Make what is kept between sweeps consistent with a changed state."""
    if name != "synchronous":
        sweeps.refresh(part.packed, flow)


def _is_slow(trail: list[Array]) -> bool:
    return len(trail) > PATIENCE and bool((trail[-1] > trail[-1 - PATIENCE] / GAIN).any())


def _residual(part: Batch, flow: sweeps.Flow) -> Array:
    found = np.empty(part.packed.batch)
    z, s = np.empty_like(flow.a), np.empty_like(flow.a)
    kernel.target(part.packed, flow.a, s, z)
    kernel.residual(part.packed, flow.a, z, found)
    return found


def _rows(batch: Batch, a: Array, rows: NDArray[np.int64]) -> Array:
    return np.concatenate([layer[:, rows].ravel() for layer in batch.split(a)])


def _put(batch: Batch, a: Array, rows: NDArray[np.int64], part: Batch, b: Array, mask: NDArray[np.bool_]) -> None:
    for layer, found in zip(batch.split(a), part.split(b), strict=True):
        layer[:, rows] = found[:, mask]


def _settles(batch: Batch, out: Equilibrium, row: int, horizon: float) -> bool:
    """Whether the hardware would settle here: linearly stable, and fast enough to be seen within the horizon."""
    from analogsim.engine.spectrum import leading

    rows = np.array([row])
    abscissa, _ = leading(batch.take(rows), _rows(batch, out.a, rows))
    out.checked[row] = "spectrum"
    return abscissa * _slowest(batch) < -DECADES / horizon


def _slowest(batch: Batch) -> float:
    return max(float(tau.max()) for tau in batch.chip.tau)


def _by_ode(batch: Batch, out: Equilibrium, rows: NDArray[np.int64], tol: Array, horizon: float) -> None:
    """What the hardware does from a = 0: the verdict where sweeps have none."""
    for layer in batch.split(out.a):
        layer[:, rows] = 0
    _integrate(batch, out, rows, tol, horizon * _slowest(batch))
    out.checked[rows] = "ode"


def _integrate(batch: Batch, out: Equilibrium, rows: NDArray[np.int64], tol: Array, t_end: float) -> None:
    """Run the ODE from the present states until all have settled or t_end, and judge them.

    An explicit coupling keeps a residual of the order of the tolerance once the step meets its stability limit, so the
    tolerance is tightened when the samples have come close.
    """
    part, a = batch.take(rows), _rows(batch, out.a, rows)
    work, found, z = np.empty((6, a.size), a.dtype), np.empty(len(rows)), np.empty_like(a)
    rec = new_record(len(rows), np.array([t_end]), a.size, a.dtype)
    strict = float(tol[rows].min())
    for rtol, stop in ((1e-4, max(NEAR, strict)), (max(0.1 * strict, 1e-12), strict)):
        rec.tally[0] = 0
        etd.advance(part.packed, a, work, rec, t_end, rtol, 1e-3 * rtol, stop, -1)
        rec.clock[1] = 0.0
    kernel.target(part.packed, a, work[0], z)
    kernel.residual(part.packed, a, z, found)
    out.evaluations += float(rec.tally[3]) * len(rows) / batch.packed.batch
    known = rec.tally[4]
    status = results.trend(rec.history_t[:known], rec.history[:known])
    status[found <= tol[rows]] = results.CONVERGED
    status[~rec.alive] = results.DIVERGED
    out.status[rows], out.residual[rows] = status, found
    _put(batch, out.a, rows, part, a, np.ones(len(rows), bool))
