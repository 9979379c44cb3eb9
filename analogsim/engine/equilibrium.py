"""Equilibria of packed problems: passes first, acceleration where they are slow, the ODE as the last word.

Which pass is fast depends on the wiring. One forward and one feedback read (DP, DP⊤, λ = ½): up-down passes. Negative
recurrent feedback (λ < ½): block SOR with the ω of `analogsim.engine.norms`, optimal for the linear problem. Positive
recurrent feedback (λ > ½): several equilibria may exist, so small synchronous steps from a = 0 choose the basin first.

A pass's equilibrium need not be one that the hardware reaches or keeps. Wherever plain passes were not quickly
contracting, the equilibrium is tested for linear stability, and what is unstable is judged by the ODE from a = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.engine import datasets, entries, etd, passes
from analogsim.engine.anderson import Anderson
from analogsim.engine.chip_cache import kept
from analogsim.engine.norms import coupling_norm, relaxation_factor
from analogsim.engine.packing import Batch
from analogsim.engine.recorder import EVALUATIONS, KEPT, STEP, WRITTEN, new_record
from analogsim.engine.spectrum import decays, is_dissipative
from analogsim.errors import InputError
from analogsim.functions.activations import activation

Array = NDArray[np.floating]

METHODS = ("auto", "up-down", "sor", "synchronous", "ode")
PATIENCE, GAIN = 6, 3.3
"""A sample is slow if its change has not fallen by GAIN within PATIENCE passes."""
STRUGGLE, EASY = {"up-down": 12, "sor": 50}, 1e-5
"""Number of passes before a slow sample is handed to Anderson acceleration and its stability doubted, for tolerances
down to EASY; scaled with log(tolerance) below that. SOR takes 35 passes at trained weights."""
DECADES = 12.0
"""e-folds from the order of one to 1e-5: an equilibrium that needs longer than the horizon is left to the ODE."""
NEAR = 1e-3
"""Residual at which the ODE changes to a strict tolerance."""
BASIN = 0.05
"""Share of max |a| that a sample may move after the prelude without its basin being in doubt."""
PRELUDE, PRELUDE_STEP = 200, 0.2
"""Damped synchronous steps (40 τ in the manner of the ODE) before passes, where several equilibria may exist."""


@dataclass
class Equilibrium:
    """States, verdicts and what they cost.

    Attributes
    ----------
    a : packed array
    status : (B,) int array
        Index into `results.STATUS`.
    residual : (B,) array
        max |z(a) − a| at the final state: of the sums that the last pass kept, or of one evaluation after the ODE.
    checked : (B,) str array
        What the verdict rests on: "sweeps", "spectrum", "ode".
    evaluations : float
        Sum over passes and steps of the share of samples still active, in right-hand sides of the whole batch.
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
        a.copy(), np.full(count, datasets.SLOW), np.full(count, np.inf), np.full(count, "sweeps", dtype="<U8"), 0.0
    )
    everyone, recurrent = np.arange(count), batch.wiring.recurrent_gain(unequal=0.0)
    if method == "ode":
        _by_ode(batch, out, everyone, tol, horizon)
        return out
    plan = (
        _plan(batch, recurrent)
        if method == "auto"
        else (method, {"sor": _omega, "synchronous": lambda *_: eta}.get(method, lambda *_: 1.0)(batch, recurrent))
    )
    early = None
    if method == "auto" and recurrent > 0:
        _by_sweeps(batch, out, everyone, tol, ("synchronous", PRELUDE_STEP), PRELUDE, recurrent, accelerate=False)
        out.a[~np.isfinite(out.a)] = 0
        everyone = np.flatnonzero(out.status != datasets.CONVERGED)
        early = out.a.copy()
    if not len(everyone):
        return out
    left, suspect = _by_sweeps(batch, out, everyone, tol, plan, max_sweeps, recurrent, method == "auto")
    if method == "auto":
        if suspect and early is None and is_dissipative(batch, DECADES / horizon):
            out.checked[suspect], suspect = "spectrum", []
        rows = np.array(suspect, np.int64)
        moved = np.zeros(len(rows), bool) if early is None else _moved(batch, early, out.a, rows)
        left = np.concatenate([left, rows[moved], rows[~moved][~_settle(batch, out, rows[~moved], horizon)]])
        if len(left):
            _by_ode(batch, out, np.sort(left), tol, horizon)
    return out


def _hearing(batch: Batch, method: str) -> str:
    """Full-duplex arrays couple a layer to itself, which passes from layer to layer cannot represent: use the ODE."""
    if not batch.packed.echoed:
        return method
    if method not in ("auto", "ode"):
        raise InputError(f"method = {method!r}: full-duplex arrays need the ODE; use 'auto' or 'ode'.")
    return "ode"


def rest(batch: Batch, a: Array, tol: Array, max_sweeps: int = 200) -> Equilibrium:
    """Find a = z(a) by accelerated passes alone, stable or not: where linear theory can be applied."""
    if batch.packed.echoed:
        raise InputError(
            "full-duplex arrays: only the ODE finds their resting points, and of those none that is unstable."
        )
    count = batch.packed.batch
    out = Equilibrium(
        a.copy(), np.full(count, datasets.SLOW), np.full(count, np.inf), np.full(count, "sweeps", dtype="<U8"), 0.0
    )
    recurrent = batch.wiring.recurrent_gain(unequal=0.0)
    _by_sweeps(batch, out, np.arange(count), tol, _plan(batch, recurrent), max_sweeps, recurrent, accelerate=True)
    return out


def _moved(batch: Batch, before: Array, after: Array, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether passes took samples so far from the end of the prelude that their basin is in doubt."""
    old, new = batch.by_sample(before)[rows], batch.by_sample(after)[rows]
    return np.asarray(np.abs(new - old).max(axis=1) > BASIN * np.abs(new).max(axis=1))


def _plan(batch: Batch, recurrent: float) -> tuple[str, float]:
    return ("sor", _omega(batch, recurrent)) if recurrent < 0 else ("up-down", 1.0)


def _omega(batch: Batch, recurrent: float) -> float:
    """ω for negative recurrent feedback, from the norms of the matrices between layers."""
    return relaxation_factor(coupling_strength(batch) * float(np.sqrt(max(0.0, -recurrent))))


def coupling_strength(batch: Batch) -> float:
    """Largest slope times √(‖θ_W − θ_Wᵀ‖·‖θ_V − θ_Vᵀ‖), θ of `norms` made of W or of V; 0 for a single layer."""
    chip = batch.chip

    def product() -> float:
        forward = coupling_norm(chip.forward[1:])
        return forward * coupling_norm([np.asarray(v).T for v in chip.feedback[1:]])

    return activation(chip.activation).slope_max * float(kept(chip, "coupling norms", product) ** 0.5)


def _by_sweeps(
    batch: Batch,
    out: Equilibrium,
    rows: NDArray[np.int64],
    tol: Array,
    plan: tuple[str, float],
    max_sweeps: int,
    recurrent: float,
    accelerate: bool,
) -> tuple[NDArray[np.int64], list[int]]:
    """Sweep the samples `rows`; returns those not settled, and those settled but to be tested for stability."""
    name, omega = plan
    whole, layers, warm = batch.packed.batch, len(batch.chip.forward), bool(out.a.any())
    part = batch if len(rows) == whole else batch.take(rows)
    flow = passes.new_flow(out.a if part is batch else _rows(batch, out.a, rows), part.packed)
    passes.once(part.packed, flow, "begin" if name != "synchronous" else "refresh")
    visits, step, limit = passes.visits(name, layers), flow.a.dtype.type(omega), tol[rows]
    trail = np.empty((max_sweeps + 1, len(rows)))
    grace = max_sweeps
    if accelerate:
        grace = min(grace, round(STRUGGLE[name] * max(1.0, float(np.log(limit.min()) / np.log(EASY)))))
    made = passes.march(part.packed, flow, visits, step, limit, trail, 1, grace)
    gone = flow.status != passes.LIVE
    left, suspect = _record(batch, out, rows, part, flow, gone)
    # Positive recurrent feedback has slow modes that passes do not show; and a warm start that was at rest from the
    # first has not shown that it attracts anything.
    if recurrent <= 0:
        suspect = rows[(flow.status == passes.SETTLED) & (flow.ended <= 2)].tolist() if warm else []
    mixer: Anderson | None = None
    while made < max_sweeps and not gone.all():
        if gone.any() and (gone.mean() >= 0.25 or mixer is None or (flow.status == passes.LOST).any()):
            keep = np.flatnonzero(~gone)
            out.evaluations += _products(flow, part, whole)
            a, rows, part, limit = _rows(part, flow.a, keep), rows[keep], part.take(keep), limit[keep]
            flow, trail = passes.new_flow(a, part.packed), np.ascontiguousarray(trail[:, keep])
            passes.once(part.packed, flow, "refresh")
            if mixer is not None:
                mixer.take(keep)
        if mixer is None and recurrent <= 0 and _is_slow(trail[1 : made + 1]):
            mixer = Anderson(part)
        before = flow.a.copy()
        made = passes.march(part.packed, flow, visits, step, limit, trail, made + 1, 1)
        gone = flow.status != passes.LIVE
        lost, settled = _record(batch, out, rows, part, flow, gone & (flow.ended == made))
        left, suspect = left + lost, suspect + settled
        if mixer is not None and not gone.all():
            flow.a[:] = mixer.mix(before, flow.a, trail[made], trail[1 : made + 1].min(axis=0))
            passes.once(part.packed, flow, "refresh")
    if not gone.all():
        passes.once(part.packed, flow, "check")
        out.status[rows[~gone]] = datasets.trend(np.arange(made, dtype=float), trail[1 : made + 1, ~gone])
        _put(batch, out.a, rows[~gone], part, flow.a, ~gone)
        out.residual[rows[~gone]] = flow.residual[~gone]
        left += rows[~gone].tolist()
    out.evaluations += _products(flow, part, whole)
    return np.array(left, dtype=np.int64), suspect


def _record(
    batch: Batch,
    out: Equilibrium,
    rows: NDArray[np.int64],
    part: Batch,
    flow: passes.Flow,
    ended: NDArray[np.bool_],
) -> tuple[list[int], list[int]]:
    """Take over the samples whose passes have ended; returns those lost and those settled."""
    if not ended.any():
        return [], []
    lost = flow.status == passes.LOST
    if ended.all() and len(rows) == batch.packed.batch and not lost.any():
        out.a[:] = flow.a
    else:
        _put(batch, out.a, rows[ended], part, np.nan_to_num(flow.a), ended)
    out.residual[rows[ended]] = flow.residual[ended]
    out.status[rows[ended]] = np.where(lost[ended], datasets.DIVERGED, datasets.CONVERGED)
    return rows[ended & lost].tolist(), rows[ended & ~lost].tolist()


def _products(flow: passes.Flow, part: Batch, whole: int) -> float:
    """Products done, in right-hand sides of the whole batch."""
    p, n = part.packed, np.diff(part.packed.cum)
    return float(flow.work[0] / (whole * (p.forward_q.shape[0] + p.feedback_q.shape[0]) * max(1, n[:-1] @ n[1:])))


def _is_slow(trail: Array) -> bool:
    return len(trail) > PATIENCE and bool((trail[-1] > trail[-1 - PATIENCE] / GAIN).any())


def _rows(batch: Batch, a: Array, rows: NDArray[np.int64]) -> Array:
    return np.concatenate([layer[:, rows].ravel() for layer in batch.split(a)])


def _put(batch: Batch, a: Array, rows: NDArray[np.int64], part: Batch, b: Array, mask: NDArray[np.bool_]) -> None:
    for layer, found in zip(batch.split(a), part.split(b), strict=True):
        layer[:, rows] = found[:, mask]


def _settle(batch: Batch, out: Equilibrium, rows: NDArray[np.int64], horizon: float) -> NDArray[np.bool_]:
    """Whether the hardware would settle in these: linearly stable, and fast enough to be seen within the horizon."""
    if not len(rows):
        return np.zeros(0, bool)
    out.checked[rows] = "spectrum"
    return decays(batch.take(rows), _rows(batch, out.a, rows), DECADES / (horizon * _slowest(batch)))


def _slowest(batch: Batch) -> float:
    return max(float(tau.max()) for tau in batch.chip.tau)


def _by_ode(batch: Batch, out: Equilibrium, rows: NDArray[np.int64], tol: Array, horizon: float) -> None:
    """What the hardware does from a = 0: the verdict where passes have none."""
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
        rec.tally[WRITTEN] = 0
        etd.advance(part.packed, a, work, rec, t_end, rtol, 1e-3 * rtol, stop, -1)
        rec.clock[STEP] = 0.0
    entries.target(part.packed, a, work[0], z)
    entries.residual(part.packed, a, z, found)
    out.evaluations += float(rec.tally[EVALUATIONS]) * len(rows) / batch.packed.batch
    known = rec.tally[KEPT]
    status = datasets.trend(rec.history_t[:known], rec.history[:known])
    status[found <= tol[rows]] = datasets.CONVERGED
    status[~rec.alive] = datasets.DIVERGED
    out.status[rows], out.residual[rows] = status, found
    _put(batch, out.a, rows, part, a, np.ones(len(rows), bool))
