"""`relax`: what an oscilloscope sees from the moment the input is switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from analogsim.arrays import finite, generator
from analogsim.chip.population import Population
from analogsim.chip.whole import Chip
from analogsim.engine import clocks, datasets, delays, entries, equilibrium
from analogsim.engine.amplified import Amplified
from analogsim.engine.clocks import Clock
from analogsim.engine.noise.reads import SUBTICK, ReadNoise, freeze
from analogsim.engine.packing import Batch, Stream, drive, prepare, writable
from analogsim.engine.recorder import EVALUATIONS, KEPT, STEP, TIME, Record, new_record
from analogsim.engine.solvers import Options, Solver, name_of, takes_noise
from analogsim.engine.solvers import solver as find_solver
from analogsim.errors import InputError, instance, number, out_of_range
from analogsim.wiring import Wiring

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.floating]
LONGEST = 1e7
"""Time units of one run; more is a slip of the keyboard."""
FOR_NOISE = "exponential-sra"
"""The solver where there is white noise at the nodes."""


def relax(
    chip: Chip | Population,
    x: ArrayLike | Stream,
    y: ArrayLike | None = None,
    *,
    wiring: Wiring,
    beta: ArrayLike,
    t_end: float | None = None,
    times: ArrayLike | None = None,
    solver: str | Solver = "auto",
    rtol: float = 1e-4,
    atol: float = 1e-7,
    seed: int | np.random.Generator = 0,
    initial: list[Array] | xr.Dataset | None = None,
    dt: float = 0.05,
    clock: Clock | None = None,
    delay: float | None = None,
    tol: float = 1e-3,
    dtype: DTypeLike = np.float64,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Integrate the compartments of every neuron from a = 0, the input switched on at t = 0.

    Solves τ_k^± da_k^±/dt = −a_k^± + g(W_k u_k^± + V_{k+1} v_k^±) + b_k + o − (±1) n^± β ∇ℓ(r^±)·[k = L] + noise.
    If ``chip.tia`` is given, W u and V v pass through the poles of its amplifiers (`analogsim.chip.amplifiers`), which
    start at zero; ``residual`` is still max |z(a) − a| with the amplifiers at rest.

    Parameters
    ----------
    chip : Chip or Population
        What `Circuit.program` returned; a population gives a dimension ``chip``.
    x : (sample, feature) array, or Stream
        Clamped input; a `Stream` presents its samples one after another.
    y : (sample, class) array, optional
        Target; may be None at β = 0.
    wiring : Wiring
        The nominal rule; the chip holds its own deviations from it.
    beta : float or (sample,) array
        Nudging strength, of either sign.
    t_end : float
        In units of the chip's ``time_unit``; > 0. A stream's own length by default.
    times : (time,) array, optional
        Increasing, within [0, t_end]: where to keep the state. The end alone by default.
    solver : str, or callable
        "auto" ("adams" where nothing cuts the run into stretches, else "etd", about half as fast; "exponential-sra" if
        there is white noise at the nodes), "adams", "etd", "dp5", "exponential-em", "exponential-sra", or scipy's
        "scipy:RK23", "scipy:RK45", "scipy:DOP853", "scipy:Radau", "scipy:BDF" and "scipy:LSODA"; any name of
        `analogsim.register.solver`, or a solver of your own, see `analogsim.engine.solvers.Solver`.
    rtol, atol : float
        Tolerances of the adaptive solvers. Ours keep max |error| of each step below atol + rtol·max |a| for every
        sample, so the worst sample sets the step; scipy's measure an RMS over the whole batch.
    seed : int or numpy.random.Generator
        For noise. The same seed gives the same bits.
    initial : list of (2, sample, n) arrays, or a Dataset from `settle` or `relax`
        State at t = 0 instead of zero.
    dt : float
        Largest step of the fixed-step solvers and of coloured noise, in units of ``time_unit``.
    clock : Clock, optional
        Update neurons or layers at the ticks of Poisson clocks instead of continuously.
    delay : float, optional
        Transport delay of every signal between layers, in units of ``time_unit``; fixed steps of at most `dt`.
    tol : float
        A sample has converged if max |τ da/dt| / min(1, |β|) is below this at the end. On a noisy chip, whose residual
        never falls below its noise, the verdict is that of the same network without noise, from the state reached.
    dtype : float64 or float32
        Of state and arithmetic; time and step control are always float64.
    progress : callable
        Called with the time reached after each accepted step.

    Returns
    -------
    xarray.Dataset
        ``a_k``, ``s_k`` (sample, time, compartment, layer k), ``residual`` = max |τ da/dt| (sample, time), ``status``
        (sample): converged, diverged, oscillating or slow.

    Raises
    ------
    InputError
        For NaN or Inf, shapes that do not match, t_end ≤ 0, times that do not increase, an unknown solver.
    """
    if isinstance(chip, Population):
        from analogsim.engine.each_chip import over

        shared = {k: v for k, v in locals().items() if k not in ("chip", "over", "x", "y", "seed", "initial")}
        return over(chip, seed, initial, lambda one, rng, state: relax(one, x, y, seed=rng, initial=state, **shared))
    rng = generator(seed)
    drawn_from = datasets.seed_of(seed, rng)
    instance("chip", chip, Chip, "a Chip or a Population, as circuit(...).program(network) returns them")
    instance("clock", clock, Clock | None, "a Clock, as in Clock(rate=4)")
    instance("progress", progress, Callable | None, "a function of the time reached")
    if chip.has_noise and chip.read_mode == "quasi-static":
        chip = freeze(chip, rng)
    stream = x if isinstance(x, Stream) else None
    if stream is not None:
        if y is not None:
            raise InputError("y is given beside a Stream, which carries its own targets.")
        x, y = stream.x[0], None if stream.y is None else stream.y[0]  # type: ignore[index]
        t_end = len(stream) * stream.dwell if t_end is None else t_end
    batch = prepare(chip, x, y, wiring, beta, dtype)  # type: ignore[arg-type]
    t_end, wanted = _times(t_end, times)
    rtol, atol, tol = number("rtol", rtol, above=0), number("atol", atol, above=0), number("tol", tol, above=0)
    dt = number("dt", dt, low=t_end * 1e-9, words=f"dt > 0, and at most 1e9 steps to t_end = {t_end:g}")
    if clock is not None or delay is not None:
        return _special(batch, stream, t_end, wanted, clock, delay, dt, rng, initial, tol, drawn_from)
    chosen: Solver = find_solver(_best(batch, stream) if isinstance(solver, str) and solver == "auto" else solver)
    name = name_of(chosen)
    advance: Solver | Amplified = chosen
    if chip.tia is not None:
        if name != "etd":
            raise InputError(f"solver = {name!r}: amplifiers with dynamics are integrated by 'etd' ('auto').")
        advance = Amplified(batch)
    if chip.node_noise > 0 and not takes_noise(chosen):
        raise InputError(
            f"solver = {name!r} is deterministic, but the chip has node noise {chip.node_noise:g}. "
            f"Use solver = {FOR_NOISE!r}, or 'auto'."
        )
    sigma = np.full(batch.packed.leak.shape, chip.node_noise)
    options = Options(rtol, atol, dt, sigma, rng, 0.0, progress)
    a = start(batch, initial)
    run = _Run(batch, wanted, a, drawn_from)
    for stop, current in _segments(batch, stream, rng, dt, t_end, run):
        run.advance(advance, current, stop, options)
    return run.dataset(tol, solver=name, rtol=rtol, atol=atol)


def _best(batch: Batch, stream: Stream | None) -> str:
    """The fastest solver that suits.

    "adams" is a multistep method: it loses its history whenever amplifiers, samples or noise change; "etd" there.
    """
    chip = batch.chip
    if chip.node_noise > 0:
        return FOR_NOISE
    return "etd" if chip.has_noise or chip.tia is not None or stream is not None else "adams"


def _special(
    batch: Batch,
    stream: Stream | None,
    t_end: float,
    times: Array,
    clock: Clock | None,
    delay: float | None,
    dt: float,
    rng: np.random.Generator,
    initial: list[Array] | xr.Dataset | None,
    tol: float,
    seed: datasets.Seed,
) -> xr.Dataset:
    """Clocks and delays, which march in their own ways."""
    if clock is not None and delay is not None:
        raise InputError("clock and delay exclude each other: a held state is already old when it is read.")
    if stream is not None or batch.chip.has_noise or batch.chip.tia is not None:
        what = "noise on the chip" if batch.chip.has_noise else "amplifiers with dynamics"
        what = "a stream" if stream is not None else what
        raise InputError(f"{'clock' if clock else 'delay'} does not go together with {what}.")
    run = _Run(batch, times, start(batch, initial), seed)
    if clock is not None:
        run.advance(lambda b, a, rec, t, _: clocks.advance(b, a, rec, t, clock, rng), batch, t_end, Options())
        return run.dataset(tol, solver=f"Poisson clocks of each {clock.of}, {clock.rate:g} ticks a unit of time")
    assert delay is not None
    delays.check(delay)
    run.advance(lambda b, a, rec, t, _: delays.advance(b, a, rec, t, dt, delay), batch, t_end, Options())
    return run.dataset(tol, solver=f"exponential Euler with a delay of {delay:g}")


class _Run:
    """The outputs of one trajectory, put together from its segments."""

    def __init__(self, batch: Batch, times: Array, a: Array, seed: datasets.Seed) -> None:
        self.batch, self.times, self.a, self.seed = batch, times, a, seed
        self.t = 0.0
        self.step = 0.0
        self.alive = np.ones(batch.packed.batch, bool)
        self.blown_at = np.full(batch.packed.batch, np.inf)
        self.states: list[Array] = []
        """(time, 2·B·N) of each segment."""
        self.residuals: list[Array] = []
        self.history: list[tuple[Array, Array]] = []
        self.evaluations = 0

    def advance(self, solver: Any, batch: Batch, stop: float, options: Options) -> None:
        rec = new_record(batch.packed.batch, self._due(stop), self.a.size, self.a.dtype, self.step)
        rec.clock[TIME] = self.t
        rec.alive[:], rec.blown_at[:] = self.alive, self.blown_at
        solver(batch, self.a, rec, stop, options)
        self._take(batch, rec)
        self.t = stop

    def _due(self, stop: float) -> Array:
        first = sum(map(len, self.states))
        return self.times[first : np.searchsorted(self.times, stop, side="right")]

    def _take(self, batch: Batch, rec: Record) -> None:
        s, z = np.empty_like(self.a), np.empty_like(self.a)
        residuals = np.empty((len(rec.out), batch.packed.batch))
        for state, residual in zip(rec.out, residuals, strict=True):
            entries.target(batch.packed, state, s, z)
            entries.residual(batch.packed, state, z, residual)
        if len(rec.out):
            self.states.append(rec.out)
            self.residuals.append(residuals)
            self.kept = batch
        known = rec.tally[KEPT]
        self.history.append((rec.history_t[:known].copy(), rec.history[:known].copy()))
        self.step = float(rec.clock[STEP])
        self.alive, self.blown_at = rec.alive, rec.blown_at
        self.evaluations += int(rec.tally[EVALUATIONS])
        self.last = batch

    def dataset(self, tol: float, **attrs: object) -> xr.Dataset:
        batch = self.batch
        s, z, final = np.empty_like(self.a), np.empty_like(self.a), np.empty(batch.packed.batch)
        entries.target(self.last.packed, self.a, s, z)
        entries.residual(self.last.packed, self.a, z, final)
        t = np.concatenate([h[0] for h in self.history])
        status = datasets.trend(t, np.concatenate([h[1] for h in self.history]))
        if batch.chip.has_noise:
            # A residual that noise moves about says nothing; the network without it, from the same state, does.
            kept = self.kept
            quiet = kept.with_drive(drive(batch.chip, kept.x, batch.wiring, self.a.dtype))
            status = equilibrium.find(quiet, self.a, tol * scale(batch.beta)).status
        else:
            status[final <= tol * scale(batch.beta)] = datasets.CONVERGED
        status[~self.alive] = datasets.DIVERGED
        states = self.states[0] if len(self.states) == 1 else np.concatenate(self.states)
        layers = [a.transpose(2, 0, 1, 3) for a in batch.split(states)]
        variables = datasets.layer_variables(batch, layers, ("sample", "time", "compartment"))
        trace = {"long_name": "residual max |τ da/dt|", "units": "activity"}
        variables["residual"] = (("sample", "time"), np.concatenate(self.residuals).T, trace)
        variables["status"] = datasets.status_variable(status)
        blown = {"long_name": "time of blow-up", "units": "time unit of the chip"}
        variables["blown_at"] = (("sample",), self.blown_at, blown)
        # Store the sample that was presented last; `gradient` needs it.
        variables |= datasets.inputs(self.kept)
        clock = {"long_name": "time", "units": "τ", "seconds": batch.chip.time_unit}
        coords: datasets.Variables = {"time": ("time", self.times, clock)}
        return datasets.dataset(variables, batch, seed=self.seed, coords=coords, evaluations=self.evaluations, **attrs)


def _segments(batch: Batch, stream: Stream | None, rng: np.random.Generator, dt: float, t_end: float, run: _Run) -> Any:
    """Yield (end, problem) for stretches of constant drive: between changes of the sample and of the noise."""
    chip = batch.chip
    noise = ReadNoise(batch, rng)
    nodes = chip.nodes.processes(batch.size, rng)
    period = chip.read_period
    tick = min(SUBTICK, period / 8) if chip.read_mode == "ou" else period / np.ceil(period / SUBTICK)
    tick = min(tick, dt) if nodes else tick
    shown, drawn, t, before = 0, 0, 0.0, 0.0
    while t < t_end:
        stop = t_end
        if stream is not None:
            here = min(int((t + 1e-9) / stream.dwell), len(stream) - 1)
            if here != shown:
                shown, batch = here, _present(batch, stream, here)
                noise.present()
            stop = min(stop, (here + 1) * stream.dwell) if here + 1 < len(stream) else stop
        current = batch
        if noise.sources or nodes:
            stop = min(stop, (np.floor((t + 1e-9) / tick) + 1) * tick)
            drive = batch.packed.drive
            if noise.sources:
                noise.batch = batch
                if chip.read_mode == "ou" and t > 0:
                    noise.redraw(np.exp(-(t - before) / period))
                elif chip.read_mode != "ou" and int((t + 1e-9) / period) != drawn:
                    drawn = int((t + 1e-9) / period)
                    noise.redraw()
                drive = noise.drive(run.a)
            for process in nodes:
                drive = drive + process.step(t - before, rng)
            current = batch.with_drive(drive.astype(batch.packed.drive.dtype))
        before = t
        yield stop, current
        t = stop


def _present(batch: Batch, stream: Stream, step: int) -> Batch:
    """The same problem with the stream's next sample."""
    x = np.asarray(stream.x)[step]
    y = None if stream.y is None else np.asarray(stream.y)[step]
    p = batch.packed
    packed = p._replace(
        drive=drive(batch.chip, x, batch.wiring, p.drive.dtype),
        target=p.target if y is None else writable(y, p.target.dtype),
    )
    return Batch(batch.chip, batch.wiring, x, y, batch.beta, packed)


def start(batch: Batch, initial: list[Array] | xr.Dataset | None) -> Array:
    """Packed initial state."""
    if initial is None:
        return np.zeros_like(batch.packed.drive)
    shapes = [(2, batch.packed.batch, n) for n in batch.chip.sizes[1:]]
    if not isinstance(initial, list | tuple) and not hasattr(initial, "data_vars"):
        raise InputError("initial: expected a list of (compartment, sample, n) arrays, or a result.")
    if isinstance(initial, list | tuple):
        layers = [finite("initial", a) for a in initial]
    else:
        at_end = initial.isel(time=-1) if "time" in initial.dims else initial
        try:
            layers = [
                finite("initial", at_end[f"a_{k + 1}"].transpose("compartment", "sample", f"layer{k + 1}").values)
                for k in range(len(shapes))
            ]
        except (KeyError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"initial is no result of settle or relax for this chip ({error}).") from None
    if [a.shape for a in layers] != shapes:
        raise InputError(
            f"initial has shapes {[a.shape for a in layers]}; expected {shapes}, (compartment, sample, n)."
        )
    return batch.join(layers)


def scale(beta: Array) -> Array:
    """min(1, |β|), and 1 at β = 0: the unit in which residuals are judged."""
    size = np.minimum(1.0, np.abs(beta))
    return np.where(size == 0, 1.0, size)


def _times(t_end: float | None, times: ArrayLike | None) -> tuple[float, Array]:
    if t_end is None and times is None:
        raise InputError("t_end is missing: how long to integrate, in units of the chip's time_unit.")
    wanted = None if times is None else np.atleast_1d(finite("times", times))
    if wanted is not None and (wanted.ndim != 1 or not wanted.size):
        raise InputError("times: expected a list of finite numbers, at least one.")
    if t_end is None and wanted is not None:
        last = number("the last of times", wanted[-1], above=0, high=LONGEST)
    else:
        last = number("t_end", t_end, above=0, high=LONGEST)
    if wanted is None:
        return last, np.array([last])
    if (np.diff(wanted) <= 0).any():
        raise InputError("times must increase.")
    # Times of float32 that are meant to end at t_end do so to their own rounding only.
    given = getattr(times, "dtype", None)
    slack = float(np.finfo(given).eps) if given is not None and given.kind == "f" else 0.0
    if wanted[0] < 0 or wanted[-1] > last * (1 + max(1e-12, slack)):
        raise out_of_range("times", f"{wanted[0]:g}...{wanted[-1]:g}", f"within [0, t_end = {last:g}]")
    return last, np.minimum(wanted, last)
