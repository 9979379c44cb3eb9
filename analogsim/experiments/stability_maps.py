"""The stability map: what linear theory predicts of a circuit under a rule, against what the ODE does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import numpy as np
import xarray as xr

from analogsim.engine import datasets, equilibrium
from analogsim.engine.packing import prepare as pack
from analogsim.engine.resting import quiet
from analogsim.engine.solvers import Solver
from analogsim.engine.spectrum import leading
from analogsim.engine.transient import LONGEST, relax, scale
from analogsim.errors import InputError, number, whole
from analogsim.experiments.results import stamped
from analogsim.experiments.setup import Setup, prepare
from analogsim.experiments.sweeps.axes import Axis, axis, check_together, split
from analogsim.settings.keyed import put
from analogsim.settings.record import Settings

MODES = ("equilibrium", "free state")


def stability_map(
    settings: Settings,
    over: Iterable[str],
    *,
    samples: int = 8,
    tol: float = 1e-5,
    horizon: float = 200.0,
    solver: str | Solver | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> xr.Dataset:
    """Predict and simulate stability at every point of a grid.

    Parameters
    ----------
    settings : Settings
        Circuit, rule, network and data; nothing is trained.
    over : iterable of str
        Axes as of a sweep, ``"alpha=0:1:0.05"``.
    samples : int
        Training samples that are settled at each point; ≥ 1.
    tol : float
        Of `settle`.
    horizon : float
        How long the ODE runs from a = 0, in largest time constants; > 0.
    solver : str or callable, optional
        Integrates the ODE as `relax` does, over the whole of `horizon`; if not given, ETD3(2) until it rests.

    Returns
    -------
    xarray.Dataset
        ``spectral_abscissa`` and ``frequency`` of the least stable sample, ``linearised_at`` ("equilibrium", or the
        "free state" at β = 0 where sweeps find none), ``converged`` and ``diverged`` (shares of the samples),
        ``verdict`` (the worst), over the swept keys.
    """
    samples, tol = whole("samples", samples), number("tol", tol, above=0)
    horizon = number("horizon", horizon, above=0, high=LONGEST)
    axes = [axis(*split(text), settings) for text in over]
    if sum(len(a.values) > 1 for a in axes) > 2:
        raise InputError(f"a stability map has one or two axes of several values; --over names {len(axes)}.")
    check_together(settings, axes)
    shape = tuple(len(a.values) for a in axes)
    found: dict[str, np.ndarray] = {name: np.full(shape, np.nan) for name in ("spectral_abscissa", "frequency")}
    found |= {name: np.zeros(shape) for name in ("converged", "diverged")}
    found |= {"verdict": np.empty(shape, "<U11"), "linearised_at": np.empty(shape, "<U11")}
    setup = None
    for done, index in enumerate(product(*(range(n) for n in shape)), start=1):
        fields = dict(vars(settings))
        for a, i in zip(axes, index, strict=True):
            fields = put(fields, a.key, a.values[i])
        setup = prepare(Settings(**fields))
        for name, value in _point(setup, samples, tol, horizon, solver).items():
            found[name][index] = value
        if progress is not None:
            progress(done, int(np.prod(shape)))
    assert setup is not None
    return _dataset(axes, found, setup, horizon)


def _point(
    setup: Setup, samples: int, tol: float, horizon: float, solver: str | Solver | None
) -> dict[str, float | str]:
    x, y = setup.data.train_x[:samples], setup.data.train_y[:samples]
    rng = np.random.default_rng(setup.settings.seed)
    batch = quiet(pack(setup.chip, x, y, setup.wiring, setup.settings.beta), rng)
    zero, bound = np.zeros(batch.size), tol * scale(batch.beta)
    rest = equilibrium.rest(batch, zero, bound)
    at_rest = rest.status == datasets.CONVERGED
    if not at_rest.all():
        # Linear theory at the state without a nudge is still a prediction, of how a small nudge grows.
        free = batch.split(equilibrium.rest(batch.unnudged(), zero, bound).a)
        for layer, other in zip(batch.split(rest.a), free, strict=True):
            layer[:, ~at_rest] = other[:, ~at_rest]
    modes = []
    for row in range(len(x)):
        rows = np.array([row])
        modes.append(leading(batch.take(rows), np.concatenate([a[:, rows].ravel() for a in batch.split(rest.a)])))
    worst = max(range(len(modes)), key=lambda k: modes[k][0])
    if solver is None:
        codes = equilibrium.find(batch, zero, bound, method="ode", horizon=horizon).status
        truth = np.array(datasets.STATUS)[codes]
    else:
        s, slowest = setup.settings, max(float(tau.max()) for tau in setup.chip.tau)
        truth = relax(
            setup.chip, x, y, wiring=setup.wiring, beta=s.beta, t_end=horizon * slowest, solver=solver, seed=s.seed
        )["status"].values
    order = [datasets.STATUS[k] for k in (datasets.CONVERGED, datasets.SLOW, datasets.OSCILLATING, datasets.DIVERGED)]
    return {
        "spectral_abscissa": modes[worst][0],
        "frequency": modes[worst][1] / (2 * np.pi),
        "linearised_at": MODES[0] if at_rest[worst] else MODES[1],
        "converged": float((truth == "converged").mean()),
        "diverged": float((truth == "diverged").mean()),
        "verdict": str(max(truth, key=order.index)),
    }


def _dataset(axes: list[Axis], found: dict[str, np.ndarray], setup: Setup, horizon: float) -> xr.Dataset:
    about = {
        "spectral_abscissa": ("predicted spectral abscissa", "1/τ"),
        "frequency": ("frequency of the leading mode", "1/τ"),
        "linearised_at": ("where the prediction was made", ""),
        "converged": ("samples that settle", "1"),
        "diverged": ("samples that diverge", "1"),
        "verdict": ("worst verdict of the ODE from a = 0", ""),
    }
    dims = [a.key for a in axes]
    variables = {
        name: (dims, found[name], {"long_name": words, "units": units}) for name, (words, units) in about.items()
    }
    coords = {a.key: (a.key, list(a.values), {"long_name": a.long_name, "units": a.units}) for a in axes}
    attrs = {"figure": "stability", "horizon_tau": horizon}
    return stamped(xr.Dataset(variables, coords, attrs), **setup.record())
