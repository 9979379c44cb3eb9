"""Mapping of weights to cells: round trips, slices, the reference column, noise, pulses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analogsim import Network, cards, circuit
from analogsim.circuits.crossbar.mapping import MAPPINGS, relative_weights, shares, slice_weights, sliced
from analogsim.devices import device
from analogsim.errors import InputError

NET = Network.random((60, 50, 40), seed=3)


@pytest.mark.parametrize("mapping", MAPPINGS)
@given(seed=st.integers(0, 1000), n=st.integers(1, 5), m=st.integers(1, 5))
def test_shares_are_shares_and_give_the_weights_back(mapping, seed, n, m):
    w = np.random.default_rng(seed).uniform(-1, 1, (n, m))
    cells = shares(w, mapping)
    assert cells.min() >= 0
    assert cells.max() <= 1
    np.testing.assert_allclose(relative_weights(cells, mapping), w, atol=1e-15)


@given(st.integers(2, 8), st.integers(1, 3), st.integers(0, 1000))
def test_slices_round_to_their_bits_and_sum_to_the_whole(slices, bits, seed):
    u = np.random.default_rng(seed).uniform(0, 1, (3, 4))
    digits = sliced(u, slices, bits)
    np.testing.assert_allclose(digits * (2**bits - 1), np.rint(digits * (2**bits - 1)), atol=1e-12)
    whole = np.tensordot(slice_weights(slices, bits), digits, axes=1)
    assert np.abs(whole - u).max() <= 0.5 / (2 ** (slices * bits) - 1) + 1e-12


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_every_mapping_realises_the_weights(mapping):
    chip = circuit("crossbar", device="ideal", mapping=mapping).program(NET)
    for got, wanted in zip(chip.forward, NET.weights, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-14)


def test_a_noisy_reference_column_is_common_to_the_outputs():
    net = Network.random((400, 300), seed=0)
    chip = circuit("crossbar", mapping="reference").program(net, seed=1)
    error = chip.forward[0] - net.weights[0]
    between, within = error.mean(axis=0).var(), error.var(axis=0).mean()
    # Twice the range, so σ = 2 w_max σ(G)/g_max for the cell and the same at ½ for its reference.
    cell = circuit("crossbar").device
    assert between / within == pytest.approx(1.0, rel=0.3)
    reference = 2 * np.abs(net.weights[0]).max() * float(cell.programming_sigma(cell.g_max / 2)) / cell.g_max
    assert np.sqrt(between) == pytest.approx(reference, rel=0.2)


def test_slices_round_the_weights_to_their_bits():
    chip = circuit("crossbar", device="ideal", slices=4, slice_bits=2).program(NET)
    assert chip.devices["conductance.0"].shape == (4, 2, 50, 60)
    for got, w in zip(chip.forward, NET.weights, strict=True):
        assert np.abs(got - w).max() <= np.abs(w).max() / 255 / 2 * 1.001


def test_noise_of_slices_is_that_of_independent_cells():
    made = circuit("crossbar", slices=3, slice_bits=2)
    chip = made.program(NET, seed=0)
    parts = slice_weights(3, 2)
    cells = chip.devices["conductance.0"]
    sigma = made.device.read_sigma(cells) / made.device.span
    expected = float(chip.devices["scale.0"]) * np.sqrt(np.einsum("k,kpnm->nm", parts**2, sigma**2))
    expected *= np.sqrt(made.flicker(0.0)[1].changing)  # what is not part of the weights
    np.testing.assert_allclose(chip.forward_noise[0], expected)


def test_nonlinear_cells_count_at_the_voltage_of_an_activity_of_one():
    made = circuit("crossbar", device="rram-milo", activity_unit=0.4, **{"device.spread": [[0.0]]})
    chip = made.program(NET)
    cells = chip.devices["conductance.0"]
    current = made.device.current(cells, 0.4)
    expected = (current[0] - current[1]) / 0.4 / made.device.span * float(chip.devices["scale.0"])
    np.testing.assert_allclose(chip.forward[0], expected, atol=1e-15)
    assert np.abs(chip.forward[0] - NET.weights[0]).max() > 1e-3
    with pytest.raises(InputError, match=r"0\.5 V"):
        circuit("crossbar", device="rram-milo", activity_unit=0.6).program(NET)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_pulses_move_the_weights_by_the_deltas(mapping):
    quiet = {f"device.{k}": 0 for k in ("step_spread", "cycle_noise", "w_max_spread", "w_min_spread")}
    made = circuit("crossbar", device="idealized", mapping=mapping, **quiet)
    net = Network(tuple(0.3 * w for w in NET.weights), NET.biases)
    chip = made.program(net)
    # A step down of a cell at its floor does nothing, so a one-sided pair takes only half of some changes.
    room = 1.0 if mapping != "one-sided" else 0.5
    deltas = [
        (0.05 * np.abs(w).max() * np.ones_like(w), np.zeros_like(b))
        for w, b in zip(net.weights, net.biases, strict=True)
    ]
    after = made.update(chip, deltas, np.random.default_rng(0))
    for j, (dw, _) in enumerate(deltas):
        inside = np.abs(chip.forward[j]) < 0.8 * np.abs(chip.forward[j]).max()
        moved = (after.forward[j] - chip.forward[j])[inside] / dw[inside]
        # One step is 2e-4 of a range of 2: the rounding of some 100 steps averages out.
        assert moved.min() > room * 0.95
        assert moved.max() < 1.05
    assert made.update(chip, [(0 * dw, b) for dw, b in deltas], np.random.default_rng(0)).forward[0] == pytest.approx(
        chip.forward[0]
    )


def test_impossible_combinations_say_so():
    for wrong in ({"slices": 2}, {"age": 10.0}):
        with pytest.raises(InputError, match="pulses"):
            circuit("crossbar", device="ecram", **wrong)
    with pytest.raises(InputError, match="24 bits"):
        circuit("crossbar", slices=8, slice_bits=8)
    with pytest.raises(InputError, match="last measurement"):
        circuit("crossbar", device="rram-wan", age=1e6).program(NET)


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("levels", [2, 3, 4, 15, 16])
def test_levels_round_without_shifting(mapping, levels):
    """Weights spread evenly: each is rounded by at most half a step, and as much up as down."""
    w = np.linspace(-1, 1, 4001).reshape(1, -1)
    chip = circuit("crossbar", device="ideal", mapping=mapping, **{"device.levels": levels}).program(
        Network((w,), (np.zeros(1),))
    )
    error = chip.forward[0] - w
    # Of a pair both cells are rounded; at ½ of a level they may go the same way.
    step = {"one-sided": 1, "differential": 2, "reference": 2}[mapping] / (levels - 1)
    assert np.abs(error).max() <= step / 2 * (1 + 1e-12)
    assert abs(error.mean()) < 0.01 * step


@pytest.mark.parametrize(("slices", "bits"), [(2, 1), (3, 2)])
def test_slices_against_a_reference_round_without_shifting(slices, bits):
    w = np.linspace(-1, 1, 4001).reshape(1, -1)
    made = circuit("crossbar", device="ideal", mapping="reference", slices=slices, slice_bits=bits)
    error = made.program(Network((w,), (np.zeros(1),))).forward[0] - w
    step = 2 / (2 ** (slices * bits) - 1)
    assert np.abs(error).max() <= step / 2 * (1 + 1e-12)
    assert abs(error.mean()) < 0.01 * step


def test_updates_keep_the_reference_where_it_is():
    made = circuit("crossbar", device="ideal", mapping="reference", **{"device.levels": 4})
    chip = made.program(NET)
    after = made.update(chip, [(0 * w, 0 * b) for w, b in zip(NET.weights, NET.biases, strict=True)], None)
    np.testing.assert_allclose(after.forward[0], chip.forward[0], atol=1e-15)
    np.testing.assert_allclose(after.devices["conductance.0"][-1], made.device.g_min + made.device.span / 2)


BOTH_WAYS = [name for name in cards.names("device") if getattr(device(name), "moves_both_ways", False)]


def programming_error(chip):
    return np.sqrt(
        sum(((w - wanted) ** 2).sum() for w, wanted in zip(chip.forward, NET.weights, strict=True))
        / sum((wanted**2).sum() for wanted in NET.weights)
    )


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_cells_that_go_both_ways_get_pairs(name):
    """In a one-sided pair half of the cells cannot even be put where they should start: 0.4 to 0.7 of the weights."""
    for seed in range(3):
        chosen, one_sided = (
            programming_error(circuit("crossbar", device=name, **options).program(NET, seed=seed))
            for options in ({"device.write_noise": 0.0}, {"device.write_noise": 0.0, "mapping": "one-sided"})
        )
        assert chosen < min(0.21, one_sided / 3)
    assert len(BOTH_WAYS) >= 10


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gokmen-vlasov", "differential"), ("pcm-pulsed", "one-sided"), ("pcm-ibm", "one-sided"), ("ideal", "one-sided")],
)
def test_the_mapping_follows_the_device_unless_it_is_given(name, expected):
    made = circuit("crossbar", device=name)
    assert made.mapping == made.record["values"]["mapping"]["value"] == expected
    assert made.record["values"]["mapping"]["source"] == "follows from the others"
    said = "as cells that pulses move both ways need" in " ".join(made.words())
    assert said == (expected == "differential")
    other = "ecram" if expected == "one-sided" else "pcm-ibm"
    assert replace(made, device=device(other)).mapping != expected
    fixed = circuit("crossbar", device=name, mapping=expected)
    assert replace(fixed, device=device(other)).mapping == expected
    assert f"weights as {expected} pairs, feedback" in " ".join(fixed.words())
