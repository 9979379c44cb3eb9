"""CPU time of one training step, ADAM included, beside JAX (jitted) and PyTorch (fused ADAM), float32, batch 100.

    python benchmarks/trainers.py [--rounds 15] [--json]

needs the extra ``[bench]``. One core, one thread for each; the rivals take turns in one process, batch by batch, and
the figure is the ratio of medians of process time (wall time would count other people's work). JAX does the same
up-down sweeps (its compiler removes the redundant half of the products), the parameters donated. Ours is timed twice:
with every sweep computed, and as it is by default, leaving the sweeps once one repeats the last exactly.

OpenBLAS chooses its kernels by the processor; on some (AMD Zen 4) those for AVX2 are faster than those it takes. The
script measures both and runs with the faster, as anybody may by ``OPENBLAS_CORETYPE=Haswell``; `--as-is` leaves it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import process_time

ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}
NETWORKS = {"784-512x2-10": (784, 512, 512, 10), "784-1000x4-10": (784, 1000, 1000, 1000, 1000, 10)}
GOALS = {"dpt 30 sweeps": 1.0, "dpt 1 sweep": 1.1, "bp": 1.2}
COMPARED = (
    ("dpt 30 sweeps", "jax"),
    ("dpt 30 sweeps, all computed", "jax"),
    ("dpt 1 sweep", "jax"),
    ("bp", "jax"),
    ("bp", "torch"),
)
ALPHA, BETA, BATCH, POOL = 0.3, 0.5, 100, 16
PROBE = """
import numpy as np, time
w, s = np.ones((512, 512), np.float32), np.ones((100, 512), np.float32)
t = []
for _ in range(100):
    start = time.process_time(); s @ w; s @ w.T; t.append(time.process_time() - start)
print(sorted(t)[50])
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="steps of each rival")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--as-is", action="store_true", help="leave OPENBLAS_CORETYPE alone")
    arguments = parser.parse_args()
    if os.environ.get("ANALOGSIM_BENCH") != "1":
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment(arguments.as_is)).returncode)
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    found = {name: measure(sizes, arguments.rounds) for name, sizes in NETWORKS.items()}
    if arguments.json:
        print(
            json.dumps({"core_type": os.environ.get("OPENBLAS_CORETYPE", "its own"), "milliseconds": found}, indent=2)
        )
        return
    print(
        f"OpenBLAS kernels: {os.environ.get('OPENBLAS_CORETYPE', 'its own')}; medians of CPU time in ms, α = {ALPHA}\n"
    )
    print(f"{'network':16s}{'step':32s}{'ours':>9s}{'rival':>9s}{'ratio':>8s}{'goal':>7s}")
    for name, times in found.items():
        for step, rival in COMPARED:
            base = step.split(",")[0]
            ours, other = times[f"ours {step}"], times[f"{rival} {base}"]
            goal = "" if step == "bp" and rival == "jax" else f"{GOALS[base]:.1f}"
            print(f"{name:16s}{f'{step} / {rival}':32s}{ours:9.2f}{other:9.2f}{ours / other:8.2f}{goal:>7s}")


def environment(as_is: bool) -> dict[str, str]:
    """One thread everywhere, and the faster of OpenBLAS's own choice and its AVX2 kernels."""
    env = {**os.environ, **ONE_THREAD, "ANALOGSIM_BENCH": "1"}
    if as_is or "OPENBLAS_CORETYPE" in env:
        return env
    haswell = {**env, "OPENBLAS_CORETYPE": "Haswell"}

    def probe(env: dict[str, str]) -> float:
        runs = [
            subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True) for _ in range(3)
        ]
        return min(float(run.stdout) for run in runs)

    return haswell if probe(haswell) < 0.98 * probe(env) else env


def measure(sizes: tuple[int, ...], rounds: int) -> dict[str, float]:
    """Median milliseconds of a step of every rival, taking turns over the same batches."""
    import numpy as np

    rng = np.random.default_rng(0)
    # Ten classes as sparse as pixels are, with noise: errors stay, as they do on real data.
    prototypes = rng.random((10, sizes[0])) * (rng.random((10, sizes[0])) < 0.2)
    labels = rng.integers(0, 10, (POOL, BATCH))
    x = np.clip(prototypes[labels] + 0.3 * rng.standard_normal((POOL, BATCH, sizes[0])), 0, 1).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[labels]
    weights = [rng.standard_normal((o, i), dtype=np.float32) / i**0.5 for i, o in pairwise(sizes)]
    steps = {**ours(weights), **jax_steps(weights, x, y), **torch_steps(weights, x, y)}
    times: dict[str, list[float]] = {name: [] for name in steps}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for count in range(rounds + 2):
        for name, step in steps.items():
            start = process_time()
            step(x[count % POOL], y[count % POOL], count % POOL)
            times[name].append(1e3 * (process_time() - start))
    # The first two compile and warm up.
    return {name: float(np.median(values[2:])) for name, values in times.items()}


def ours(weights: list) -> dict[str, Callable]:
    """Steps of analogsim."""
    import numpy as np

    from analogsim import Network, Wiring
    from analogsim.learning.optimisers import ADAM, flat
    from analogsim.learning.reference import Workspace, backprop
    from analogsim.learning.reference.dual import sweep

    wiring = Wiring.adjoint_dual_propagation(ALPHA)

    def make(rule: Callable) -> Callable:
        net = Network([w.copy() for w in weights], [np.zeros(len(w), np.float32) for w in weights])
        parameters, adam, space = flat(list(zip(net.weights, net.biases, strict=True))), ADAM(1e-3), Workspace()

        def step(x: np.ndarray, y: np.ndarray, _: int) -> None:
            adam.update(parameters, flat(rule(net, x, y, space)))

        return step

    def dpt(sweeps: int, tol: float | None) -> Callable:
        return make(lambda net, x, y, space: sweep(net, x, y, wiring, BETA, sweeps, tol=tol, workspace=space)[0])

    return {
        "ours dpt 30 sweeps": dpt(30, 0.0),
        "ours dpt 30 sweeps, all computed": dpt(30, None),
        "ours dpt 1 sweep": dpt(1, None),
        "ours bp": make(lambda net, x, y, space: backprop(net, x, y, workspace=space)),
    }


def jax_steps(weights: list, xs: object, ys: object) -> dict[str, Callable]:
    """The same steps in JAX: jitted whole, ADAM of optax, data on the device beforehand."""
    import jax
    import jax.numpy as jnp
    import optax

    xs, ys, f, c = jnp.asarray(xs), jnp.asarray(ys), jax.nn.relu, 1 - ALPHA
    adam, last = optax.adam(1e-3), len(weights)

    def dpt(sweeps: int) -> Callable:
        def gradient(params: list, x: jax.Array, y: jax.Array) -> list:
            plus = [x]
            for k, (w, b) in enumerate(params):
                a = plus[-1] @ w.T + b
                plus.append(f(a) if k < last - 1 else a)
            minus = list(plus)

            def mean(k: int) -> jax.Array:
                return ALPHA * plus[k] + c * minus[k] if k else x

            def update(k: int) -> None:
                w, b = params[k - 1]
                a = mean(k - 1) @ w.T + b
                if k == last:
                    g = BETA * (a - y)
                    plus[k], minus[k] = a - c * g, a + ALPHA * g
                else:
                    e = (plus[k + 1] - minus[k + 1]) @ params[k][0]
                    plus[k], minus[k] = f(a + c * e), f(a - ALPHA * e)

            for count in range(sweeps):
                for k in [*range(1, last if count else 1), *range(last, 0, -1)]:
                    update(k)
            scale = -1 / (BETA * len(x))
            errors = [scale * (plus[k] - minus[k]) for k in range(1, last + 1)]
            return [(d.T @ mean(k), d.sum(0)) for k, d in enumerate(errors)]

        return gradient

    def bp(params: list, x: jax.Array, y: jax.Array) -> list:
        def loss(params: list) -> jax.Array:
            s = x
            for k, (w, b) in enumerate(params):
                s = s @ w.T + b
                s = f(s) if k < last - 1 else s
            return 0.5 * ((s - y) ** 2).sum(-1).mean()

        return jax.grad(loss)(params)

    def make(gradient: Callable) -> Callable:
        params = [(jnp.array(w), jnp.zeros(len(w), jnp.float32)) for w in weights]
        state = [params, adam.init(params)]

        def update(params: list, moments: object, x: jax.Array, y: jax.Array) -> tuple:
            change, moments = adam.update(gradient(params, x, y), moments)
            return optax.apply_updates(params, change), moments

        jitted = jax.jit(update, donate_argnums=(0, 1))

        def step(_x: object, _y: object, count: int) -> None:
            state[:] = jitted(*state, xs[count], ys[count])
            jax.block_until_ready(state)

        return step

    return {"jax dpt 30 sweeps": make(dpt(30)), "jax dpt 1 sweep": make(dpt(1)), "jax bp": make(bp)}


def torch_steps(weights: list, xs: object, ys: object) -> dict[str, Callable]:
    """Back-propagation in PyTorch with fused ADAM."""
    import torch

    torch.set_num_threads(1)
    xs, ys = torch.from_numpy(xs), torch.from_numpy(ys)
    layers: list = []
    for w in weights:
        layers += [torch.nn.Linear(w.shape[1], w.shape[0]), torch.nn.ReLU()]
        layers[-2].weight.data.copy_(torch.from_numpy(w))
        torch.nn.init.zeros_(layers[-2].bias)
    model = torch.nn.Sequential(*layers[:-1])
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step(_x: object, _y: object, count: int) -> None:
        adam.zero_grad()
        (0.5 * ((model(xs[count]) - ys[count]) ** 2).sum(-1).mean()).backward()
        adam.step()

    return {"torch bp": step}


if __name__ == "__main__":
    main()
