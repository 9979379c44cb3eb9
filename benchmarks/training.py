"""CPU time of an epoch on the combined chip over that of digital back-propagation, in one process.

    python benchmarks/training.py [--rounds 7] [--batches 60] [--json]

MNIST (from ``$ANALOGSIM_DATA``), 784-128-128-10, batches of 100, float32, ADAM, one thread. The chip: circuit
``combined``, DP⊤(0.3) at β = 0.5, chopped nudge. Both take turns, `--batches` batches at a time, in the order of a real
epoch, and the figures are medians of process time; wall time would count other people's work.
"""

from __future__ import annotations

import argparse
import json
import os
from time import process_time

GOAL = 3.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=60, help="batches of each in a round")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    import numpy as np

    from analogsim.circuits.base import child
    from analogsim.experiments.setup import prepare
    from analogsim.learning import ADAM
    from analogsim.learning.on_chip import OnChip
    from analogsim.learning.reference import backprop, train
    from analogsim.settings.record import Settings

    settings = Settings(
        circuit="combined", alpha=0.3, nudge="chop", data="mnist", hidden=(128, 128), batch_size=100,
        learning_rate=1e-3, dtype="float32",
    )  # fmt: skip
    setup = prepare(settings)
    chip = OnChip(setup.circuit, setup.chip, setup.wiring, settings, child(0, "chip"))
    x, y, order = setup.data.train_x, setup.data.train_y, np.random.default_rng(0)
    network, seconds = setup.network, {"chip": [], "back-propagation": []}
    for turn in range(arguments.rounds + 1):
        chosen = order.permutation(len(x))[: 100 * arguments.batches]
        inputs, targets = x[chosen], y[chosen]
        start = process_time()
        for rows in np.split(order.permutation(len(inputs)), arguments.batches):
            chip.step(inputs[rows], targets[rows])
        begin = process_time()
        found = train(network, inputs, targets, backprop, epochs=1, optimiser=ADAM(1e-3), angles=False, seed=turn)
        network = found.network
        if turn:  # the first round compiles
            seconds["chip"].append(begin - start)
            seconds["back-propagation"].append(process_time() - begin)
    whole = len(x) / (100 * arguments.batches)
    epoch = {name: whole * float(np.median(values)) for name, values in seconds.items()}
    ratio = float(np.median(np.divide(seconds["chip"], seconds["back-propagation"])))
    if arguments.json:
        print(json.dumps({"epoch_seconds": epoch, "ratio": ratio, "goal": GOAL}))
        return
    for name, value in epoch.items():
        print(f"{name:18} {value:6.2f} s of CPU for an epoch of 60 000")
    print(f"{'ratio':18} {ratio:6.2f}   (goal: at most {GOAL})")


if __name__ == "__main__":
    main()
