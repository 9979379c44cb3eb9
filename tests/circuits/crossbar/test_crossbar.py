"""The crossbar: what is programmed is what the devices allow, V is the transpose of a shared array, seeds are kept."""

import json
from pathlib import Path

import numpy as np
import pytest

from analogsim import Network, circuit
from analogsim.chip import load_chip
from analogsim.errors import InputError

NET = Network.random((60, 50, 40, 10), seed=3)


def fields(chip):
    arrays = [*chip.forward, *chip.feedback[1:], *chip.tau, *chip.gain, *chip.offset, *chip.divider, *chip.mirror]
    return [*arrays, chip.nudge, *(a for a in (*chip.forward_noise, *chip.feedback_noise) if a is not None)]


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def test_ideal_cells_program_the_weights_exactly():
    chip = circuit("crossbar", device="ideal").program(NET)
    for got, wanted in zip(chip.forward, NET.weights, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-15)
    assert not chip.has_noise


@pytest.mark.parametrize("device", ["ideal", "pcm-ibm"])
def test_a_shared_linear_array_is_reciprocal(device):
    chip = circuit("crossbar", device=device).program(NET)
    assert chip.feedback[0] is None
    for w, v in zip(chip.forward[1:], chip.feedback[1:], strict=True):
        np.testing.assert_array_equal(v, w.T)


def test_programming_error_is_that_of_the_pair():
    """σ_w² = (σ(G⁺)² + σ(G⁻)²) (w_max/g_max)², the cell at rest being clipped at zero."""
    net = Network.random((400, 300), seed=0)
    made = circuit("crossbar", **{"device.read_noise": 0})
    chip, cell, w = made.program(net, seed=5), made.device, net.weights[0]
    share = np.abs(w) / np.abs(w).max()
    busy = share > 0.2
    on, rest = cell.programming_sigma(share * cell.g_max), float(cell.programming_sigma(0.0))
    # A normal of mean 0 clipped at 0: variance (1 − 1/π)/2, mean 1/√(2π).
    variance = on**2 + rest**2 * (1 - 1 / np.pi) / 2
    mean = -rest / np.sqrt(2 * np.pi)
    error = np.sign(w) * (chip.forward[0] - w) / np.abs(w).max() * cell.g_max
    z = ((error - mean) / np.sqrt(variance))[busy]
    assert abs(z.mean()) < 4 / z.size**0.5
    assert abs(z.std() - 1) < 4 / (2 * z.size) ** 0.5


def test_two_arrays_differ_by_two_programmings():
    chip = circuit("crossbar", feedback="second-array", **{"device.read_noise": 0}).program(NET)
    for j in (1, 2):
        error = distance(chip.forward[j], NET.weights[j])
        between = distance(chip.feedback[j].T, chip.forward[j])
        assert between == pytest.approx(error * np.sqrt(2), rel=0.15)


def test_asymmetry_is_the_relative_error_of_the_feedback():
    chip = circuit("crossbar", device="ideal", asymmetry=0.2).program(NET)
    for w, v in zip(chip.forward[1:], chip.feedback[1:], strict=True):
        # Four standard errors of a standard deviation.
        assert distance(v, w.T) == pytest.approx(0.2, rel=4 / (2 * w.size) ** 0.5)


def test_full_scale_clips():
    chip = circuit("crossbar", device="ideal", full_scale=2.0).program(NET)
    for got, w in zip(chip.forward, NET.weights, strict=True):
        limit = 2.0 * np.sqrt(np.mean(w**2))
        np.testing.assert_allclose(got, np.clip(w, -limit, limit), atol=1e-14)


def test_noise_is_relative_to_each_weight_and_replaces_the_devices_own():
    chip = circuit("crossbar", noise=0.05).program(NET)
    for w, sigma in zip(chip.forward, chip.forward_noise, strict=True):
        np.testing.assert_allclose(sigma, 0.05 * np.abs(w))
    np.testing.assert_allclose(chip.feedback_noise[1], 0.05 * np.abs(chip.feedback[1]))
    assert not circuit("crossbar", noise=0, electronic_noise=0).program(NET).has_noise
    own = circuit("crossbar", device="ideal", **{"device.read_noise": 0.1}).program(NET)
    # An ideal pair has one cell on and one off, so the pair's noise is that of its weight.
    np.testing.assert_allclose(own.forward_noise[0], 0.1 * np.abs(NET.weights[0]))


def test_drift_weakens_the_weights_as_published():
    net = Network.random((300, 200), seed=0)
    fresh, aged = (circuit("crossbar", age=t, **{"device.drift_spread": [0, 0, 0, 0]}).program(net) for t in (0, 86400))
    strong = np.abs(net.weights[0]) > 0.5 * np.abs(net.weights[0]).max()
    ratio = np.abs(aged.forward[0])[strong] / np.abs(fresh.forward[0])[strong]
    # x > 0.2 keeps the mean exponent at its lower limit, 0.049; the resting cell has a larger one.
    assert np.median(ratio) == pytest.approx(0.6635, rel=0.01)


def test_stuck_cells_stay_where_they_are():
    made = circuit("crossbar", device="ideal", **{"device.p_stuck_lrs": 0.05, "device.p_stuck_hrs": 0.1})
    chip = made.program(NET, seed=1)
    # The opposite of every weight swaps the two cells of a pair; a cell with the same state before and after is stuck.
    deltas = [(-2 * w, np.zeros_like(b)) for w, b in zip(NET.weights, NET.biases, strict=True)]
    again = made.update(chip, deltas, np.random.default_rng(0))
    before, after = (np.concatenate([c.devices[f"conductance.{j}"].ravel() for j in range(3)]) for c in (chip, again))
    n = before.size
    for value, p in ((made.device.g_max, 0.05), (made.device.g_min, 0.1)):
        assert ((before == value) & (after == value)).mean() == pytest.approx(p, abs=4 * (p * (1 - p) / n) ** 0.5)


def test_mismatch_has_the_stated_spread():
    spreads = {"tau_spread": 0.1, "gain_mismatch": 0.02, "offset_spread": 0.03, "divider_mismatch": 0.04}
    spreads |= {"mirror_mismatch": 0.05, "nudge_mismatch": 0.06}
    n = 4000
    chip = circuit("crossbar", device="ideal", **spreads).program(Network.random((2, n), seed=0))
    drawn = [np.log(chip.tau[0]), chip.gain[0] - 1, chip.offset[0], chip.divider[0], chip.mirror[0], chip.nudge]
    for sample, spread in zip(drawn, spreads.values(), strict=True):
        assert sample.std() == pytest.approx(spread, rel=4 / (4 * n) ** 0.5)
        assert abs(np.corrcoef(sample)[0, 1]) < 4 / n**0.5


def test_the_same_seed_gives_the_same_bits_and_options_do_not_reshuffle_each_other():
    made = circuit("crossbar", asymmetry=0.1, gain_mismatch=0.01)
    for a, b in zip(fields(made.program(NET, seed=7)), fields(made.program(NET, seed=7)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(made.program(NET, seed=8).forward[0], made.program(NET, seed=7).forward[0])
    plain, spread = (
        circuit("crossbar").program(NET, seed=7),
        circuit("crossbar", offset_spread=0.1).program(NET, seed=7),
    )
    for name in ("forward", "tau", "gain"):
        np.testing.assert_array_equal(getattr(plain, name)[0], getattr(spread, name)[0])


def test_a_population_holds_one_chip_a_seed():
    made = circuit("crossbar")
    population = made.program(NET, seeds=[3, 1])
    assert population.seeds == (3, 1)
    np.testing.assert_array_equal(population[1].forward[0], made.program(NET, seed=1).forward[0])


@pytest.mark.parametrize("name", ["ideal", "crossbar"])
def test_update_moves_the_targets(name):
    made = circuit(name, **({"device.levels": 0} if name == "crossbar" else {}))
    chip = made.program(NET, seed=2)
    rng = np.random.default_rng(0)
    deltas = [(0.1 * w, 0.3 * np.ones_like(b)) for w, b in zip(NET.weights, NET.biases, strict=True)]
    for step in range(1, 3):
        chip = made.update(chip, deltas, rng)
        for w, got, b in zip(NET.weights, chip.forward, chip.biases, strict=True):
            wanted = (1 + 0.1 * step) * w
            assert distance(got, wanted) < (1e-12 if name == "ideal" else 0.2)
            np.testing.assert_allclose(b, 0.3 * step)
    np.testing.assert_array_equal(chip.tau[0], made.program(NET, seed=2).tau[0])
    with pytest.raises(InputError, match="deltas"):
        made.update(chip, deltas[:1], rng)


def test_the_record_says_what_was_programmed_and_survives_a_file(tmp_path):
    chip = circuit("crossbar", noise=0.05, asymmetry=0.1).program(NET, seed=4)
    words = "\n".join(chip.record["words"])
    for word in ("pcm-ibm", "10.1038/s41467-020-16108-9", "5.00% of each weight", "every 1 τ", "feedback error 10.0%"):
        assert word in words
    assert chip.record["seed"] == 4
    assert chip.record["device"]["values"]["g_max"]["unit"] == "uS"
    json.dumps(dict(chip.record))
    chip.save(tmp_path / "chip.npz")
    loaded = load_chip(tmp_path / "chip.npz")
    assert loaded.record == chip.record
    np.testing.assert_array_equal(loaded.devices["conductance.0"], chip.devices["conductance.0"])
    deltas = [(0.01 * w, 0.1 + b) for w, b in zip(NET.weights, NET.biases, strict=True)]
    made = circuit("crossbar", noise=0.05, asymmetry=0.1)
    a, b = (made.update(each, deltas, np.random.default_rng(0)) for each in (chip, loaded))
    for one, other in zip(fields(a), fields(b), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("device", ["ideal", "pcm-ibm", "rram-milo"])
def test_a_layer_of_zeros_is_programmed_as_such(device):
    net = Network((np.zeros((3, 2)), np.zeros((1, 3))), (np.zeros(3), np.zeros(1)))
    chip = circuit("crossbar", device=device, full_scale=3.0).program(net)
    assert np.isfinite(chip.forward[0]).all()
    assert (np.abs(chip.forward[0]) <= 1.0).all()
    exact = circuit("crossbar", device="ideal").program(net)
    assert not exact.forward[0].any()


@pytest.mark.parametrize("seed", [-1, 1.5, "x", True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(InputError, match="seed"):
        circuit("crossbar").program(NET, seed=seed)


@pytest.mark.parametrize(
    ("device", "options", "expected"),
    [
        ("pcm-ibm", {}, 0.12),
        ("pcm-hermes", {}, 0.26),
        ("pcm-hermes-2", {}, 0.17),
        ("rram-wan", {}, 0.236),
        ("rram-wan", {"age": 86400.0}, 0.346),
        ("rram-milo", {"activity_unit": 1e-3}, 0.14),
        ("sonos", {}, 0.04),
        ("rram-cmo", {}, 0.0258),
        ("rram-cmo-2", {}, 0.0335),
    ],
)
def test_two_programmings_differ_as_an_independent_calculation_found(device, options, expected):
    """‖A − B‖/‖A‖ of a normal matrix with 3σ at full scale, from the published noise laws, to two digits."""
    rng = np.random.default_rng(0)
    net = Network((rng.standard_normal((400, 2)), rng.standard_normal((300, 400))), (np.zeros(400), np.zeros(300)))
    options = {"full_scale": 3.0, "feedback": "second-array", "device.read_noise": 0, **options}
    made = circuit("crossbar", device=device, **options)
    chip = made.program(net)
    assert distance(chip.feedback[1].T, chip.forward[1]) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("mapping", ["one-sided", "reference"])
def test_cells_of_a_chip_drift_by_the_exponents_of_their_targets(mapping):
    """Cells aimed at g_max spread by 0.96 µS after a day (1.42 if exponents were taken where they landed)."""
    net = Network((np.ones((300, 300)),), (np.zeros(300),))
    options = {"mapping": mapping, "age": 86400.0, "device.p_stuck_lrs": 0.02, "device.read_noise": 0}
    made = circuit("crossbar", device="pcm-hermes", **options)
    chip = made.program(net)
    now, frozen = made.conductances(chip, 0, "forward"), chip.devices.conductance[0] == made.device.g_max
    cells, stuck = (a[0] if mapping == "one-sided" else a[:-1] for a in (now, frozen))
    assert cells[~stuck].std() == pytest.approx(0.9615e-6, rel=0.01)
    exponents = -np.log(now[frozen] / made.device.g_max) / np.log1p(86400.0 / 200)
    assert exponents.mean() == pytest.approx(0.0174, abs=5 * 0.0055 / frozen.sum() ** 0.5)


def test_thermal_noise_of_the_node_is_kt_over_c():
    """204 µV of 100 fF and 64 µV of 1 pF at 300 K; independent sources add in quadrature."""
    for farad, volt in ((100e-15, 204e-6), (1e-12, 64.4e-6)):
        made = circuit("crossbar", device="ideal", node_capacitance=farad, activity_unit=0.1)
        assert made.program(NET).node_noise == pytest.approx(volt / 0.1, rel=3e-3)
    both = circuit("crossbar", device="ideal", node_capacitance="1 pF", activity_unit=0.1, node_noise=1e-3)
    assert both.total_node_noise == pytest.approx(np.hypot(1e-3, 6.436e-4), rel=1e-3)


@pytest.mark.parametrize(("lrs", "hrs"), [(0.0175, 0.0904), (0.002, 0.0)])
def test_stuck_cells_of_one_sided_pairs_cost_their_closed_form(lrs, hrs):
    """With w̃ ~ N(0, 1/9): ‖ΔW‖²/‖W‖² = 2 (p_lrs E[(1 − w̃⁺)²] + p_hrs E[w̃⁺²]) / E[w̃²]; the few LRS faults dominate."""
    rng = np.random.default_rng(1)
    net = Network((rng.standard_normal((1000, 800)),), (np.zeros(1000),))
    faults = {"device.p_stuck_lrs": lrs, "device.p_stuck_hrs": hrs}
    clean, faulty = (circuit("crossbar", device="ideal", full_scale=3.0, **kw).program(net) for kw in ({}, faults))
    mean, square = 1 / (3 * np.sqrt(2 * np.pi)), 1 / 18
    expected = np.sqrt(2 * (lrs * (1 - 2 * mean + square) + hrs * square) * 9)
    assert expected == pytest.approx({0.0175: 0.582, 0.002: 0.169}[lrs], abs=1e-3)
    assert distance(faulty.forward[0], clean.forward[0]) == pytest.approx(expected, rel=0.03)


def test_the_record_is_strict_json():
    text = json.dumps(dict(circuit("crossbar", device="ecram").program(NET).record), allow_nan=False)
    assert json.loads(text)["circuit"]["values"]["full_scale"]["value"] == "inf"


def test_a_circuit_card_finds_a_device_card_beside_it(tmp_path):
    root = Path(__file__).parents[3]
    device = (root / "devices" / "ideal.toml").read_text(encoding="utf-8").replace("value = 100", "value = 70")
    (tmp_path / "cell.toml").write_text(device, encoding="utf-8")
    card = (root / "circuits" / "crossbar.toml").read_text(encoding="utf-8").replace('"pcm-ibm"', '"cell.toml"')
    (tmp_path / "mine.toml").write_text(card, encoding="utf-8")
    assert circuit(tmp_path / "mine.toml").device.g_max == pytest.approx(70e-6)
