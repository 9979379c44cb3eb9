"""Crossbar reads with wires against badcrossbar 1.1.0 (and CrossSim where it is installed), in one process.

    OPENBLAS_NUM_THREADS=1 python benchmarks/crossbar.py [--sizes 128 256 512] [--json results.json]

CPU times of one thread, medians of calls taken in turn; trust the ratios. r = 1 Ω a segment, conductances uniform in
1 to 100 µS, inputs in 0 to 0.2 V. The rival returns output currents only (no node voltages, no branch currents).
Rivals: ``pip install badcrossbar`` (needs cairo); CrossSim from a source checkout (https://github.com/sandialabs/cross-sim).
"""

import argparse
import importlib.metadata
import json
import logging
import os
import platform
import sys
import time

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402  (the number of threads is set first)

from analogsim.circuits import wires  # noqa: E402

logging.disable(logging.INFO)  # badcrossbar tells of every step

GOALS = {  # at least, except the last: at most
    "single": {128: 200, 256: 200, 512: 200},
    "inputs": {128: 30, 256: 18},
    "crosssim": {128: 15},
    "extra": {128: 2, 256: 2, 512: 2},
}
BATCH = 64


def side_by_side(ours, theirs, seconds=5.0, most=7):
    """Median times of both, taken in turn so that they meet the same neighbours, and what they returned."""
    ours()  # compiles
    times = [], []
    while not times[1] or (sum(times[1]) < seconds and len(times[1]) < most):
        for call, taken, repeats in ((theirs, times[1], 1), (ours, times[0], 5)):
            for _ in range(repeats):
                start = time.process_time()
                result = call()
                taken.append(time.process_time() - start)
            if call is ours:
                mine = result
            else:
                other = result
    mine_s, rival_s = (float(np.median(t)) for t in times)
    row = {
        "ours_ms": 1e3 * mine_s,
        "theirs_ms": 1e3 * rival_s,
        "ratio": rival_s / mine_s,
        "repeats": [len(t) for t in times],
    }
    return row, mine, other


def case(size, inputs):
    rng = np.random.default_rng(0)
    return rng.uniform(1e-6, 1e-4, (size, size)), rng.uniform(0, 0.2, (inputs, size))


def error(found, expected):
    return float(np.abs(found / expected - 1).max())


def badcrossbar_currents(g, v):
    import badcrossbar

    return badcrossbar.compute(v.T, 1 / g, 1.0, node_voltages=False, all_currents=False).currents.output


def against_badcrossbar(size, inputs):
    g, v = case(size, inputs)
    row, mine, other = side_by_side(lambda: wires.currents(g, v, 1.0, 1.0), lambda: badcrossbar_currents(g, v))
    return row | {"error": error(mine, other)}


def extra_input(size):
    """One more input through the effective matrix, beside a product with the ideal one."""
    g, v = case(size, BATCH)
    matrix = wires.effective_conductance(g, 1.0, 1.0)
    ours, plain = [], []
    for _ in range(200):  # interleaved, so that both meet the same neighbours
        for times, weights in ((ours, matrix), (plain, g)):
            start = time.process_time()
            v @ weights
            times.append(time.process_time() - start)
    ours_us, plain_us = (1e6 * float(np.median(t)) / BATCH for t in (ours, plain))
    return {"ours_us": ours_us, "plain_us": plain_us, "ratio": ours_us / plain_us}


def crosssim_currents(g, v):
    """Array solver of CrossSim 3.2 at its default tolerance, started cold; its matrix is (output, input) times Rmin."""
    from simulator import CrossSimParameters
    from simulator.backend import ComputeBackend
    from simulator.circuits.array.NonInterleaved_InputSource import NoninterleavedInputSourceArray

    ComputeBackend(use_gpu=False)
    parameters = CrossSimParameters()
    parameters.simulation.hide_convergence_msg = True
    parasitics = parameters.xbar.array.parasitics
    parasitics.enable = True
    parasitics.Rp_row = parasitics.Rp_col = 1.0
    unit = parameters.xbar.device.Rmin
    return NoninterleavedInputSourceArray(parameters).iterative_solve(g.T * unit, v) / unit


def against_crosssim(size):
    g, v = case(size, 1)
    exact = wires.currents(g, v[0], 1.0, 1.0, tol=1e-14)
    row, mine, other = side_by_side(
        lambda: wires.currents(g, v[0], 1.0, 1.0, tol=1e-4), lambda: crosssim_currents(g, v[0]), most=20
    )
    return row | {"error": error(mine, exact), "their_error": error(other, exact)}


def verdict(kind, size, ratio):
    goal = GOALS[kind].get(size)
    if goal is None:
        return ""
    met = ratio <= goal if kind == "extra" else ratio >= goal
    return f"{'met' if met else 'MISSED'} ({'≤' if kind == 'extra' else '≥'} {goal})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 512], help="N of the N × N arrays")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    versions = {p: importlib.metadata.version(p) for p in ("numpy", "scipy", "numba")}
    results = {"python": platform.python_version(), "versions": versions, "rows": []}

    def report(kind, size, label, row):
        row |= {"kind": kind, "size": size, "goal": verdict(kind, size, row["ratio"])}
        results["rows"].append(row)
        unit = "us" if kind == "extra" else "ms"
        theirs = row.get(f"theirs_{unit}", row.get("plain_us"))
        print(f"{size:>5}  {label:<42} {row[f'ours_{unit}']:>10.3f} {theirs:>11.3f} {unit} {row['ratio']:>9.2f}"
              f"  {row.get('error', float('nan')):>8.1e}  {row['goal']}", flush=True)  # fmt: skip

    print(f"{'N':>5}  {'what':<42} {'ours':>10} {'rival':>11}    {'ratio':>9}  {'error':>8}  goal")
    try:
        import badcrossbar  # noqa: F401
    except ImportError:
        print("badcrossbar: not installed, skipped", file=sys.stderr)
    else:
        results["versions"]["badcrossbar"] = importlib.metadata.version("badcrossbar")
        for size in options.sizes:
            report("single", size, "one exact solve / badcrossbar", against_badcrossbar(size, 1))
        for size in options.sizes:
            if size <= 256:
                report("inputs", size, f"{BATCH} inputs with set-up / badcrossbar", against_badcrossbar(size, BATCH))
    for size in options.sizes:
        report("extra", size, "one more input by matrix / plain product", extra_input(size))
    try:
        import simulator  # noqa: F401
    except ImportError:
        print("CrossSim: not installed, skipped", file=sys.stderr)
    else:
        for size in options.sizes:
            if size <= 128:
                report("crosssim", size, "tol 1e-4 / CrossSim at its tol 1e-3", against_crosssim(size))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
