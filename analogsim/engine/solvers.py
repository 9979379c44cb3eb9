"""The solvers by name, behind one call: advance a packed state to a time and fill the record.

What needs ``scipy.integrate`` is loaded when it is asked for: importing that takes longer than a small simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.engine import adams, etd, stochastic
from analogsim.engine.packing import Batch
from analogsim.engine.recorder import EVALUATIONS, TIME, Record
from analogsim.errors import unknown

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Options:
    """What a solver may need: tolerances, the step of fixed-step methods, node noise, a stop, progress."""

    rtol: float = 1e-4
    atol: float = 1e-7
    dt: float = 0.05
    sigma: Array | None = None
    rng: np.random.Generator | None = None
    stop: float = 0.0
    progress: Callable[[float], None] | None = None


Solver = Callable[[Batch, Array, Record, float, Options], int]


def _adaptive(advance: Callable[..., int], rows: int) -> Solver:
    def run(batch: Batch, a: Array, rec: Record, t_end: float, options: Options) -> int:
        work = np.empty((rows, a.size), a.dtype)
        rec.tally[EVALUATIONS] = 0
        rtol, atol, stop = options.rtol, options.atol, options.stop
        return _in_turns(lambda n: advance(batch.packed, a, work, rec, t_end, rtol, atol, stop, n), rec, options)

    return run


def _multistep(batch: Batch, a: Array, rec: Record, t_end: float, options: Options) -> int:
    work, past = np.zeros((7, a.size), a.dtype), np.zeros(6)
    rec.tally[EVALUATIONS] = 0
    rtol, atol, stop = options.rtol, options.atol, options.stop
    return _in_turns(
        lambda n: adams.advance(batch.packed, a, work, past, rec, t_end, rtol, atol, stop, n), rec, options
    )


def _explicit(batch: Batch, a: Array, rec: Record, t_end: float, options: Options) -> int:
    from analogsim.engine import dp5

    return _adaptive(dp5.advance, 11)(batch, a, rec, t_end, options)


def _stochastic(order: int) -> Solver:
    def run(batch: Batch, a: Array, rec: Record, t_end: float, options: Options) -> int:
        work = np.empty((7, a.size), a.dtype)
        sigma = np.zeros_like(batch.packed.leak, dtype=float) if options.sigma is None else options.sigma
        rng = options.rng or np.random.default_rng(0)
        dt = options.dt
        return _in_turns(
            lambda n: stochastic.advance(batch.packed, a, work, rec, t_end, dt, sigma, rng, order, n), rec, options
        )

    return run


def _in_turns(advance: Callable[[int], int], rec: Record, options: Options) -> int:
    """Step by step if somebody wants to see the progress, else in one call."""
    if options.progress is None:
        return advance(-1)
    while (code := advance(1)) == 0:
        options.progress(float(rec.clock[TIME]))
    options.progress(float(rec.clock[TIME]))
    return code


def _scipy(method: str) -> Solver:
    def advance(batch: Batch, a: Array, rec: Record, t_end: float, options: Options) -> int:
        from analogsim.engine import scipy_solver

        return scipy_solver.advance(batch, a, rec, t_end, method, options.rtol, options.atol)

    return advance


SCIPY = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")
SOLVERS: dict[str, Solver] = {
    "adams": _multistep,
    "etd": _adaptive(etd.advance, 6),
    "dp5": _explicit,
    "exponential-em": _stochastic(1),
    "exponential-sra": _stochastic(2),
    **{f"scipy:{method}": _scipy(method) for method in SCIPY},
}
STOCHASTIC = ("exponential-sra", "exponential-em")


def solver(name: str) -> Solver:
    """Look a solver up by its name."""
    if not isinstance(name, str) or name not in SOLVERS:
        raise unknown("solver", name, SOLVERS)
    return SOLVERS[name]
