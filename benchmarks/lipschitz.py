"""Lipschitz estimate and accuracy of damped DP(α) on MNIST: the signature of Two Tales, Table 1.

    ANALOGSIM_DATA=... python benchmarks/lipschitz.py [--epochs 20] [--width 128] [--seeds 1]

784-width-width-10, ReLU, ½‖·‖², LeCun weights, ADAM 1e-3, batch 50 of the first 50 000 samples, β = ½, 15 damped
sweeps.
Published with width 512 and 3 seeds (arXiv 2402.08573, Table 1): accuracy / ‖W₃W₂W₁‖₂ of 95.85 % / 522 for α = 1,
98.09 % / 67.2 for α = ½ and 98.46 % / 29.9 for α = 0. Wanted at width 128: the ratio of the estimates, α = 1 to α = 0,
above 3, and more than half a point of accuracy.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    """Train and print one line for each α and seed, and the verdict."""
    import numpy as np

    from analogsim import Network
    from analogsim.experiments.data import load_data
    from analogsim.learning.reference import rule, train

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    data = load_data("mnist")
    x, y = data.train_x[:50000].astype(np.float32), data.train_y[:50000].astype(np.float32)
    for seed in range(arguments.seeds):
        found = {}
        for alpha in (1.0, 0.0):
            sizes = (784, arguments.width, arguments.width, 10)
            net, start = Network.random(sizes, init="lecun", seed=seed).astype(np.float32), process_time()
            result = train(
                net, x, y, rule("dp-damped", alpha=alpha, beta=0.5, sweeps=15), seed=seed, epochs=arguments.epochs,
                batch_size=50, test=(data.test_x, data.test_y), angles=False,
            )  # fmt: skip
            found[alpha] = [result.traces[key][-1] for key in ("test_accuracy", "lipschitz")]
            accuracy, lipschitz = found[alpha]
            print(
                f"seed {seed}  α = {alpha:g}  accuracy {100 * accuracy:.2f} %  L {lipschitz:.1f}  "
                f"CPU {process_time() - start:.0f} s",
                flush=True,
            )
        gap, ratio = 100 * (found[0.0][0] - found[1.0][0]), found[1.0][1] / found[0.0][1]
        verdict = "as published" if ratio > 3 and gap > 0.5 else "NOT as published"
        print(f"seed {seed}  ratio {ratio:.1f}  gap {gap:.2f} points: {verdict}")


if __name__ == "__main__":
    main()
