"""Speed of the engine against named rivals: ratios of CPU time on one core, medians, all in one run.

    python benchmarks/engine.py [SECTION ...] [--quick] [--json FILE]

Sections: asynchronous, equal, single (equal τ in float32, a process of its own with JAX's x64 off), equilibria,
damped, products, start, spice. Trajectories are compared at equal measured error: each method at the loosest tolerance
whose largest deviation, over compartments and output times, from DOP853 at 1e-12 is at most 2e-4. Rivals are compiled
before they are timed and get the clamped drive computed beforehand, as we do.
"""

from __future__ import annotations

import os

for _library in ("OPENBLAS", "OMP", "MKL", "NUMBA"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("JAX_ENABLE_X64", "1")

import argparse
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import rivals
import spice
from scipy.integrate import solve_ivp

import analogsim as asim
from analogsim.engine import entries, equilibrium
from analogsim.engine.packing import Batch, prepare
from analogsim.engine.recorder import EVALUATIONS, new_record
from analogsim.engine.solvers import Options, solver

TIMES = np.array([0.5, 1, 2, 4, 8, 16, 30])
ERROR = 2e-4
SHORT = 0.05
"""Seconds of CPU that a turn of the clock takes at least."""
LONG = 5.0
"""Seconds of CPU from which a call is timed once."""
LOOSE_TO_TIGHT = [10.0 ** (-2 - k / 10) for k in range(60)]
SIZES = (784, 512, 512, 10)
DPT = asim.Wiring.adjoint_dual_propagation(alpha=0.3)

Row = dict[str, Any]


def cpu(*calls: Callable[[], Any], repeats: int = 5) -> list[float]:
    """Median CPU milliseconds of each call, taken in turns after one call of each.

    Short ones are called many times a turn; of those that take longer than LONG, one turn is enough.
    """
    spent: list[list[float]] = [[] for _ in calls]
    loops = []
    for call, times in zip(calls, spent, strict=True):
        call()
        start = time.process_time()
        call()
        once = time.process_time() - start
        loops.append(max(1, int(SHORT / max(once, 1e-6))) if once < LONG else 0)
        if once >= LONG:
            times.append(1e3 * once)
    for _ in range(repeats):
        for call, count, times in zip(calls, loops, spent, strict=True):
            if not count:
                continue
            start = time.process_time()
            for _ in range(count):
                call()
            times.append(1e3 * (time.process_time() - start) / count)
    return [float(np.median(times)) for times in spent]


def case(batch: int, spread: float, sizes: tuple[int, ...] = SIZES, dtype: Any = np.float64) -> tuple[Any, ...]:
    """Kaiming weights, sparse uniform input, lognormal time constants: chip, x, y, packed problem."""
    rng = np.random.default_rng(0)
    chip = asim.circuit("ideal").program(asim.Network.random(sizes, activation="relu", loss="mse", seed=0), seed=0)
    if spread:
        chip = chip.replace(tau=tuple(np.exp(spread * rng.standard_normal((2, n))) for n in sizes[1:]))
    x = rng.random((batch, sizes[0])) * (rng.random((batch, sizes[0])) < 0.2)
    y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=batch)]
    return chip, x, y, prepare(chip, x, y, DPT, 0.5, dtype)


def ours(batch: Batch, times: Any, rtol: float, name: str) -> Any:
    """(time, state) by one of our solvers."""
    a = np.zeros_like(batch.packed.drive)
    rec = new_record(batch.packed.batch, times, a.size, a.dtype)
    solver(name)(batch, a, rec, float(times[-1]), Options(rtol=rtol, atol=1e-3 * rtol))
    return rec.out


def reference(batch: Batch, times: Any, rtol: float = 1e-12) -> Any:
    """DOP853 on the compiled right-hand side, in double precision; kept in the temporary folder."""
    p = batch.packed
    key = hashlib.sha256(
        b"".join(np.ascontiguousarray(v).tobytes() for v in (p.w, p.v, p.drive, p.leak, p.beta, times))
    )
    kept = Path(tempfile.gettempdir(), f"analogsim-bench-{key.hexdigest()[:16]}.npy")
    if kept.exists():
        return np.load(kept)
    s = np.empty(batch.size)

    def rate(t: float, y: Any) -> Any:
        entries.rate(batch.packed, y, s, out := np.empty_like(s))
        return out

    found = solve_ivp(rate, (0, times[-1]), np.zeros(batch.size), "DOP853", times, rtol=rtol, atol=0.1 * rtol).y.T
    np.save(kept, found)
    return found


def loosest(run: Callable[[float], Any], truth: Any, error: float) -> tuple[float, float]:
    """The first tolerance of the list that is accurate enough, and its error."""
    gap = np.inf
    for rtol in LOOSE_TO_TIGHT:
        found = run(rtol)
        gap = float(np.abs(found - truth).max()) if found.shape == truth.shape else np.inf
        if gap <= error:
            return rtol, gap
    raise RuntimeError(f"no tolerance reaches {error:g}; the last gives {gap:g}")


def race(
    label: str, batch: int, spread: float, goals: dict[str, float], names: tuple[str, ...], dtype: Any
) -> list[Row]:
    """Trajectories to t = 30 at equal measured error."""
    chip, x, y, double = case(batch, spread)
    problem = double if dtype == np.float64 else case(batch, spread, dtype=dtype)[3]
    truth = reference(double, TIMES)
    eq = rivals.Equations(chip, DPT, x, y, 0.5, dtype)
    diffrax = rivals.Diffrax(eq, TIMES)
    runs = {name: (lambda rtol, name=name: ours(problem, TIMES, rtol, name)) for name in names}
    runs["diffrax Tsit5"] = lambda rtol: diffrax.trajectory(rtol, 1e-2 * rtol)
    if "scipy RK45" in goals:
        runs["scipy RK45"] = lambda rtol: rivals.scipy_trajectory(eq, TIMES, rtol, 1e-2 * rtol)
    chosen = {name: loosest(run, truth, ERROR) for name, run in runs.items()}
    timed = cpu(*(lambda run=run, r=chosen[name][0]: run(r) for name, run in runs.items()))
    spent = dict(zip(runs, timed, strict=True))
    best = min(names, key=spent.__getitem__)
    how = {name: f"{name} rtol {r:g}, error {gap:.1e}" for name, (r, gap) in chosen.items()}
    return [row(f"{label}: {how[best]}", spent[best], how[rival], spent[rival], goal) for rival, goal in goals.items()]


def row(ours_: str, mine: float, rival: str, theirs: float, goal: float) -> Row:
    """One line of the table; times in ms of CPU."""
    return {"ours": ours_, "ms": mine, "rival": rival, "rival_ms": theirs, "ratio": theirs / mine, "goal": goal}


def asynchronous(quick: bool) -> list[Row]:
    batch = 8 if quick else 32
    found = race("τ σ = 0.5", batch, 0.5, {"scipy RK45": 5, "diffrax Tsit5": 4}, ("etd", "adams"), np.float64)
    return found + race("τ σ = 1.0", batch, 1.0, {"scipy RK45": 8}, ("etd", "adams"), np.float64)


def equal(quick: bool) -> list[Row]:
    return race("equal τ, float64", 8 if quick else 32, 0.0, {"diffrax Tsit5": 1}, ("etd", "adams", "dp5"), np.float64)


def single(quick: bool) -> list[Row]:
    if os.environ["JAX_ENABLE_X64"] == "0":
        return race(
            "equal τ, float32", 8 if quick else 32, 0.0, {"diffrax Tsit5": 1}, ("etd", "adams", "dp5"), np.float32
        )
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, __file__, "single", "--json", file.name, *(["--quick"] if quick else [])]
        subprocess.run(command, check=True, env={**os.environ, "JAX_ENABLE_X64": "0"}, stdout=subprocess.DEVNULL)
        return json.loads(Path(file.name).read_text())["rows"]


def equilibria(quick: bool) -> list[Row]:
    """DP⊤ at residual 1e-5 from a = 0; an explicit rival hovers above it at loose tolerance, so it gets 1e-5."""
    rows = []
    for batch in (1, 8) if quick else (1, 32, 256):
        chip, x, y, problem = case(batch, 0.0)
        eq = rivals.Equations(chip, DPT, x, y, 0.5, np.float64)
        diffrax = rivals.Diffrax(eq, TIMES)
        tol = np.full(batch, 1e-5)
        calls: dict[str, Callable[[], Any]] = {
            "sweeps": lambda p=problem, tol=tol: equilibrium.find(p, np.zeros_like(p.packed.drive), tol),
            "settle()": lambda c=(chip, x, y): asim.settle(*c, wiring=DPT, beta=0.5, tol=2e-5),
            "diffrax steady state": lambda d=diffrax: d.steady(1e-5, 1e-5, 1e-7),
            "diffrax to t = 30": lambda d=diffrax: d.trajectory(1e-5, 1e-7),
            "scipy RK45": lambda e=eq: rivals.scipy_steady(e, 1e-5, 1e-5, 1e-7),
        }
        spent = dict(zip(calls, cpu(*calls.values()), strict=True))
        fastest = min(("diffrax steady state", "diffrax to t = 30"), key=spent.__getitem__)
        for rival, goal in ((fastest, 40), ("scipy RK45", 60)):
            label = f"DP⊤ batch {batch}, sweeps (settle() with labels {spent['settle()']:.3g} ms)"
            rows.append(row(label, spent["sweeps"], rival, spent[rival], goal))
    return rows


def _digits() -> tuple[Any, Any]:
    """MNIST where it is to be had, else the bundled digits enlarged."""
    from scipy.ndimage import zoom

    from analogsim.experiments.data import load_data

    if os.environ.get("ANALOGSIM_DATA"):
        data = load_data("mnist")
        return data.train_x, data.train_y
    data = load_data("digits")
    big = [zoom(image.reshape(8, 8), 3.5, order=1).ravel() for image in data.train_x]
    return np.array(big), data.train_y


def _trained(net: Any, x: Any, y: Any, wiring: asim.Wiring, beta: float, steps: int) -> Any:
    """Weights after `steps` of learning on the ideal chip (ADAM 1e-3, batch 100), kept in the temporary folder."""
    from analogsim.engine.batches import Settler
    from analogsim.learning.local import from_states
    from analogsim.learning.optimisers import ADAM, flat

    rule = hashlib.sha256(f"{wiring} {beta}".encode()).hexdigest()[:8]
    kept = Path(tempfile.gettempdir(), f"analogsim-bench-{'-'.join(map(str, net.sizes))}-{len(x)}-{steps}-{rule}.npz")
    if kept.exists():
        return asim.load_network(kept)
    rng, adam, circuit = np.random.default_rng(0), ADAM(1e-3), asim.circuit("ideal")
    settle, betas = Settler(wiring, dtype=np.float32, method="plain"), np.full(100, beta, np.float32)
    for _ in range(steps):
        pick = rng.integers(len(x), size=100)
        chip, inputs = circuit.program(net, seed=0), x[pick].astype(np.float32)
        found = settle(chip, inputs, y[pick].astype(np.float32), betas, rng)
        parameters = [v.copy() for pair in zip(net.weights, net.biases, strict=True) for v in pair]
        adam.update(parameters, flat(from_states(chip, wiring, inputs, found.s, betas)))
        net = net.replace(weights=tuple(parameters[::2]), biases=tuple(parameters[1::2]))
    net.save(kept)
    return net


def damped(quick: bool) -> Iterator[Row]:
    """Against a ← a + η(z − a), η = 0.05, on 784-500×4-10 with the hard sigmoid, 100 samples.

    Trained weights are those of the kind of rule: skew-symmetric learning for λ < ½, DP⊤ for the feed-forward ones.
    """
    x, y = _digits()
    initial = asim.Network.random(
        (784, 200, 200, 10) if quick else (784, *[500] * 4, 10),
        activation="hard-sigmoid",
        loss="mse",
        seed=0,
        init="glorot",
    )
    dyadic, steps = asim.Wiring.dyadic, 60 if quick else 600
    recurrent, feedforward = (
        {"initial": initial, "trained": _trained(initial, x, y, wiring, beta, steps)}
        for wiring, beta in ((dyadic(0.0), 0.1), (DPT, 0.5))
    )
    rules = [
        ("λ = 0", dyadic(0.0), 0.1, recurrent, {"initial": 20, "trained": 8}),
        ("λ = ¼", dyadic(0.25), 0.1, recurrent, {"initial": 11, "trained": 11}),
        ("λ = ½", dyadic(0.5), 0.1, feedforward, {"initial": 30, "trained": 30}),
        ("DP 0.7", asim.Wiring.dual_propagation(alpha=0.7), 0.5, feedforward, {"initial": 20, "trained": 20}),
        ("DP⊤ 0.3", DPT, 0.5, feedforward, {"initial": 20, "trained": 20}),
    ]
    for when in ("initial", "trained"):
        for name, wiring, beta, nets, goals in rules:
            chip = asim.circuit("ideal").program(nets[when], seed=0)
            for dtype, tol in ((np.float32, 1e-5), (np.float64, 1e-8)):
                problem = prepare(chip, x[:100], y[:100], wiring, beta, dtype)
                limit, zero = np.full(100, tol), np.zeros_like(problem.packed.drive)
                verdict = {}

                def find(
                    method: str, most: int, p: Any = problem, z: Any = zero, t: Any = limit, v: Any = verdict
                ) -> None:
                    v[method] = equilibrium.find(p, z, t, method=method, max_sweeps=most)

                mine, theirs = cpu(lambda f=find: f("auto", 120), lambda f=find: f("synchronous", 2000), repeats=3)
                share = {m: f"{np.mean(e.status == 0):.0%} in {e.evaluations:.0f}" for m, e in verdict.items()}
                label = f"{when} {name} to {tol:g}: {share['auto']}"
                yield row(label, mine, f"η = 0.05: {share['synchronous']}", theirs, goals[when])


def products(quick: bool) -> list[Row]:
    """Share of time in matrix products: the same products alone, on the same scratch, against the trajectory."""
    from analogsim.engine.primitives import multiply
    from analogsim.jit import compiled

    batch = 64 if quick else 256
    problem = case(batch, 0.5)[3]
    p = problem.packed

    @compiled
    def alone(p: Any, count: int) -> None:
        for _ in range(count):
            for layer in range(p.cum.size - 2):
                n, m = p.cum[layer + 1] - p.cum[layer], p.cum[layer + 2] - p.cum[layer + 1]
                multiply(p.signal, 0, p.w, p.at[layer], p.current, 0, p.batch, n, m)
                multiply(p.signal, 0, p.v, p.at[layer], p.current, 0, p.batch, m, n)

    p.signal[:] = 1.0
    a = np.zeros_like(p.drive)
    rec = new_record(batch, TIMES[-1:], a.size, a.dtype)
    solver("etd")(problem, a, rec, 30.0, Options(rtol=1e-3, atol=1e-6))
    count = int(rec.tally[EVALUATIONS])
    whole, part = cpu(lambda: ours(problem, TIMES[-1:], 1e-3, "etd"), lambda: alone(p, count), repeats=3)
    found = row(f"ETD, batch {batch}, {count} right-hand sides", whole, "their products alone", part, 0.7)
    return [found]


def start(quick: bool) -> list[Row]:
    """Compiling everything that relax and settle need, and the first call of a process afterwards."""
    text = """
import analogsim as asim, numpy as np
net = asim.Network.random((8, 6, 4), activation="relu", loss="mse", seed=0)
chip = asim.circuit("ideal").program(net, seed=0)
x, y = np.random.default_rng(0).random((3, 8)), np.eye(4)[:3]
asim.relax(chip, x, y, wiring=asim.Wiring.adjoint_dual_propagation(alpha=0.3), beta=0.5, t_end=5.0)
for wiring in (asim.Wiring.adjoint_dual_propagation(alpha=0.3), asim.Wiring.dyadic(0.0)):
    asim.settle(chip, x, y, wiring=wiring, beta=0.5)
"""
    with tempfile.TemporaryDirectory() as folder:
        place = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": os.pathsep.join(filter(None, place))}
        spent = []
        for _ in range(4):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", text], env=env, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    cold, warm = spent[0], float(np.median(spent[1:]))
    return [
        row("cold: import, compile, relax and settle (float64)", cold, "allowed", 15e3, 1),
        row("warm: import, relax and settle", warm, "allowed", 1e3, 1),
    ]


def ngspice(quick: bool) -> list[Row]:
    """One sample, 20 τ, lognormal τ, ngspice at its default accuracy; we at no larger an error."""
    if shutil.which("ngspice") is None:
        print("ngspice is not on PATH: section left out", file=sys.stderr)
        return []
    sizes = (32, 32, 32, 10) if quick else (128, 128, 128, 10)
    chip, x, y, problem = case(1, 0.5, sizes)
    spent, t, found = spice.run(spice.deck(chip, DPT, x[0], y[0], 0.5, 20.0))
    truth = reference(problem, t)
    order = np.concatenate(
        [2 * b + np.arange(2 * n).reshape(n, 2).T.ravel() for b, n in zip(problem.packed.cum, sizes[1:], strict=False)]
    )
    gap = float(np.abs(found[:, order] - truth).max())
    rtol, mine = loosest(lambda r: ours(problem, t, r, "etd"), truth, gap)
    (ms,) = cpu(lambda: ours(problem, t[-1:], rtol, "etd"), repeats=9)
    label = f"{'-'.join(map(str, sizes))}: etd rtol {rtol:g}, error {mine:.1e}"
    return [row(label, ms, f"ngspice, error {gap:.1e}", 1e3 * spent, 1500)]


SECTIONS = {f.__name__: f for f in (asynchronous, equal, single, equilibria, damped, products, start)} | {
    "spice": ngspice
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it runs, not for the ratios")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    options = parser.parse_args()
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"unknown section {name!r}; choose from {', '.join(SECTIONS)}")
    rows = []
    for name in options.sections or SECTIONS:
        print(f"\n{name}")
        for line in SECTIONS[name](options.quick):
            met = "met" if line["ratio"] >= line["goal"] else "NOT met"
            print(f"  {line['ours']:<62} {line['ms']:10.3f} ms | {line['rival']:<46} {line['rival_ms']:10.2f} ms"
                  f" | ratio {line['ratio']:8.2f}, goal {line['goal']:g}: {met}", flush=True)  # fmt: skip
            rows.append({"section": name, **line})
    if options.json:
        Path(options.json).write_text(json.dumps({"rows": rows}, indent=2))


if __name__ == "__main__":
    main()
