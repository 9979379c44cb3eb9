"""What writing one cell does to the others: harmless laws, mean-field law, linear devices, stability of sweeps."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.circuits import writing
from analogsim.errors import InputError


def drawn(low, high, n, seed):
    return low + (high - low) * np.random.default_rng(seed).uniform(0.05, 0.95, (2, n, n))


@pytest.mark.parametrize(
    ("name", "volts"),
    [("vteam", (-0.3, 0.03)), ("taox-yakopcic", (0.17, -1.25)), ("stanford-pku", (1.6, -1.6))],
)
@pytest.mark.parametrize("order", writing.ORDERS)
def test_below_twice_the_threshold_neighbours_keep_their_bits(name, volts, order):
    device = asim.device(name, set_voltage=volts[0], reset_voltage=volts[1])
    present, wanted = drawn(device.g_min, device.g_max, 12, 0)
    wanted[3:] = present[3:]
    done = writing.write_array(writing.law(device), present, wanted, writing.Lines(order=order))
    np.testing.assert_array_equal(done.conductance[3:], present[3:])
    np.testing.assert_allclose(done.conductance[:3], wanted[:3], rtol=1e-15)
    assert done.seconds > 0 < done.joules
    assert (done.full_pulses.sum(axis=0) == np.r_[np.ones((3, 12)), np.zeros((9, 12))]).all()


def test_half_selected_cells_follow_their_law():
    """Of VTEAM beyond its threshold the disturb ratio is ((V/2 - v)/(V - v))^alpha, whatever the state."""
    device = asim.device(
        "vteam", k_on=-10.0, k_off=10.0, alpha_off=3.0, v_on=-0.2, v_off=0.2, set_voltage=-0.5, reset_voltage=0.5
    )
    law = writing.law(device)
    state = np.full((5, 6), 1.5e-9)
    end = state.copy()
    end[4, 5] = 1.6e-9  # the last one: nothing is written after it
    done = writing.write_array(law, law.conductance(state), law.conductance(end), writing.Lines(order="cell"))
    change = (law.state(done.conductance) - state) / 1e-10
    wanted = np.zeros((5, 6))
    wanted[4], wanted[:, 5] = (0.05 / 0.3) ** 3, (0.05 / 0.3) ** 3
    wanted[4, 5] = 1.0
    np.testing.assert_allclose(change, wanted, atol=1e-9)
    # V/3 sees -V/3, which is below this threshold; at 1 V it is not, and its sign is that of the local voltage.
    faster = writing.law(asim.device(device, set_voltage=-1.0, reset_voltage=1.0))
    done = writing.write_array(
        faster, law.conductance(state), law.conductance(end), writing.Lines(scheme="third", order="cell")
    )
    change = (law.state(done.conductance) - state) / 1e-10
    assert change[0, 0] == pytest.approx(-change[0, 5], rel=1e-6)
    assert change[0, 5] == pytest.approx(((1 / 3 - 0.2) / 0.8) ** 3, rel=1e-6)


def test_thresholds_that_differ_by_more_than_three_destroy_the_array_in_v3():
    device = asim.device("taox-yakopcic", set_voltage=0.17, reset_voltage=-1.25)
    law = writing.law(device)
    present, wanted = drawn(device.g_min, device.g_max, 12, 1)
    lost = writing.write_array(law, present, wanted, writing.Lines(scheme="third"))
    assert np.sqrt(np.mean((lost.conductance - wanted) ** 2)) > 0.4 * device.span
    assert np.median(lost.conductance) > 0.99 * device.g_max  # a reset's -V/3 sets all the others


def test_error_of_a_sweep_is_the_mean_field_law():
    """0.408 rho sqrt(N - 1) of the range, for states and targets uniform in it, whose RMS difference 0.408 is."""
    rho, n = 0.003, 32
    law, found = writing.law(asim.device("ideal", g_min=0.0, g_max=1.0, half_select=rho)), []
    for seed in range(4):
        present, wanted = np.random.default_rng(seed).uniform(0, 1, (2, n, n))
        done = writing.write_array(law, present, wanted, writing.Lines(order="cell"))
        found.append(np.mean((done.conductance - wanted) ** 2))
    # 4 x 1024 errors, correlated along lines: about 5 % between seeds.
    assert np.sqrt(np.mean(found)) == pytest.approx(np.sqrt(1 / 6) * rho * np.sqrt(n - 1), rel=0.1)


@pytest.mark.parametrize("n", [10, pytest.param(32, marks=pytest.mark.slow)])
def test_sweeps_of_v3_converge_below_their_limit_only(n):
    limit = writing.stability_limit(n, "third")
    assert writing.stability_limit(32, "third") == pytest.approx(1.1123e-3, rel=1e-4)
    present, wanted = np.random.default_rng(0).uniform(50.3, 50.7, (2, n, n))
    after = {}
    for share in (0.95, 1.05):
        law = writing.law(asim.device("ideal", g_min=0.0, g_max=100.0, half_select=share * limit))
        held, errors = present, []
        for _ in range(6):
            held = writing.write_array(law, held, wanted, writing.Lines(scheme="third", order="cell")).conductance
            errors.append(np.sqrt(np.mean((held - wanted) ** 2)))
        after[share] = errors[-1] / errors[-2]
    assert after[0.95] < 1 < after[1.05]


def centred(change):
    return change - change.mean(axis=0) - change.mean(axis=1)[:, None] + change.mean()


def test_a_linear_device_changes_by_rank_two():
    """In the charge q of ion drift without a window the change is a row's plus a column's, whatever the pulses."""
    device = asim.device("linear-drift", window=0)
    ratio = device.r_off / device.r_on

    def charge(x):
        return ratio * x - (ratio - 1) * x**2 / 2

    rng = np.random.default_rng(5)
    x = rng.uniform(0.45, 0.55, (16, 16))
    start = charge(x)
    for _ in range(12):
        volts = rng.uniform(-1, 1, 16)[:, None] - rng.uniform(-1, 1, 16)
        x = device.moved(x, volts, 5e-3, tol=1e-12)
    change = charge(x) - start
    assert np.abs(change).max() > 0.1
    assert np.abs(centred(change)).max() < 1e-7 * np.abs(change).max()
    # And so a sweep of V/2 that aims at anything else leaves it unwritten.
    law = writing.law(asim.device("linear-drift", set_voltage=1.0, reset_voltage=-1.0))
    present, wanted = (law.conductance(rng.uniform(0.3, 0.7, (8, 8))) for _ in range(2))
    done = writing.write_array(law, present, wanted, writing.Lines(order="cell"))
    lost = law.state(done.conductance) - law.state(wanted)
    assert np.sqrt(np.mean(lost**2)) > 0.1


def test_pulse_durations_are_those_of_one_cell():
    device = asim.device("taox-yakopcic")
    start, end = np.array([0.2, 0.9, 0.5]), np.array([0.8, 0.1, 0.5])
    volts = np.array([0.3, -1.0, 0.3])
    times = device.pulse_times(start, end, volts)
    each = [device.switching_time(v, a, b) for v, a, b in zip(volts, start, end, strict=True)]
    assert times == pytest.approx(each, rel=1e-3)
    np.testing.assert_allclose(device.moved(start, volts, times, tol=1e-10), end, atol=1e-3)
    assert np.isinf(device.pulse_times(0.2, 0.8, 0.05))  # below the threshold
    assert np.isinf(device.pulse_times(0.2, 0.8, -1.0))


def test_wires_starve_the_far_cells_and_boosting_feeds_them():
    """Far cells get less than the threshold: they are missed, unless each pulse is raised for its own cell."""
    device = asim.device("vteam", r_on=5e3, r_off=1e4, set_voltage=-0.21, reset_voltage=0.021)
    law = writing.law(device)
    present, wanted = drawn(device.g_min, device.g_max, 10, 2)
    wires = {"r_word": 10.0, "r_bit": 10.0, "order": "cell"}
    starved = writing.write_array(law, present, wanted, writing.Lines(**wires))
    fed = writing.write_array(law, present, wanted, writing.Lines(**wires, boost=True))
    drop = writing.selected_voltages(present, 10.0, 10.0)
    assert starved.missed == ((drop < 1 / 1.05) & (present != wanted)).sum() > 0
    assert fed.missed == 0
    np.testing.assert_allclose(fed.conductance, wanted, rtol=1e-9)
    near = writing.write_array(law, present, wanted, writing.Lines(r_word=1e-6, r_bit=1e-6))
    far = writing.write_array(law, present, wanted)
    np.testing.assert_allclose(near.conductance, far.conductance, rtol=1e-6)
    assert near.joules == pytest.approx(far.joules, rel=1e-5)


def test_half_events_of_an_outer_product():
    """p + q - 2 p q half pulses for p q full ones: counted from trains drawn slot by slot, all signs."""
    rng = np.random.default_rng(0)
    slots, p, q = 4000, np.array([0.1, 0.3]), np.array([0.1, 0.5, 0.2])
    rows, columns = rng.random((slots, 2)) < p, rng.random((slots, 3)) < q
    row_sign, column_sign = np.array([1, -1]), np.array([1, 1, -1])
    wanted = np.zeros((2, 2, 3), int)
    both = (rows[:, :, None] & columns[:, None]).sum(axis=0)
    up = both * (row_sign[:, None] * column_sign > 0)
    for a in (1, -1):  # the four passes: lines of one sign each
        for b in (1, -1):
            one = (rows & (row_sign == a))[:, :, None] ^ (columns & (column_sign == b))[:, None]
            wanted[0 if a == b else 1] += one.sum(axis=0)
    found = writing.half_events(rows.sum(axis=0), columns.sum(axis=0), up, both - up)
    np.testing.assert_array_equal(found, wanted)
    ratio = found[0][0, 0] / up[0, 0]
    assert ratio == pytest.approx((0.2 - 0.02) / 0.01, rel=0.5)


def test_what_a_device_lacks_is_named():
    with pytest.raises(InputError, match="set_voltage"):
        writing.law(asim.device("vteam", set_voltage=None, reset_voltage=None))
    with pytest.raises(InputError, match="threshold"):
        writing.law(asim.device("vteam", set_voltage=-0.1, reset_voltage=0.03))
    with pytest.raises(InputError, match="other way"):
        writing.law(asim.device("vteam", set_voltage=0.3, reset_voltage=0.03))
    with pytest.raises(InputError, match="law of its own"):
        asim.device("vteam", half_select=0.1)
    with pytest.raises(InputError, match="half_select"):
        writing.write_array(writing.law(asim.device("ideal")), *np.zeros((2, 3, 3)), writing.Lines(r_word=1.0))


def test_ratios_of_the_published_laws():
    """Of the metal-oxide fit 0.002 to 0.0075 over 20 to 120 uS; a third of a reset's voltage sets."""
    device = asim.device("metal-oxide-ucsb-pulsed")
    half, third = (device.disturb_ratios(np.linspace(20e-6, 120e-6, 40), share) for share in (1 / 2, -1 / 3))
    assert 0.0015 < half.min() < half.max() < 0.008
    assert third[1].max() < 0
    stanford = asim.device("stanford-pku", field_min=0.0)
    gap = stanford.low_field_conductance(0.5e-9)
    for volt, ratio in ((1.0, 1.2e-3), (1.6, 1.6e-5)):
        found = asim.device(stanford, set_voltage=volt).disturb_ratios(gap)[0]
        assert found == pytest.approx(ratio, rel=0.05)
    assert not asim.device("stanford-pku").disturb_ratios(gap).any()
