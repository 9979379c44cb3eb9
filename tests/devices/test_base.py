"""What every device does: limits, levels, stuck cells, read noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analogsim.devices import Ideal, device
from analogsim.errors import InputError


@given(st.lists(st.floats(-1e-3, 1e-3), min_size=1), st.integers(2, 64))
def test_targets_are_the_nearest_level_within_the_limits(wanted, levels):
    cell = Ideal(g_max=1e-4, g_min=1e-5, levels=levels)
    got = cell.target(wanted)
    allowed = np.linspace(1e-5, 1e-4, levels)
    clipped = np.clip(wanted, 1e-5, 1e-4)
    nearest = np.abs(clipped[:, None] - allowed).min(axis=1)
    np.testing.assert_allclose(np.abs(got - clipped), nearest, atol=1e-18)


def test_stuck_cells_appear_at_their_rates_and_values():
    cell = Ideal(g_max=1e-4, p_stuck_lrs=0.02, p_stuck_hrs=0.09)
    n = 200_000
    stuck = cell.faults((n,), np.random.default_rng(0))
    # Binomial: four standard deviations.
    for sign, p in ((1, 0.02), (-1, 0.09)):
        assert abs((stuck == sign).mean() - p) < 4 * (p * (1 - p) / n) ** 0.5
    held = cell.stick(np.full(n, 5e-5), stuck)
    assert set(np.unique(held)) == {0.0, 5e-5, 1e-4}
    np.testing.assert_array_equal(held == 1e-4, stuck == 1)


def test_read_noise_replaces_the_models_own():
    own = device("pcm-ibm").read_sigma(25e-6)
    assert own > 0
    assert device("pcm-ibm", read_noise=0.1).read_sigma(25e-6) == pytest.approx(2.5e-6)
    assert device("pcm-ibm", read_noise=0).read_sigma(25e-6) == 0


@pytest.mark.parametrize("wrong", [{"g_min": 2e-4}, {"p_stuck_lrs": 0.6, "p_stuck_hrs": 0.6}, {"levels": 1}])
def test_impossible_combinations_are_refused(wrong):
    with pytest.raises(InputError, match="out of range"):
        Ideal(g_max=1e-4, **wrong)
