"""The compiled primitives: NaN is never lost, products agree with numpy's, views look where they say."""

import numpy as np
import pytest
from numba import njit

from analogsim.engine.primitives import filled, given, greatest, multiply, span, window
from analogsim.jit import compiled


@compiled
def worst(x):
    top = x.dtype.type(0)
    for i in range(x.size):
        top = greatest(top, x[i])
    return top


@compiled
def product(x, y, out, m, k, n):
    multiply(given(x, 0), 1, given(y, 0), 2, filled(out, 0), 3, m, k, n)


@compiled
def corner(flat):
    flat = given(flat, 26)
    return span(flat, 3, 4)[1], window(flat, 2, 2, 3, 4)[1, 2, 3], window(flat, 2, 2, 3, 4).size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_greatest_keeps_nan_wherever_it_is(dtype):
    x = np.random.default_rng(0).random(37).astype(dtype)
    assert worst(x) == x.max()
    for place in (0, 20, 36):
        bad = x.copy()
        bad[place] = np.nan
        assert np.isnan(worst(bad))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [1, 5])
def test_products_on_flat_arrays(dtype, m):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((m, 7)), rng.standard_normal((7, 4))
    flat = [np.concatenate([np.full(skip, np.nan), v.ravel()]).astype(dtype) for skip, v in ((1, x), (2, y))]
    out = np.full(3 + 4 * m, np.nan, dtype)
    product(*flat, out, m, 7, 4)
    np.testing.assert_allclose(out[3:].reshape(m, 4), x @ y, rtol=0, atol=20 * np.finfo(dtype).eps)
    assert np.isnan(out[:3]).all()


def test_views_begin_where_they_should():
    assert corner(np.arange(30.0)) == (4.0, 25.0, 24)


def test_negative_indices_of_other_arrays_stay_what_they_were():
    """What is refused for arrays without bounds must not reach those of anybody else."""

    @njit
    def last(x):
        x[-1] += 1
        return x[-1]

    assert last(np.arange(3.0)) == 3.0
