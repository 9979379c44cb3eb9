"""Energy: Joule's law cell by cell, and the power balance of the exact solver with wires."""

import numpy as np
import pytest

from analogsim import InputError, Network, Wiring, circuit, measure, relax
from analogsim.circuits import wires

NET = Network.random((9, 8, 5), seed=0)
X = np.random.default_rng(0).random((4, 9))
RULE = Wiring.adjoint_dual_propagation(0.3)


def settled(**options):
    made = circuit("crossbar", device="ideal", activity_unit=0.2, **options)
    chip = made.program(NET, seed=1)
    ds = relax(chip, X, np.eye(5)[[0, 1, 2, 3]], wiring=RULE, beta=0.5, t_end=30.0)
    return made, chip, measure.settled_states(chip, ds)


@pytest.mark.parametrize("mapping", ["one-sided", "reference"])
def test_without_wires_it_is_the_sum_of_g_v_squared(mapping):
    made, chip, s = settled(mapping=mapping)
    power = measure.array_power(made, chip, X, s, RULE)
    mean = 0.3 * s[0][0] + 0.7 * s[0][1]
    difference = 0.7 * (s[1][0] - s[1][1])  # the larger row of B is the one that is read
    first, second = chip.devices["conductance.0"], chip.devices["conductance.1"]
    if mapping == "reference":
        ahead = X**2 @ first.sum(0) + mean**2 @ second.sum(0)
        back = np.hstack([difference, -difference.sum(1, keepdims=True)]) ** 2 @ second.sum(1)
    else:
        ahead = X**2 @ first.sum((0, 1)) + mean**2 @ second.sum((0, 1))
        back = difference**2 @ second.sum((0, 2))
    np.testing.assert_allclose(power.forward, 0.04 * ahead, rtol=1e-12)
    np.testing.assert_allclose(power.feedback, 0.04 * back, rtol=1e-12)


def test_with_wires_it_is_what_cells_and_wires_turn_to_heat():
    made, chip, s = settled(r_word=20.0, r_bit=10.0, r_sense=5.0)
    power = measure.array_power(made, chip, X, s, RULE)
    heat = np.zeros(4)
    terminals = wires.Terminals(r_sense=5.0)
    for j, u in ((0, X), (1, 0.3 * s[0][0] + 0.7 * s[0][1])):
        for g in chip.devices[f"conductance.{j}"]:
            heat += wires.solve(g.T, 0.2 * u, 20.0, 10.0, terminals=terminals).dissipated
    np.testing.assert_allclose(power.forward, heat, rtol=1e-9)
    bare = settled()
    assert (power.forward < measure.array_power(*bare[:2], X, s, RULE).forward).all()


def test_turns_take_time_but_no_energy():
    made, chip, s = settled()
    other = circuit("crossbar", device="ideal", activity_unit=0.2, feedback="second-array")
    power = measure.array_power(made, chip, X, s, RULE)
    settling = np.array([1.0, 2.0, 3.0, np.nan])
    np.testing.assert_array_equal(measure.duration(made, settling), 2 * measure.duration(other, settling))
    np.testing.assert_allclose(measure.energy(made, power, settling), power.total * settling * made.time_unit)


def test_only_arrays_dissipate():
    ideal = circuit("ideal")
    with pytest.raises(InputError, match="crossbar"):
        measure.array_power(ideal, ideal.program(NET), X, [], RULE)
