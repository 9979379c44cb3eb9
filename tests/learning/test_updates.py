"""Updates through devices: means, memory, symmetry points, against closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

import analogsim as asim
from analogsim import cards
from analogsim.circuits.base import circuit
from analogsim.devices import Pulsed, device
from analogsim.learning.updates import (
    Driven,
    MixedPrecision,
    Pulses,
    Rounded,
    TikiTaka,
    WriteVerify,
    drifted,
    make,
    trains,
)

PULSED = {"device": "idealized", "mapping": "reference", "headroom": 4.0}
CELLS = [name for name in cards.names("device") if isinstance(device(name), Pulsed)]
NOISY = {"device": "rram-array-om", "headroom": 2.0}
UPDATES = ("circuit", "pulses", "tiki-taka", "tiki-taka-2", "nearest", "stochastic", "mixed-precision")


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


def updated_by_zeros(made, name, chip, rng):
    """The chip after an update of that name that is to change nothing."""
    update = make(name, made)
    if isinstance(update, Driven):
        pairs = [[(np.zeros((1, n)), np.zeros((1, m)))] for n, m in (w.shape for w in chip.forward)]
        return update.drive(chip, pairs, chip.biases, 0.1, rng)
    return update(chip, [(0 * w, 0 * b) for w, b in zip(chip.forward, chip.biases, strict=True)], rng)


def held(chip):
    """All that is on the arrays: what they hold and what is seen of it."""
    seen = {f"forward.{j}": w for j, w in enumerate(chip.forward)}
    seen |= {f"back.{j}": v for j, v in enumerate(chip.feedback) if v is not None}
    state = {key: value for key, value in chip.devices.items() if key.startswith(("conductance", "feedback", "write"))}
    return seen | state


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("name", CELLS)
def test_an_update_of_zeros_moves_nothing(name, update):
    """Bit for bit; the leak of a capacitor, which is time and not an update, is turned off."""
    made = circuit("crossbar", device=name, feedback="second-array", **{"device.lifetime": np.inf})
    chip, rng = made.program(asim.Network.random((5, 6, 4), seed=0), seed=0), np.random.default_rng(0)
    before, after = held(chip), chip
    for _ in range(3):
        after = updated_by_zeros(made, update, after, rng)
    assert held(after).keys() == before.keys()
    for key, value in held(after).items():
        np.testing.assert_array_equal(value, before[key], err_msg=key)
    assert ("write_noise.0" in before) == (made.device.write_noise > 0)


def test_what_leaks_does_so_without_pulses():
    made, chip = chip_of(
        device="capacitor", mapping="reference", **{"device.lifetime": 10.0, "device.lifetime_spread": 0.0}
    )
    after = made.update(chip, [(np.zeros((6, 5)), np.zeros(6))], np.random.default_rng(0))
    w, v = (made.device.weight(c.devices["conductance.0"]) for c in (chip, after))
    np.testing.assert_allclose(v, w * np.exp(-0.1), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [name for name in CELLS if device(name).write_noise])
@pytest.mark.parametrize("mapping", ["one-sided", "differential", "reference"])
def test_a_pulse_changes_its_own_cell_and_no_other(name, mapping):
    made = circuit("crossbar", device=name, mapping=mapping, feedback="second-array")
    chip, rng = made.program(asim.Network.random((5, 6, 4), seed=0), seed=0), np.random.default_rng(0)
    up, none = [np.zeros(w.shape, np.int64) for w in chip.forward], [np.zeros(w.shape, np.int64) for w in chip.forward]
    up[1][2, 3] = 1
    after = held(made.pulse(chip, up, none, chip.biases, rng))
    for key, before in held(chip).items():
        its = np.zeros(before.shape, bool)
        if key.endswith(".1"):  # of the second layer: the weight, or both cells of its pair
            its[(3, 2) if key == "back.1" else (..., 2, 3)] = True
        np.testing.assert_array_equal(after[key][~its], before[~its], err_msg=key)
        if key in ("forward.1", "back.1", "write_noise.1", "feedback_write_noise.1"):
            assert (after[key] != before)[its].sum() == 1


def test_write_noise_is_drawn_at_each_write_and_remembered_by_the_chip(tmp_path):
    """σ = write_noise · Δ in weights of a cell; two cells a weight, at a scale of a range each."""
    made, chip = chip_of(100, 100, mapping="differential", **NOISY)
    sigma = 1.4113 * 0.0949 / 2 * made.device.span
    rng, up = np.random.default_rng(0), np.ones((100, 100), np.int64)
    noises = [chip.devices["write_noise.0"]]
    for _ in range(2):  # two pulses up a weight: one for each cell of its pair
        chip = made.pulse(chip, [2 * up], [0 * up], chip.biases, rng)
        noises.append(chip.devices["write_noise.0"])
    for one, noise in enumerate(noises):
        assert noise.std() == pytest.approx(sigma, rel=4 / (2 * noise.size) ** 0.5)
        for other in noises[:one]:
            assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 4 / noise.size**0.5
    seen = chip.devices["conductance.0"] + noises[-1]
    expected = (seen[0] - seen[1]) / made.device.span * float(chip.devices["scale.0"])
    np.testing.assert_allclose(chip.forward[0], expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(made.conductances(chip, 0, "forward", wires=False), seen)
    chip.save(tmp_path / "chip.npz")
    np.testing.assert_array_equal(asim.load_chip(tmp_path / "chip.npz").devices["write_noise.0"], noises[-1])


def test_a_chip_saved_without_its_write_noise_draws_it_at_its_first_update():
    made, chip = chip_of(40, 40, **NOISY)
    old = chip.replace(devices={key: value for key, value in chip.devices.items() if "write_noise" not in key})
    zero, rng = [(np.zeros((40, 40)), np.zeros(40))], np.random.default_rng(0)
    first = made.update(old, zero, rng)
    noise, known = first.devices["write_noise.0"], chip.devices["write_noise.0"]
    assert noise.std() == pytest.approx(known.std(), rel=4 / noise.size**0.5)
    np.testing.assert_array_equal(made.update(first, zero, rng).forward[0], first.forward[0])


def test_stuck_cells_have_no_write_noise():
    made, chip = chip_of(40, 40, **NOISY, **{"device.p_stuck_lrs": 0.2})
    stuck = chip.devices["conductance.0"] == made.device.g_max
    assert abs(stuck.mean() - 0.2) < 4 * (0.16 / stuck.size) ** 0.5
    assert not chip.devices["write_noise.0"][stuck].any()
    assert chip.devices["write_noise.0"][~stuck].all()


def test_write_verify_ends_nearer_to_the_weights_than_one_write():
    for options in ({"device": "ideal", "device.d2d": 0.2}, PULSED):
        made, chip = chip_of(20, 20, **options)
        rng, delta = np.random.default_rng(0), [(np.full((20, 20), 0.05), np.zeros(20))]
        wanted = chip.devices["target.0"] + 0.05
        once, closed = made.update(chip, delta, rng), WriteVerify(made)(chip, delta, rng)
        errors = [np.abs(found.forward[0] - wanted).mean() for found in (once, closed)]
        assert errors[1] < 0.7 * errors[0]


def quadratic(update, made, chip, theta, sigma, rate, steps, rng):
    """SGD on ½(w − θ)² of every weight of a column with a gradient noise σ; each one's mean over the last half."""
    seen = []
    for step in range(steps):
        w = chip.forward[0][:, 0]
        gradient = w - theta + sigma * rng.standard_normal(w.shape)
        chip = update.drive(chip, [[(-gradient[None], np.ones((1, 1)))]], chip.biases, rate, rng)
        if step >= steps // 2:
            seen.append(chip.forward[0][:, 0])
    return np.mean(seen, axis=0)


SOFT = {
    "device": "rram-gong-soft",
    "mapping": "reference",
    "device.w_max": 1.0,
    "device.w_min": -1.0,
    "device.step": 0.004,
}
QUIET = ("step_spread", "cycle_noise", "w_max_spread", "w_min_spread", "up_down_spread", "write_noise")
SOFT |= {f"device.{key}": 0.0 for key in QUIET}


def column(n, **options):
    """Soft bounds of ±1 without spread, n weights in a column, spread evenly over all that they can be."""
    made = circuit("crossbar", **SOFT, **options)
    chip = made.program(asim.Network((np.linspace(-1, 1, n)[:, None],), (np.zeros(n),)), seed=0)
    assert float(chip.devices["scale.0"]) == 1.0
    return made, chip


@pytest.mark.slow
def test_soft_bounds_bias_plain_sgd_as_the_closed_form_says_and_tiki_taka_removes_it():
    n, theta, sigma = 1000, 0.4, 1.0
    made, chip = column(n)
    # E[g] + (w/b) E|g| = 0 with g ~ N(w − θ, σ²) and, with a scale of one, b = 1.
    grid = np.linspace(0, theta, 4001)
    m = grid - theta
    absolute = sigma * np.sqrt(2 / np.pi) * np.exp(-(m**2) / (2 * sigma**2)) + m * (1 - 2 * norm.cdf(-m / sigma))
    expected = grid[np.abs(m + grid * absolute).argmin()]
    rng = np.random.default_rng(0)
    plain = quadratic(Pulses(made), made, chip, theta, sigma, 0.03, 250, rng).mean()
    assert expected < 0.6 * theta
    assert plain == pytest.approx(expected, abs=0.02)
    for filtered in (False, True):
        update = TikiTaka(made, filtered=filtered, cycle=1, transfer=0.1)
        found = quadratic(update, made, chip, theta, sigma, 0.03, 500, rng).mean()
        assert found == pytest.approx(theta, abs=0.04)


@pytest.mark.slow
def test_a_reference_that_misses_the_symmetry_point_shifts_what_tiki_taka_finds():
    """E[g] = −(e/b) E|g|, so every weight is off by −e √(2/π) σ for a gradient noise σ, and their RMS grows with e."""
    n, sigma, rms = 600, 0.5, []
    for spread in (0.0, 0.05, 0.1):
        made, chip = column(n, **{"device.reference_spread": spread})
        update = TikiTaka(made, cycle=1, transfer=0.05)
        error = quadratic(update, made, chip, 0.4, sigma, 0.03, 600, np.random.default_rng(1))
        rms.append(float(error.std()))
        cells = update._fast_cells(0, (n, 1), 0)
        missed = (cells["rest"] - made.device.balance(cells))[:, 0]
        assert missed.std() == pytest.approx(spread, rel=4 / (2 * n) ** 0.5)
    slope, at_zero = np.polyfit(missed, error, 1)
    uncertain = (error - slope * missed - at_zero).std() / (missed.std() * n**0.5)
    assert abs(slope + np.sqrt(2 / np.pi) * sigma) < 4 * uncertain
    assert uncertain < 0.02
    # It adds in quadrature to the scatter that the weights have anyway.
    for spread, found in zip((0.05, 0.1), rms[1:], strict=True):
        assert found == pytest.approx(np.hypot(rms[0], np.sqrt(2 / np.pi) * sigma * spread), rel=4 / n**0.5)
    assert rms[2] > 1.5 * rms[0]


def test_cells_that_are_read_against_their_symmetry_points_have_no_second_error():
    """The error is in the cell's draws: zero is read 0.05 besides the weight at which it comes to rest."""
    cell, rng = device("rram-array-om"), np.random.default_rng(0)
    cells = cell.cells((40_000,), rng)
    assert not cell.reference(cells, rng).any()
    assert cell.balance(cells).std() == pytest.approx(0.05, rel=4 / (2 * 40_000) ** 0.5)


def test_drift_between_updates_follows_the_device():
    made, chip = chip_of(30, 30, device="pcm-ibm", mapping="one-sided")
    aged = drifted(made, chip, 3600.0)
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
