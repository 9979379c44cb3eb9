"""Training: order of the samples, resuming bit for bit, early stopping, and the optimisers against their equations."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from analogsim import Network
from analogsim.errors import InputError
from analogsim.learning import ADAM, SGD, Schedule
from analogsim.learning.reference import FeedbackPath, adjoint_dual_propagation, backprop, batches, train


def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    return (data.data / 16).astype(np.float32), np.eye(10, dtype=np.float32)[data.target]


def network(seed=0):
    return Network.random((64, 32, 10), seed=seed).astype(np.float32)


def same(a, b):
    return all(np.array_equal(p, q) for p, q in zip((*a.weights, *a.biases), (*b.weights, *b.biases), strict=True))


def test_batches_take_every_sample_once_in_the_order_of_the_seed():
    found = list(batches(10, 4, np.random.default_rng(3)))
    assert [len(b) for b in found] == [4, 4, 2]
    assert sorted(np.concatenate(found)) == list(range(10))
    np.testing.assert_array_equal(np.concatenate(found), np.random.default_rng(3).permutation(10))


@pytest.mark.parametrize("feedback", ["transpose", "kolen-pollack"])
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(tmp_path, feedback):
    x, y = digits()
    options = {"feedback": feedback, "validation": 0.1, "beta": 0.5, "sweeps": 2, "order": "random"}
    options["test"] = x[:50], y[:50]
    whole = train(network(), x, y, adjoint_dual_propagation, epochs=4, **options)
    path = tmp_path / "run.npz"
    train(network(), x, y, adjoint_dual_propagation, epochs=2, checkpoint=path, **options)
    resumed = train(network(), x, y, adjoint_dual_propagation, epochs=4, checkpoint=path, **options)
    assert same(whole.network, resumed.network)
    assert whole.traces == resumed.traces
    assert whole.best_epoch == resumed.best_epoch


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    x, y = digits()
    train(network(), x, y, backprop, epochs=1, checkpoint=tmp_path / "run.npz")
    with pytest.raises(InputError, match="another run"):
        train(network(), x, y, backprop, epochs=2, checkpoint=tmp_path / "run.npz", seed=1)


@pytest.mark.processes
def test_a_killed_run_loses_at_most_the_epoch_under_way(tmp_path):
    path = tmp_path / "run.npz"
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.learning.reference.test_training import *\n"
        "x, y = digits()\n"
        "train(network(), x, y, backprop, epochs=10**6, checkpoint=sys.argv[1])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path), os.getcwd()], cwd=os.getcwd())
    deadline = time.time() + 60
    while not path.exists() and time.time() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with np.load(path) as saved:
        done = len(saved["trace_loss"])
    x, y = digits()
    resumed = train(network(), x, y, backprop, epochs=done + 2, checkpoint=path)
    assert same(resumed.network, train(network(), x, y, backprop, epochs=done + 2).network)


def test_training_learns_and_stops_early():
    x, y = digits()
    found = train(network(), x, y, backprop, epochs=200, optimiser=ADAM(1e-2), validation=0.2, patience=10)
    assert found.epoch < 200
    assert found.best_epoch == found.epoch - 10
    best = found.traces["validation_accuracy"][found.best_epoch - 1]
    assert best == max(found.traces["validation_accuracy"]) > 0.85
    assert found.network.accuracy(x[-359:], y[-359:].argmax(-1)) == best
    assert np.degrees(1e-3) > max(found.traces["angle_1"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_is_algorithm_1(dtype):
    rng = np.random.default_rng(0)
    p = rng.standard_normal((5, 3)).astype(dtype)
    expected, m, v = p.astype(float), 0.0, 0.0
    adam = ADAM(Schedule(0.1, warm_up=2), betas=(0.8, 0.95), epsilon=1e-3, weight_decay=0.2)
    for t in range(1, 6):
        g = rng.standard_normal(p.shape).astype(dtype)
        rate = 0.1 * min(1, (t - 1) / 2)
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g.astype(float) ** 2
        expected = (1 - rate * 0.2) * expected - rate * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        adam.update([p], [g])
    np.testing.assert_allclose(p, expected, rtol=20 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)


def test_momentum_and_cosine():
    schedule = Schedule(0.4, warm_up=4, updates=12, first=0.1, last=0.02)
    assert [schedule(t) for t in (0, 2, 4, 8, 12, 99)] == pytest.approx([0.1, 0.25, 0.4, 0.21, 0.02, 0.02])
    p, sgd = np.array([1.0]), SGD(0.1, momentum=0.5, weight_decay=0.1)
    sgd.update([p], [np.array([2.0])])
    assert p == pytest.approx(1 - 0.1 * 2.1)
    before = p.copy()
    sgd.update([p], [np.array([2.0])])
    assert p == pytest.approx(before - 0.1 * (0.5 * 2.1 + 2 + 0.1 * before))


def test_a_run_that_diverges_says_so():
    x, y = digits()
    found = train(network(), x, y, backprop, epochs=5, optimiser=SGD(1e4))
    assert found.status == "diverged"
    assert found.epoch < 5


def test_kolen_pollack_forgets_the_difference_at_the_rate_of_the_decay():
    # V and Wᵀ get the same updates and the same decay: what is left of V − Wᵀ is (1 − ηλ)ⁿ of it, exactly.
    x, y = (array.astype(float) for array in digits())
    net = Network.random((64, 32, 10), seed=0)
    start = FeedbackPath(net, "kolen-pollack", np.random.default_rng([0, 2])).matrices[1] - net.weights[1].T
    found = train(net, x, y, backprop, epochs=2, feedback="kolen-pollack", optimiser=SGD(0.05, weight_decay=0.1))
    left = found.feedback[1] - found.network.weights[1].T
    np.testing.assert_allclose(left, (1 - 0.05 * 0.1) ** (2 * 18) * start, rtol=1e-9)
    fixed = train(net, x, y, backprop, epochs=2, feedback="alignment").feedback[1]
    np.testing.assert_array_equal(fixed, FeedbackPath(net, "alignment", np.random.default_rng([0, 2])).matrices[1])


def test_a_schedule_changes_the_options_of_the_rule():
    x, y = digits()
    seen = []

    def spy(net, x, y, *, beta, workspace=None):
        seen.append(beta)
        return backprop(net, x, y)

    train(network(), x, y, spy, epochs=3, batch_size=len(x), schedule=lambda epoch: {"beta": 0.1 + 0.05 * epoch})
    assert seen == pytest.approx([0.1, 0.15, 0.2])
