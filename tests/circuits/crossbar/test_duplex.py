"""Full duplex: what an array driven at both ends brings back, and that every solver hears it."""

import numpy as np
import pytest

from analogsim import InputError, Network, Wiring, circuit, gradient, load_chip, reference, relax, settle
from analogsim.circuits.wires import Terminals, terminal_conductance
from analogsim.engine.packing import prepare
from analogsim.engine.spectrum import Jacobian

NET = Network.random((12, 10, 8, 4), activation="tanh", seed=0, init="glorot", gain=0.6)
RNG = np.random.default_rng(1)
X, Y = RNG.random((6, 12)), np.eye(4)[RNG.integers(0, 4, 6)]
RULE = Wiring.adjoint_dual_propagation(0.3)
WIRES = {"r_word": 2.0, "r_bit": 3.0, "r_driver": 50.0, "r_sense": 50.0}


def duplex(**options):
    plain = {"noise": 0.0, "electronic_noise": 0.0, "tau_spread": 0.0, "mapping": "differential"}
    return circuit("crossbar", feedback="full-duplex", **{**plain, **options})


def loud():
    """A chip whose echo is large: untrimmed, behind wires, of noisy cells."""
    return duplex(**WIRES, echo_trim="nominal", gain_mismatch=0.02, mirror_mismatch=0.02).program(NET, seed=3)


def target(chip, x, y, beta, states):
    """z of every layer in plain NumPy. A read is formed by the larger row of B or F, and shared out in proportion."""
    f, b = RULE.forward[0], RULE.feedback
    larger = b[np.argmax((b**2).sum(axis=1)), 0]
    ahead = [np.tensordot(f, s, 1) for s in states]
    back = [larger * (s[0] - s[1]) for s in states]
    found = []
    for k in range(chip.layers):
        current = (ahead[k - 1] if k else x) @ chip.forward[k].T
        if k:
            current = current + back[k] @ chip.forward_echo[k].T
        z = chip.gain[k][:, None, :] * current + chip.biases[k]
        if k + 1 < chip.layers:
            current = back[k + 1] @ chip.feedback[k + 1].T + ahead[k] @ chip.feedback_echo[k].T
            z = z + b[:, :1, None] / larger * (chip.gain[k] * (1 + chip.mirror[k]))[:, None, :] * current
        else:
            r = np.tensordot(RULE.nudge_at, states[k], 1)
            z = z - (RULE.nudge_gain * [1, -1])[:, None, None] * beta * (r - y)
        found.append(z)
    return found


def test_echo_of_an_array_is_what_its_terminals_conduct_when_both_ends_are_driven():
    """Both arrays of a pair solved with all terminals driven at once, against W u + E q and V q + E' u of the chip."""
    made = duplex(**WIRES)
    chip = made.program(NET, seed=2)
    u, q = RNG.standard_normal(10), RNG.standard_normal(8)
    cells, unit = chip.devices["conductance.1"], float(chip.devices["scale.1"]) / made.device.span
    ends = Terminals("left", "bottom", 50.0, 50.0)
    plus, minus = (terminal_conductance(g.T, 2.0, 3.0, terminals=ends) for g in cells)
    into_plus, into_minus = plus @ np.r_[u, q], minus @ np.r_[u, -q]
    outputs = -unit * (into_plus - into_minus)[10:]
    inputs = -unit * (into_plus + into_minus)[:10]
    cancel = [unit * np.diagonal((plus + minus)[part, part]).mean() for part in (slice(10, None), slice(10))]
    np.testing.assert_allclose(
        chip.forward[1] @ u + chip.forward_echo[1] @ q, outputs + cancel[0] * q, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        chip.feedback[1] @ q + chip.feedback_echo[0] @ u, inputs + cancel[1] * u, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(chip.feedback[1], chip.forward[1].T, rtol=1e-10, atol=1e-13)


def test_perfect_cells_leave_no_echo_and_imprecise_ones_some():
    perfect = duplex(device="ideal").program(NET)
    assert max(np.abs(e).max() for e in (*perfect.forward_echo[1:], *perfect.feedback_echo[:-1])) < 1e-12
    imprecise = duplex().program(NET)
    assert 0.01 < np.abs(np.diagonal(imprecise.forward_echo[1])).max() < 1
    assert np.trace(imprecise.forward_echo[1]) == pytest.approx(0, abs=1e-12)  # trimmed
    assert np.abs(imprecise.forward_echo[1] - np.diag(np.diagonal(imprecise.forward_echo[1]))).max() == 0
    # Wires lower what a line carries: untrimmed, all neurons feed themselves; trimmed, their mean does not.
    raw = duplex(device="ideal", **WIRES, echo_trim="nominal").program(NET).forward_echo[1]
    assert (np.diagonal(raw) > 0).all()
    assert (raw > 0).all()


def test_resting_points_of_all_ways_to_settle_are_those_of_the_equations():
    chip = loud()
    state = settle(chip, X, Y, wiring=RULE, beta=0.5, tol=1e-9)
    assert (state.status == "converged").all()
    a = [state[f"a_{k}"].values.transpose(1, 0, 2) for k in (1, 2, 3)]
    z = target(chip, X, Y, 0.5, [np.tanh(a[0]), np.tanh(a[1]), a[2]])
    for got, wanted in zip(a, z, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-7)
    deaf = chip.replace(forward_echo=(), feedback_echo=())
    silent = settle(deaf, X, Y, wiring=RULE, beta=0.5, tol=1e-9)
    assert float(np.abs(silent.a_2 - state.a_2).max()) > 0.01
    common = {"wiring": RULE, "beta": 0.5, "t_end": 60.0, "times": [60.0]}
    for options in ({}, {"solver": "dp5"}, {"solver": "scipy:RK45"}, {"delay": 0.2, "dt": 0.05}):
        last = relax(chip, X, Y, **common, rtol=1e-8, atol=1e-10, **options)
        for k in (1, 2, 3):
            np.testing.assert_allclose(last[f"a_{k}"].isel(time=-1), state[f"a_{k}"], atol=2e-6)


def test_jacobian_is_that_of_the_right_hand_side():
    chip = loud()
    batch = prepare(chip, X[:1], Y[:1], RULE, 0.5)
    a = RNG.standard_normal(batch.size)
    from analogsim.engine import entries

    def rate(at):
        s, z = np.empty_like(at), np.empty_like(at)
        entries.rate(batch.packed, at, s, z)
        return z

    steps = 1e-6 * np.eye(a.size)
    numeric = np.stack([(rate(a + h) - rate(a - h)) / 2e-6 for h in steps], axis=1)
    np.testing.assert_allclose(Jacobian(batch, a).dense(), numeric, atol=1e-7)


def test_it_learns_updates_and_survives_a_file(tmp_path):
    made = duplex()
    chip = made.program(NET, seed=1)
    state = settle(chip, X, Y, wiring=RULE, beta=0.1, tol=1e-7)
    ours, truth = gradient(chip, state), reference.backprop(chip.network(), X, Y)
    cosine = (ours[1][0] * truth[1][0]).sum() / np.linalg.norm(ours[1][0]) / np.linalg.norm(truth[1][0])
    assert 0.5 < cosine < 0.99999
    deltas = [(0.1 * w, 0 * b) for w, b in zip(NET.weights, NET.biases, strict=True)]
    new = made.update(chip, deltas, np.random.default_rng(0))
    assert not np.array_equal(new.forward_echo[1], chip.forward_echo[1])
    chip.save(tmp_path / "chip.npz")
    again = load_chip(tmp_path / "chip.npz")
    np.testing.assert_array_equal(again.forward_echo[2], chip.forward_echo[2])
    assert again.forward_echo[0] is None
    assert again.has_echo


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"mapping": "one-sided"}, "mapping"),
        ({"slices": 2}, "slices"),
        ({"device": "rram-milo"}, "ohmic"),
        ({"access_resistance": 1e4}, "transistors"),
        ({"r_driver": 10.0}, "r_driver"),
        ({"tia_gain": 100.0}, "amplifiers"),
        ({"dac_bits": 8, "dac_range": 1.0}, "turns"),
        ({"r_word": 1.0, "r_bit": 1.0, "tile": 8}, "tile"),
    ],
)
def test_what_it_cannot_be_combined_with_is_one_clear_line(options, word):
    with pytest.raises(InputError, match=word):
        duplex(**options)


def test_sweeps_and_clocks_do_not_pretend_to_hear_it():
    chip = loud()
    with pytest.raises(InputError, match="duplex"):
        settle(chip, X, Y, wiring=RULE, beta=0.5, method="up-down")


def test_echo_shift_of_interleaved_pairs_is_that_of_an_independent_evaluation():
    """32 × 32 pairs of 50 ± 45 µS on the columns of one array: word lines carry 1.1, 6.6 and 12 % less than 2 n G₀."""
    half = np.random.default_rng(0).uniform(-45e-6, 45e-6, (32, 32))
    cells = np.stack([50e-6 + half, 50e-6 - half], axis=-1).reshape(32, 64)
    for ohm, shift in ((0.15, 0.011), (1.0, 0.066), (2.0, 0.12)):
        y = terminal_conductance(cells, ohm, ohm)
        assert 1 - np.diagonal(y)[:32].mean() / (64 * 50e-6) == pytest.approx(shift, rel=0.06)
