"""Memristor equations: pinched loops, closed forms of switching, limits."""

from itertools import pairwise

import numpy as np
import pytest

from analogsim.devices import device
from analogsim.errors import InputError

CARDS = ["linear-drift", "vteam", "taox-yakopcic", "stanford-pku"]


def sine(amplitude, frequency):
    return lambda t: amplitude * np.sin(2 * np.pi * frequency * t)


def loop_area(cell, amplitude, frequency, start):
    """∮ I dV over one period, after one to settle."""
    t = np.linspace(0.0, 2.0 / frequency, 601)
    _, current = cell.drive(sine(amplitude, frequency), t, start, rtol=1e-6)
    half = len(t) // 2
    v = sine(amplitude, frequency)(t)[half:]
    return abs(np.trapezoid(np.abs(current[half:]), v))


@pytest.mark.parametrize("name", CARDS)
def test_hysteresis_is_pinched_at_the_origin(name):
    cell = device(name)
    low, high = cell.limits
    state = np.linspace(low, high, 7)
    np.testing.assert_array_equal(cell.state_current(state, 0.0), 0.0)
    np.testing.assert_array_equal(cell.rate(state, 0.0), 0.0)


@pytest.mark.parametrize("name", CARDS)
def test_state_and_low_field_conductance_are_inverse(name):
    cell = device(name)
    g = np.geomspace(max(cell.g_min, 1e-3 * cell.g_max) * 1.01, cell.g_max * 0.99, 7)
    np.testing.assert_allclose(cell.state_current(cell.state(g), 1e-6) / 1e-6, g, rtol=1e-4)


def test_ion_drift_without_window_has_the_closed_form_of_strukov():
    """M(q): x grows by µ R_on q/D², so ∫M dq = flux gives the state at any time for any drive."""
    cell = device("linear-drift", window=0)
    t = np.linspace(0.0, 1.0, 2001)
    x, current = cell.drive(sine(1.0, 1.0), t, 0.1)
    k = cell.mobility * cell.r_on / cell.thickness**2
    flux = (1.0 - np.cos(2 * np.pi * t)) / (2 * np.pi)
    # R_off (x − x₀) − (R_off − R_on)(x² − x₀²)/2 = k flux
    d = cell.r_off - cell.r_on
    exact = (cell.r_off - np.sqrt((cell.r_off - 0.1 * d) ** 2 - 2 * d * k * flux)) / d
    np.testing.assert_allclose(x, exact, atol=1e-6)
    np.testing.assert_allclose(
        current, np.sin(2 * np.pi * t) / (cell.r_on * exact + cell.r_off * (1 - exact)), atol=1e-8
    )


def test_lobes_shrink_with_frequency():
    """A fingerprint of memristors (Adhikari et al. 2013): the loop closes as the frequency grows."""
    cell = device("linear-drift")
    areas = [loop_area(cell, 1.0, f, 0.1) for f in (1.0, 3.0, 10.0, 100.0)]
    assert all(b < a for a, b in pairwise(areas))
    assert areas[-1] < 0.05 * areas[0]


def test_vteam_switches_in_the_closed_form_time_and_holds_below_threshold():
    cell = device("vteam")
    t = np.linspace(0.0, 122.4e-9, 201)
    x, _ = cell.drive(lambda _: 1.0, t, 0.0)
    np.testing.assert_allclose(x, 5e-4 * (1 / 0.02 - 1) * t, rtol=1e-6)
    assert x[-1] == pytest.approx(3e-9, rel=1e-3)
    for v in (-0.19, 0.019):
        np.testing.assert_array_equal(cell.rate(np.linspace(*cell.limits, 5), v), 0.0)


@pytest.mark.parametrize(("name", "amplitude", "frequency"), [("vteam", 1.0, 1e6), ("taox-yakopcic", 1.0, 0.05)])
def test_the_state_never_leaves_its_limits(name, amplitude, frequency):
    cell = device(name)
    low, high = cell.limits
    x, _ = cell.drive(sine(amplitude, frequency), np.linspace(0, 2 / frequency, 801), low + 0.2 * (high - low))
    assert x.min() >= low
    assert x.max() <= high
    assert x.max() - x.min() > 0.2 * (high - low)


def test_stanford_gap_closes_under_set_voltage_faster_when_hotter():
    slow, fast = (device("stanford-pku", temperature=t).switching_time(1.5, 1.0e-9, 0.5e-9) for t in (298, 350))
    assert 0 < fast < slow < np.inf


@pytest.mark.parametrize("wrong", [{"times": [0.0]}, {"times": [1.0, 0.5]}, {"state": 2.0}])
def test_a_drive_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError, match="drive"):
        device("linear-drift").drive(lambda _: 1.0, **{"times": [0.0, 1.0], "state": 0.5, **wrong})
