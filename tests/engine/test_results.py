"""The stamp of a result says what its randomness came from."""

import json

import numpy as np
import pytest

import analogsim as asim

NET = asim.Network.random((5, 4, 3), "tanh", seed=0)
CHIP = asim.Chip.ideal(NET, node_noise=0.05)
X = np.random.default_rng(0).random((2, 5))
RULE = asim.Wiring.dual_propagation(0.5)
CALLS = {
    "relax": lambda chip, **more: asim.relax(chip, X, wiring=RULE, beta=0.0, t_end=1.0, **more),
    "settle": lambda chip, **more: asim.settle(chip, X, wiring=RULE, beta=0.0, **more),
}


def seed_of(ds):
    return json.loads(ds.attrs["analogsim_run"])["seed"]


@pytest.mark.parametrize("name", CALLS)
def test_the_stamp_holds_the_seed(name):
    assert seed_of(CALLS[name](CHIP)) == 0
    assert seed_of(CALLS[name](CHIP, seed=np.int64(17))) == 17
    group = asim.chip.Population((CHIP, CHIP), (0, 1))
    assert seed_of(CALLS[name](group, seed=17)) == 17


@pytest.mark.parametrize("name", CALLS)
def test_a_generator_is_noted_as_it_was_before_the_run(name):
    """From the noted state the same bits can be drawn again, even of a generator that had been used."""
    rng = np.random.default_rng(5)
    rng.random(3)
    ds = CALLS[name](CHIP, seed=rng)
    again = np.random.default_rng(0)
    noted = seed_of(ds)
    noted.pop("seed_sequence")
    again.bit_generator.state = noted
    np.testing.assert_array_equal(CALLS[name](CHIP, seed=again).a_2, ds.a_2)


def test_clocks_and_delays_note_it_too():
    quiet = asim.Chip.ideal(NET)
    assert seed_of(CALLS["relax"](quiet, seed=3, clock=asim.Clock(20.0))) == 3
    assert seed_of(CALLS["relax"](quiet, seed=3, delay=0.1)) == 3
