"""Updates through devices: means, memory, symmetry points, against closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

import analogsim as asim
from analogsim.circuits.base import circuit
from analogsim.learning.updates import MixedPrecision, Pulses, Rounded, TikiTaka, WriteVerify, drifted, make, trains

PULSED = {"device": "idealized", "mapping": "reference", "headroom": 4.0}


def chip_of(n=6, m=5, seed=0, **options):
    made = circuit("crossbar", **options)
    network = asim.Network.random((m, n), seed=seed)
    return made, made.program(network, seed=seed)


def test_the_mean_of_pulse_trains_is_the_outer_product_and_nothing_is_capped():
    rng = np.random.default_rng(0)
    errors, inputs, rate, repeats = rng.standard_normal((3, 4)), rng.random((3, 5)), 0.6, 20000
    net = np.zeros((4, 5))
    up, down = trains(np.tile(errors, (repeats, 1)), np.tile(inputs, (repeats, 1)), rate, rng)
    net = (up - down) / repeats
    exact = rate * errors.T @ inputs
    # Each coincidence is a Bernoulli event, so the variance of a count is below its mean number.
    sigma = np.sqrt(rate * np.abs(errors).T @ inputs / repeats)
    assert np.abs(net - exact).max() < 5 * sigma.max()
    assert (up + down).min() > 0  # ups and downs of different samples do not cancel


def test_coincidences_have_the_mean_and_variance_of_bernoulli_pulses():
    """E[Δ n] = rate·d xᵀ and var n = L p (1 − p) with p = rate |x d| / (Δ L) (Gokmen & Vlasov 2016)."""
    step, rng = asim.devices.device("gokmen-vlasov").step, np.random.default_rng(0)
    x, d, rate, trials = np.array([0.2, -0.9, 0.0]), np.array([0.7, -0.3]), 0.01, 20_000
    length = np.ceil(rate / step * 0.9 * 0.7)  # as few slots as hold the largest product
    pulses = [trains(d[None], x[None], rate / step, rng) for _ in range(trials)]
    counts = np.array([up - down for up, down in pulses])
    p = rate / (step * length) * np.abs(np.outer(d, x))
    error = np.sqrt(length * p * (1 - p) / trials)
    np.testing.assert_array_less(np.abs(counts.mean(axis=0) - rate * np.outer(d, x) / step), 4 * error + 1e-12)
    np.testing.assert_allclose(counts.var(axis=0), length * p * (1 - p), rtol=0.05)


def test_pulses_move_the_weights_of_a_chip_by_the_rate_times_the_outer_product():
    made, chip = chip_of(**PULSED)
    rng = np.random.default_rng(1)
    errors, inputs = rng.standard_normal((40, 6)), rng.random((40, 5))
    rate, times, moved = 1e-3, 60, np.zeros((6, 5))
    for _ in range(times):
        after = Pulses(made).drive(chip, [[(errors, inputs)]], chip.biases, rate, rng)
        moved += after.forward[0] - chip.forward[0]
    wanted = times * rate * errors.T @ inputs
    # Cells differ by 30 %: compare their mean response.
    slope = (moved * wanted).sum() / (wanted**2).sum()
    assert slope == pytest.approx(1.0, abs=0.15)
    assert np.corrcoef(moved.ravel(), wanted.ravel())[0, 1] > 0.9


def test_an_accumulator_loses_nothing_and_nearest_rounding_everything():
    options = {"device": "ideal", "device.levels": 64, "headroom": 2.0}
    made, chip = chip_of(**options)
    grain, rng = made.granularity(chip, 0), np.random.default_rng(0)
    delta = [(np.full((6, 5), 0.013 * grain), np.full(6, 0.5))]
    kept, lost = chip, chip
    for _ in range(200):
        kept, lost = MixedPrecision(made)(kept, delta, rng), Rounded(made)(lost, delta, rng)
    start = chip.forward[0]
    np.testing.assert_allclose(lost.forward[0], start, atol=1e-12)
    np.testing.assert_allclose(
        kept.forward[0] + kept.devices["accumulator.0"], np.rint(start / grain) * grain + 200 * delta[0][0], atol=1e-9
    )
    np.testing.assert_allclose(lost.biases[0], 100.0)


def test_rounding_at_random_is_unbiased():
    made, chip = chip_of(40, 50, device="ideal", headroom=2.0, **{"device.levels": 64})
    grain, rng, now = made.granularity(chip, 0), np.random.default_rng(0), chip
    for _ in range(50):
        now = Rounded(made, at_random=True)(now, [(np.full((40, 50), 0.1 * grain), np.zeros(40))], rng)
    moved = (now.forward[0] - chip.forward[0]).mean() / grain
    assert moved == pytest.approx(5.0, abs=5 * np.sqrt(50 * 0.09 / 2000) + 1e-6)


def test_write_verify_ends_nearer_to_the_weights_than_one_write():
    for options in ({"device": "ideal", "device.d2d": 0.2}, PULSED):
        made, chip = chip_of(20, 20, **options)
        rng, delta = np.random.default_rng(0), [(np.full((20, 20), 0.05), np.zeros(20))]
        wanted = chip.devices["target.0"] + 0.05
        once, closed = made.update(chip, delta, rng), WriteVerify(made)(chip, delta, rng)
        errors = [np.abs(found.forward[0] - wanted).mean() for found in (once, closed)]
        assert errors[1] < 0.7 * errors[0]


def quadratic(update, made, chip, theta, sigma, rate, steps, rng):
    """SGD on ½(w − θ)² of every weight of a column with a gradient noise σ; the mean of w over the last half."""
    seen = []
    for step in range(steps):
        w = chip.forward[0][:, 0]
        gradient = w - theta + sigma * rng.standard_normal(w.shape)
        chip = update.drive(chip, [[(-gradient[None], np.ones((1, 1)))]], chip.biases, rate, rng)
        if step >= steps // 2:
            seen.append(chip.forward[0][:, 0])
    return float(np.mean(seen))


def test_soft_bounds_bias_plain_sgd_as_the_closed_form_says_and_tiki_taka_removes_it():
    device = {"device": "rram-gong-soft", "mapping": "reference"}
    device |= {f"device.{key}": 0.0 for key in ("step_spread", "cycle_noise", "w_max_spread", "w_min_spread",
                                               "up_down_spread", "write_noise")}  # fmt: skip
    device |= {"device.w_max": 1.0, "device.w_min": -1.0, "device.step": 0.004}
    made = circuit("crossbar", **device)
    n, theta, sigma = 1000, 0.4, 1.0
    start = asim.Network((np.linspace(-1, 1, n)[:, None],), (np.zeros(n),))
    chip = made.program(start, seed=0)
    assert float(chip.devices["scale.0"]) == 1.0
    # E[g] + (w/b) E|g| = 0 with g ~ N(w − θ, σ²) and, with a scale of one, b = 1.
    grid = np.linspace(0, theta, 4001)
    m = grid - theta
    absolute = sigma * np.sqrt(2 / np.pi) * np.exp(-(m**2) / (2 * sigma**2)) + m * (1 - 2 * norm.cdf(-m / sigma))
    expected = grid[np.abs(m + grid * absolute).argmin()]
    rng = np.random.default_rng(0)
    plain = quadratic(Pulses(made), made, chip, theta, sigma, 0.03, 250, rng)
    assert expected < 0.6 * theta
    assert plain == pytest.approx(expected, abs=0.02)
    for filtered in (False, True):
        update = TikiTaka(made, filtered=filtered, cycle=1, transfer=0.1)
        found = quadratic(update, made, chip, theta, sigma, 0.03, 500, rng)
        assert found == pytest.approx(theta, abs=0.04)


def test_drift_between_updates_follows_the_device():
    made, chip = chip_of(30, 30, device="pcm-ibm", mapping="one-sided")
    aged = drifted(made, chip, 3600.0, np.random.default_rng(0))
    assert np.abs(aged.forward[0]).mean() < 0.9 * np.abs(chip.forward[0]).mean()
    assert {*chip.devices} <= {*aged.devices}


def test_what_does_not_go_together_is_refused():
    for name, options in (("pulses", {"device": "ideal"}), ("nearest", {"device": "ideal"})):
        with pytest.raises(asim.InputError):
            make(name, circuit("crossbar", **options))
    with pytest.raises(asim.InputError, match="crossbar"):
        make("mixed-precision", circuit("ideal"))
    with pytest.raises(asim.InputError, match="tiki-taka"):
        make("tiki", circuit("crossbar"))
