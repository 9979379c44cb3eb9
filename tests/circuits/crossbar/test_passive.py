"""Passive crossbars: programming and updates disturb the other cells; what cannot be combined is refused."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.chip.pulse_counts import Strain, spent
from analogsim.errors import InputError
from analogsim.learning.updates.pulses import fired

NET = asim.Network.random((16, 12, 5), seed=0)


def changes(size, seed=2):
    rng = np.random.default_rng(seed)
    return [(size * rng.standard_normal(w.shape), 0 * b) for w, b in zip(NET.weights, NET.biases, strict=True)]


def even(ratio):
    """Cells of 10 000 equal steps."""
    spreads = ("step_spread", "up_down_spread", "w_max_spread", "w_min_spread", "cycle_noise", "write_noise")
    return asim.device("idealized", half_select=ratio, **dict.fromkeys(spreads, 0.0))


def off(chip, weights):
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(chip.forward, weights, strict=True))


@pytest.mark.parametrize("device", ["ideal", "taox-yakopcic", "stanford-pku"])
@pytest.mark.parametrize("order", ["row", "cell"])
def test_cells_that_parts_of_the_voltage_leave_alone_hold_what_transistors_would(device, order):
    arrays = [
        asim.circuit("crossbar", device=device, **options)
        for options in ({}, {"selector": "none", "write_order": order})
    ]
    chips = [circuit.program(NET, seed=1) for circuit in arrays]
    pairs = zip(arrays, chips, strict=True)
    updated = [circuit.update(chip, changes(0.01), np.random.default_rng(3)) for circuit, chip in pairs]
    for one, other in (chips, updated):
        for a, b in zip(one.forward, other.forward, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert not arrays[0].is_passive
    assert chips[0].devices.write_time is None


def test_the_error_of_a_write_grows_with_the_disturb_ratio_and_sweeps_take_it_back():
    found = []
    for ratio, sweeps in ((0.01, 1), (0.02, 1), (0.01, 4)):
        options = {"device.half_select": ratio, "selector": "none", "write_sweeps": sweeps}
        found.append(off(asim.circuit("crossbar", device="ideal", **options).program(NET, seed=1), NET.weights))
    assert found[1] == pytest.approx(2 * found[0], rel=0.2)
    assert found[2] < 0.05 * found[0]


def test_what_physics_forbids_is_said():
    circuit = asim.circuit("crossbar", device="linear-drift", selector="none")
    assert any("linear" in line and "transistors" in line for line in circuit.words())
    asymmetric = asim.circuit("crossbar", device="taox-yakopcic", selector="none", write_scheme="third")
    assert any("differ by more than three" in line for line in asymmetric.words())


@pytest.mark.parametrize("mapping", ["differential", "reference"])
def test_pulses_of_an_update_disturb_by_their_number(mapping):
    """One cell gets pulses: along its two lines the others move by the ratio times their own steps, elsewhere none."""
    ratio, circuit = 0.05, asim.circuit("crossbar", device=even(0.05), mapping=mapping, headroom=2.0, selector="none")
    chip = circuit.program(NET, seed=1)
    up = [np.zeros(w.shape, np.int64) for w in NET.weights]
    up[0][3, 7] = 40
    down = [np.zeros_like(n) for n in up]
    after = circuit.pulse(chip, up, down, chip.biases, np.random.default_rng(0))
    moved = (after.devices.conductance[0] - chip.devices.conductance[0]) / circuit.device.span * 10_000  # in pulses
    plane = moved if mapping == "reference" else moved[0]
    pulses = 40 if mapping == "reference" else 20
    lines = np.zeros(plane.shape, bool)
    lines[3], lines[:, 7] = True, True
    assert plane[3, 7] == pytest.approx(pulses, rel=0.01)
    assert not plane[~lines].any()
    lines[3, 7] = False
    np.testing.assert_allclose(plane[lines], ratio * pulses, rtol=0.02)
    before, state = chip.devices, after.devices
    assert (state.half_pulses[0] - before.half_pulses[0]).sum() == 40 * (lines.sum())
    assert (state.full_pulses[0] - before.full_pulses[0]).sum() == 40
    assert (state.travel[0] >= before.travel[0]).all()


def test_an_outer_product_counts_the_lines_that_fire():
    rng = np.random.default_rng(0)
    errors, inputs = rng.uniform(-0.2, 0.2, (50, 12)), rng.uniform(0, 0.2, (50, 16))
    up, down, rows, columns = fired(errors, inputs, 500.0, rng)
    assert (rows[:, None] >= up + down).all()
    assert (columns >= up + down).all()
    circuit = asim.circuit("crossbar", device=even(0.02), mapping="reference", headroom=2.0, selector="none")
    chip = circuit.program(NET, seed=1)
    counts = [up, np.zeros((5, 12), np.int64)], [down, np.zeros((5, 12), np.int64)]
    firing = [(rows, columns), (np.zeros(5, np.int64), np.zeros(12, np.int64))]
    after = circuit.pulse(chip, *counts, chip.biases, np.random.default_rng(0), firing=firing)
    half = after.devices.half_pulses[0] - chip.devices.half_pulses[0]
    np.testing.assert_array_equal(half[:-1], 2 * (rows[:, None] + columns) - 2 * (up + down))
    np.testing.assert_array_equal(half[-1], 2 * columns)  # the reference column's line never fires


def test_counts_add_up_and_are_kept_in_the_file(tmp_path):
    circuit = asim.circuit("crossbar", device="taox-yakopcic", selector="none")
    chip = circuit.program(NET, seed=1)
    again = circuit.update(chip, changes(0.01), np.random.default_rng(3))
    assert (again.devices.full_pulses[0].sum(axis=0) >= chip.devices.full_pulses[0].sum(axis=0)).all()
    assert again.devices.write_time > chip.devices.write_time > 0
    assert again.devices.write_energy > chip.devices.write_energy > 0
    again.save(tmp_path / "chip.npz")
    kept = asim.load_chip(tmp_path / "chip.npz").devices
    np.testing.assert_array_equal(kept.half_pulses[1], again.devices.half_pulses[1])
    strain = Strain(np.ones((2, 2, 12, 16), np.int64), np.ones((2, 12, 16), np.int64), np.ones((2, 12, 16)), 1.0, 2.0)
    state = spent(again.devices, {0: strain})
    assert (again.devices.half_pulses[0] >= chip.devices.half_pulses[0]).all()
    assert float(state.write_energy) == pytest.approx(float(again.devices.write_energy) + 2.0)


@pytest.mark.parametrize(
    ("device", "options", "told"),
    [
        ("ideal", {"write_scheme": "half"}, "selector=none"),
        ("ideal", {"selector": "none", "write_scheme": "half", "write_share": 0.4}, "both set"),
        ("ideal", {"selector": "none", "access_resistance": 1e4}, "access_resistance"),
        ("ideal", {"selector": "none", "write_boost": True}, "write_order"),
        ("ideal", {"selector": "none", "feedback": "second-array"}, "shared"),
        ("vteam", {"selector": "none", "device.set_voltage": -0.1}, "threshold"),
    ],
)
def test_what_cannot_be_combined_is_refused(device, options, told):
    with pytest.raises(InputError, match=told):
        asim.circuit("crossbar", device=device, **options)


def test_time_keeps_what_writing_took_and_a_number_is_a_number():
    circuit = asim.circuit("crossbar", device="taox-yakopcic", selector="none")
    chip = circuit.program(NET, seed=1)
    later = circuit.later(chip, 10.0)
    assert later.devices.write_time == chip.devices.write_time > 0
    pcm = asim.circuit("crossbar", device="pcm-ibm")
    chip = pcm.program(NET, seed=1)
    for a, b in zip(pcm.later(chip, 10.0).forward, pcm.later(chip, np.float64(10)).forward, strict=True):
        np.testing.assert_array_equal(a, b)


def test_cells_that_wires_leave_without_voltage_are_said():
    net = asim.Network.random((48, 32), seed=0)
    with pytest.warns(UserWarning, match=r"of the cells of an array of 32 × 48 got too little"):
        asim.circuit("crossbar", device="vteam", selector="none", r_word=200.0, r_bit=200.0).program(net, seed=0)
