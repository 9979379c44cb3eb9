"""Feedback arrays that are written their own way."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.circuits.base import circuit
from analogsim.errors import InputError
from analogsim.learning.second_array import SecondArray


@pytest.fixture
def chip():
    return circuit("ideal").program(asim.Network.random((5, 40, 30), seed=0), seed=0)


def moved(chip, rng):
    deltas = [
        (0.01 * rng.standard_normal(w.shape), np.zeros_like(b)) for w, b in zip(chip.forward, chip.biases, strict=True)
    ]
    return circuit("ideal").update(chip, deltas, rng)


def error(chip):
    w = chip.forward[1]
    return (np.asarray(chip.feedback[1]) - w.T) / np.sqrt(np.mean(w**2))


def train(chip, updates, scheme, **options):
    rng = np.random.default_rng(0)
    second = SecondArray(circuit("ideal"), chip, scheme, rng, **options)
    chips = [second.started(chip)]
    for _ in range(updates):
        chips.append(second.written(chips[-1], moved(chips[-1], rng)))
    return chips


def test_a_fixed_error_stays_and_a_copied_one_is_new(chip):
    _, first, second = (error(c) for c in train(chip, 2, "fixed", error=0.2))
    np.testing.assert_allclose(first, second, atol=1e-12)
    assert np.std(first) == pytest.approx(0.2, rel=0.1)  # 1200 entries: 2 % standard error
    _, first, second = (error(c) for c in train(chip, 2, "copied", error=0.2))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    assert np.std(second) == pytest.approx(0.2, rel=0.1)


def test_a_stale_copy_is_that_of_the_last_writing(chip):
    chips = train(chip, 4, "copied", every=3)
    np.testing.assert_array_equal(chips[2].feedback[1], chips[0].forward[1].T)
    np.testing.assert_array_equal(chips[4].feedback[1], chips[3].forward[1].T)


def test_a_random_path_is_never_written(chip):
    chips = train(chip, 3, "random")
    np.testing.assert_array_equal(chips[3].feedback[1], chips[0].feedback[1])
    v, w = np.asarray(chips[0].feedback[1]), chips[0].forward[1]
    assert np.std(v) == pytest.approx(np.sqrt(np.mean(w**2)), rel=0.1)
    assert abs(np.corrcoef(v.ravel(), w.T.ravel())[0, 1]) < 0.1


def test_kolen_pollack_forgets_the_difference_geometrically(chip):
    chips = train(chip, 50, "kolen-pollack", decay=0.02)
    gaps = [np.asarray(c.feedback[1]) - c.forward[1].T for c in chips]
    np.testing.assert_allclose(gaps[50], 0.98**50 * gaps[0], rtol=1e-9)


def test_what_makes_no_sense_is_refused(chip):
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="copied"):
        SecondArray(circuit("ideal"), chip, "copid", rng)
    for wrong in ({"error": -1.0}, {"every": 0}, {"decay": 1.0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            SecondArray(circuit("ideal"), chip, "fixed", rng, **wrong)
    noisy = circuit("crossbar", device="ideal", noise=0.1).program(asim.Network.random((5, 4, 3), seed=0), seed=0)
    with pytest.raises(InputError, match="read noise"):
        SecondArray(circuit("ideal"), noisy, "fixed", rng)
