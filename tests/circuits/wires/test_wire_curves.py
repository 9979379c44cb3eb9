"""Cells with nonlinear curves between resistive wires, against a plain Newton iteration on the sparse reference."""

from pathlib import Path

import numpy as np
import pytest
import sparse_wires as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from analogsim.circuits import wires
from analogsim.circuits.wires import AccessTransistor, Cubic, Sinh, Terminals
from analogsim.errors import InputError

RNG = np.random.default_rng(5)
G = RNG.uniform(5e-5, 2.25e-4, (11, 7))


def milo(g):
    """I-V coefficients of HfO2 RRAM (Milo et al., IRPS 2021), with log10 of the conductance in siemens."""
    x = np.log10(g)
    return Cubic(
        1.388e-4 * x**3 + 1.541e-3 * x**2 + 5.711e-3 * x + 7.063e-3, 8.871e-5 * x**2 + 6.7919e-4 * x + 1.2968e-3
    )


CURVES = {
    "milo": milo(G),
    "sinh": Sinh(0.1),
    "sinh of each cell": Sinh(RNG.uniform(0.08, 0.3, G.shape)),
    "transistor": AccessTransistor(5e3, 0.7),
}


def reference(g, v, r, read, curve, circuit):
    """Undamped Newton on all nodes; enough for mild curves."""
    m, n = g.shape
    drive = (v, np.zeros(n)) if read == "forward" else (np.zeros(m), v)
    w, b = circuit.node_voltages(g, *drive)
    for _ in range(60):
        current, slope = curve.evaluate(g, w - b, read)
        old = w - b
        w, b = circuit.node_voltages(slope, *drive, current - slope * (w - b))
        if np.abs(w - b - old).max() < 1e-14:
            break
    return w, b, curve.evaluate(g, w - b, read)[0]


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("read", ["forward", "reverse"])
@pytest.mark.parametrize("ends", [("left", "bottom"), ("right", "top")])
@pytest.mark.parametrize("r", [(20.0, 50.0), (0.0, 50.0), (20.0, 0.0), (0.0, 0.0)])
def test_newton_agrees_with_the_sparse_reference(name, read, ends, r):
    curve = CURVES[name]
    rng = np.random.default_rng(0)
    v = rng.uniform(-0.4, 0.4, (2, 11 if read == "forward" else 7))
    found = wires.solve(G, v, *r, read, curve=curve, terminals=Terminals(*ends, 100.0, 10.0))
    circuit = sparse.Circuit(G.shape, *r, *ends, *((100.0, 10.0) if read == "forward" else (10.0, 100.0)))
    for k, row in enumerate(v):
        w, b, flow = reference(G, row, r, read, curve, circuit)
        np.testing.assert_allclose(found.word[k], w, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.bit[k], b, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.device[k], flow, rtol=0, atol=1e-10 * np.abs(flow).max())
        out = flow.sum(0) if read == "forward" else -flow.sum(1)
        np.testing.assert_allclose(found.currents[k], out, rtol=0, atol=1e-10 * np.abs(out).max())
    np.testing.assert_allclose(found.dissipated, found.supplied, rtol=1e-9)


def test_ohmic_limits_and_warm_starts():
    v = np.random.default_rng(0).uniform(0, 0.2, (3, 11))
    linear = wires.currents(G, v, 5.0, 9.0)
    for curve in (Cubic(0.0, 0.0), Sinh(1e6)):
        np.testing.assert_allclose(wires.currents(G, v, 5.0, 9.0, curve=curve), linear, rtol=1e-11)
    curve = milo(G)
    cold = wires.solve(G, v, 5.0, 9.0, curve=curve)
    same = wires.solve(G, v, 5.0, 9.0, curve=curve, start=cold)
    assert (same.iterations == 0).all()
    np.testing.assert_array_equal(same.currents, cold.currents)
    steep = Sinh(0.03)
    again = wires.solve(G, v * 1.001, 5.0, 9.0, curve=steep)
    near = wires.solve(G, v * 1.001, 5.0, 9.0, curve=steep, start=wires.solve(G, v, 5.0, 9.0, curve=steep))
    assert near.iterations.max() < again.iterations.max()
    np.testing.assert_allclose(near.currents, again.currents, rtol=1e-11)
    tiled = wires.solve(G, v, 5.0, 9.0, curve=curve, tile=(6, 4))
    expected = np.zeros((3, 7))
    for rows in (slice(0, 6), slice(6, 11)):
        for columns in (slice(0, 4), slice(4, 7)):
            part = G[rows, columns]
            expected[:, columns] += wires.currents(part, v[:, rows], 5.0, 9.0, curve=milo(part))
    np.testing.assert_allclose(tiled.currents, expected, rtol=1e-12)
    with pytest.raises(InputError, match="start is a solution of shape"):
        wires.solve(G, v[:1], 5.0, 9.0, curve=curve, start=cold)


def test_nonlinear_cells_break_reciprocity():
    for curve in CURVES.values():
        forward = wires.currents(G, 0.3 * np.eye(11), 20.0, 50.0, curve=curve)
        reverse = wires.currents(G, 0.3 * np.eye(7), 20.0, 50.0, "reverse", curve=curve)
        assert np.abs(reverse.T - forward).max() > 1e-3 * forward.max()
    odd = Cubic(0.0, 1e-3)  # odd curves still do, through the wires alone
    forward = wires.currents(G, 0.3 * np.eye(11), 0, 0, curve=odd)
    np.testing.assert_allclose(wires.currents(G, 0.3 * np.eye(7), 0, 0, "reverse", curve=odd).T, forward, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1)),
    st.floats(0.02, 1),
    st.one_of(st.just(0.0), st.floats(1e-3, 1e3)),
    st.one_of(st.just(0.0), st.floats(1e-3, 1e3)),
    st.one_of(st.just(0.0), st.floats(1e-6, 3)),
)
def test_every_rising_curve_is_solved(size, scale, r_word, r_bit, top):
    """Up to e^{150} times the ohmic current at the first look: Kirchhoff's laws, the curve and energy all hold."""
    m, n, seed = size
    rng = np.random.default_rng(seed)
    g = rng.uniform(1e-6, 1e-4, (m, n))
    v = rng.uniform(-top, top, (1, m))
    terminals = Terminals(r_driver=10.0, r_sense=10.0)
    found = wires.solve(g, v, r_word, r_bit, curve=Sinh(scale), terminals=terminals)
    largest = np.abs(found.device).max()
    current, slope = Sinh(scale).evaluate(g, found.word - found.bit, "forward")
    assert np.abs(current - found.device).max() <= 1e-11 * largest + 1e-14 * np.abs(slope).max() * top
    np.testing.assert_allclose(found.dissipated, found.supplied, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(found.currents[0], found.device[0].sum(0), rtol=0, atol=1e-12 * largest * m)


GOLDEN = Path(__file__).parents[2] / "golden"


def test_a_selector_and_a_cubic_cell_as_ngspice_solves_them():
    array, spice = np.load(GOLDEN / "xbar_64x64_uniform_rw1_rb1.npz"), np.load(GOLDEN / "curves_64x64.npz")
    g, v, r = array["conductance"], array["V"][:, 0], (float(spice["r_word"]), float(spice["r_bit"]))
    for curve, volts, expected in (
        (Sinh(0.05), v, spice["I_ngspice_sinh"]),
        (Cubic(1e-5, 1e-3), 2 * v, spice["I_ngspice_cubic"]),
    ):
        np.testing.assert_allclose(wires.currents(g, volts, *r, curve=curve), expected, rtol=1e-10)
        assert np.abs(expected / wires.currents(g, volts, *r) - 1).max() > 0.9  # as ohmic cells they are far off


@pytest.mark.parametrize("top", [0.2, pytest.param(1.0, marks=pytest.mark.slow)])
def test_512_lines_with_selectors(top):
    """Kirchhoff's current law at every node, and the curve of every cell, at read and at twenty times its scale."""
    n, r, curve = 512, 10.0, Sinh(0.05)
    g = np.random.default_rng(0).uniform(1e-6, 1e-4, (n, n))
    v = np.random.default_rng(1).uniform(0, top, (1, n))
    found = wires.solve(g, v, r, r, curve=curve)
    assert found.iterations.max() < 12
    word, bit = found.word[0], found.bit[0]
    flow, _ = curve.evaluate(g, word - bit, "forward")
    along = -np.diff(word, axis=1, prepend=v.T, append=word[:, -1:]) / r
    down = -np.diff(bit, axis=0, prepend=bit[:1], append=np.zeros((1, n))) / r
    largest = flow.max()
    np.testing.assert_allclose(along[:, :-1] - along[:, 1:], flow, rtol=0, atol=1e-10 * largest)
    np.testing.assert_allclose(down[1:] - down[:-1], flow, rtol=0, atol=1e-10 * largest)
    np.testing.assert_allclose(found.currents[0], down[-1], rtol=1e-10)
    np.testing.assert_allclose(found.dissipated, found.supplied, rtol=1e-12)


@pytest.mark.parametrize("strength", [-5e-5, -5e-4, -5e-3, -5e-2])
def test_a_falling_curve_is_solved_or_refused(strength):
    curve, v = Cubic(0.0, strength), np.full((1, 11), 3.0)
    try:
        found = wires.solve(G, v, 100.0, 100.0, curve=curve)
    except InputError as error:
        assert "must rise" in str(error)  # noqa: PT017
    else:
        current, _ = curve.evaluate(G, found.word - found.bit, "forward")
        np.testing.assert_allclose(found.device, current, rtol=0, atol=1e-10 * np.abs(current).max())
        np.testing.assert_allclose(found.dissipated, found.supplied, rtol=1e-9)


def test_overflow_is_refused():
    with pytest.raises(InputError, match="Lower the voltages"):
        wires.currents(G, np.full(11, 100.0), 0.0, 0.0, curve=Sinh(0.01))


@pytest.mark.parametrize("read", ["forward", "reverse"])
def test_the_transistor_solves_its_two_equations(read):
    """The node between device and transistor, found by bisection, gives the same current; so does the slope."""
    cell = AccessTransistor(5e3, 0.7)
    g = np.array([[1e-6, 5e-5, 1e-3]])
    kappa = 1 / (5e3 * 0.7)
    for v in (-2.5, -0.5, -0.1, 0.0, 0.1, 0.5, 0.9, 2.5):
        w, b = (v, 0.0) if read == "forward" else (0.0, -v)
        low, high = np.full(g.shape, min(w, b)), np.full(g.shape, max(w, b))
        for _ in range(200):
            x = (low + high) / 2
            into = g * (w - x) - kappa / 2 * (max(0.7 - b, 0) ** 2 - np.maximum(0.7 - x, 0) ** 2)
            low, high = np.where(into > 0, x, low), np.where(into > 0, high, x)
        current, slope = cell.evaluate(g, np.full(g.shape, v), read)
        np.testing.assert_allclose(current, g * (w - x), rtol=1e-9, atol=1e-18)
        h = 1e-6
        beside = [cell.evaluate(g, np.full(g.shape, v + d), read)[0] for d in (-h, h)]
        np.testing.assert_allclose(slope, (beside[1] - beside[0]) / (2 * h), rtol=1e-5, atol=1e-11)


@pytest.mark.parametrize(
    ("g", "overdrive", "percent"),
    [
        (50e-6, 0.7, (2.6, 6.0)),
        (50e-6, 1.5, (1.1, 2.4)),
        (50e-6, 2.8, (0.6, 1.2)),
        (10e-6, 0.7, (0.7, 1.8)),
        (100e-6, 0.7, (3.6, 8.1)),
    ],
)
def test_forward_over_reverse_conductance_of_the_1t1r_cell(g, overdrive, percent):
    """A level-1 NMOS of R_on = 5 kΩ solved on its own: gates of 1.2, 2.0 and 3.3 V with a threshold of 0.5 V."""
    cell = AccessTransistor(5e3, overdrive)
    for volts, expected in zip((0.1, 0.2), percent, strict=True):
        ratio = cell.cell_conductance([[g]], volts) / cell.cell_conductance([[g]], volts, "reverse")
        assert 100 * (ratio[0, 0] - 1) == pytest.approx(expected, abs=0.1)
    np.testing.assert_allclose(cell.cell_conductance([[g]], 0.0), 1 / (1 / g + 5e3))


def test_curve_errors():
    with pytest.raises(InputError, match=r"scale = 0"):
        Sinh(0.0)
    with pytest.raises(InputError, match=r"overdrive = -0.1"):
        AccessTransistor(5e3, -0.1)
    with pytest.raises(InputError, match="voltage = -1"):
        AccessTransistor(5e3, 0.7).cell_conductance(G, -1)
