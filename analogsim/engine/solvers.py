"""What every solver answers to: advance a packed state to a time and fill the record.

A solver registers where it is defined, with `register.solver`, and is loaded when it is asked for: importing
``scipy.integrate`` alone takes longer than a small simulation. One that draws white noise at the nodes has an attribute
``takes_noise = True``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analogsim.engine import entries
from analogsim.engine.entries import bury, keep_dead, note
from analogsim.engine.packing import Batch
from analogsim.engine.recorder import ACCEPTED, DONE, EVALUATIONS, TIME, WRITTEN, Record
from analogsim.errors import InputError, shown
from analogsim.foreign import is_ours
from analogsim.registry import register

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


class Solver(Protocol):
    """Integrates `a`, the packed state (2·B·N,), in place from the time in `rec.clock` to `t_end`.

    On the way it fills ``rec.out`` at ``rec.times``, notes residuals and marks samples that blow up; see
    `analogsim.engine.recorder`. What it returns is one of the codes there.
    """

    def __call__(self, batch: Batch, a: Array, rec: Record, t_end: float, options: Options, /) -> int: ...


def adaptive(advance: Callable[..., int], rows: int) -> Solver:
    """A solver of a compiled ``advance(packed, a, work, rec, t_end, rtol, atol, stop, steps)`` with `rows` of work."""

    def run(batch: Batch, a: Array, rec: Record, t_end: float, options: Options) -> int:
        work = np.empty((rows, a.size), a.dtype)
        rec.tally[EVALUATIONS] = 0
        rtol, atol, stop = options.rtol, options.atol, options.stop
        return in_turns(lambda n: advance(batch.packed, a, work, rec, t_end, rtol, atol, stop, n), rec, options)

    return run


def in_turns(advance: Callable[[int], int], rec: Record, options: Options) -> int:
    """Step by step if somebody wants to see the progress, else in one call."""
    if options.progress is None:
        return advance(-1)
    while (code := advance(1)) == 0:
        options.progress(float(rec.clock[TIME]))
    options.progress(float(rec.clock[TIME]))
    return code


Rate = Callable[[Array], Array]
"""da/dt at a state, both (2·B·N,)."""


def fixed_steps(step: Callable[[Array, float, Rate], Array]) -> Solver:
    """Make a solver of ``step(a, h, rate)``, which returns the state a time h later; ``rate(a)`` is da/dt.

    Steps are of at most ``options.dt`` and meet every requested time; samples that blow up are held where they did.

    Examples
    --------
    >>> euler = fixed_steps(lambda a, h, rate: a + h * rate(a))
    """

    @wraps(step)
    def run(batch: Batch, a: Array, rec: Record, t_end: float, options: Options) -> int:
        p = batch.packed
        s, z, scratch, tiny = np.empty_like(a), np.empty_like(a), np.empty(p.batch), 1e-12 * max(1.0, t_end)

        def rate(state: Array) -> Array:
            out = np.empty_like(a)
            entries.rate(p, np.ascontiguousarray(state, a.dtype), s, out)
            rec.tally[EVALUATIONS] += 1
            return out

        rec.tally[EVALUATIONS] = 0
        while True:
            while rec.tally[WRITTEN] < rec.times.size and rec.times[rec.tally[WRITTEN]] <= rec.clock[TIME] + tiny:
                rec.out[rec.tally[WRITTEN]] = a
                rec.tally[WRITTEN] += 1
            if rec.clock[TIME] >= t_end - tiny or not rec.alive.any():
                break
            stop = min([t_end, *rec.times[rec.tally[WRITTEN] :][:1]])
            h = min(options.dt, stop - rec.clock[TIME])
            entries.target(p, a, s, z)
            note(p, rec, a, z, scratch)
            moved = np.asarray(step(a, h, rate))
            if moved.shape != a.shape or moved.dtype.kind not in "fiu":
                raise InputError(
                    f"{run.__name__}: a step of shape {moved.shape} of {moved.dtype}; expected {a.shape} of real "
                    "numbers, as the state has."
                )
            new = np.ascontiguousarray(moved, a.dtype)
            keep_dead(p, rec, a, new)
            a[:] = new
            rec.clock[TIME] += h
            rec.tally[ACCEPTED] += 1
            bury(p, rec, a, scratch)
            if options.progress is not None:
                options.progress(float(rec.clock[TIME]))
        rec.out[rec.tally[WRITTEN] :] = a
        rec.tally[WRITTEN] = rec.times.size
        return DONE

    return run


def solver(name: str | Solver) -> Solver:
    """Look a solver up by its name; one that is given itself is returned as it is."""
    if callable(name):
        return name if is_ours(name) else _accepted(name_of(name), name)
    found: Solver = register.solver.find(name)
    if not callable(found):
        raise InputError(f"solver {name!r} is {shown(found)}; expected a function of batch, a, rec, t_end and options.")
    return found if is_ours(found) else _accepted(name, found)


def _accepted(name: str, solver: Solver) -> Solver:
    """A solver of somebody else's, if it takes what solvers take."""
    try:
        inspect.signature(solver, follow_wrapped=False).bind(*["batch", "a", "rec", "t_end", "options"])
    except TypeError as error:
        takes = inspect.signature(solver, follow_wrapped=False)
        raise InputError(
            f"the solver {name!r} takes {takes} ({error}); expected (batch, a, rec, t_end, options), as `fixed_steps` "
            "makes of a step."
        ) from None
    except ValueError:  # of a built-in function, which shows no signature
        pass
    return solver


def takes_noise(solver: Solver) -> bool:
    """Whether a solver draws white noise at the nodes."""
    return bool(getattr(solver, "takes_noise", False))


def name_of(solver: Solver) -> str:
    """What a solver is called: its name in the registry, or its own."""
    return register.solver.name_of(solver) or str(getattr(solver, "__name__", type(solver).__name__))
