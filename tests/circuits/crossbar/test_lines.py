"""Lines of a crossbar: what wires, terminals and transistors do to W and V, and what they leave reciprocal."""

import numpy as np
import pytest

from analogsim import Network, circuit
from analogsim.circuits import wires
from analogsim.circuits.crossbar.lines import wire_table
from analogsim.errors import InputError

NET = Network.random((24, 17, 12), seed=1)
WIRED = {"r_word": 2.0, "r_bit": 5.0}


def program(device="ideal", **options):
    return circuit("crossbar", device=device, **options).program(NET, seed=3)


def asymmetry(chip):
    w, v = chip.forward[1], chip.feedback[1]
    return np.linalg.norm(v - w.T) / np.linalg.norm(w)


@pytest.mark.parametrize("mapping", ["one-sided", "differential", "reference"])
@pytest.mark.parametrize("ends", ["same", "opposite"])
def test_both_directions_are_those_of_the_exact_solver(mapping, ends):
    """Each array of a pair is read alone, and the feedback in reverse, by another method than the one that programs."""
    chip = program(mapping=mapping, feedback_ends=ends, r_driver=30.0, r_sense=8.0, **WIRED)
    cells, scale = chip.devices["conductance.1"], float(chip.devices["scale.1"])
    turn = {"same": ("left", "bottom"), "opposite": ("right", "top")}[ends]
    found = {}
    for read, end in (("forward", ("left", "bottom")), ("reverse", turn)):
        terminals = wires.Terminals(*end, 30.0, 8.0)
        arrays = cells[None] if mapping == "reference" else cells
        lines = arrays.shape[2 if read == "forward" else 1]
        # One input at a time: conjugate gradients, where programming eliminates the whole array.
        alone = [
            [wires.currents(g.T, row, 2.0, 5.0, read, terminals=terminals) for row in np.eye(lines)] for g in arrays
        ]
        found[read] = np.array(alone)
    ahead, back = found["forward"].transpose(0, 2, 1), found["reverse"]
    if mapping == "reference":
        wanted = (2 * (ahead[0][:-1] - ahead[0][-1]), 2 * (back[0][:-1] - back[0][-1]).T)
    else:
        wanted = (ahead[0] - ahead[1], (back[0] - back[1]).T)
    for got, want in zip((chip.forward[1], chip.feedback[1]), wanted, strict=True):
        np.testing.assert_allclose(got, scale / 100e-6 * want, rtol=0, atol=1e-10 * np.abs(got).max())


def test_wire_drop_changes_the_weights_but_not_the_symmetry():
    """Same terminals: reciprocal to 1e-12 although W has changed by far more; anything else: not."""
    exact, wired = program(), program(r_sense=3.0, r_driver=3.0, **WIRED)
    assert np.linalg.norm(wired.forward[1] - exact.forward[1]) > 5e-3 * np.linalg.norm(exact.forward[1])
    assert asymmetry(wired) < 1e-12
    for broken in (
        {"feedback_ends": "opposite"},
        {"r_driver": 100.0, "r_sense": 1.0},
        {"access_resistance": 5e3},
        {"feedback": "second-array", "device.p_stuck_lrs": 0.02},
    ):
        assert asymmetry(program(**WIRED, **broken)) > 1e-3


def test_curved_cells_are_not_reciprocal_unless_the_curve_is_odd():
    # Milo's curve has a square term, which the mean over both polarities of the feedback does not see.
    assert asymmetry(program("rram-milo", activity_unit=0.3)) > 1e-2
    assert asymmetry(program("rram-milo", activity_unit=1e-4)) < 1e-3
    assert asymmetry(program("metal-oxide-ucsb", activity_unit=0.3, **WIRED)) < 1e-12


def test_no_resistance_is_the_bare_array_to_the_bit():
    bare, zero = program(), program(r_word=0.0, r_bit=0.0, tile=8)
    for a, b in zip(bare.forward, zero.forward, strict=True):
        np.testing.assert_array_equal(a, b)
    near = program(r_word=1e-9, r_bit=1e-9)
    np.testing.assert_allclose(near.forward[1], bare.forward[1], rtol=1e-9, atol=1e-10)


def test_tiles_have_shorter_wires():
    bare, whole, tiled = program(), program(**WIRED), program(tile=6, **WIRED)
    error = [np.linalg.norm(c.forward[0] - bare.forward[0]) for c in (tiled, whole)]
    assert error[0] < 0.6 * error[1]


def test_a_node_is_a_row_of_the_wire_table():
    by_node, by_ohm = program(node=22), program(r_word=1.48, r_bit=1.48)
    np.testing.assert_array_equal(by_node.forward[0], by_ohm.forward[0])
    wide = circuit("crossbar", node=22, access_resistance=15e3)
    assert wide.segments == (2.97, 2.97)
    assert len(wire_table().nodes) == len(wire_table().crosspoint) == len(wire_table().transistor)


def test_noise_of_the_weights_through_wires():
    """Scaling σ by the cell's own share of the current agrees with redrawn cells within 10 % at a 20 % wire drop."""
    made = circuit("crossbar", device="ideal", **{"device.read_noise": 0.02}, **WIRED)
    chip = made.program(NET)
    cells, rng = chip.devices["conductance.0"], np.random.default_rng(0)
    draws = []
    for _ in range(60):
        seen = made.effective(cells * (1 + 0.02 * rng.standard_normal(cells.shape)), "forward")
        draws.append(float(chip.devices["scale.0"]) / 100e-6 * (seen[0] - seen[1]))
    measured, stated = np.std(draws, axis=0), chip.forward_noise[0]
    strong = np.abs(NET.weights[0]) > 0.3 * np.abs(NET.weights[0]).max()
    assert np.median((measured / stated)[strong]) == pytest.approx(1.0, abs=0.1)


def test_update_goes_through_the_wires_too():
    made = circuit("crossbar", device="ideal", feedback_ends="opposite", **WIRED)
    chip = made.program(NET)
    deltas = [(0.0 * w, 0.0 * b) for w, b in zip(NET.weights, NET.biases, strict=True)]
    again = made.update(chip, deltas, np.random.default_rng(0))
    np.testing.assert_allclose(again.forward[1], chip.forward[1], rtol=1e-12)
    np.testing.assert_allclose(again.feedback[1], chip.feedback[1], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"node": 22, "r_word": 1.0}, "both set"),
        ({"node": 28}, "did you mean 32"),
        ({"r_word": -1.0}, "r_word = -1 ohm is out of range"),
        ({"feedback_ends": "left"}, "'left'"),
        ({"tia_capacitance": 1e-12}, "finite circuit.tia_bandwidth"),
        ({"tia_bandwidth": 1e8, "node_noise": 0.01}, "node noise"),
        ({"tia_bandwidth": 1e8, "read_mode": "quasi-static"}, "quasi-static"),
        ({"mapping": "reference", "inverter_mismatch": 0.01}, "no inverters"),
    ],
)
def test_what_cannot_be_is_said(options, words):
    with pytest.raises(InputError, match=words):
        circuit("crossbar", device="ideal", **options)
