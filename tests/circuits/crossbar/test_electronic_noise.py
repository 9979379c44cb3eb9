"""Electronic noise of the reads: that of the formulas at every output, and what a neuron keeps of it."""

import numpy as np
import pytest
from scipy.constants import Boltzmann

from analogsim import Network, Wiring, circuit, relax, settle
from analogsim.circuits.crossbar.electronic_noise import output_density

NET = Network.random((40, 30, 20), seed=0)
DPT = Wiring.adjoint_dual_propagation(0.5)
KT = 4 * Boltzmann * 300.0


def test_thermal_noise_of_a_line_of_cells_is_nyquist_s():
    """64 cells of 50 µS in 1 MHz: 7.3 nA; R_f alone: √(4kTR_f) = 4.07 nV/√Hz at 1 kΩ; e_n times the noise gain 4.2."""
    rf, load = 1e3, 64 * 50e-6
    density = float(output_density(np.array([1 + rf * load]), rf, 0.0, 300.0)[0])
    assert np.sqrt((density - KT * rf) / rf**2 * 1e6) == pytest.approx(7.28e-9, rel=1e-3)
    assert np.sqrt(output_density(np.array([1.0]), rf, 0.0, 300.0)[0]) == pytest.approx(4.07e-9, rel=1e-3)
    assert np.sqrt(output_density(np.array([4.2]), rf, 5e-9, 0.0)[0]) == pytest.approx(21e-9)


@pytest.mark.parametrize("feedback", ["shared", "second-array"])
@pytest.mark.parametrize("mapping", ["one-sided", "reference"])
@pytest.mark.parametrize("gain", [np.inf, 200.0])
def test_every_output_has_the_noise_of_its_own_amplifiers(mapping, feedback, gain):
    """Forward two amplifiers, one a line, are subtracted; the feedback joins both arrays in one."""
    made = circuit("crossbar", mapping=mapping, feedback=feedback, tia_gain=gain, noise=0)
    chip = made.program(NET, seed=1)
    band = 1 / (2 * made.read_period * made.time_unit)
    for j, scale in chip.devices.scale.items():
        rf = (2 if mapping == "reference" else 1) * float(scale) / made.device.span
        for read, floor in (("forward", chip.forward_floor[j]), ("reverse", chip.feedback_floor[j])):
            if floor is None:
                continue
            cells = made.conductances(chip, j, read)
            for i, sigma in enumerate(floor):
                if read == "reverse":
                    loads = [cells[..., i].sum()]
                else:
                    loads = [cells[i].sum(), cells[-1].sum()] if mapping == "reference" else cells[:, i].sum(axis=1)
                variance = 0.0
                for load in loads:
                    amplified = 5e-9 * (1 + rf * load)
                    variance += (amplified**2 + KT * rf + rf**2 * KT * load) / (1 + (1 + rf * load) / gain) ** 2
                assert sigma == pytest.approx(np.sqrt(variance * band) / made.activity_unit, rel=1e-9)
    assert chip.feedback_floor[0] is None
    if mapping == "one-sided":  # some tenths of a per cent of 0.1 V; the reference's line has as much as all of a row
        assert 0.0005 < chip.forward_floor[0].mean() < 0.005


@pytest.mark.parametrize("mode", ["per-read", "ou", "quasi-static"])
def test_a_neuron_is_left_with_its_own_bandwidth_of_the_noise(mode):
    """Of white noise S a leak of τ keeps S/(4τ), whatever the read clock, if that is fast.

    Held for P it keeps (2τ/P)(1 − e^{−P/τ})/(1 + e^{−P/τ}) of that, correlated over P 1/(1 + P/τ). Of 2000 neurons the
    relative standard deviation of a variance is 3.2 %; held draws follow their drive in steps of P.
    """
    n, period = 2000, 0.1
    net = Network((np.full((n, 1), 1e-3),), (np.zeros(n),), "identity")
    made = circuit("crossbar", noise=0, read_mode=mode, read_period=period, tau_spread=0, amplifier_noise=50e-9)
    chip = made.program(net)
    found = relax(chip, np.zeros((1, 1)), wiring=DPT, beta=0, t_end=8.0, seed=3).a_1.values[0, 0]
    np.testing.assert_array_equal(found[0], found[1])  # one read for both compartments
    band = 1 / ((4 if mode == "ou" else 2) * period * made.time_unit)
    left = (chip.forward_floor[0] * made.activity_unit) ** 2 / band / (4 * made.time_unit) / made.activity_unit**2
    keep = np.exp(-period)
    expected = left.mean() * (1 / (1 + period) if mode == "ou" else 2 / period * (1 - keep) / (1 + keep))
    assert found[0].var() == pytest.approx(expected, rel=4 * (2 / n) ** 0.5)


def test_noise_of_the_electronics_stays_where_that_of_the_cells_is_frozen():
    made = circuit("crossbar", read_mode="quasi-static", **{"device.read_noise": 0.1})
    chip = made.program(Network((NET.weights[0],), (NET.biases[0],), "identity"))
    samples = 4000
    found = settle(chip, np.ones((samples, 40)), wiring=DPT, beta=0, seed=1).a_1.values[:, 0]
    spread = found.std(axis=0)
    ratio = spread / (chip.forward_floor[0] * chip.gain[0][0])
    assert ratio.mean() == pytest.approx(1, rel=4 / (2 * found.size) ** 0.5)
    error = found.mean(axis=0) - chip.forward[0].sum(axis=1)
    assert np.abs(error).mean() > 5 * spread.mean()  # the draw that all samples share


def test_one_switch_turns_it_off_and_ideal_cells_have_none():
    for options in ({"electronic_noise": 0}, {"device": "ideal"}):
        chip = circuit("crossbar", noise=0, **options).program(NET)
        assert not chip.has_noise
        assert chip.forward_floor == (None, None)
    one, half = (circuit("crossbar", electronic_noise=k).program(NET).forward_floor[0] for k in (1, 0.5))
    np.testing.assert_allclose(half, one / 2)
