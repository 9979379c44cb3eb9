"""Arrays at every door: what NumPy would drop without a word is refused."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.errors import InputError
from analogsim.learning.reference import backprop, train

NET = asim.Network.random((3, 4, 2), seed=0)
RULE = asim.Wiring.adjoint_dual_propagation(0.5)
X, Y = np.ones((5, 3)), np.eye(2)[[0, 1, 0, 1, 0]]


def doors():
    chip = asim.circuit("ideal").program(NET, seed=0)
    return {
        "relax": lambda x, y: asim.relax(chip, x, y, wiring=RULE, beta=0.5, t_end=1.0),
        "stream": lambda x, y: asim.relax(chip, asim.Stream(x, y, 1.0), wiring=RULE, beta=0.5),
        "settle": lambda x, y: asim.settle(chip, x, y, wiring=RULE, beta=0.5),
        "gradient": lambda x, y: asim.gradient(chip, asim.settle(chip, x, y, wiring=RULE, beta=0.5)),
        "backprop": lambda x, y: asim.reference.backprop(NET, x, y),
        "implicit": lambda x, y: asim.reference.implicit(NET, x, y, RULE),
        "implicit, recurrent": lambda x, y: asim.reference.implicit(NET, x, y, asim.Wiring.dyadic(0.4)),
        "train": lambda x, y: train(NET, x, y, backprop, epochs=1),
    }


def spoilt(array):
    masked, holed = np.ma.masked_array(array.copy(), np.zeros(array.shape, bool)), array.copy()
    masked[1, 0] = np.ma.masked
    holed[1, 0] = np.nan
    return {"complex": array + 0j, "masked": masked, "NaN": holed, "not numeric": np.full(array.shape, "a")}


@pytest.mark.parametrize("door", doors())
@pytest.mark.parametrize("which", ["x", "y"])
@pytest.mark.parametrize("fault", ["complex", "masked", "NaN", "not numeric"])
def test_no_door_takes_what_numpy_would_drop(door, which, fault):
    x, y = (spoilt(X)[fault], Y) if which == "x" else (X, spoilt(Y)[fault])
    with pytest.raises(InputError, match=rf"{which}.* {fault}"):
        doors()[door](x, y)


def test_a_masked_array_without_masked_entries_is_an_array():
    gradients = asim.reference.backprop(NET, np.ma.masked_array(X), Y)
    for found, wanted in zip(gradients, asim.reference.backprop(NET, X, Y), strict=True):
        np.testing.assert_array_equal(found[0], wanted[0])
