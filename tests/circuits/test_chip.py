"""Chips and populations are values: they survive pickle and deep copies, and stay closed."""

import copy
import pickle

import numpy as np
import pytest

import analogsim as asim
from analogsim.chip.whole import Chip

NET = asim.Network.random((5, 4, 3), "tanh", seed=0)
X = np.random.default_rng(0).random((2, 5))
WAYS = {"pickle": lambda v: pickle.loads(pickle.dumps(v)), "deepcopy": copy.deepcopy, "copy": copy.copy}
CHIPS = {
    "ideal": lambda: asim.circuit("ideal").program(NET),
    "noisy": lambda: asim.circuit("combined").program(NET, seed=3),
    "amplifiers": lambda: asim.circuit("crossbar", tia_gain=1e4, tia_bandwidth=1e9).program(NET, seed=3),
    "converters": lambda: asim.circuit("crossbar", dac_bits=6, dac_range=2.0, adc_bits=6, adc_range=3.0).program(NET),
    "optics": lambda: asim.circuit("slm-generic").program(NET),
}


def same(one, other):
    """Every field, cached ones too, to the last bit."""
    assert vars(one).keys() == vars(other).keys()
    for name, value in vars(one).items():
        equal(value, getattr(other, name))


def equal(one, other):
    if isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            equal(a, b)
    elif hasattr(one, "keys"):
        assert type(one) is type(other)
        assert list(one) == list(other)
        for key in one:
            equal(one[key], other[key])
    elif hasattr(one, "__dict__") and not isinstance(one, np.ndarray):
        equal(vars(one), vars(other))
    else:
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_comes_back_as_it_went(name, way):
    chip = CHIPS[name]()
    shaped, limited = chip.is_shaped, chip.is_limited  # kept, once asked for
    back = WAYS[way](chip)
    same(chip, back)
    assert (back.__dict__["is_shaped"], back.__dict__["is_limited"]) == (shaped, limited)
    with pytest.raises(ValueError, match="read-only"):
        back.forward[0][0, 0] = 1.0
    with pytest.raises(TypeError):
        back.record["seed"] = 1
    with pytest.raises(AttributeError):
        back.gain = ()
    rewritten = back.rewritten(biases=tuple(b + 1 for b in back.biases))
    assert isinstance(rewritten, Chip)
    same(back.replace(biases=rewritten.biases), rewritten.replace())
    same(WAYS[way](rewritten).replace(), rewritten.replace())


def test_a_copied_chip_computes_and_learns_the_same():
    made = asim.circuit("crossbar")
    chip = made.program(NET, seed=1)
    back = pickle.loads(pickle.dumps(chip))
    deltas = [(0.1 * w, 0.1 * b) for w, b in zip(NET.weights, NET.biases, strict=True)]
    one, other = (made.update(c, deltas, np.random.default_rng(0)) for c in (chip, back))
    same(one, other)
    rule = asim.Wiring.dual_propagation(0.5)
    a, b = (asim.settle(c, X, wiring=rule, beta=0.0, seed=2) for c in (one, other))
    assert a.identical(b)


@pytest.mark.parametrize("way", WAYS)
def test_a_population_comes_back_as_it_went(way):
    group = asim.circuit("crossbar").program(NET, seeds=[2, 5])
    back = WAYS[way](group)
    assert back.seeds == (2, 5)
    for one, other in zip(group, back, strict=True):
        same(one, other)


def test_a_deep_copy_shares_nothing():
    chip = asim.circuit("ideal").program(NET)
    back = copy.deepcopy(chip)
    assert not any(np.shares_memory(a, b) for a, b in zip(chip.forward, back.forward, strict=True))
