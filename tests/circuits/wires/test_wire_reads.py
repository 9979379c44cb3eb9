"""Exact wires against two other simulators' files, an independent sparse assembly, and the theorems of networks."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import sparse_wires as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from analogsim.circuits import wires
from analogsim.circuits.wires import Terminals
from analogsim.errors import InputError

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("xbar_*.npz"))
LARGEST = 1e-4


def array(m, n, seed=0, zeros=0.0):
    rng = np.random.default_rng(seed)
    g = rng.uniform(1e-6, LARGEST, (m, n))
    return np.where(rng.random((m, n)) < zeros, 0.0, g)


def difference(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_golden(path):
    d = np.load(path)
    g, v, r = d["conductance"], d["V"].T, (float(d["rw"]), float(d["rb"]))
    matrix = wires.effective_conductance(g, *r)
    for key in ("I_badcrossbar", "I_ngspice"):
        np.testing.assert_allclose(wires.currents(g, v, *r), d[key], rtol=1e-10)
        np.testing.assert_allclose(v @ matrix, d[key], rtol=1e-10)
    if "Vw_badcrossbar" in d:
        found = wires.solve(g, v, *r)
        np.testing.assert_allclose(found.word, d["Vw_badcrossbar"].transpose(2, 0, 1), rtol=1e-10)
        np.testing.assert_allclose(found.bit, d["Vb_badcrossbar"].transpose(2, 0, 1), rtol=1e-10)


def test_there_are_golden_files():
    assert len(GOLDEN) == 10


ENDS = list(itertools.product(("left", "right"), ("bottom", "top")))


@pytest.mark.parametrize("read", ["forward", "reverse"])
@pytest.mark.parametrize(("word_end", "bit_end"), ENDS)
@pytest.mark.parametrize("r", [(2.0, 5.0), (0.0, 5.0), (2.0, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("ends", [(0.0, 0.0), (100.0, 1.0), (0.0, 30.0), (30.0, 0.0), "lines"])
def test_every_terminal_against_the_sparse_reference(read, word_end, bit_end, r, ends):
    rng = np.random.default_rng(1)
    m, n = 13, 6
    lines = (m, n) if read == "forward" else (n, m)
    r_driver, r_sense = (rng.uniform(0, 50, k) for k in lines) if ends == "lines" else ends
    g = array(m, n, zeros=0.2)
    v = rng.uniform(-0.2, 0.2, (2, lines[0]))
    terminals = Terminals(word_end, bit_end, r_driver, r_sense)
    expected = sparse.currents(g, v, *r, read, word_end, bit_end, r_driver, r_sense)
    assert difference(wires.currents(g, v, *r, read, terminals=terminals), expected) < 1e-11
    assert difference(v @ wires.effective_conductance(g, *r, read, terminals=terminals), expected) < 1e-11
    y = wires.terminal_conductance(g, *r, read, terminals=terminals)
    volts = np.zeros((2, m + n))
    volts[:, slice(0, m) if read == "forward" else slice(m, None)] = v
    out = volts @ y[:, m:] if read == "forward" else volts @ y[:, :m]
    assert difference(-out, expected) < 1e-11
    assert difference(y, y.T) < 1e-12
    # Full duplex: both kinds of line driven at once.
    circuit = sparse.Circuit(g.shape, *r, word_end, bit_end, *((r_driver, r_sense)[:: 1 if read == "forward" else -1]))
    both = rng.uniform(-0.2, 0.2, m + n)
    flow = circuit.flows(g, both[:m], both[m:])
    assert difference(y @ both, np.r_[flow.sum(1), -flow.sum(0)]) < 1e-11


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 3), (16, 16), (17, 33), (40, 5), (33, 70)])
def test_any_size(shape):
    g = array(*shape, seed=3)
    for read, k in (("forward", shape[0]), ("reverse", shape[1])):
        v = np.random.default_rng(0).normal(size=(3, k))
        expected = sparse.currents(g, v, 3.0, 7.0, read)
        assert difference(wires.currents(g, v, 3.0, 7.0, read), expected) < 1e-11
        assert difference(v @ wires.effective_conductance(g, 3.0, 7.0, read), expected) < 1e-11


def test_many_inputs_take_the_other_route_to_the_same_currents(monkeypatch):
    from analogsim.circuits.wires import tiles

    g = array(48, 31)
    v = np.random.default_rng(0).normal(size=(200, 48))
    many = wires.currents(g, v, 2.0, 5.0)
    monkeypatch.setattr(tiles, "_DISSECTION", np.inf)
    assert difference(many, wires.currents(g, v, 2.0, 5.0)) < 1e-12


def test_reciprocity_holds_at_the_same_terminals_only():
    g = array(24, 17)
    forward = wires.effective_conductance(g, 2.0, 5.0)
    assert difference(wires.effective_conductance(g, 2.0, 5.0, "reverse"), forward.T) < 1e-12
    assert difference(forward, g) > 1e-2
    rows = np.eye(17)
    assert difference(wires.currents(g, rows, 2.0, 5.0, "reverse"), forward.T) < 1e-12
    other = wires.effective_conductance(g, 2.0, 5.0, "reverse", terminals=Terminals("right", "top"))
    assert difference(other, forward.T) > 1e-2
    # The resistance of a line must be the same in both reads, whatever its role.
    loaded = wires.effective_conductance(g, 2.0, 5.0, terminals=Terminals(r_driver=100.0, r_sense=1.0))
    same = wires.effective_conductance(g, 2.0, 5.0, "reverse", terminals=Terminals(r_driver=1.0, r_sense=100.0))
    swapped = wires.effective_conductance(g, 2.0, 5.0, "reverse", terminals=Terminals(r_driver=100.0, r_sense=1.0))
    assert difference(same, loaded.T) < 1e-12
    assert difference(swapped, loaded.T) > 1e-3


def test_small_resistances_approach_zero_at_first_order():
    g = np.geomspace(1e-9, 1e-4, 30 * 20).reshape(30, 20)
    steps = [np.abs(wires.effective_conductance(g, r, r) / g - 1) for r in (1e-3, 1e-6, 1e-9)]
    for coarse, fine in itertools.pairwise(steps):
        np.testing.assert_allclose(fine, 1e-3 * coarse, rtol=1e-3, atol=1e-14)
    v = np.random.default_rng(0).uniform(0.1, 0.2, (1, 30))
    np.testing.assert_allclose(wires.currents(g, v, 1e-12, 1e-12), v @ g, rtol=1e-13)
    np.testing.assert_array_equal(wires.effective_conductance(g, 0, 0), g)


def test_columns_of_very_different_size_keep_their_digits():
    g = array(40, 24) * np.geomspace(1e-6, 1, 24)
    v = np.random.default_rng(0).uniform(-0.2, 0.2, (1, 40))
    np.testing.assert_allclose(wires.currents(g, v, 10.0, 10.0), sparse.currents(g, v, 10.0, 10.0), rtol=1e-10)


@pytest.mark.parametrize("n", [256, 512])
def test_hundred_ohms_a_segment_converge(n):
    g = array(n, n)
    v = np.random.default_rng(0).uniform(0, 0.2, (1, n))
    found = wires.solve(g, v, 100.0, 100.0)
    ideal = v @ g
    assert (ideal / found.currents).min() > 15
    np.testing.assert_allclose(found.dissipated, found.supplied, rtol=1e-9)
    np.testing.assert_allclose(found.inputs.sum(), found.currents.sum(), rtol=1e-9)
    if n == 256:
        np.testing.assert_allclose(v @ wires.effective_conductance(g, 100.0, 100.0), found.currents, rtol=1e-10)


@pytest.mark.parametrize("r", [(2.0, 5.0), (0.0, 5.0), (2.0, 0.0)])
@pytest.mark.parametrize("read", ["forward", "reverse"])
def test_nodes_and_power(read, r):
    g = array(9, 14, zeros=0.1)
    forward = read == "forward"
    v = np.random.default_rng(0).normal(size=(3, 9 if forward else 14))
    terminals = Terminals("right", "bottom", 20.0, 7.0)
    found = wires.solve(g, v, *r, read, terminals=terminals)
    circuit = sparse.Circuit(g.shape, *r, "right", "bottom", *((20.0, 7.0) if forward else (7.0, 20.0)))
    for k, row in enumerate(v):
        drive = (row, np.zeros(14)) if forward else (np.zeros(9), row)
        w, b = circuit.node_voltages(g, *drive)
        np.testing.assert_allclose(found.word[k], w, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.bit[k], b, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.device, g * (found.word - found.bit), rtol=1e-12)
    np.testing.assert_allclose(found.supplied, (v * found.inputs).sum(1), rtol=1e-13)
    np.testing.assert_allclose(found.dissipated, found.supplied, rtol=1e-11)
    np.testing.assert_allclose(found.currents, wires.currents(g, v, *r, read, terminals=terminals), rtol=1e-12)


def test_tiles_are_read_apart_and_summed():
    g = array(20, 13)
    v = np.random.default_rng(0).normal(size=(2, 20))
    terminals = Terminals(r_driver=np.linspace(0, 30, 20), r_sense=np.linspace(5, 9, 13))
    expected = np.zeros((2, 13))
    for rows in (slice(0, 7), slice(7, 14), slice(14, 20)):
        for columns in (slice(0, 5), slice(5, 9), slice(9, 13)):
            drive, sense = terminals.r_driver[rows], terminals.r_sense[columns]
            expected[:, columns] += sparse.currents(
                g[rows, columns], v[:, rows], 20.0, 10.0, r_driver=drive, r_sense=sense
            )
    options = {"terminals": terminals, "tile": (8, 6)}
    assert difference(wires.currents(g, v, 20.0, 10.0, **options), expected) < 1e-12
    assert difference(v @ wires.effective_conductance(g, 20.0, 10.0, **options), expected) < 1e-12
    found = wires.solve(g, v, 20.0, 10.0, **options)
    assert difference(found.currents, expected) < 1e-12
    np.testing.assert_allclose(found.dissipated, found.supplied, rtol=1e-11)
    whole = wires.currents(g, v, 20.0, 10.0, terminals=terminals)
    assert difference(wires.currents(g, v, 20.0, 10.0, terminals=terminals, tile=20), whole) < 1e-12
    back = wires.effective_conductance(g, 20.0, 10.0, "reverse", tile=(8, 6))
    assert difference(back, wires.effective_conductance(g, 20.0, 10.0, tile=(8, 6)).T) < 1e-12


arrays = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
ohms = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))


@settings(max_examples=60, deadline=None)
@given(arrays, ohms, ohms, ohms, ohms, st.sampled_from(ENDS))
def test_superposition_reciprocity_and_bounds(size, r_word, r_bit, end_word, end_bit, ends):
    m, n, seed = size
    g = array(m, n, seed, zeros=0.2)
    rng = np.random.default_rng(seed)
    v = rng.uniform(0, 0.2, (2, m))
    near, far = Terminals(*ends, end_word, end_bit), Terminals(*ends, end_bit, end_word)
    one, two = (wires.currents(g, x, r_word, r_bit, terminals=near) for x in v)
    ideal = v[0] @ g
    scale = max(ideal.max(), 1e-12)
    both = wires.currents(g, 2 * v[0] - 3 * v[1], r_word, r_bit, terminals=near)
    np.testing.assert_allclose(both, 2 * one - 3 * two, rtol=0, atol=1e-11 * scale)
    assert (one >= -1e-12 * scale).all()
    assert (one <= 0.2 * g.sum(0) + 1e-12 * scale).all()
    if m == 1 or r_bit == end_bit == 0:  # one source alone, or no coupling through the bit lines: wires only take
        assert (one <= ideal + 1e-12 * scale).all()
    forward = wires.effective_conductance(g, r_word, r_bit, terminals=near)
    reverse = wires.effective_conductance(g, r_word, r_bit, "reverse", terminals=far)
    np.testing.assert_allclose(reverse.T, forward, rtol=0, atol=1e-11 * max(g.max(), 1e-12))
    np.testing.assert_allclose(v[0] @ forward, one, rtol=0, atol=1e-11 * scale)


def test_errors_name_what_is_wrong():
    g, v = array(4, 3), np.ones((2, 4))
    bad = g.copy()
    bad[1, 2] = -1e-6
    cases = [
        (lambda: wires.currents(bad, v, 1, 1), r"conductance\[1, 2\] = -1e-06"),
        (lambda: wires.currents(np.where(g == g[0, 0], np.nan, g), v, 1, 1), r"conductance\[0, 0\] = nan"),
        (lambda: wires.currents(np.where(g == g[0, 0], np.inf, g), v, 1, 1), "short circuit"),
        (lambda: wires.currents(g[0], v, 1, 1), r"conductance has shape \(3,\)"),
        (lambda: wires.currents(g * 1j, v, 1, 1), "conductance is complex"),
        (lambda: wires.currents(g, v, -1, 1), "r_word = -1 is out of range"),
        (lambda: wires.currents(g, v, 1, np.nan), "r_bit = nan"),
        (lambda: wires.currents(g, v, 1, "x"), "r_bit = 'x'"),
        (lambda: wires.currents(g, v.T, 1, 1), "transpose"),
        (lambda: wires.currents(g, v, 1, 1, "reverse"), r"\(inputs, 3\): one for each bit line"),
        (lambda: wires.currents(g, v * np.nan, 1, 1), "voltages = "),
        (lambda: wires.currents(g, v, 1, 1, "revers"), "did you mean 'reverse'"),
        (lambda: wires.currents(g, v, 1, 1, tile=0), "tile = 0"),
        (lambda: Terminals("lef"), "did you mean 'left'"),
        (lambda: wires.currents(g, v, 1, 1, terminals=Terminals(r_sense=[1, 2])), "Terminals.r_sense has shape"),
        (lambda: wires.currents(g, v, 1, 1, terminals=Terminals(r_driver=-1)), "Terminals.r_driver = -1.0"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.parametrize("r", [(20.0, 50.0), (0.0, 50.0), (20.0, 0.0), (0.0, 0.0)])
def test_cells_that_all_but_short_the_lines(r):
    """Devices of 1 to 10 Ω, which share the current between all the lines."""
    g = 1e4 * array(11, 7)
    v = np.random.default_rng(0).uniform(-0.4, 0.4, (2, 11))
    terminals = Terminals(r_driver=100.0, r_sense=10.0)
    found = wires.solve(g, v, *r, terminals=terminals)
    assert difference(found.currents, sparse.currents(g, v, *r, r_driver=100.0, r_sense=10.0)) < 1e-11
    assert found.iterations.max() < 100
    np.testing.assert_allclose(found.dissipated, found.supplied, rtol=1e-9)
