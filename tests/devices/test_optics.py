"""Optical parts: measured transfer curves, noise, quantisation, rings, meshes, phase-change cells."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.constants import Boltzmann, elementary_charge

from analogsim import cards
from analogsim.devices import Optical, device
from analogsim.errors import InputError
from analogsim.functions.activations import activation
from analogsim.functions.machine_code import activate, slope
from analogsim.jit import compiled

RNG = np.random.default_rng


def write(part, relative, correct=False, seed=0):
    outputs = np.arange(len(relative)) % part.channels
    return part.realise(relative, outputs, RNG(seed), RNG(seed + 1), correct)


def weights(realised):
    return realised.plus - realised.minus


@compiled
def compiled(code, z, s, d):
    activate(code, z, s)
    slope(code, z, d)


@pytest.mark.parametrize(("card", "name"), [("aoc-tanh-48", "aoc-tanh"), ("aoc-tanh-16", "aoc-tanh-16")])
def test_the_activation_is_the_card_s_curve_and_its_slope_the_derivative(card, name):
    f, part, z = activation(name), device(card), np.linspace(-2, 2, 401)
    np.testing.assert_allclose(f(z), part.transfer(z), rtol=1e-14)
    np.testing.assert_allclose(f.derivative(z), (f(z + 1e-6) - f(z - 1e-6)) / 2e-6, atol=1e-8)
    assert f.derivative(z).max() == pytest.approx(f.slope_max, rel=1e-3)
    s, d = np.empty_like(z), np.empty_like(z)
    compiled(f.code, z, s, d)
    np.testing.assert_allclose(s, f(z), rtol=1e-13)
    np.testing.assert_allclose(d, f.derivative(z), rtol=1e-13)


def test_tanh_of_the_48_variable_machine_at_five_points():
    got = device("aoc-tanh-48").transfer([-1.0, -0.5, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(got, [-0.21924, -0.21324, -0.00423, 0.21371, 0.22009], atol=5e-6)


@pytest.mark.parametrize("name", ["microled-aoc-48", "microled-aoc-16"])
def test_driver_is_the_measured_cubic_with_unit_slope(name):
    source = device(name)
    low, high, c1, c2, c3 = source.driver(3.0)
    assert (low, high, c1) == (-3.0, 3.0, 1.0)
    u = np.linspace(-3, 3, 50)
    f = u * source.drive / 3.0
    light = [source.transfer(f, path) - source.transfer(0.0, path) for path in ("plus", "minus")]
    slope = sum(c[2] for c in (source.curve_plus, source.curve_minus)) / 2
    np.testing.assert_allclose(u * (c1 + u * (c2 + u * c3)), sum(light) / 2 / slope / source.drive * 3.0, rtol=1e-12)
    if name == "microled-aoc-48":
        # One curve for both paths: what is left of their difference, over the tanh's range.
        for c, one in zip((source.curve_plus, source.curve_minus), light, strict=True):
            assert np.abs(one / c[2] - sum(light) / 2 / slope).max() < 0.01 * source.drive


def test_extinction_floors_of_the_two_machines():
    for name, plus, minus in (("slm-aoc-48", 0.058, 0.071), ("slm-aoc-16", 0.52, 0.58)):
        slm = device(name)
        assert slm.extinction_floor("plus") == pytest.approx(plus, abs=0.005)
        assert slm.extinction_floor("minus") == pytest.approx(minus, abs=0.005)
    # A wanted contrast scales the measured floors and leaves the signal as it is.
    measured, darker = device("slm-aoc-48"), device("slm-aoc-48", contrast=200)
    assert darker.nominal()[2] / darker.nominal().sum() == pytest.approx(1 / 200)
    np.testing.assert_array_equal(darker.nominal()[:2], measured.nominal()[:2])
    dark = write(device("slm-lcos", gain_spread=0, floor_spread=0, contrast=20), np.zeros((4, 4)))
    np.testing.assert_allclose(weights(dark), 0, atol=1e-15)
    # Both paths leak 1/20 of the light that a column gets.
    np.testing.assert_allclose(dark.light, 2 * 0.05 / (2 * 4))


@pytest.mark.parametrize(("bits", "error"), [(8, 0.0068), (9, 0.0034), (10, 0.0017)])
def test_quantisation_error_of_a_normal_matrix_with_three_sigma_at_full_scale(bits, error):
    slm = device("slm-lcos", bits=bits, gain_spread=0, floor_spread=0)
    w = np.clip(RNG(0).standard_normal((250, 250)) / 3, -1, 1)
    got = weights(write(slm, w))
    assert np.linalg.norm(got - w) / np.linalg.norm(w) == pytest.approx(error, rel=0.03)
    assert np.linalg.norm(got - w) / np.linalg.norm(w) == pytest.approx(3 * 2.0 ** (1 - bits) / 12**0.5, rel=0.03)


def test_correction_inverts_the_columns():
    for name in ("slm-aoc-48", "slm-aoc-16"):
        slm = device(name, bits=10)
        w = np.clip(RNG(1).standard_normal((slm.channels, 30)) / 3, -0.8, 0.8)
        raw, corrected = (np.linalg.norm(weights(write(slm, w, c)) - w) / np.linalg.norm(w) for c in (False, True))
        assert corrected < 0.01 < raw


def test_crosstalk_matrix_is_that_of_the_neighbours():
    detector = device("pd-generic", crosstalk=0.07)
    outputs, modules = np.array([0, 1, 2, 4, 0, 1]), np.array([0, 0, 0, 0, 1, 1])
    expected = np.zeros((6, 6))
    for k, l in ((0, 1), (1, 2), (4, 5)):
        expected[k, l] = expected[l, k] = 0.07
    np.testing.assert_array_equal(detector.leak(outputs, modules), [expected, expected])
    measured = device("pd-aoc-48").leak(np.arange(48), np.zeros(48))
    below, above = (np.array([np.diagonal(m, k) for m in measured]) for k in (-1, 1))
    # reference values: mean 0.05 to 0.07, greatest 0.31; what falls off the ends of the array is nobody's.
    assert above.mean() == pytest.approx(0.0558 * 48 / 47, rel=0.01)
    assert below.mean() == pytest.approx(0.0708 * 48 / 47, rel=0.01)
    assert measured.max() == pytest.approx(0.30555, rel=1e-3)


def test_signal_to_noise_of_the_textbook_detector():
    detector = device("pd-generic")
    np.testing.assert_allclose(detector.snr([1e-6, 1e-5, 1e-4], 50e6, -140.0), [32, 258, 942], rtol=0.01)


def test_shot_noise_is_that_of_counted_electrons_and_thermal_noise_that_of_a_resistor_on_a_capacitor():
    """N electrons in T = 1/2B have a variance N; a noise density 4kT/R through RC leaves kT/C on the capacitor."""
    detector, current, band, n = device("pd-generic", dark_current=0), 3e-9, 50e6, 20000
    counted = RNG(0).poisson(current / elementary_charge / (2 * band), n) * elementary_charge * 2 * band
    assert counted.var() == pytest.approx(detector.shot_variance(current, band), rel=5 * (2 / n) ** 0.5)
    r, c, steps = detector.feedback_resistance, 1e-12, 100
    h = r * c / steps
    v, seen, rng = np.zeros(400), [], RNG(1)
    # Current noise of a band 1/2h, as a fresh sample has it in every step h.
    sigma = detector.thermal_variance(1 / (2 * h)) ** 0.5
    for k in range(60 * steps):
        v += h / c * (sigma * rng.standard_normal(400) - v / r)
        if k % (5 * steps) == 0 and k > 5 * steps:
            seen.append(v.copy())
    independent = len(seen) * 400
    # Euler's rule with h = RC/100 adds half a per cent to the variance.
    expected = Boltzmann * detector.temperature / c
    assert np.var(seen) == pytest.approx(expected, rel=5 * (2 / independent) ** 0.5 + 0.005)


def test_ring_is_tuned_to_its_weight_and_lossless_rings_are_lorentzian():
    still = {"temperature_error": 0, "channels": 1}
    w = np.linspace(-1, 1, 41)[None] * np.ones((3, 1))
    np.testing.assert_allclose(weights(write(device("microring", phase_error=0, bits=16, **still), w)), w, atol=1e-4)
    lossless = device("microring", round_trip=1.0, coupling=0.995)
    assert lossless.weight(0.0) == pytest.approx(1.0)
    delta = np.linspace(-3, 3, 31)
    lorentzian = 2 / (1 + (2 * delta) ** 2) - 1
    np.testing.assert_allclose(lossless.weight(delta * lossless.linewidth()), lorentzian, atol=1e-3)
    drop, through = lossless.transmissions(delta, 0.9, 0.99)
    np.testing.assert_allclose(drop + through, 1.0, rtol=1e-12)
    errors = [np.std(weights(write(device("microring", phase_error=e, **still), w)) - w) for e in (1e-4, 1e-3, 1e-2)]
    assert errors[0] < errors[1] < errors[2]
    with pytest.raises(InputError, match="round_trip"):
        device("microring", coupling=0.999)


def test_evenly_spaced_rings_are_one_ring_of_their_product():
    """Π_k T_t(φ + kΔ) is T_t with t^N, a^N and Nφ; without loss the rest is dropped. Σ_k T_d: the Airy sum."""
    phi, n = np.linspace(0.01, 0.7, 7)[:, None], 6
    for coupling, a in ((0.9, 1.0), (0.95, 0.987)):
        bank = device("microring", channels=n, coupling=coupling, round_trip=a)
        drop, through = bank.bank(np.repeat(phi, n, axis=1), np.full((2, 7, n), coupling))
        whole, p = coupling**n, (coupling**2 * a) ** n
        below = 1 - 2 * p * np.cos(n * phi) + p**2
        expected = whole**2 * (1 - 2 * a**n * np.cos(n * phi) + a ** (2 * n)) / below
        np.testing.assert_allclose(through, np.repeat(expected, n, axis=1), rtol=1e-10)
        if a == 1.0:
            np.testing.assert_allclose(drop + through, 1.0, rtol=1e-12)
        p = coupling**2 * a
        assert 1 + bank.total_crosstalk() == pytest.approx(n * (1 - p) * (1 + p**n) / ((1 + p) * (1 - p**n)), rel=1e-12)
    # Lorentzians of linewidth Γ at Δ, which is what is left of the Airy function for narrow lines.
    narrow = device("microring", round_trip=1.0, coupling=0.999, channels=16)
    d = np.arange(1, 4)
    lorentzian = 1 / (1 + (2 * d * narrow.spacing / narrow.linewidth()) ** 2)
    np.testing.assert_allclose(narrow.crosstalk(d), lorentzian, rtol=0.2)
    np.testing.assert_allclose(narrow.crosstalk(d[:1]), lorentzian[:1], rtol=0.02)


def test_channels_disturb_one_another_less_the_finer_the_rings_and_not_at_all_when_corrected():
    w = RNG(3).uniform(-1, 1, (40, 22))  # the last bank is not full
    still = {"phase_error": 0, "temperature_error": 0, "bits": 16}

    def error(correct=False, **options):
        bank = device("microring", **{**still, "round_trip": 1.0, **options})
        return np.sqrt(np.mean((weights(write(bank, w, correct)) - w) ** 2))

    found = [error(coupling=t, channels=4) for t in (0.95, 0.98, 0.995, 0.999)]
    assert all(b < 0.7 * a for a, b in pairwise(found))
    real = {"coupling": 0.95, "round_trip": 0.987}
    assert error(**real) > 20 * error(correct=True, **real)
    assert error(correct=True, **real) < 2.0**-15
    heated = {"thermal_crosstalk": 0.02, **real}
    assert error(correct=True, **heated) == error(correct=True, **real)
    assert error(**heated) > 1.3 * error(**real)
    # Of the heaters' phases the neighbour gets 2 %, the next but one 0.04 %, the other banks none.
    phase = np.zeros((1, 8))
    phase[0, 1] = 1.0
    added = device("microring", **heated).heated(phase) - phase
    np.testing.assert_allclose(added[0], [0.02, 0, 0.02, 0.0004, 0, 0, 0, 0], atol=1e-15)
    # One ring's weight is what its neighbours are tuned to: alone in its bank it is as it was meant.
    alone = weights(write(device("microring", channels=4, **still), w[:, :1]))
    np.testing.assert_allclose(alone, w[:, :1], atol=2.0**-15)


def test_a_temperature_moves_all_rings_alike():
    """ΔT · dφ/dT in every phase: to first order w'(φ) of it, the same sign everywhere; σ over many writings."""
    still = {"phase_error": 0, "bits": 16, "channels": 1}
    warm = device("microring", temperature_error=0.02, **still)
    calm = device("microring", temperature_error=0, **still)
    w = np.full((1, 5), 0.2)
    exact = weights(write(calm, w))
    moved = np.array([weights(write(warm, w, seed=seed)) - exact for seed in range(400)])
    assert np.ptp(moved, axis=-1).max() < 1e-12
    phase, h = warm.phase_for(0.2 * warm.span), 1e-6
    slope = (warm.weight(phase + h) - warm.weight(phase - h)) / (2 * h) / warm.span
    expected = abs(slope) * 0.02 * warm.thermal_shift
    assert moved[:, 0, 0].std() == pytest.approx(expected, rel=5 / (2 * 400) ** 0.5)
    with pytest.raises(InputError, match="thermal_shift"):
        device("microring", thermal_shift=0)


def test_a_bank_whose_channels_run_into_one_another_says_so_or_is_refused():
    said = " ".join(device("microring", channels=16).words())
    for words in ("drops 8.09%", "26.90% of all others", "at most 6 "):
        assert words in said
    assert "disturb" not in " ".join(device("microring").words())
    with pytest.raises(InputError, match="at most 30 channels"):
        device("microring", channels=31)
    assert device("microring", channels=30).span > 0
    # Tuned at most half-way to the next channel.
    for channels in (4, 16):
        bank = device("microring", channels=channels)
        assert bank.phase_for(-bank.span) <= bank.spacing / 2 + 1e-12


def haar(n, seed):
    real, imaginary = RNG(seed).standard_normal((2, n, n))
    q, r = np.linalg.qr(real + 1j * imaginary)
    return q * (np.diagonal(r) / np.abs(np.diagonal(r)))


@pytest.mark.parametrize("n", [1, 2, 7, 32])
def test_mesh_without_errors_is_the_unitary_matrix(n):
    mesh = device("mzi-mesh", phase_error=0, coupler_error=0)
    for target in (haar(n, 3), np.eye(n), np.eye(n)[::-1]):
        got = mesh.unitary(target, RNG(0), RNG(1))
        assert np.abs(got - target).max() < 1e-12
        assert np.abs(got.conj().T @ got - np.eye(n)).max() < 1e-12


@pytest.mark.parametrize("errors", [{"phase_error": 0.003}, {"coupler_error": 0.003}])
def test_infidelity_of_a_mesh_grows_as_published(errors):
    """‖ΔU‖²/N = 2(N − 1)σ_s² + Nσ_φ²; it stays unitary, and 1 − |tr(U†U')/N|² follows."""
    mesh = device("mzi-mesh", **{"phase_error": 0, "coupler_error": 0, **errors})
    for n in (8, 32):
        target = haar(n, n)
        got = [mesh.unitary(target, RNG(k), RNG(100 + k)) for k in range(40)]
        assert np.abs(got[0].conj().T @ got[0] - np.eye(n)).max() < 1e-12
        squares = [np.linalg.norm(u - target) ** 2 / n for u in got]
        assert np.mean(squares) == pytest.approx(mesh.matrix_error(n) ** 2, rel=0.15)
        lost = [1 - abs(np.trace(target.conj().T @ u) / n) ** 2 for u in got]
        assert np.mean(lost) == pytest.approx(np.mean(squares), rel=0.25)


def test_mesh_holds_a_real_matrix_of_any_shape_up_to_its_bits():
    mesh = device("mzi-mesh", phase_error=0, coupler_error=0, bits=16)
    w = RNG(5).uniform(-1, 1, (6, 11))
    np.testing.assert_allclose(weights(write(mesh, w)), w, atol=1e-4)


def test_photonic_cells_have_four_bits_that_stay_apart():
    cell = device("photonic-pcm", spread=0)
    assert np.diff(np.unique(cell.quantise(np.linspace(-1, 1, 1001)))) == pytest.approx(1 / 16)
    assert cell.transmission_max / cell.transmission_min == pytest.approx(2.585)
    w = np.zeros((200, 200)) + 0.5
    cell = device("photonic-pcm")
    assert 2 * cell.spread == pytest.approx(0.5 / 16, rel=0.01)
    got = weights(write(cell, w))
    # The dark cell of a pair cannot be darker than dark: half of a normal distribution, variance (1 − 1/π)/2.
    assert got.mean() == pytest.approx(0.5 - cell.spread / (2 * np.pi) ** 0.5, abs=4e-4)
    assert got.std() == pytest.approx(cell.spread * (1 + (1 - 1 / np.pi) / 2) ** 0.5, rel=0.02)


def test_photonic_weights_cost_both_directions_of_a_write():
    cell = device("photonic-pcm")
    assert cell.write_energy == pytest.approx(cell.swing_energy()) == pytest.approx(2 * cell.erase_energy())
    assert replace(cell, amorphising_energy=0.0).write_energy == pytest.approx(cell.erase_energy())
    assert replace(device("photonic-pcm", write_energy=1e-9), contrast=2.0).write_energy == 1e-9


@pytest.mark.parametrize(
    ("name", "key", "value", "words"),
    [
        ("microled-aoc-48", "power", -1e-3, ["power", "> 0", "W"]),
        ("microled-aoc-48", "drive", 0.6, ["drive", "rises"]),
        ("slm-lcos", "contrast", 0.5, ["contrast", "> 1"]),
        ("slm-lcos", "bits", 0, ["bits", "≥ 4"]),
        ("slm-lcos", "bits", 11, ["bits", "≤ 10"]),
        ("slm-lcos", "frame_rate", 0, ["frame_rate", "> 0"]),
        ("pd-generic", "bandwidth", 0, ["bandwidth", "> 0"]),
        ("pd-generic", "responsivity", -0.1, ["responsivity", "> 0"]),
        ("slm-aoc-48", "channels", 16, ["48 channels", "16"]),
        ("slm-aoc-48", "bend", 0.1, ["bend", "measured calibration"]),
        ("pd-aoc-48", "crosstalk", 0.1, ["crosstalk", "measured calibration"]),
    ],
)
def test_impossible_settings_are_told(name, key, value, words):
    with pytest.raises(InputError) as error:
        device(name, **{key: value})
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_a_broken_calibration_is_told(tmp_path):
    (tmp_path / "mine.csv").write_text("q0_plus, q0_minus\n1, 2\n3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.csv"):
        device("slm-aoc-48", calibration=str(tmp_path / "mine.csv"))
    (tmp_path / "other.csv").write_text("q0_plus, q0_minus\n1, 2\n", encoding="utf-8")
    with pytest.raises(InputError, match="'q1_plus'"):
        device("slm-aoc-48", calibration=str(tmp_path / "other.csv"))


@pytest.mark.parametrize("name", [name for name in cards.names("device") if isinstance(device(name), Optical)])
def test_every_part_can_be_drawn(name):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    device(name).picture(axes)
    assert axes.get_xlabel().endswith(")")
    assert axes.get_ylabel().endswith(")")
    for line in axes.get_lines():
        assert np.isfinite(line.get_ydata()).all()
