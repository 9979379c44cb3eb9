"""What every rule says to x, y and feedback that are no batch of finite real numbers."""

import numpy as np
import pytest

from analogsim import InputError, Network, Wiring, reference
from analogsim.learning.reference import RULES, rule
from analogsim.learning.reference.layers import batch

NET = Network.random((6, 5, 4, 3), "tanh", seed=0)
X, Y = np.random.default_rng(0).random((2, 6)), np.random.default_rng(1).random((2, 3))
CALLS = {
    **{name: rule(name) for name in RULES},
    "implicit": lambda net, x, y: reference.implicit(net, x, y, Wiring.dyadic(0.4)),
    "implicit, feed-forward": lambda net, x, y: reference.implicit(net, x, y, Wiring.dual_propagation(0.5)),
    "relaxed": lambda net, x, y: reference.relaxed(net, x, y, wiring=Wiring.dyadic(0.25)),
    "predictive_coding, clamped": lambda net, x, y: reference.predictive_coding(net, x, y, clamped=True),
    "lpom": reference.lpom,
}


def spoilt(v, value):
    v = v.copy()
    v[-1, -1] = value
    return v


WRONG = {
    "NaN": (lambda v: spoilt(v, np.nan), "holds NaN or Inf"),
    "Inf": (lambda v: spoilt(v, -np.inf), "holds NaN or Inf"),
    "complex": (lambda v: v + 0j, "is complex"),
    "words": (lambda v: [["a"] * v.shape[1]] * 2, "not numeric"),
    "ragged": (lambda v: [[1.0], [1.0, 2.0]], "not an array of numbers"),
    "one sample without its axis": (lambda v: v[0], "has shape"),
    "a column too many": (lambda v: np.hstack([v, v[:, :1]]), "has shape"),
    "a third axis": (lambda v: v[None], "has shape"),
    "no samples": (lambda v: v[:0], "expected the same number"),
    "nothing": (lambda v: None, "not numeric"),
    "masked": (lambda v: np.ma.masked_greater(v, 0.5), "masked"),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_rule_refuses_what_is_no_batch(name):
    for spoil, words in WRONG.values():
        for arguments, which in (((spoil(X), Y), "x"), ((X, spoil(Y)), "y")):
            with pytest.raises(InputError, match=f"{which} .*({words})"):
                CALLS[name](NET, *arguments)
    with pytest.raises(InputError, match="x holds 2 samples and y 1"):
        CALLS[name](NET, X, Y[:1])


def test_large_numbers_are_not_mistaken_for_infinite_ones():
    """Their squares overflow."""
    net = Network.random((6, 3), seed=0)
    x, _ = batch(net, 1e200 * X, Y)
    np.testing.assert_array_equal(x, 1e200 * X)
    with pytest.raises(InputError, match="x holds NaN or Inf"):
        reference.backprop(net.astype("float32"), 1e200 * X, Y)


@pytest.mark.parametrize("wrong", [np.nan, 1j, "a"])
def test_a_feedback_path_is_finite_and_real(wrong):
    paths = [None, *(np.full(w.shape[::-1], wrong) for w in NET.weights[1:])]
    with pytest.raises(InputError, match=r"feedback\[1\]"):
        reference.backprop(NET, X, Y, feedback=paths)


def test_feedback_may_be_lists():
    paths = [None, *(w.T for w in NET.weights[1:])]
    listed = [None, *(w.T.tolist() for w in NET.weights[1:])]
    found = [reference.backprop(NET, X, Y, feedback=given) for given in (paths, listed)]
    for (a, _), (b, _) in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
