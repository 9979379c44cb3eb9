"""scipy's ``solve_ivp`` on the compiled right-hand side: the reference that the other solvers are held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from analogsim.engine import entries
from analogsim.engine.kernel import BLOW_UP
from analogsim.engine.packing import Batch
from analogsim.engine.recorder import ACCEPTED, DONE, EVALUATIONS, KEPT, TIME, WRITTEN, Record
from analogsim.engine.solvers import Options
from analogsim.registry import register

TRACE = 64
"""Points at which the residual is looked at for the verdict."""


def advance(
    batch: Batch, a: NDArray[np.floating], rec: Record, t_end: float, method: str, rtol: float, atol: float
) -> int:
    """Integrate `a` in place; samples that blow up are held where they did, the others go on."""
    p = batch.packed
    s, scratch = np.empty_like(a), np.empty(p.batch)
    dead = np.zeros(a.size, bool)

    def rate(t: float, y: NDArray[np.floating]) -> NDArray[np.floating]:
        out = np.empty_like(a)
        entries.rate(p, np.ascontiguousarray(y, a.dtype), s, out)
        out[dead] = 0
        return out

    def blow_up(t: float, y: NDArray[np.floating]) -> float:
        return BLOW_UP - float(np.abs(y[~dead]).max(initial=0.0))

    blow_up.terminal = True  # type: ignore[attr-defined]
    start = rec.clock[TIME]
    trace = np.linspace(start, t_end, TRACE + 1)
    while start < t_end and not dead.all():
        wanted = rec.times[rec.tally[WRITTEN] :]
        grid = np.unique(np.concatenate([wanted[wanted <= t_end], trace[trace >= start], [t_end]]))
        # Overflow on the way to the blow-up is what the event is there to catch.
        with np.errstate(over="ignore", invalid="ignore"):
            found = solve_ivp(rate, (start, t_end), a, method=method, rtol=rtol, atol=atol, t_eval=grid, events=blow_up)
        rec.tally[EVALUATIONS] += found.nfev
        for t, y in zip(found.t, np.reshape(found.y, (a.size, -1)).T, strict=True):
            if rec.tally[WRITTEN] < rec.times.size and t == rec.times[rec.tally[WRITTEN]]:
                rec.out[rec.tally[WRITTEN]] = y
                rec.tally[WRITTEN] += 1
            if t in trace and rec.tally[KEPT] < len(rec.history_t):
                z, k = np.empty_like(a), rec.tally[KEPT]
                state = np.ascontiguousarray(y, a.dtype)
                entries.target(p, state, s, z)
                entries.residual(p, state, z, rec.history[k])
                rec.history_t[k] = t
                rec.tally[KEPT] = k + 1
        if found.status == 0:
            a[:] = found.y[:, -1]
            break
        if found.status == 1:
            start = found.t_events[0][-1]
            a[:] = found.y_events[0][-1]
        else:
            # The step size fell below rounding: what grows without bound is the sample that does.
            start, a[:] = (found.t[-1], found.y[:, -1]) if len(found.t) else (t_end, a)
        entries.extent(p, a, scratch)
        rec.clock[TIME] = start
        lost = rec.alive & (scratch >= min(0.99 * BLOW_UP, scratch[rec.alive].max()))
        rec.alive[lost] = False
        rec.blown_at[lost] = start
        dead[:] = batch.join([np.broadcast_to(~rec.alive[None, :, None], d.shape) for d in batch.split(a)]) > 0
    rec.out[rec.tally[WRITTEN] :] = a
    rec.tally[WRITTEN] = rec.times.size
    rec.tally[ACCEPTED] += rec.tally[KEPT]
    rec.clock[TIME] = t_end
    return DONE


@dataclass(frozen=True)
class Method:
    """A method of ``solve_ivp``; its tolerances measure an RMS over the whole batch."""

    name: str

    def __call__(self, batch: Batch, a: NDArray[np.floating], rec: Record, t_end: float, options: Options) -> int:
        """Integrate `a` in place; see `analogsim.engine.solvers.Solver`."""
        return advance(batch, a, rec, t_end, self.name, options.rtol, options.atol)


register.solver("scipy:RK23", "scipy's explicit Runge-Kutta of third order")(Method("RK23"))
register.solver("scipy:RK45", "scipy's explicit Runge-Kutta of fifth order")(Method("RK45"))
register.solver("scipy:DOP853", "scipy's explicit Runge-Kutta of eighth order")(Method("DOP853"))
register.solver("scipy:Radau", "scipy's implicit Runge-Kutta of fifth order")(Method("Radau"))
register.solver("scipy:BDF", "scipy's backward differences")(Method("BDF"))
register.solver("scipy:LSODA", "scipy's LSODA, which switches between stiff and non-stiff")(Method("LSODA"))
