"""Delay of lines with capacitance: closed forms, an independent network, and the exact RC ladder."""

import numpy as np
import pytest
import sparse_wires as sparse
from scipy.linalg import expm

import analogsim as asim
from analogsim import Network, circuit
from analogsim.circuits import wires
from analogsim.circuits.crossbar.lines import NEGLIGIBLE
from analogsim.circuits.wires import Terminals, line_delays
from analogsim.errors import InputError

RNG = np.random.default_rng(2)
ENDS = Terminals("right", "bottom", 100.0, 30.0)


class Ladder:
    """The array as a linear system dx/dt = −C⁻¹(Y x − drive), for 1 V on all or some of the driven lines."""

    def __init__(self, g, r, c, read="forward", ends=ENDS):
        forward = read == "forward"
        resistances = (ends.r_driver, ends.r_sense) if forward else (ends.r_sense, ends.r_driver)
        made = sparse.Circuit(g.shape, *r, ends.word_end, ends.bit_end, *resistances)
        y = made.conductances(g).toarray()
        free = np.r_[made.w.ravel(), made.b.ravel()]
        lines = (made.word_terminal, made.bit_terminal)
        driven, sensed = lines if forward else lines[::-1]
        self.c = np.r_[np.full(g.size, c[0]), np.full(g.size, c[1])]
        self.y, self.drive, self.out = y[np.ix_(free, free)], -y[np.ix_(free, driven)], -y[np.ix_(sensed, free)]

    def moments(self, volts):
        """Current at rest and its first moment."""
        rest = np.linalg.solve(self.y, self.drive @ volts)
        return self.out @ rest, self.out @ np.linalg.solve(self.y, self.c * rest)


@pytest.mark.parametrize("read", ["forward", "reverse"])
def test_first_moments_of_an_independent_network(read):
    for m, n in ((7, 5), (1, 6), (6, 1)):
        g = RNG.uniform(1e-5, 1e-3, (m, n))
        rest, moment = Ladder(g, (20.0, 50.0), (2e-15, 3e-15), read).moments(np.ones(m if read == "forward" else n))
        found = line_delays(g, 20.0, 50.0, 2e-15, 3e-15, read, terminals=ENDS)
        np.testing.assert_allclose(found, moment / rest, rtol=1e-9)


def test_lines_that_cells_hardly_load():
    """T_j = r c Σ_k min(j, k) along a word line, and the mean of the same over the cells of a bit line."""
    r, c, n, faint = 3.0, 2e-15, 40, 1e-12
    k = np.arange(1, n + 1)
    path = np.minimum.outer(k, k).sum(1)
    np.testing.assert_allclose(path[-1], n * (n + 1) / 2)
    along = line_delays(np.full((1, n), faint), r, 1e-3, c, 0.0)
    np.testing.assert_allclose(along, r * c * path, rtol=1e-6)
    driven = line_delays(np.full((1, n), faint), r, 1e-3, c, 0.0, terminals=Terminals(r_driver=50.0))
    np.testing.assert_allclose(driven, r * c * path + 50.0 * c * n, rtol=1e-6)
    down = line_delays(np.full((n, 1), faint), 1e-3, r, 0.0, c)
    np.testing.assert_allclose(down, r * c * path.mean(), rtol=1e-6)
    np.testing.assert_allclose(path.mean(), (n + 1) * (2 * n + 1) / 6)
    np.testing.assert_array_equal(line_delays(np.zeros((3, 2)), r, r, c, c), 0.0)
    np.testing.assert_array_equal(line_delays(np.full((3, 2), 1e-4), 0.0, 0.0, c, c), 0.0)
    with pytest.raises(InputError, match="c_bit = -1"):
        line_delays(np.ones((3, 2)), r, r, c, -1.0)


def test_a_tile_is_as_slow_as_the_mean_of_its_currents():
    g = RNG.uniform(1e-5, 1e-4, (8, 6))
    whole = line_delays(g, 20.0, 20.0, 1e-15, 1e-15, tile=(4, 6))
    parts = [line_delays(half, 20.0, 20.0, 1e-15, 1e-15) for half in (g[:4], g[4:])]
    flow = [wires.currents(half, np.ones(4), 20.0, 20.0) for half in (g[:4], g[4:])]
    np.testing.assert_allclose(whole, sum(f * t for f, t in zip(flow, parts, strict=True)) / sum(flow), rtol=1e-12)


def test_no_line_of_a_chip_is_slower_than_the_stated_bound():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        outputs, inputs = rng.integers(1, 24, 2)
        r_word, r_bit, r_driver, r_sense = rng.uniform(0, 100, 4)
        options = {"r_word": r_word, "r_bit": r_bit, "r_driver": r_driver, "r_sense": r_sense}
        made = circuit("crossbar", c_word=1e-15, c_bit=3e-15, **options)
        cells = 10.0 ** rng.uniform(-9, -3, (outputs, inputs))
        for read in ("forward", "reverse"):
            assert made.delays(cells, read).max() <= made.slowest(outputs, inputs) * (1 + 1e-9)


def response(ladder, volts, tau, times, exact):
    """A neuron behind each line: of the exact ladder (True), of its lag, or without any (False)."""
    rest, moment = ladder.moments(volts)
    lag = moment / rest
    if exact is True:
        size, n = len(ladder.c), len(rest)
        system = np.zeros((size + n + 1, size + n + 1))
        system[:size, :size] = -ladder.y / ladder.c[:, None]
        system[:size, -1] = ladder.drive @ volts / ladder.c
        system[size:-1, :size], system[size:-1, size:-1] = ladder.out / tau, -np.eye(n) / tau
        start = np.r_[np.zeros(size + n), 1.0]
        np.testing.assert_allclose(np.diff(times), times[0], rtol=1e-9)
        step, found = expm(system * times[0]), [start]
        for _ in times:
            found.append(step @ found[-1])
        return np.array(found)[1:, size:-1]
    t = times[:, None]
    if not exact:
        return rest * (1 - np.exp(-t / tau))
    return rest * (1 - (tau * np.exp(-t / tau) - lag * np.exp(-t / lag)) / (tau - lag))


def test_a_lag_leaves_a_tenth_of_the_error_and_then_less():
    """Of a step on all rows; with T/τ halved, what is left after 10 T falls to a quarter, without a lag to a half."""
    ladder = Ladder(np.random.default_rng(2).uniform(1e-5, 1e-4, (10, 7)), (50.0, 50.0), (1e-12, 1e-12))
    rest, moment = ladder.moments(np.ones(10))
    slowest = (moment / rest).max()
    late = []
    for share in (0.08, 0.04, 0.02):
        tau = slowest / share
        times = 0.2 * slowest * np.arange(1, 201)
        exact, lagging, none = (response(ladder, np.ones(10), tau, times, how) / rest for how in (True, 1, False))
        with_lag, without = (np.abs(found - exact).max(axis=1) for found in (lagging, none))
        assert 0.04 * share < with_lag.max() < 0.11 * share
        assert 0.7 * share < without.max() < 1.1 * share
        after = times > 10 * slowest
        # What is left then decays with the neuron.
        late.append([(found[after] * np.exp(times[after] / tau)).max() for found in (with_lag, without)])
    late = np.array(late)
    np.testing.assert_allclose(late[:-1, 0] / late[1:, 0], 4, rtol=0.12)
    np.testing.assert_allclose(late[:-1, 1] / late[1:, 1], 2, rtol=0.06)


NET = Network.random((6, 4), seed=1)
SLOW = {"r_word": 50.0, "r_bit": 50.0, "r_driver": 300.0, "r_sense": 100.0}


@pytest.mark.slow
def test_relax_follows_the_lag_and_leaves_the_resting_state():
    """One linear layer behind a pair of arrays, against the exact ladders of both."""
    made = {"device": "ideal", "tau_spread": 0.0, "device.g_min": 2e-6, **SLOW}
    plain = circuit("crossbar", **made).program(NET, seed=0)
    slow = circuit("crossbar", c_word=3e-12, c_bit=3e-12, **made)
    chip, unit = slow.program(NET, seed=0), slow.time_unit
    np.testing.assert_array_equal(chip.forward[0], plain.forward[0])
    x, times = np.ones((1, 6)), 0.2 * np.arange(1, 31)
    rule = asim.Wiring.adjoint_dual_propagation(1.0)
    a = asim.relax(chip, x, None, wiring=rule, beta=0.0, times=times, rtol=1e-8, atol=1e-10)["a_1"].values[0, :, 0]
    without = asim.relax(plain, x, None, wiring=rule, beta=0.0, times=times)["a_1"].values[0, :, 0]
    gain = float(chip.devices.scale[0]) / slow.device.span
    ends = Terminals("left", "bottom", 300.0, 100.0)
    exact = [
        response(Ladder(g.T, (50.0, 50.0), (3e-12, 3e-12), ends=ends), np.ones(6), unit, times * unit, True)
        for g in slow.conductances(chip, 0, "forward", wires=False)
    ]
    wanted = gain * (exact[0] - exact[1]) + chip.biases[0]
    largest = gain * np.abs(exact).max()
    assert np.abs(a - wanted).max() < 5e-3 * largest
    assert np.abs(without - wanted).max() > 0.03 * largest
    rest = asim.settle(chip, x, None, wiring=rule, beta=0.0)["a_1"].values
    np.testing.assert_allclose(rest, asim.settle(plain, x, None, wiring=rule, beta=0.0)["a_1"].values, rtol=1e-12)


def test_what_is_too_fast_to_matter_is_said_and_left_out(tmp_path):
    made = circuit("crossbar", device="ideal", **SLOW, c_word=1e-15, c_bit=1e-15)
    chip = made.program(NET, seed=0)
    assert chip.tia is None
    assert made.slowest(4, 6) < NEGLIGIBLE * made.time_unit
    assert "negligible" in chip.record["words"][-1]
    slow = circuit(made, c_word=1e-11, c_bit=1e-11)
    chip = slow.program(NET, seed=0)
    assert "lags by its Elmore delay" in chip.record["words"][-1]
    moved = slow.update(
        chip,
        [(0.1 * np.ones_like(w), np.zeros_like(b)) for w, b in zip(chip.forward, chip.biases, strict=True)],
        np.random.default_rng(0),
    )
    assert moved.tia.forward[0].lag.shape == (2, 4)
    chip.save(tmp_path / "chip.npz")
    np.testing.assert_array_equal(asim.load_chip(tmp_path / "chip.npz").tia.forward[0].lag, chip.tia.forward[0].lag)
    for name, value in (("node_noise", 0.01), ("feedback", "full-duplex"), ("tia_saturation", 1.0)):
        with pytest.raises(InputError, match="c_word, c_bit"):
            circuit(slow, mapping="differential", r_sense=300.0, **{name: value}).program(NET, seed=0)
