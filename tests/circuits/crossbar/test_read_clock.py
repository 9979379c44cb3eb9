"""1/f noise of cells on a chip: means over reads, samples and batches have the variance that the spectrum leaves."""

import numpy as np
import pytest

import analogsim as asim
from analogsim import Network, Settings, Wiring, circuit, load_data, relax, settle
from analogsim.devices import slow_noise
from analogsim.engine.packing import Stream
from analogsim.learning.on_chip import OnChip

DPT = Wiring.adjoint_dual_propagation(0.5)
NET = Network((np.zeros((800, 1)),), (np.zeros(800),), "identity")
EXACT = {"mapping": "differential", "tau_spread": 0.0, "device.programming_scale": 0.0}


def made(device, **options):
    return circuit("crossbar", device=device, **{**EXACT, **options})


@pytest.mark.parametrize(
    ("device", "samples", "chips"),
    [("pcm-ibm", 3, 2), *(pytest.param(name, 50, 4, marks=pytest.mark.slow) for name in ("pcm-ibm", "rram-cmo-2"))],
)
def test_means_over_four_times_follow_the_spectrum(device, samples, chips):
    """One read (as it settles), a sample of 20 τ, a batch, and 30 batches, over several chips.

    Both cells of a zero weight are at half the range, so that all weights have one σ. Of 1600 weights the standard
    deviation of a variance is 3.5 %; the bank of processes follows 1/f to 2.3 %.
    """
    one, n = made(device, noise_batch=samples), NET.sizes[1]
    band, shares = one.flicker(0.0)
    middle = (one.device.g_max + one.device.g_min) / 2
    sigma = 2**0.5 * float(one.device.read_sigma(middle)) / one.device.span
    sample = one.sample_time * one.time_unit
    found = {"read": [], "sample": [], "batch": [], "batches": []}
    for seed in range(chips):
        chip = one.program(NET, seed=seed)
        read = settle(chip, np.ones((1, 1)), wiring=DPT, beta=0, seed=seed)
        found["read"].append(read.a_1.values[0, 0])
        # From rest, and each sample twice as long as its window, so that the node has come from one to the next.
        times = np.arange(1, samples + 1)[:, None] * 40 - 20 + np.linspace(0.5, 20, 40)
        ones = Stream(np.ones((samples, 1)), None, 40.0)
        path = relax(chip, ones, wiring=DPT, beta=0, times=times.ravel(), seed=seed).a_1.values[0, :, 0]
        path = path.reshape(samples, -1, n).mean(axis=1)
        found["sample"].append(path[0])
        found["batch"].append(path.mean(axis=0))
        rng, old, batches = np.random.default_rng(seed), chip, [path.mean(axis=0)]
        for k in range(1, 30):
            old = one.later(old, k * samples * sample, rng)
            batches.append(old.forward[0][:, 0])
        found["batches"].append(np.mean(batches, axis=0))
    for name, count in (("read", 0), ("sample", 1), ("batch", samples), ("batches", 30 * samples)):
        expected = sigma**2 * slow_noise.mean_variance(band, count * sample) / sum(shares)
        rel = 4 * (2 / (chips * n)) ** 0.5 + 0.025
        assert np.mean(np.square(found[name])) == pytest.approx(expected, rel=rel), name


def test_both_directions_and_all_samples_see_the_slow_noise_of_a_cell():
    net = Network.random((30, 20, 10), seed=0)
    for mapping in ("one-sided", "reference"):
        quiet, noisy = (
            circuit("crossbar", mapping=mapping, **{"device.read_noise": q}).program(net, seed=3) for q in (0, None)
        )
        np.testing.assert_array_equal(noisy.feedback[1], noisy.forward[1].T)
        np.testing.assert_array_equal(noisy.devices.conductance[1], quiet.devices.conductance[1])
        assert np.abs(noisy.forward[1] - quiet.forward[1]).max() > 0.01 * np.abs(quiet.forward[1]).max()


def test_slow_noise_is_of_the_last_write_and_of_the_seed_and_survives_a_file(tmp_path):
    from analogsim import load_chip

    net = Network.random((30, 20, 10), seed=0)
    one = circuit("crossbar")
    chip, again, other = (one.program(net, seed=k) for k in (1, 1, 2))
    np.testing.assert_array_equal(chip.devices.slow_noise[0], again.devices.slow_noise[0])
    assert abs(np.corrcoef(chip.devices.slow_noise[0].ravel(), other.devices.slow_noise[0].ravel())[0, 1]) < 0.1
    nothing = [(np.zeros_like(w), np.zeros_like(b)) for w, b in zip(net.weights, net.biases, strict=True)]
    rewritten = one.update(chip, nothing, np.random.default_rng(0))
    assert abs(np.corrcoef(chip.devices.slow_noise[0].ravel(), rewritten.devices.slow_noise[0].ravel())[0, 1]) < 0.1
    aged = one.later(chip, 1e-3)
    aged.save(tmp_path / "chip.npz")
    loaded = load_chip(tmp_path / "chip.npz")
    assert loaded.read_held == aged.read_held > 0
    for a, b in zip(one.later(aged, 2e-3).forward, one.later(loaded, 2e-3).forward, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.conductances(aged, 0, "forward"), one.conductances(loaded, 0, "forward"))


def test_noise_that_is_given_replaces_the_law():
    for options in ({"noise": 0.05}, {"device.read_noise": 0.05}, {"device": "sonos"}, {"device": "rram-wan"}):
        chip = circuit("crossbar", **options).program(Network.random((5, 4), seed=0))
        assert chip.read_held == 0
        assert not chip.devices.slow_noise


def test_between_two_writes_slow_noise_moves_on_and_a_write_draws_it_anew():
    """Two batches of 50 samples of 2 µs: what moves in 100 µs is the fastest of it; targets and cells stay."""
    data = load_data("digits")
    rng = np.random.default_rng(0)
    settings = Settings("crossbar", write_every=3, hidden=8, batch_size=50)
    net = Network.random((64, 8, 10), seed=0)
    one = circuit("crossbar")
    learner = OnChip(one, one.program(net, seed=0), DPT, settings, rng)
    seen = [learner.chip]
    for k in range(3):
        rows = slice(50 * k, 50 * k + 50)
        learner.step(data.train_x[rows], data.train_y[rows])
        seen.append(learner.chip)
    slow = [chip.devices.slow_noise[0].sum(axis=0) for chip in seen]
    alike = [np.corrcoef(slow[0].ravel(), later.ravel())[0, 1] for later in slow[1:]]
    band, shares = one.flicker(0.0)
    for k, found in enumerate(alike[:2], 1):
        # Of 1/f noise what is slower than 1/(2π t) is left, of the slow share's variance.
        left = np.log(1 / (2 * np.pi * k * 1e-4) / band[0]) / shares.slow
        assert found == pytest.approx(left, abs=0.06)
    assert alike[0] > alike[1] > 0.5 > abs(alike[2]) * 5
    np.testing.assert_array_equal(seen[2].devices.conductance[0], seen[0].devices.conductance[0])
    assert (seen[2].forward[0] != seen[1].forward[0]).mean() > 0.5


def test_a_pulse_draws_the_slow_noise_of_its_cell_anew_and_of_no_other():
    base = asim.device("gokmen-vlasov", read_noise=0.02)
    own = type("Own", (type(base),), {"flicker_band": lambda self, seconds=0.0: (1e-3, 5e6), "__module__": "theirs"})
    values = {key: value for key, value in vars(base).items() if key != "record" and not key.startswith("_")}
    circuit = asim.circuit("crossbar", device=own(**values), mapping="differential")
    net = asim.Network.random((6, 5), seed=0)
    chip = circuit.program(net, seed=0)
    up, down = [np.zeros((5, 6), np.int64)], [np.zeros((5, 6), np.int64)]
    up[0][2, 3] = 2
    after = circuit.pulse(chip, up, down, chip.biases, np.random.default_rng(1))
    moved = (after.devices.slow_noise[0] != chip.devices.slow_noise[0]).any(axis=0)
    assert moved[:, 2, 3].any()
    moved[:, 2, 3] = False
    assert not moved.any()
