"""Memristor equations: pinched loops, closed forms of switching, limits."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from analogsim import Network, circuit
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


@pytest.mark.parametrize(("start", "end"), [(1e-6, 0.9), (1e-12, 1 - 1e-9), (0.3, 0.300001), (0.2, 0.8)])
@pytest.mark.parametrize("window", [0, 1, 2])
def test_switching_time_of_ion_drift_has_a_closed_form_for_every_window(window, start, end):
    """k V t = ∫ M(x)/f(x) dx with y = 2x − 1, M = m − d y: of 1, 1/(1 − y²) or 1/(1 − y⁴)."""
    cell = device("linear-drift", window=window)
    m, d = (cell.r_off + cell.r_on) / 2, (cell.r_off - cell.r_on) / 2

    def primitive(x):
        y = 2 * x - 1
        artanh, artanh2 = 0.5 * np.log(x / (1 - x)), 0.5 * np.log((1 + y * y) / (4 * x * (1 - x)))
        return {
            0: (m * y - d * y * y / 2) / 2,
            1: (m * artanh + d * np.log(4 * x * (1 - x)) / 2) / 2,
            2: (m * (artanh + np.arctan(y)) / 2 - d * artanh2 / 2) / 2,
        }[window]

    k = cell.mobility * cell.r_on / cell.thickness**2
    # Rounding of 1 − x and the difference of two primitives take digits off the closed form itself.
    exact = (primitive(end) - primitive(start)) / (0.7 * k)
    assert cell.switching_time(0.7, start, end) == pytest.approx(exact, rel=1e-8)
    assert cell.switching_time(-0.7, end, start) == pytest.approx(exact, rel=1e-8)
    assert cell.switching_time(-0.7, start, end) == np.inf
    assert cell.switching_time(0.7, start, start) == 0


def test_switching_time_of_ion_drift_as_worked_out_by_hand():
    """(R_off ln 900000 + R_on ln 10)/(4 k V), to a tenth of a per mille: 5.490 s."""
    cell = device("linear-drift")
    assert cell.switching_time(1.0, 1e-6, 0.9) == pytest.approx((16e3 * np.log(9e5) + 100 * np.log(10)) / 4e4, rel=1e-4)
    assert cell.switching_time(1.0, 1e-6, 0.9) == pytest.approx(5.490, abs=5e-4)


@pytest.mark.parametrize("window", [1, 2, 7])
def test_a_limit_at_which_a_window_vanishes_is_neither_left_nor_reached(window):
    cell = device("linear-drift", window=window)
    for start, end in ((0.0, 0.9), (0.1, 1.0), (0.0, 1.0)):
        assert cell.switching_time(1.0, start, end) == np.inf
    # Each decade closer costs the same: the integral diverges as a logarithm, −R_on ln(1 − x)/(4 p k V).
    times = [cell.switching_time(1.0, 0.5, 1 - 10.0**-n) for n in (9, 10, 11)]
    assert np.diff(times) == pytest.approx(2.302585 * 100 / (4e4 * window), rel=1e-4)


def test_switching_time_without_window_ends_at_the_limits():
    cell = device("linear-drift", window=0)
    # ∫₀¹ M dx = (R_on + R_off)/2
    assert cell.switching_time(1.0, 0.0, 1.0) == pytest.approx((100 + 16e3) / 2 / 1e4, rel=1e-10)
    vteam = device("vteam")
    assert vteam.switching_time(1.0, 0.0, 3e-9) == pytest.approx(3e-9 / (5e-4 * 49), rel=1e-10)


def test_switching_time_of_yakopcic_has_a_closed_form_across_its_kinks():
    """Free motion up to the window, exponential integrals within it."""
    from scipy.special import exp1, expi

    cell = device("taox-yakopcic")
    g = 7.5 * (np.exp(0.5) - np.exp(0.09))
    # ∫ e^{α(x − x_p)} (1 − x_p)/(1 − x) dx, and with w = 1 − x: ∫ e^{−αw}/w dw = −E₁(αw).
    slow = 0.7 * np.exp(0.7) * (exp1(0.2) - exp1(0.7))
    assert cell.switching_time(0.5, 0.1, 0.8) == pytest.approx((0.2 + slow) / g, rel=1e-8)
    assert cell.switching_time(0.5, 0.1, 1.0) == np.inf
    g = 2.0 * (np.exp(1.0) - np.exp(0.75))
    # Falling below 1 − x_n = ½: ∫ ½ e^{−5(x − ½)}/x dx.
    slow = 0.5 * np.exp(2.5) * (expi(-5 * 0.5) - expi(-5 * 1e-4))
    assert cell.switching_time(-1.0, 0.9, 1e-4) == pytest.approx((0.4 + slow) / g, rel=1e-8)
    assert cell.switching_time(-1.0, 0.9, 0.0) == np.inf
    assert cell.switching_time(0.05, 0.1, 0.2) == np.inf


@pytest.mark.parametrize("wrong", [(1.0, -0.1, 0.5), (1.0, 0.1, np.nan), (np.inf, 0.1, 0.5), ("a", 0.1, 0.5)])
def test_a_switching_time_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError, match=r"switching_time|voltage|end = nan"):
        device("linear-drift").switching_time(*wrong)


@pytest.mark.parametrize(
    ("name", "change", "limits"),
    [
        ("vteam", {"r_on": 1e4, "r_off": 1e5}, (1e-5, 1e-4)),
        ("linear-drift", {"r_on": "1 kohm"}, (62.5e-6, 1e-3)),
        ("taox-yakopcic", {"a1": 1e-3}, (0.0, 5e-4)),
        ("taox-yakopcic", {"b": 0.25}, (0.0, 0.0275)),
        ("stanford-pku", {"gap_min": "0.45 nm", "v0": 0.5}, (2e-3 * np.exp(-6.8), 2e-3 * np.exp(-1.8))),
    ],
)
def test_conductance_limits_follow_from_the_model(name, change, limits):
    cell = device(name, **change)
    assert (cell.g_min, cell.g_max) == pytest.approx(limits, rel=1e-12, abs=0)
    inside = np.linspace(*limits, 9)
    low, high = cell.limits
    assert ((cell.state(inside) >= low) & (cell.state(inside) <= high)).all()
    again = {key: getattr(cell, key) for key in change}
    assert replace(device(name), **again).g_max == cell.g_max
    assert cell.record["values"]["g_max"]["value"] == cell.g_max


def test_weights_reach_an_array_of_other_resistances():
    """Ohmic cells of exact programming hold the weights whatever their resistances: before, W was off by 0.87."""
    net = Network.random((6, 5, 4), seed=0)
    for made in ({}, {"device.r_on": 1e4, "device.r_off": 1e5}):
        chip = circuit("crossbar", device="vteam", **made).program(net)
        for w, target in zip(chip.forward, net.weights, strict=True):
            np.testing.assert_allclose(w, target, atol=1e-12)


@pytest.mark.parametrize("name", CARDS)
def test_conductances_whose_state_is_beyond_its_limits_are_refused(name):
    cell = device(name)
    for wrong in (1.1 * cell.g_max, -0.1 * cell.g_max, np.nan, [[cell.g_max, 2 * cell.g_max]]):
        for ask in (cell.state, lambda g: cell.current(g, 0.1)):
            with pytest.raises(InputError, match=r"conductance of .* S has the state"):
                ask(wrong)
    with pytest.raises(InputError, match=r"g_max = .* out of range: the states of this model reach"):
        device(name, g_max=1.1 * cell.g_max)


def test_the_spread_of_cells_stays_within_the_limits_of_their_state():
    cell = device("vteam", d2d=0.3)
    rng = np.random.default_rng(0)
    held = cell.program(np.full(1000, 0.9 * cell.g_max), rng, cell.cells((1000,), rng))
    assert held.max() == cell.g_max
    assert held.std() > 0.1 * cell.g_max


def test_a_threshold_of_none_is_refused():
    """Speeds are of V over the threshold, so that one of 0 V would be infinite."""
    for name, value in (("v_on", 0.0), ("v_off", 0.0)):
        with pytest.raises(InputError, match=rf"{name} = 0 V is out of range"):
            device("vteam", **{name: value})
