"""Weights as slow states: gradient descent in the slow limit, and learning without phases."""

import numpy as np
import pytest

import analogsim as asim

DPT = asim.Wiring.adjoint_dual_propagation(0.5)


def teacher(seed=0, samples=8):
    rng = np.random.default_rng(seed)
    net = asim.Network.random((4, 6, 2), activation="tanh", seed=rng, gain=0.7)
    x = rng.standard_normal((samples, 4))
    y = np.tanh(x @ rng.standard_normal((4, 2)))
    return net, x, y


def test_slow_weights_follow_the_gradient():
    """With τ_W ≫ τ the change over a dwell is −(dwell/τ_W) ∇L; the deviation falls with the ratio of timescales."""
    net, x, y = teacher()
    truth = asim.reference.backprop(net, x, y)
    chip, errors = asim.Chip.ideal(net), []
    for dwell in (40.0, 80.0):
        tau_w = 100 * dwell
        learnt, _ = asim.learning.continuous(
            chip, asim.Stream(x[None], y[None], dwell), wiring=DPT, beta=0.01, tau_w=tau_w, dt=0.1
        )
        moved = [(new - old) * -tau_w / dwell for new, old in zip(learnt.forward, net.weights, strict=True)]
        gap = np.linalg.norm(np.concatenate([(m - g).ravel() for m, (g, _) in zip(moved, truth, strict=True)]))
        errors.append(gap / np.linalg.norm(np.concatenate([g.ravel() for g, _ in truth])))
    # The transient from a = 0 is a fixed time, so its share halves when the dwell doubles.
    assert errors[1] < 0.08
    assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.35


def test_a_gate_removes_the_stale_pairings():
    """Right after a change the new input meets the old error; blanking that time brings the update to the gradient."""
    net, x, y = teacher(1)
    chip = asim.Chip.ideal(net)
    # The second batch is what counts: it starts from the settled state of the first.
    stream = asim.Stream(np.stack([x, x[::-1] * 2]), np.stack([y, -y[::-1]]), 12.0)
    moved = {}
    for gate in (0.0, 8.0):
        before, _ = asim.learning.continuous(
            chip, asim.Stream(stream.x[:1], stream.y[:1], 12.0), wiring=DPT, beta=0.01, tau_w=1e6, gate=gate
        )
        after, _ = asim.learning.continuous(chip, stream, wiring=DPT, beta=0.01, tau_w=1e6, gate=gate)
        moved[gate] = np.concatenate([(b - a).ravel() for a, b in zip(before.forward, after.forward, strict=True)])
    truth = np.concatenate([-g.ravel() for g, _ in asim.reference.backprop(net, stream.x[1], stream.y[1])])

    def cosine(v):
        return v @ truth / np.linalg.norm(v) / np.linalg.norm(truth)

    assert cosine(moved[8.0]) > 0.9999
    assert cosine(moved[0.0]) < cosine(moved[8.0])


@pytest.mark.slow
def test_it_learns_a_regression_without_phases():
    net, x, y = teacher(2, samples=16)
    rng = np.random.default_rng(0)
    order = np.concatenate([rng.permutation(16) for _ in range(40)])
    chip, trace = asim.learning.continuous(
        asim.Chip.ideal(net), asim.Stream(x[order], y[order], 8.0), wiring=DPT, beta=0.2, tau_w=40.0, dt=0.1, gate=4.0
    )

    def loss(n):
        return 0.5 * ((n.output(x) - y) ** 2).sum(1).mean()

    assert loss(chip.network()) < 0.2 * loss(net)
    assert trace.loss[-64:].mean() < 0.5 * trace.loss[:64].mean()
    np.testing.assert_allclose(chip.feedback[1], chip.forward[1].T, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "word"), [({"tau_w": 0}, "tau_w"), ({"gate": 9.0}, "gate"), ({"dt": 5.0}, "dt"), ({"beta": 0}, "beta")]
)
def test_bad_settings_are_named(options, word):
    net, x, y = teacher()
    settings = {"wiring": DPT, "beta": 0.1, "tau_w": 10.0, **options}
    with pytest.raises(asim.InputError, match=word):
        asim.learning.continuous(asim.Chip.ideal(net), asim.Stream(x, y, 8.0), **settings)
