"""Dual propagation whose weights are changed after every sweep, while the states are still on their way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from analogsim.experiments.jobs.points import Found
from analogsim.experiments.reproduce.kinds import Reader, whole
from analogsim.experiments.reproduce.kinds.digital import network, samples
from analogsim.learning import optimisers
from analogsim.learning.reference.dyads import Relaxation, orders
from analogsim.learning.reference.training import batches
from analogsim.registry import register
from analogsim.settings.record import Settings


@register.experiment("while-settling", "a digital network whose weights change after every sweep")
def compute(settings: Mapping[str, object], checkpoint: Path, tell: Callable[[str], None]) -> Found:
    """Train with one update of the weights for each of ``sweeps`` sweeps over a batch; test accuracy (%)."""
    take = Reader(settings)
    seed, dtype = take("seed"), take("dtype", "float32")
    rule = Settings(rule=take("rule", "dp"), alpha=take("alpha"), beta=take("beta", Settings.beta))
    x, y, test_x, test_y = samples(take, dtype)
    net = network(take, x.shape[1], y.shape[1], seed).astype(dtype)
    epochs, batch_size = whole("epochs", take("epochs", 10)), whole("batch_size", take("batch_size", 100))
    optimiser = optimisers.make(
        take("optimiser", "adam"), optimisers.Schedule(take("learning_rate", 1e-3)), take("momentum", 0.0),
        take("weight_decay", 0.0),
    )  # fmt: skip
    sweeps, order = whole("sweeps", take("sweeps", 4)), take("order", "up-down")
    take.end()
    wirings = [rule.wiring()] * net.layers
    pairs = list(zip(net.weights, net.biases, strict=True))
    data_rng, order_rng = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    trace = []
    for epoch in range(epochs):
        for rows in batches(len(x), batch_size, data_rng):
            state = Relaxation(net, x[rows], y[rows], wirings, rule.beta)
            for numbers in orders(net.layers, order, sweeps, order_rng):
                state.sweep(numbers)
                optimiser.update(optimisers.flat(pairs), optimisers.flat(state.gradients()))
                # The layers see the weights change in place; what came from the input is kept by the state.
                state.drive = state.layers[0].forward(state.x) + state.layers[0].bias
        trace.append(100 * net.accuracy(test_x, test_y.argmax(-1)))
        tell(f"epoch {epoch + 1}/{epochs}, test {trace[-1]:.2f} %")
    finite = all(np.isfinite(w).all() for w in net.weights)
    return Found({"test_accuracy": trace[-1]}, {"test_accuracy": trace}, "done" if finite else "diverged")
