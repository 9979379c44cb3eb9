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
    cell = Ideal(g_max=1e-4, p_stuck_lrs=0.02, p_stuck_hrs=0.09, p_unresponsive=0.11)
    n = 200_000
    cells = cell.cells((n,), np.random.default_rng(0))
    held = cell.program(np.full(n, 5e-5), np.random.default_rng(1), cells)
    anywhere = (held != 5e-5) & (held != 0.0) & (held != 1e-4)
    # Binomial: four standard deviations.
    for found, p in ((held == 1e-4, 0.02), (held == 0.0, 0.09), (anywhere, 0.11)):
        assert abs(found.mean() - p) < 4 * (p * (1 - p) / n) ** 0.5
    assert held[anywhere].mean() == pytest.approx(5e-5, rel=0.02)


def test_device_to_device_spread_scales_the_conductance():
    cell, n = Ideal(g_max=1e-4, d2d=0.05), 100_000
    held = cell.program(np.full(n, 5e-5), np.random.default_rng(1), cell.cells((n,), np.random.default_rng(0)))
    assert held.std() / 5e-5 == pytest.approx(0.05, rel=4 / (2 * n) ** 0.5)


def test_write_verify_brings_cells_within_tolerance():
    n, tolerance = 20_000, 0.01
    fixed = {"d2d": 0.1, "verify_tolerance": tolerance, "read_noise": 0.0}
    blind, careful = (device("pcm-ibm", verify_attempts=k, **fixed) for k in (1, 30))
    wanted = np.full(n, 15e-6)
    cells = blind.cells((n,), np.random.default_rng(0))
    outside = [
        (np.abs(made.program(wanted, np.random.default_rng(1), cells) - wanted) > tolerance * made.span).mean()
        for made in (blind, careful)
    ]
    assert outside[0] > 0.8
    assert outside[1] < 0.005


def test_read_noise_replaces_the_models_own():
    own = device("pcm-ibm").read_sigma(25e-6)
    assert own > 0
    assert device("pcm-ibm", read_noise=0.1).read_sigma(25e-6) == pytest.approx(2.5e-6)
    assert device("pcm-ibm", read_noise=0).read_sigma(25e-6) == 0


@pytest.mark.parametrize("wrong", [{"g_min": 2e-4}, {"p_stuck_lrs": 0.6, "p_stuck_hrs": 0.6}, {"levels": 1}])
def test_impossible_combinations_are_refused(wrong):
    with pytest.raises(InputError, match="out of range"):
        Ideal(g_max=1e-4, **wrong)


def test_words_say_how_many_cells_write_verify_leaves_outside():
    """Gaussian errors of σ, one write and one correction read without noise but written with it: P(|ξ| > tol)²."""
    from math import erf, sqrt

    sigma, tolerance = 0.01, 0.01

    class Rough(Ideal):
        def programming_sigma(self, conductance):
            return np.full(np.shape(conductance), sigma * 1e-4)

    # Far from zero, so that no cell is clipped.
    cell = Rough(g_max=1.1e-3, g_min=1e-3, verify_attempts=2, verify_tolerance=tolerance, p_stuck_hrs=0.3)
    out = 1 - erf(tolerance / sigma / sqrt(2))
    assert cell.outside() == pytest.approx(out**2, abs=4 * (out**2 / 9000) ** 0.5)
    said = next(words for words in cell.words() if "write-verify" in words)
    assert said.endswith(f"at most 2 writes: {cell.outside():.1%} of the cells end outside")
    exact = Ideal(g_max=1e-4, verify_attempts=5)
    assert exact.outside() == 0
