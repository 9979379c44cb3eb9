"""Our devices beside those of aihwkit: means and standard deviations, apart by how many standard errors.

    python benchmarks/peers.py            against aihwkit, or without it against the numbers that it gave before
    python benchmarks/peers.py --write    also keep what aihwkit gives, in tests/golden/aihwkit.json

Both sides are sampled, and a difference is divided by the standard error of both together: of some hundred numbers
that agree, the largest is about 3. The Gaussian numbers of one tile of aihwkit come from a list of 32768 whose mean is
not zero, which moves all of its cells together: it is asked for 256 tiles, and those are what its errors follow from.
The wheel of aihwkit 1.1.0 runs with torch 2.10.

What is compared:

- phase-change cells and CMO/HfOx: written, written and left for a day, read;
- cells updated by pulses, from w = 0: what is seen along 1000 pulses up and then 1000 down, and what they end at;
- an update by an outer product: the change of each of six weights;
- Tiki-Taka on ½ (w − θ)² with noisy gradients: what the weights end at, and how they follow errors of their references.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

import analogsim as asim
from analogsim.circuits.base import circuit
from analogsim.devices import device
from analogsim.learning.updates import TikiTaka, trains

Array = NDArray[np.floating]

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "aihwkit.json"

DAY = 86400.0
STORED = {
    "pcm-ibm": ((5.0, 10.0, 25.0), (0.0, DAY)),
    "pcm-hermes": ((5.0, 10.35), (0.0, DAY)),
    "pcm-hermes-2": ((5.0, 20.7), (0.0, DAY)),
    "rram-cmo": ((20.0, 50.0), (1.0, DAY)),
    "rram-cmo-2": ((20.0, 50.0), (1.0, DAY)),
    "rram-wan": ((1.0, 39.0), (1.0,)),
}
"""Cards, targets, µS, and seconds since they were written."""
CHOSEN = {"rram-wan": "of two fits of one figure we take the conservative one, aihwkit has the other"}
"""Cards that differ from aihwkit on purpose, and why."""

PULSED = (
    "gokmen-vlasov",
    "idealized",
    "ecram",
    "ecram-mo",
    "capacitor",
    "rram-gong",
    "rram-gong-soft",
    "rram-array-om",
    "rram-array-hfo2",
    "pcm-pulsed",
)
CURVE = (10, 100, 300, 1000)
"""Pulses after which a curve is looked at, in each direction."""
SATURATED = {"gokmen-vlasov": 3000, "rram-gong-soft": 3000, "rram-array-om": 1000, "rram-array-hfo2": 1000}
"""Pulses down, or up, from w = 0, after which the weights that are held stand at their bounds."""

X, D, RATE = np.array([0.2, -0.9, 0.5]), np.array([0.7, -0.3]), 0.01
"""Signals of an outer product and its rate."""

SOFT = {"step": 0.004, "w_max": 1.0, "w_min": -1.0}
"""Soft bounds of Tiki-Taka, without spread or noise."""
THETA, SIGMA, FAST, TRANSFER, STEPS = 0.4, 0.5, 0.03, 0.05, 600
"""Minimum and noise of the gradient, rate of the fast array, share that is copied at each step, steps."""


class Moments(NamedTuple):
    """Mean and standard deviation of n samples and the standard errors of both."""

    mean: float
    std: float
    n: int
    mean_error: float
    std_error: float


class Side(Protocol):
    """A simulator that is asked for samples, in one row or, where only rows are independent of each other, in many."""

    def stored(self, card: str, target: float, seconds: float, n: int) -> Array:
        """Conductances of n cells so long after they were written, µS, without read noise."""

    def read(self, card: str, target: float, seconds: float, n: int) -> Array:
        """Reads of n cells at a conductance so long after, µS."""

    def seen(self, card: str, counts: list[int], n: int) -> list[Array]:
        """Weights of n cells as they are seen after each of these trains, from w = 0."""

    def held(self, card: str, count: int, n: int) -> Array:
        """Weights that n cells hold after a train from w = 0."""

    def outer(self, n: int) -> Array:
        """(…, 2, 3): n changes of the weights by `RATE` D Xᵀ on gokmen-vlasov cells without spread."""

    def tiki_taka(self, missed: float, n: int) -> tuple[Array, Array]:
        """By how much n references miss, and the mean of their weights over the second half of the steps."""


class Analogsim:
    """This package.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def stored(self, card: str, target: float, seconds: float, n: int) -> Array:
        """Conductances of n cells so long after they were written, µS."""
        cell, wanted = device(card), np.full(n, target * 1e-6)
        return cell.age(cell.program(wanted, self.rng), seconds, self.rng, wanted) * 1e6

    def read(self, card: str, target: float, seconds: float, n: int) -> Array:
        """Reads of n cells at a conductance so long after, µS."""
        sigma = float(device(card).read_sigma(target * 1e-6, seconds)) * 1e6
        return target + sigma * self.rng.standard_normal(n)

    def seen(self, card: str, counts: list[int], n: int) -> list[Array]:
        """Weights as they are seen after each train."""
        cell, found = device(card), []
        cells = cell.cells((n,), self.rng)
        held = np.full(n, cell.conductance(0.0))
        for count in counts:
            held = cell.pulse(held, np.full(n, count), self.rng, cells)
            found.append(cell.weight(cell.seen(held, cell.written(cells, self.rng))))
        return found

    def held(self, card: str, count: int, n: int) -> Array:
        """Weights that are held after a train."""
        cell = device(card)
        cells = cell.cells((n,), self.rng)
        return cell.weight(cell.pulse(np.full(n, cell.conductance(0.0)), np.full(n, count), self.rng, cells))

    def outer(self, n: int) -> Array:
        """Changes of weights by an outer product."""
        cell = device("gokmen-vlasov", step_spread=0, up_down_spread=0, w_max_spread=0, w_min_spread=0)
        up, down = np.moveaxis([trains(D[None], X[None], RATE / cell.step, self.rng) for _ in range(n)], 1, 0)
        zero = np.full(up.shape, cell.conductance(0.0))
        return cell.weight(cell.pulse(zero, up, self.rng, against=down))

    def tiki_taka(self, missed: float, n: int) -> tuple[Array, Array]:
        """By how much references miss, and what the weights end at."""
        quiet = ("step_spread", "cycle_noise", "w_max_spread", "w_min_spread", "up_down_spread", "write_noise")
        options = {f"device.{key}": value for key, value in {**SOFT, **dict.fromkeys(quiet, 0.0)}.items()}
        options["device.reference_spread"] = missed
        made = circuit("crossbar", device="rram-gong-soft", mapping="reference", **options)
        chip = made.program(asim.Network((np.linspace(-1, 1, n)[:, None],), (np.zeros(n),)), seed=0)
        update, late = TikiTaka(made, cycle=1, transfer=TRANSFER), np.zeros(n)
        for step in range(STEPS):
            w = chip.forward[0][:, 0]
            late += w if step >= STEPS // 2 else 0.0
            gradient = w - THETA + SIGMA * self.rng.standard_normal(n)
            chip = update.drive(chip, [[(-gradient[None], np.ones((1, 1)))]], chip.biases, FAST, self.rng)
        cells = update._fast_cells(0, (n, 1), 0)
        return (cells["rest"] - made.device.balance(cells))[:, 0], late / (STEPS - STEPS // 2)


def moments(sample: Array) -> Moments:
    """Of a sample of any distribution: the variance of a variance is (m₄ − σ⁴)/n; of rows, by leaving each out once."""
    sample = np.asarray(sample, dtype=float)
    n, mean, std = sample.size, float(sample.mean()), float(sample.std())
    if sample.ndim > 1:
        rest = [np.delete(sample, row, axis=0) for row in range(len(sample))]
        left = np.array([(some.mean(), some.std()) for some in rest])
        mean_error, std_error = np.sqrt(len(left) - 1) * left.std(axis=0)
    else:
        fourth = float(np.mean((sample - mean) ** 4))
        mean_error, std_error = std / n**0.5, np.sqrt(max(fourth - std**4, 0.0) / n) / (2 * std)
    return Moments(mean, std, n, float(mean_error), float(std_error))


def follows(missed: Array, ends: Array) -> Moments:
    """Slope of what weights end at over what their references miss by, and the scatter around it."""
    slope, at_zero = np.polyfit(missed, ends, 1)
    rest = moments(ends - slope * missed - at_zero)
    return Moments(float(slope), rest.std, rest.n, rest.mean_error / float(missed.std()), rest.std_error)


Statistics = Iterator[tuple[str, Moments]]


def storing(side: Side, n: int) -> Statistics:
    """Cells that are written, left and read."""
    for card, (targets, ages) in STORED.items():
        for target in targets:
            for seconds in ages:
                at = f"{card}, {target:g} µS, {seconds:g} s"
                yield f"{at}: written", moments(side.stored(card, target, seconds, n))
                if card not in CHOSEN:
                    yield f"{at}: read", moments(side.read(card, target, seconds, n))


def curves(side: Side, n: int) -> Statistics:
    """Cells along their pulses."""
    steps = [int(count) for count in np.diff((0, *CURVE))]
    for card in PULSED:
        ways = (1,) if device(card).one_way else (1, -1)
        looks = side.seen(card, [way * count for way in ways for count in steps], n)
        names = [f"{count} {'up' if way > 0 else 'down after them'}" for way in ways for count in CURVE]
        for name, weights in zip(names, looks, strict=True):
            yield f"{card}, {name}: seen", moments(weights)


def bounds(side: Side, n: int) -> Statistics:
    """Cells at the ends of their ranges."""
    for card, count in SATURATED.items():
        for way, name in ((1, "up"), (-1, "down")):
            yield f"{card}, {count} {name}: held", moments(side.held(card, way * count, n))


def outer_products(side: Side, n: int) -> Statistics:
    """Changes of weights by pulse trains on rows and columns."""
    changes = side.outer(n)
    for i, j in np.ndindex(len(D), len(X)):
        yield f"gokmen-vlasov, outer product {D[i]:g} × {X[j]:g}: change", moments(changes[..., i, j])


def learning(side: Side, n: int) -> Statistics:
    """Tiki-Taka, of n weights."""
    yield "tiki-taka, exact references: ends at", moments(side.tiki_taka(0.0, n)[1])
    missed, ends = side.tiki_taka(0.1, n)
    yield "tiki-taka, references off by 0.1: ends at", moments(ends)
    yield "tiki-taka, references off by 0.1: follows them by", follows(missed, ends)


ALL: dict[Callable[[Side, int], Statistics], int] = {
    storing: 40_000,
    curves: 16384,
    bounds: 16384,
    outer_products: 16384,
    learning: 2000,
}
"""What is compared, with how many samples."""


def golden() -> dict[str, Moments]:
    """What aihwkit gave."""
    return {name: Moments(*values) for name, values in json.loads(GOLDEN.read_text("utf-8"))["statistics"].items()}


def write(origin: str, found: dict[str, Moments]) -> None:
    """Keep what aihwkit gave, a line for each number."""
    digits = {name: [v if isinstance(v, int) else float(f"{v:.6g}") for v in one] for name, one in found.items()}
    rows = ",\n".join(f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(v)}" for name, v in digits.items())
    said, columns = json.dumps(origin, ensure_ascii=False), json.dumps(Moments._fields)
    text = f'{{"origin": {said},\n"columns": {columns},\n"statistics": {{\n{rows}\n}}}}\n'
    GOLDEN.write_text(text, "utf-8")


def apart(one: Moments, other: Moments) -> tuple[float, float]:
    """Differences of mean and of standard deviation in standard errors of both together."""
    mean, std = np.hypot(one.mean_error, other.mean_error), np.hypot(one.std_error, other.std_error)
    return (one.mean - other.mean) / mean, (one.std - other.std) / std


def table(ours: dict[str, Moments], theirs: dict[str, Moments]) -> None:
    """Print both, and by how many standard errors they are apart."""
    print(f"{'':58} {'ours: mean ± std':>20} {'n':>6} {'theirs: mean ± std':>20} {'n':>6} {'apart':>12}")
    far = {}
    for name, one in ours.items():
        other, gap = theirs[name], apart(one, theirs[name])
        if (card := name.partition(",")[0]) not in CHOSEN:
            far[name] = np.abs(gap)
        print(
            f"{name:58} {one.mean:10.4g} ± {one.std:7.3g} {one.n:6} {other.mean:10.4g} ± {other.std:7.3g} {other.n:6} "
            f"{gap[0]:+6.1f} {gap[1]:+5.1f}{' *' if card in CHOSEN else ''}"
        )
    for card, why in CHOSEN.items():
        print(f"* {card}: {why}.")
    every = np.array(list(far.values()))
    worst = max(far, key=lambda name: far[name].max())
    print(
        f"\n{every.size} numbers: root mean square {np.sqrt(np.mean(every**2)):.2f} standard errors, "
        f"{(every > 3).sum()} above 3, {(every > 4).sum()} above 4; most {every.max():.1f}, {worst}."
    )


def statistics(side: Side) -> dict[str, Moments]:
    """All of them."""
    start = time.process_time()
    found = {name: one for group, n in ALL.items() for name, one in group(side, n)}
    print(f"{type(side).__name__}: {time.process_time() - start:.0f} s", file=sys.stderr)
    return found


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"keep what aihwkit gives in {GOLDEN.name}")
    parser.add_argument("--seed", type=int, default=0, help="of our side")
    asked = parser.parse_args()
    try:
        from peer_aihwkit import Aihwkit
    except ImportError as error:
        if asked.write:
            sys.exit(f"--write asks aihwkit, which cannot be imported: {error}")
        print(f"aihwkit cannot be imported ({error}); ours beside what it gave before, {GOLDEN.name}:\n")
        theirs = golden()
    else:
        theirs = statistics(Aihwkit())
        if asked.write:
            write(Aihwkit.origin(), theirs)
    table(statistics(Analogsim(asked.seed)), theirs)


if __name__ == "__main__":
    main()
