"""Periphery: finite gain against its closed form, mismatch and offset with the sizes that follow from the circuit."""

import numpy as np
import pytest

from analogsim import InputError, Network, Wiring, circuit, relax, settle
from analogsim.chip import load_chip

NET = Network.random((30, 24, 10), seed=2)


def program(**options):
    return circuit("crossbar", device="ideal", **options).program(NET, seed=5)


def test_finite_gain_row_by_row():
    """W = R_f [G⁺/(1 + (1 + R_f ΣG⁺)/A₀) − G⁻/(…)]; the feedback's one amplifier sees the cells of both arrays."""
    chip, gain = program(tia_gain=1e3, mapping="differential"), 1e3
    cells, rf = chip.devices["conductance.1"], float(chip.devices["scale.1"]) / 100e-6
    noise = 1 + rf * cells.sum(axis=2)
    ahead = rf * cells / (1 + noise / gain)[..., None]
    np.testing.assert_allclose(chip.forward[1], ahead[0] - ahead[1], rtol=1e-12, atol=1e-15)
    load = 1 + rf * cells.sum(axis=(0, 1))
    back = rf * (cells[0] - cells[1]).T / (1 + load / gain)[:, None]
    np.testing.assert_allclose(chip.feedback[1], back, rtol=1e-12, atol=1e-15)
    for a, b in zip(program(tia_gain=1e12).forward, program().forward, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


@pytest.mark.parametrize("which", ["subtractor_mismatch", "inverter_mismatch"])
def test_a_gain_error_of_one_per_cent_costs_one_per_cent_of_symmetry(which):
    """C.2: V − Wᵀ ~ e_j G⁻_ij; relative to the weights about e for complementary coding."""
    wide = Network.random((10, 200, 150), seed=0)
    made = circuit("crossbar", device="ideal", mapping="differential", **{which: 0.01})
    chip = made.program(wide)
    w, v = chip.forward[1], chip.feedback[1]
    error, weights = v - w.T, np.linalg.norm(w)
    minus = float(chip.devices["scale.1"]) / 100e-6 * chip.devices["conductance.1"][1]
    per_output = (error / minus.T).mean(axis=0)
    np.testing.assert_allclose(error, minus.T * per_output, rtol=1e-9, atol=1e-12)
    assert per_output.std() == pytest.approx(0.01, rel=4 / (2 * 150) ** 0.5)
    assert np.linalg.norm(error) == pytest.approx(0.01 * np.linalg.norm(minus), rel=0.2)
    assert weights > 0


def test_an_offset_is_multiplied_by_the_noise_gain():
    options = {"tia_offset": 1e-3, "activity_unit": 0.1}
    wide = Network.random((50, 3000, 2), seed=0)
    chip = circuit("crossbar", device="ideal", mapping="differential", **options).program(wide)
    rf = float(chip.devices["scale.0"]) / 100e-6
    gain = 1 + rf * chip.devices["conductance.0"].sum(axis=2)
    assert chip.offset[0].std() == pytest.approx(1e-2 * np.sqrt((gain**2).sum(axis=0).mean()), rel=0.06)
    np.testing.assert_array_equal(chip.offset[0][0], chip.offset[0][1])
    # The feedback's offset reaches the compartments as the feedback does: with opposite signs at α = ½.
    ds = relax(chip, np.zeros((1, 50)), wiring=Wiring.dual_propagation(0.5), beta=0, t_end=1e-6, rtol=1e-6)
    slope = ds.a_1.values[0, 0] * chip.tau[0] / 1e-6 - chip.offset[0]
    np.testing.assert_allclose(slope[0] - slope[1], chip.feedback_offset[0], rtol=1e-4, atol=1e-6)
    assert chip.feedback_offset[0].std() > 0
    assert not chip.feedback_offset[1].any()


def test_slices_and_reference_columns_have_amplifiers_of_their_own():
    for options in ({"slices": 3}, {"mapping": "reference"}):
        ideal, real = program(**options), program(tia_gain=1e9, tia_bandwidth=1e9, **options)
        for name in ("forward", "feedback"):
            np.testing.assert_allclose(getattr(real, name)[1], getattr(ideal, name)[1], atol=1e-7)
    assert real.tia.forward[0].weights.shape == (2, 24, 30)


def test_the_amplifiers_survive_a_file_and_an_update(tmp_path):
    made = circuit("crossbar", device="ideal", tia_gain=1e3, tia_bandwidth=1e8, tia_capacitance=1e-13, asymmetry=0.1)
    chip = made.program(NET)
    chip.save(tmp_path / "chip.npz")
    loaded = load_chip(tmp_path / "chip.npz")
    assert loaded.tia.bandwidth == chip.tia.bandwidth == 2 * np.pi * 1e8 * made.time_unit
    deltas = [(0.0 * w, 0.0 * b) for w, b in zip(NET.weights, NET.biases, strict=True)]
    for other in (loaded, made.update(chip, deltas, np.random.default_rng(0))):
        for j in (0, 1):
            np.testing.assert_allclose(other.tia.forward[j].static(1e3), chip.forward[j], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(other.tia.feedback[1].static(1e3), chip.feedback[1], rtol=1e-12, atol=1e-15)
        assert other.tia.forward[0].delay == pytest.approx(chip.tia.forward[0].delay)


def test_converters_round_clip_and_bend_what_is_read():
    """b bits over ±range: 2^b − 1 levels; a bow of so many steps; the same in the kernel as in the chip's own words."""
    options = {"dac_bits": 4, "dac_range": 1.0, "dac_inl": 0.5, "adc_bits": 5, "adc_range": 2.0, "adc_inl": 0.5}
    chip = program(**options, dac_feedback_range=0.25)
    u = np.linspace(-1.5, 1.5, 2001)
    sent = chip.sent(u, 0, 1)
    assert len(np.unique(np.round(sent, 9))) == 15
    assert np.abs(sent).max() == pytest.approx(1.0)
    assert np.abs(chip.sent(u, 1, 1)).max() == pytest.approx(0.25)
    got = chip.returned(3 * u, 0)
    np.testing.assert_allclose(got / (2.0 / 15), np.round(got / (2.0 / 15)), atol=1e-12)
    assert len(np.unique(np.round(got, 9))) == 31
    bent = program(dac_bits=12, dac_range=1.0, dac_inl=3.0)
    inside = np.linspace(-1, 1, 4001)
    assert np.abs(bent.sent(inside, 0, 1) - inside).max() == pytest.approx(3.5 / 2047, rel=0.05)
    # At rest each output is gain-free: z = returned(W sent(mean)) in both directions.
    x = np.random.default_rng(0).random((2, 30))
    rule = Wiring.dual_propagation(0.5)
    ds = settle(chip, x, wiring=rule, beta=0)
    hidden = chip.returned(chip.sent(x, 0, 0) @ chip.forward[0].T, 0)
    np.testing.assert_allclose(ds.a_1.values, np.stack([hidden] * 2, axis=1), atol=1e-6)
    out = chip.returned(chip.sent(np.maximum(hidden, 0), 0, 1) @ chip.forward[1].T, 0)
    np.testing.assert_allclose(ds.a_2.values, np.stack([out] * 2, axis=1), atol=1e-6)


def test_many_bits_are_none_and_saturation_clips():
    x, rule = np.random.default_rng(1).random((2, 30)), Wiring.adjoint_dual_propagation(0.3)
    y = np.eye(10)[:2]
    plain, fine = (
        settle(c, x, y, wiring=rule, beta=0.5)
        for c in (program(), program(dac_bits=24, dac_range=20.0, adc_bits=24, adc_range=20.0))
    )
    np.testing.assert_allclose(fine.a_1.values, plain.a_1.values, atol=2e-5)
    chip = program(tia_saturation=0.05, activity_unit=0.1)
    assert np.abs(settle(chip, x, wiring=rule, beta=0).a_1.values).max() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dac_bits": 8}, "needs circuit.dac_range"),
        ({"adc_range": 2.0}, "set circuit.adc_bits"),
        ({"adc_bits": 1, "adc_range": 2.0}, "2 to 24"),
        ({"dac_bits": 8, "dac_range": 1.0, "feedback": "second-array"}, "in turns"),
        ({"dac_bits": 8, "dac_range": 1.0, "tia_bandwidth": 1e8}, "dynamics are linear"),
        ({"tia_saturation": 1.0, "tia_bandwidth": 1e8}, "dynamics are linear"),
    ],
)
def test_what_the_periphery_cannot_be_is_said(options, words):
    with pytest.raises(InputError, match=words):
        circuit("crossbar", device="ideal", **options)
