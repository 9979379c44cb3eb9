"""`settle`: where the network comes to rest, and whether it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from analogsim.arrays import generator
from analogsim.chip.population import Population
from analogsim.chip.whole import Chip
from analogsim.engine import datasets, equilibrium, passes
from analogsim.engine.equilibrium import Equilibrium
from analogsim.engine.noise.reads import ReadNoise, freeze
from analogsim.engine.packing import Batch, prepare
from analogsim.engine.transient import LONGEST, scale, start
from analogsim.errors import InputError, flag, number, one_of, whole
from analogsim.wiring import Wiring

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.floating]


def settle(
    chip: Chip | Population,
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    wiring: Wiring,
    beta: ArrayLike,
    tol: float = 1e-5,
    method: str = "auto",
    eta: float = 0.05,
    max_sweeps: int = 120,
    horizon: float = 200.0,
    initial: list[Array] | xr.Dataset | None = None,
    seed: int | np.random.Generator = 0,
    stability: bool = False,
    confirm: bool = False,
    dtype: DTypeLike = np.float64,
) -> xr.Dataset:
    """Find the equilibrium a = z(a) of every sample, with a verdict for each.

    Noise is held: one draw of every source for the whole settle (the quasi-static limit), so that a noisy chip has an
    equilibrium too.

    Parameters
    ----------
    chip, x, y, wiring, beta, initial, dtype
        As in `relax`.
    tol : float
        Bounds max |τ da/dt| / min(1, |β|), in units of the activity; > 0. float32 does not reach below about 1e-6.
    method : str
        "auto": sweeps in the order that suits the wiring, Anderson acceleration of slow samples, and the ODE from
        a = 0 for what is left or proves unstable. "up-down", "sor", "synchronous" (the papers' damped iteration) and
        "ode" do just that.
    eta : float
        Damping of "synchronous"; 0 < η ≤ 1.
    max_sweeps : int
    horizon : float
        How long the ODE may run, in units of the largest time constant.
    seed : int or numpy.random.Generator
    stability : bool
        Adds ``spectral_abscissa`` and ``frequency`` of every settled sample.
    confirm : bool
        Adds ``hardware``: whether the ODE from a = 0 ends in the "same" equilibrium, "elsewhere", or "leaves".

    Returns
    -------
    xarray.Dataset
        ``a_k``, ``s_k`` (sample, compartment, layer k), ``residual`` and ``status`` (sample), ``checked`` (what the
        verdict rests on), and x, y, β and the wiring, which `gradient` needs.

    Raises
    ------
    InputError
        As `relax`; for tol ≤ 0 or an unknown method.
    """
    if isinstance(chip, Population):
        from analogsim.engine.each_chip import over

        shared = {k: v for k, v in locals().items() if k not in ("chip", "over", "x", "y", "seed", "initial")}
        return over(chip, seed, initial, lambda one, rng, state: settle(one, x, y, seed=rng, initial=state, **shared))
    tol = number("tol", tol, above=0)
    horizon = number("horizon", horizon, above=0, high=LONGEST)
    eta = number("eta", eta, above=0, high=1)
    max_sweeps = whole("max_sweeps", max_sweeps, high=10**6)
    one_of("method", method, equilibrium.METHODS)
    flag("stability", stability)
    flag("confirm", confirm)
    rng = generator(seed)
    drawn_from = datasets.seed_of(seed, rng)
    batch = quiet(prepare(chip, x, y, wiring, beta, dtype), rng)
    options = {"method": method, "eta": eta, "max_sweeps": max_sweeps, "horizon": horizon}
    found = equilibrium.find(batch, start(batch, initial), tol * scale(batch.beta), **options)  # type: ignore[arg-type]
    return _dataset(batch, found, tol, horizon, stability, confirm, drawn_from)


def quiet(batch: Batch, rng: np.random.Generator) -> Batch:
    """The same problem with one held draw of every noise source in its drive."""
    chip = batch.chip
    if not chip.has_noise:
        return batch
    if chip.read_mode == "quasi-static":
        frozen = prepare(freeze(chip, rng), batch.x, batch.y, batch.wiring, batch.beta, batch.packed.drive.dtype)
        batch = Batch(chip, batch.wiring, batch.x, batch.y, batch.beta, frozen.packed)
        extra = ReadNoise(frozen, rng).drive(np.zeros_like(batch.packed.drive)) - batch.packed.drive
    else:
        # The size of the noise depends on the signals; two sweeps bring those close enough.
        flow = passes.new_flow(np.zeros_like(batch.packed.drive), batch.packed)
        passes.once(batch.packed, flow, "begin")
        passes.once(batch.packed, flow, "up-down")
        extra = ReadNoise(batch, rng).drive(flow.a) - batch.packed.drive
    extra = extra + chip.node_noise * rng.standard_normal(extra.shape)
    for process in chip.nodes.processes(extra.size, rng):
        extra = extra + process.step(0.0, rng)
    return batch.with_drive((batch.packed.drive + extra).astype(batch.packed.drive.dtype))


def _dataset(
    batch: Batch, found: Equilibrium, tol: float, horizon: float, stability: bool, confirm: bool, seed: datasets.Seed
) -> xr.Dataset:
    layers = [a.transpose(1, 0, 2) for a in batch.split(found.a)]
    variables = datasets.layer_variables(batch, layers, ("sample", "compartment"))
    trace = {"long_name": "residual max |τ da/dt|", "units": "activity"}
    variables["residual"] = (("sample",), found.residual, trace)
    variables["status"] = datasets.status_variable(found.status)
    variables["checked"] = (("sample",), found.checked, {"long_name": "what the verdict rests on", "units": "1"})
    if stability:
        variables |= _spectrum(batch, found)
    if confirm:
        variables["hardware"] = _confirmed(batch, found, tol, horizon)
    variables |= datasets.inputs(batch)
    return datasets.dataset(variables, batch, seed=seed, evaluations=found.evaluations, tol=tol)


def _spectrum(batch: Batch, found: Equilibrium) -> datasets.Variables:
    from analogsim.engine.spectrum import leading

    values = np.full((2, len(found.status)), np.nan)
    for row in np.flatnonzero(found.status == datasets.CONVERGED):
        rows = np.array([row])
        a = np.concatenate([layer[:, rows].ravel() for layer in batch.split(found.a)])
        values[:, row] = leading(batch.take(rows), a)
    return {
        "spectral_abscissa": (("sample",), values[0], {"long_name": "spectral abscissa", "units": "1/τ"}),
        "frequency": (("sample",), values[1] / (2 * np.pi), {"long_name": "frequency of leading mode", "units": "1/τ"}),
    }


def _confirmed(batch: Batch, found: Equilibrium, tol: float, horizon: float) -> tuple[Any, ...]:
    """Compare with where the ODE from a = 0 ends."""
    zero = np.zeros_like(found.a)
    truth = equilibrium.find(batch, zero, tol * scale(batch.beta), method="ode", horizon=horizon)
    words = []
    pairs = list(zip(batch.split(found.a), batch.split(truth.a), strict=True))
    for row, status in enumerate(found.status):
        gap = max(float(np.abs(a[:, row] - b[:, row]).max()) for a, b in pairs)
        size = max(float(np.abs(b[:, row]).max()) for _, b in pairs)
        if status != datasets.CONVERGED:
            words.append("unsettled")
        elif truth.status[row] == datasets.CONVERGED:
            words.append("same" if gap <= 1e-2 * max(size, 1e-3) else "elsewhere")
        else:
            words.append("leaves")
    return (("sample",), np.array(words, dtype="<U9"), {"long_name": "what the ODE from a = 0 does", "units": "1"})


def states(
    chip: Chip,
    x: Array,
    y: Array | None,
    wiring: Wiring,
    beta: ArrayLike,
    *,
    tol: float = 1e-4,
    rng: np.random.Generator | None = None,
    dtype: DTypeLike = np.float64,
) -> tuple[Batch, Equilibrium]:
    """`settle` without labels, for training loops."""
    batch = prepare(chip, x, y, wiring, beta, dtype)
    batch = quiet(batch, rng or np.random.default_rng(0))
    return batch, equilibrium.find(batch, np.zeros_like(batch.packed.drive), tol * scale(batch.beta))


def require_converged(found: Equilibrium) -> None:
    """Raise if any sample has not settled."""
    bad = np.flatnonzero(found.status != datasets.CONVERGED)
    if len(bad):
        words = ", ".join(f"{datasets.STATUS[found.status[b]]} (sample {b})" for b in bad[:4])
        raise InputError(f"{len(bad)} of {len(found.status)} samples did not settle: {words}.")
