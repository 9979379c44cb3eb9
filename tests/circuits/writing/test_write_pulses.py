"""Line voltages of a write pulse, ideal and behind wires: closed forms, an independent circuit simulator, power."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from analogsim.circuits import writing
from analogsim.circuits.wires import Sinh, Terminals
from analogsim.errors import InputError

RANDOM = 1e-4 * np.random.default_rng(3).uniform(0.05, 1.0, (7, 9))


@pytest.mark.parametrize(("scheme", "a"), [("half", 1 / 2), ("third", 1 / 3), ("five-twelfths", 5 / 12), (0.41, 0.41)])
def test_cells_see_the_scheme_exactly_without_wires(scheme, a):
    wanted = np.full((7, 9), -(1 - 2 * a))
    wanted[2], wanted[:, 5], wanted[2, 5] = a, a, 1
    np.testing.assert_allclose(writing.cell_voltages(RANDOM, 2, 5, scheme), wanted, atol=1e-15)
    np.testing.assert_allclose(writing.pulse_field(RANDOM, 2, 5, -1.5, scheme=scheme).cell, -1.5 * wanted, atol=1e-14)


def test_energy_over_that_of_the_selected_cell():
    found = {scheme: writing.energy_factor(64, scheme) for scheme in ("half", "third", "floating", "transistor")}
    assert found == pytest.approx({"half": 32.5, "third": 456, "floating": 1 + 63**2 / 127, "transistor": 1})
    # Floating lines find the least of the family by themselves.
    least = min(writing.energy_factor(64, a) for a in np.linspace(0, 0.5, 20001))
    assert found["floating"] == pytest.approx(least, rel=1e-6)
    for scheme, factor in found.items():
        pulse = writing.pulse_energy(np.full((64, 64), 1e-4), 3, 60, 2.0, 1e-7, scheme)
        assert pulse == pytest.approx(4e-11 * factor)
    # With data in the cells, too, no line voltages dissipate less than those at which no current flows into a line.
    floating = writing.pulse_energy(RANDOM, 2, 5, 1.0, 1.0, "floating")
    assert floating < min(writing.pulse_energy(RANDOM, 2, 5, 1.0, 1.0, a) for a in np.linspace(0, 0.5, 51))


def test_floating_lines_depend_on_the_data():
    g = np.full((64, 64), 1e-4)
    g[0] /= 100
    assert writing.cell_voltages(g, 0, 5, "floating")[0, 0] == pytest.approx(0.990, abs=5e-4)


def test_time_for_an_array():
    times = [writing.array_time((64, 64), 100e-9, by) for by in ("cell", "row")]
    times.append(writing.array_time((64, 64), 100e-9, "outer-product", pulses=31, signed=False))
    assert times == pytest.approx([409.6e-6, 12.8e-6, 6.2e-6])


def test_the_smallest_arrays():
    one = writing.pulse_field([[1e-4]], 0, 0, r_word=2, r_bit=2)
    assert one.cell[0, 0] == pytest.approx(1e4 / (1e4 + 4), rel=1e-14)
    two = {s: writing.pulse_field(np.full((2, 2), 1e-4), 0, 1, r_word=2, r_bit=2, scheme=s) for s in ("half", "third")}
    assert two["half"].cell[0] == pytest.approx([0.499500539, 0.999000999], abs=5e-10)
    assert two["half"].cell[1, 0] == pytest.approx(-1.99720e-4, rel=1e-5)
    assert two["third"].cell.ravel() == pytest.approx([0.33300039, 0.99906755, -0.33333320, 0.33300039], abs=5e-9)


# ngspice 39 on a netlist of 32 voltage sources, 512 segments of 2 ohm and 256 cells of 10 kohm (64 x 64 alike), V = 1:
# the selected cell (0, 15), a half-selected one, the far unselected one, current out of the row's driver.
SPICE = {
    "half": (0.970426401712, 0.496775969063, -1.93484569e-4, 0.830345746e-3, 0.811258e-3, 0.686681030239, 2.534e-3),
    "third": (0.977837853790, 0.338892491513, -0.331503483043, 0.597231316e-3, 2.786266e-3, 0.737490833428, 30.79e-3),
}


@pytest.mark.parametrize("scheme", SPICE)
def test_wire_drop_is_that_of_a_circuit_simulator(scheme):
    selected, half, far, driver, heat, larger, supplied = SPICE[scheme]
    pulse = writing.pulse_field(np.full((16, 16), 1e-4), 0, 15, r_word=2, r_bit=2, scheme=scheme)
    assert pulse.cell[0, 15] == pytest.approx(selected, rel=1e-11)
    assert (pulse.cell[0, 0], pulse.cell[15, 15]) == pytest.approx((half, half), rel=1e-11)
    assert pulse.cell[15, 0] == pytest.approx(far, rel=1e-8)
    assert pulse.word_current[0] == pytest.approx(driver, rel=1e-8)
    assert pulse.in_cells == pytest.approx(heat, rel=1e-6)
    pulse = writing.pulse_field(np.full((64, 64), 1e-4), 0, 63, r_word=2, r_bit=2, scheme=scheme)
    assert pulse.cell[0, 63] == pytest.approx(larger, rel=1e-11)
    assert pulse.supplied == pytest.approx(supplied, rel=2e-4)


@pytest.mark.parametrize(("scheme", "volt"), [("half", 0.976481420685), ("third", 0.983939116849)])
def test_an_odd_cell_sees_its_thevenin_source(scheme, volt):
    g = np.full((16, 16), 1e-4)
    g[0, 15] = 1e-6
    assert writing.pulse_field(g, 0, 15, r_word=2, r_bit=2, scheme=scheme).cell[0, 15] == pytest.approx(volt, rel=1e-11)


def test_every_cell_selected_in_turn():
    """The map from 2N solves against one solve a cell; mirror symmetry of an array of equal cells."""
    ends = Terminals("left", "bottom", r_driver=30.0, r_sense=7.0)
    for scheme in ("half", "third"):
        found = writing.selected_voltages(RANDOM, 3.0, 5.0, scheme, terminals=ends)
        options = {"r_word": 3.0, "r_bit": 5.0, "scheme": scheme, "terminals": ends}
        each = [[writing.pulse_field(RANDOM, i, j, **options).cell[i, j] for j in range(9)] for i in range(7)]
        np.testing.assert_allclose(found, each, rtol=1e-10)
        equal = writing.selected_voltages(np.full((12, 12), 1e-4), 2, 2, scheme)
        np.testing.assert_allclose(equal, equal.T[::-1, ::-1], rtol=1e-10)
    # The closed form of the module for the far corner.
    n, r, big = 64, 1.0, 1e4
    far = writing.selected_voltages(np.full((n, n), 1 / big), r, r)[0, -1]
    x = n * np.sqrt(r / big)
    assert far == pytest.approx(big / (big + 2 * np.sqrt(r * big) * np.tanh(x)) / np.cosh(x), rel=0.01)
    assert far == pytest.approx(0.819, abs=5e-4)


def test_the_map_is_a_picture():
    found = writing.voltage_map(RANDOM, 3.0, 5.0)
    np.testing.assert_array_equal(found.selected_voltage, writing.selected_voltages(RANDOM, 3.0, 5.0))
    axes = found.analogsim.plot()
    np.testing.assert_array_equal(axes.images[0].get_array(), found.selected_voltage)
    assert "word line" in axes.get_ylabel()
    plt.close(axes.figure)


@pytest.mark.parametrize("scheme", ["half", "third", "floating"])
def test_power_balances(scheme):
    for ends in (Terminals(r_driver=20.0, r_sense=4.0), Terminals("right", "top", 1.0, 3.0)):
        pulse = writing.pulse_field(RANDOM, 5, 2, 1.3, r_word=2, r_bit=3, scheme=scheme, terminals=ends)
        assert pulse.supplied == pytest.approx(pulse.dissipated, rel=1e-9)
        assert pulse.in_cells < pulse.dissipated


@pytest.mark.parametrize(("scheme", "volt"), [("half", (0.9529, 0.9850)), ("third", (0.9710, 0.9877))])
def test_curved_cells_lose_less(scheme, volt):
    """I = (V/R) sinh(v/v0)/sinh(V/v0), 64 x 64, r = 1, R = 10 kohm: I(V)/I(V/2) of 10 and 100."""
    for ratio, wanted in zip((4.585, 9.210), volt, strict=True):
        cells = np.full((64, 64), 1e-4 * ratio / np.sinh(ratio))
        options = {"r_word": 1.0, "r_bit": 1.0, "scheme": scheme, "curve": Sinh(1 / ratio)}
        pulse = writing.pulse_field(cells, 0, 63, **options)
        assert pulse.cell[0, 63] == pytest.approx(wanted, abs=6e-5)
        assert pulse.supplied == pytest.approx(pulse.dissipated, rel=1e-9)


def test_a_wrong_scheme_is_named():
    with pytest.raises(InputError, match="half"):
        writing.line_voltages((4, 4), 0, 0, "halves")
    with pytest.raises(InputError, match="1/2"):
        writing.line_voltages((4, 4), 0, 0, 0.7)
    with pytest.raises(InputError, match="bit"):
        writing.pulse_field(RANDOM, 0, 9)
    with pytest.raises(InputError, match="floating line"):
        writing.floating_voltages(np.diag([1e-4, 1e-4, 1e-4]) * [[0], [1], [1]], 0, 0)
