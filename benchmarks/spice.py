"""The rival that designers use: ngspice on a minimal deck of the normalised network (leak 1 µS, unit of time 1 µs)."""

from __future__ import annotations

import re
import resource
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

G, UNIT = 1e-6, 1e-6


def deck(chip: Any, wiring: Any, x: Any, y: Any, beta: float, t_end: float) -> str:
    """Rank-one wirings: R, C and mirrors for each compartment, one copy of W and V, a B source for each ReLU."""
    lines = ["dyadic network", f".options numdgt=9 interp=0\n.tran {0.1 * UNIT:g} {t_end * UNIT:g} uic"]
    last, saved = chip.layers - 1, []
    lines += [f"Vx{j} x{j} 0 {float(v)!r}" for j, v in enumerate(x)]
    lines += [f"Vy{j} y{j} 0 {float(v)!r}" for j, v in enumerate(y)]
    share = wiring.feedback[:, 0]

    def conductor(name: str, into: str, of: str, value: float) -> None:
        if value:
            lines.append(f"G{name} 0 {into} {of} 0 {float(value) * G!r}")

    def node(name: str) -> None:
        lines.append(f"R{name} {name} 0 {1 / G:g}")

    for k, n in enumerate(chip.sizes[1:]):
        for i in range(n):
            for c, sign in enumerate("pm"):
                a = f"a{k}{sign}{i}"
                lines.append(f"R{a} {a} 0 {1 / G:g}\nC{a} {a} 0 {float(chip.tau[k][c, i]) * UNIT * G!r} ic=0")
                if k < last:
                    lines.append(f"Bs{k}{sign}{i} s{k}{sign}{i} 0 V=max(V({a}),0)")
                saved.append(f"v({a})")
            s = (f"{'s' if k < last else 'a'}{k}p{i}", f"{'s' if k < last else 'a'}{k}m{i}")
            if k < last:
                node(f"u{k}_{i}")
                for c in range(2):
                    conductor(f"u{k}_{i}_{c}", f"u{k}_{i}", s[c], wiring.forward[0, c])
            if k > 0:
                node(f"v{k}_{i}")
                conductor(f"v{k}_{i}_0", f"v{k}_{i}", s[0], 1.0)
                conductor(f"v{k}_{i}_1", f"v{k}_{i}", s[1], -1.0)
            node(f"z{k}_{i}")
            senders = [f"x{j}" if k == 0 else f"u{k - 1}_{j}" for j in range(chip.sizes[k])]
            for j, sender in enumerate(senders):
                conductor(f"w{k}_{i}_{j}", f"z{k}_{i}", sender, chip.forward[k][i, j])
            if k < last:
                node(f"b{k}_{i}")
                for j in range(chip.sizes[k + 2]):
                    conductor(f"b{k}_{i}_{j}", f"b{k}_{i}", f"v{k + 1}_{j}", chip.feedback[k + 1][i, j])
            for c, sign in enumerate("pm"):
                a = f"a{k}{sign}{i}"
                conductor(f"m{a}", a, f"z{k}_{i}", 1.0)
                if k < last:
                    conductor(f"r{a}", a, f"b{k}_{i}", share[c])
                else:
                    pull = (1, -1)[c] * wiring.nudge_gain[c] * beta
                    conductor(f"y{a}", a, f"y{i}", pull)
                    for d in range(2):
                        conductor(f"n{a}_{d}", a, s[d], -pull * wiring.nudge_at[c, d])
    lines += [".save " + " ".join(saved[i : i + 20]) for i in range(0, len(saved), 20)]
    return "\n".join([*lines, ".end", ""])


def run(text: str) -> tuple[float, Any, Any]:
    """CPU seconds, times in units of τ, states (time, neuron) in the order of the deck."""
    with tempfile.TemporaryDirectory() as folder:
        source, raw = Path(folder, "deck.cir"), Path(folder, "deck.raw")
        source.write_text(text)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(["ngspice", "-b", "-r", str(raw), str(source)], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        head, _, data = raw.read_bytes().partition(b"Binary:\n")
        found = re.search(rb"No. Variables: (\d+)", head)
        assert found is not None
        table = np.frombuffer(data).reshape(-1, int(found[1]))
    names = re.findall(rb"\t\d+\t(\S+)\t", head)
    columns = np.argsort([int(n != b"time") for n in names], kind="stable")
    table = table[:, columns]
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, table[:, 0] / UNIT, table[:, 1:]
