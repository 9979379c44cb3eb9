"""Update families: steps, bounds, symmetry point, cycle noise, leak."""

import numpy as np
import pytest

from analogsim import cards
from analogsim.devices import PowStep, Pulsed, device

PULSED = [name for name in cards.names("device") if isinstance(device(name), Pulsed)]


def test_every_preset_is_there():
    assert len(PULSED) == 11


@pytest.mark.parametrize("name", PULSED)
def test_one_pulse_moves_a_typical_cell_by_its_step(name):
    cell = device(name, cycle_noise=0)
    w = np.linspace(0.9 * cell.w_min, 0.9 * cell.w_max, 11)
    for sign, step in ((1, cell.step_up(w)), (-1, -cell.step_down(w))):
        counts = np.full(w.shape, sign)
        moved = cell.weight(cell.pulse(cell.conductance(w), counts, np.random.default_rng(0)))
        np.testing.assert_allclose(moved, np.clip(w + step, cell.w_min, cell.w_max), atol=1e-12)


@pytest.mark.parametrize("name", PULSED)
def test_cells_never_leave_their_own_bounds(name):
    cell = device(name)
    rng = np.random.default_rng(0)
    cells = cell.cells((500,), rng)
    held = cell.program(np.full(500, (cell.g_min + cell.g_max) / 2), rng, cells)
    for counts in (60, -120):
        held = cell.pulse(held, np.full(500, counts), rng, cells)
        w = cell.weight(held)
        floor = np.maximum(cells["b_min"], cell.weight(0.0))
        assert (w <= np.maximum(cells["b_max"], floor) + 1e-12).all()
        assert (w >= floor - 1e-12).all()


def test_cycle_noise_has_the_stated_size():
    cell, n = device("gokmen-vlasov"), 100_000
    moved = cell.weight(cell.pulse(np.full(n, cell.conductance(0.0)), np.ones(n, int), np.random.default_rng(0)))
    assert abs(moved.mean() - 0.0016) < 4 * 0.3 * 0.0016 / n**0.5
    assert moved.std() == pytest.approx(0.3 * 0.0016, rel=4 / (2 * n) ** 0.5)


def test_spread_of_steps_over_the_cells():
    cells = device("gokmen-vlasov").cells((100_000,), np.random.default_rng(0))
    assert cells["up"].std() / 0.0016 == pytest.approx(0.3, rel=0.02)
    logs = np.log(device("rram-array-om", up_down_spread=0).cells((100_000,), np.random.default_rng(0))["up"] / 0.0949)
    assert logs.std() == pytest.approx(0.7829, rel=0.02)


def test_soft_bounds_rest_at_their_symmetry_point():
    """Pulses up and down in turn drive a cell to where both steps are equal; subtracting the reference puts it at 0."""
    cell = device("rram-array-om", cycle_noise=0, reference_spread=0, step=0.01)
    rng = np.random.default_rng(0)
    cells = cell.cells((200,), rng)
    held = np.full(200, cell.conductance(0.3))
    for _ in range(3000):
        held = cell.pulse(cell.pulse(held, np.ones(200, int), rng, cells), -np.ones(200, int), rng, cells)
    # After the down step of a pair the cell is at most one step below its symmetry point, unless G = 0 stops it.
    step = np.maximum(cells["up"], cells["down"])
    free = cells["b_min"] > cell.weight(0.0)
    assert (np.abs(cell.weight(held)) < step + 1e-3)[free].all()
    assert free.sum() > 80


def test_pulse_counts_are_right_on_average():
    cell = device("idealized")
    change = np.full(100_000, 0.3 * cell.step / 2 * cell.span)
    counts = cell.pulses_for(change, np.random.default_rng(0))
    assert set(np.unique(counts)) == {0, 1}
    assert abs(counts.mean() - 0.3) < 4 * (0.3 * 0.7 / 1e5) ** 0.5


def test_leak_and_write_noise():
    cell = device("capacitor")
    leaked = cell.weight(cell.leak(cell.conductance(np.array([0.5])), updates=1_000_000))
    np.testing.assert_allclose(leaked, 0.5 / np.e)
    noisy = device("rram-array-om")
    seen = noisy.weight(noisy.seen(np.full(100_000, noisy.conductance(0.0)), np.random.default_rng(0)))
    assert seen.std() == pytest.approx(1.4113 * 0.0949, rel=0.02)


def test_power_steps_vanish_at_the_bounds():
    cell = PowStep(g_max=1e-4, step=0.01, w_max=1.0, w_min=-1.0, gamma_up=2.0, gamma_down=0.5)
    assert float(cell.step_up(1.0)) == 0
    assert float(cell.step_down(-1.0)) == 0
    assert float(cell.step_up(0.0)) == pytest.approx(0.01 / 4)
    assert float(cell.step_down(0.0)) == pytest.approx(0.01 / 2**0.5)


def test_metal_oxide_pulses_are_the_published_fit_at_either_base_of_its_logarithm():
    """Range 10 to 17.8 µS at 1 V and 100 µs, evaluated by hand: ΔG = c0 (1 − tanh …)(1 + tanh …)."""
    c0, c1, c2, c3, c4 = 1.55e-4, -0.47, -3.729, 6.801, 7.582
    for base, size in ((np.e, 0.618e-6), (10.0, 46.9e-6)):
        log = np.log(1e-4) / np.log(base)
        by_hand = c0 * (1 - np.tanh(c1 * (log - c2))) * (1 + np.tanh(c3 - c4))
        got = float(device("metal-oxide-ucsb-pulsed", log_base=base).set_change(12e-6, 1.0, 1e-4))
        assert got == pytest.approx(by_hand, rel=1e-12)
        assert got == pytest.approx(size, rel=2e-3)
    cell = device("metal-oxide-ucsb-pulsed")
    # Reset is slow at low conductance; cells with another ξ move by another step and never the wrong way.
    g = np.array([20e-6, 50e-6, 100e-6])
    assert (np.diff(cell.reset_change(g, -1.5, 1e-4)) < 0).all()
    assert (cell.set_change(g, 1.2, 1e-4, cell=np.array([3.0, 3.0, 3.0])) >= 0).all()
    hot = device("metal-oxide-ucsb-pulsed", temperature=85)
    assert hot.step == cell.step
    assert (hot.current(g, 0.1) > cell.current(g, 0.1)).all()


def test_phase_change_pairs_rise_only_and_are_refreshed_without_losing_their_difference():
    cell = device("pcm-pulsed", cycle_noise=0, reset_spread=0, w_max_spread=0)
    rng = np.random.default_rng(0)
    cells = cell.cells((2, 3), rng)
    with_room, both_high, one_high = (0.5, 0.4), (0.9, 0.6), (0.9, 0.1)
    pairs = cell.g_max * np.array([with_room, both_high, one_high]).T
    done = cell.refreshed(pairs, rng, cells)
    np.testing.assert_array_equal(done[:, [0, 2]], pairs[:, [0, 2]])
    np.testing.assert_allclose(done[0] - done[1], pairs[0] - pairs[1], rtol=1e-12)
    assert cell.weight(done[1, 1]) == pytest.approx(cell.reset)
    # Every pulse brings less than the one before: by hand, 0.01 (1 + 27.235 e^(−2.5 w)) weights of a range of 2.
    held, w = np.array([0.0]), 0.0
    for _ in range(40):
        held, w = cell.pulse(held, np.array([1]), rng), w + 0.01 * (1 + 27.235 * np.exp(-2.5 * w))
        assert cell.weight(held)[0] == pytest.approx(w, rel=1e-12)
    assert 0.75 < w / 2 < 0.85


def test_noise_of_a_phase_change_step_has_a_floor_and_grows_with_the_weight():
    cell, n = device("pcm-pulsed", w_max=4), 100_000
    w = 0.5
    held = cell.pulse(np.full(n, cell.conductance(w)), np.ones(n, int), np.random.default_rng(0))
    expected = 0.6 * (cell.step_up(w) + 0.042 + 0.108 * w)
    assert (cell.weight(held) - w).std() == pytest.approx(float(expected), rel=4 / (2 * n) ** 0.5)
