"""The gates: what a number is, and that an error is one line of sane length."""

import numpy as np
import pytest

from analogsim.arrays import finite, generator
from analogsim.errors import LARGEST_WHOLE, InputError, flag, number, one_of, unknown, whole

NO_NUMBERS = [None, "5", b"5", True, 1j, [], [1.0], {}, np.array([1.0]), np.complex128(1), object(), print]


@pytest.mark.parametrize("value", [*NO_NUMBERS, np.nan, float("nan"), np.inf, -np.inf, 10**400, np.float32("inf")])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(InputError, match=r"^x = .*(not a number|out of range)"):
        number("x", value)
    with pytest.raises(InputError, match=r"^x = .*(not a number|out of range)"):
        whole("x", value, low=-(10**500))


@pytest.mark.parametrize("value", [0.5, 1, np.float32(0.5), np.int64(3), np.array(2.0), np.uint8(7)])
def test_numbers_of_any_kind_are_numbers(value):
    assert number("x", value) == float(value)


def test_ranges_are_kept_at_their_ends():
    assert number("x", 0, low=0, high=1) == 0
    assert number("x", 1, low=0, high=1) == 1
    assert number("x", np.inf, above=0, infinite=True) == np.inf
    for bad, bounds in ((0, {"above": 0}), (-1e-300, {"low": 0}), (1.0000001, {"high": 1})):
        with pytest.raises(InputError, match="out of range"):
            number("x", bad, **bounds)
    assert whole("n", 3.0) == 3
    assert isinstance(whole("n", np.float64(3)), int)
    for bad in (0, 2.5, 10**20, LARGEST_WHOLE + 1):
        with pytest.raises(InputError, match="whole number, n ≥ 1"):
            whole("n", bad)


def test_names_are_looked_up_whatever_they_are():
    assert one_of("loss", "mse", {"mse": 0}) == "mse"
    for bad in (None, [], {}, 3, np.array(["mse", "mse"]), "msee"):
        with pytest.raises(InputError, match="unknown loss"):
            one_of("loss", bad, {"mse": 0})
    assert flag("f", np.True_) is True
    for bad in (0, 1, None, "true", np.array([True])):
        with pytest.raises(InputError, match="True or False"):
            flag("f", bad)


@pytest.mark.parametrize(
    "value", ["x" * 10**6, 10**5000, list(range(10**5)), "two\nlines", np.zeros(10**5)], ids=range(5)
)
def test_an_error_is_one_line_of_sane_length(value):
    message = str(unknown("rule", value, ["dp", "dpt"]))
    assert len(message) < 300
    assert "\n" not in message
    assert len(str(InputError("y" * 10**6))) < 1000


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "not numeric"), ("5", "not numeric"), ({}, "not numeric"), ([[1], [1, 2]], "not"), ([1j], "complex"),
        ([np.nan], "NaN"), ([np.inf], "Inf"), ([1e200], "beyond"), ([10**400], "not"), ([None], "not numeric"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "masked"), (np.array(["a"]), "not numeric"),
    ],
)  # fmt: skip
def test_arrays_are_real_and_finite_or_refused(value, words):
    with pytest.raises(InputError, match=words):
        finite("x", value)


def test_arrays_keep_their_numbers():
    assert finite("x", [True, False]).tolist() == [1.0, 0.0]
    assert finite("x", np.array([1, 2], np.uint8)).dtype == float
    assert finite("x", np.ma.masked_array([1.0, 2.0], False)).tolist() == [1.0, 2.0]
    assert finite("x", np.float32([0.1]), np.float32).dtype == np.float32
    with pytest.raises(InputError, match="NaN or Inf"):
        finite("x", [1e60], np.float32)


@pytest.mark.parametrize("seed", [None, -1, 1.5, "0", "", [1, 2], np.nan, 10**30, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(InputError, match="seed"):
        generator(seed)
    assert generator(7).random() == generator(np.int64(7)).random()
