"""What a sweep promises: it survives kills, two workers are nearly twice as fast as one, a large one stays small.

python benchmarks/sweep.py kills --rounds 20      # 200 points each, killed with -9 at random moments
python benchmarks/sweep.py workers                # the digits run, one worker against two; on a quiet machine
python benchmarks/sweep.py large --points 100000  # memory, overhead for each point, time to open
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SWEEP = [sys.executable, "-m", "analogsim", "sweep"]


def written(path: Path) -> int:
    """Rows on disk: whole lines of the journal and what the shards hold."""
    folder = path.with_suffix(".sweep")
    rows = sum(file.read_bytes().count(b"\n") for file in folder.glob("journal"))
    for file in folder.glob("shard-*.npz"):
        with np.load(file) as shard:
            rows += len(shard["keys"])
    return rows


def kills(rounds: int, points: int) -> None:
    """Every round: one sweep killed again and again until it is complete, against one left in peace."""
    from analogsim.experiments import results

    rng = np.random.default_rng(0)
    args = [
        "crossbar",
        "--over",
        f"circuit.asymmetry=0:{(points // 4 - 1) / 1000}:0.001",
        "--over",
        "alpha=0.7,0.8,0.9,1",
    ]
    args += ["--hidden", "8", "--metrics", "initial_gradient_cosine", "--workers", "2", "-q"]

    def start(path: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*SWEEP, *args, "--output", str(path)], stderr=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.nc"
        assert start(whole).wait() == 0
        reference = results.load(whole).drop_vars("seconds").drop_attrs()
        total = 0
        for k in range(rounds):
            path, deaths, seen = Path(folder) / f"{k}.nc", 0, 0
            while True:
                process = start(path)
                limit = rng.uniform(1.0, 12.0)  # from before the first point to well into the sweep
                try:
                    code = process.wait(limit)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    now = written(path)
                    assert now >= seen, f"rows were lost: {seen} before, {now} after a kill"
                    seen, deaths = now, deaths + 1
                    continue
                assert code == 0, code
                break
            found = results.load(path)
            assert found.drop_vars("seconds").drop_attrs().identical(reference), f"round {k}: other bits"
            extra = written(path) - points
            assert extra == 0, f"round {k}: {extra} rows written twice"
            total += deaths
            print(
                f"round {k + 1}: {deaths} kills, {points} points, nothing lost or written twice, same bits", flush=True
            )
    print(f"{rounds} rounds, {total} kills")


def workers(repeats: int) -> None:
    """Points of the digits run per second, one worker against two; medians."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats):
            for count in rates:
                output = Path(folder) / f"{repeat}-{count}.nc"
                args = ["crossbar", "--over", "alpha=0:1:0.1", "--seeds", "6", "--epochs", "10", "-q"]
                began = time.perf_counter()
                subprocess.run([*SWEEP, *args, "--workers", str(count), "--output", str(output)], check=True)
                rates[count].append(time.perf_counter() - began)
                print(f"{count} workers: {rates[count][-1]:.1f} s", flush=True)
    one, two = (statistics.median(rates[count]) for count in (1, 2))
    print(f"two workers are {one / two:.2f} × as fast as one (load {os.getloadavg()[0]:.1f})")


def large(points: int, count: int) -> None:
    """A sweep of a cheap metric."""
    import analogsim as asim
    from analogsim.experiments import results

    over = {"alpha": f"0:{(points // 100 - 1) * 1e-4}:0.0001", "beta": "0.01:1:0.01"}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "large.nc"
        options = {"hidden": (4,), "metrics": ["initial_lipschitz"], "workers": count}
        asim.sweep("ideal", {"alpha": [0.5]}, output=Path(folder) / "warm.nc", **options).close()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu, began = time.process_time(), time.perf_counter()
        asim.sweep("ideal", over, output=output, **options).close()
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        size = output.stat().st_size / 1e6
        began = time.perf_counter()
        found = results.open_lazily(output)
        opened = time.perf_counter() - began
        seconds = float(found["seconds"].sum())
        print(f"{found['status'].size} points, {count} workers: {wall:.0f} s, {1e3 * wall / points:.2f} ms a point")
        print(
            f"in the points themselves {1e3 * seconds / points:.2f} ms, "
            f"CPU of the parent {1e3 * cpu / points:.2f} ms a point"
        )
        print(f"memory grew by {grown:.0f} MB; file {size:.1f} MB, opened in {opened:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    for name, options in (
        ("kills", (("rounds", 20), ("points", 200))),
        ("workers", (("repeats", 3),)),
        ("large", (("points", 100_000), ("count", 1))),
    ):
        command = commands.add_parser(name)
        for option, default in options:
            command.add_argument(f"--{option}", type=int, default=default)
    chosen = vars(parser.parse_args())
    {"kills": kills, "workers": workers, "large": large}[chosen.pop("what")](**chosen)


if __name__ == "__main__":
    main()
