"""1/f noise of reads: the variance of a mean, its shares by speed, and the bank of processes that stands for it."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from analogsim.devices import device, slow_noise

BAND = (1 / 20.0, 2e6)
SAMPLE, SAMPLES = 2e-6, 50


@pytest.mark.parametrize("duration", [1e-7, SAMPLE, SAMPLE * SAMPLES, 0.1, 30.0])
def test_the_variance_of_a_mean_is_the_integral_of_the_spectrum(duration):
    """Of A²/f times (sin πfD/πfD)², by quadrature on the logarithmic axis."""
    steps = np.linspace(*np.log(BAND), 300)
    parts = [quad(lambda x: np.sinc(np.exp(x) * duration) ** 2, *ends, limit=2000)[0] for ends in pairwise(steps)]
    assert slow_noise.mean_variance(BAND, duration) == pytest.approx(sum(parts), rel=1e-6)
    if BAND[0] * duration < 1e-2 < 1e2 < BAND[1] * duration:
        assert sum(parts) == pytest.approx(1.5 - np.euler_gamma - np.log(2 * np.pi * BAND[0] * duration), rel=1e-3)


@pytest.mark.parametrize("age", [0.0, 3600.0, 86400.0])
@pytest.mark.parametrize("name", ["pcm-ibm", "pcm-hermes", "pcm-hermes-2", "rram-cmo"])
def test_the_band_of_a_device_is_its_law(name, age):
    """ln(f₂/f₁) is what stands under the root of σ_read; without a law of its own there is no band."""
    made = device(name)
    grown = (made.read_sigma(20e-6, age) / made.read_sigma(20e-6, 10.0)) ** 2
    extent = [slow_noise.mean_variance(made.flicker_band(t), 0.0) for t in (age, 10.0)]
    assert grown == pytest.approx(extent[0] / extent[1])
    assert device(name, read_noise=0.1).flicker_band(age) is None
    assert device("sonos").flicker_band(age) is None


@pytest.mark.parametrize("samples", [1, 50])
@pytest.mark.parametrize("reads", [1, 20])
def test_shares_have_the_variance_of_a_read_a_sample_and_a_batch(samples, reads):
    found = slow_noise.shares(BAND, SAMPLE, samples, 1 / reads)
    assert min(found) >= 0
    assert sum(found) == pytest.approx(np.log(BAND[1] / BAND[0]))
    if reads > 1:  # otherwise a read lasts for the sample
        kept = found.slow + found.held + found.fast / reads
        assert kept == pytest.approx(slow_noise.mean_variance(BAND, SAMPLE))
    kept = found.slow + (found.held + found.fast / reads) / samples
    if reads > 1:
        assert kept == pytest.approx(slow_noise.mean_variance(BAND, samples * SAMPLE))
    # Of what a cell of phase-change memory shows at a read some 85 % are slower than a sample of 2 µs.
    assert 0.8 < (found.slow + found.held) / sum(found) < 0.9 or reads == 1


@pytest.mark.parametrize("seed", range(3))
def test_means_over_batches_follow_the_spectrum(seed):
    """Slow noise seen every millisecond: means over 10 and 100 of them have the variance that 1/f noise has left.

    Of 6000 cells the relative standard deviation of a variance is 1.8 %; the bank follows 1/f to 2.3 %, and seeing it
    every D instead of all the time adds less than D²/12 of its slope.
    """
    rng, step, n = np.random.default_rng(seed), 1e-3, 6000
    slow = slow_noise.shares(BAND, SAMPLE, 500, 0.05).slow
    state = slow_noise.begun(slow, (n,), rng)
    path = [state.sum(axis=0)]
    for _ in range(99):
        state = slow_noise.moved(state, (BAND, slow), (BAND, slow), step, rng)
        path.append(state.sum(axis=0))
    for count in (1, 10, 100):
        expected = slow_noise.mean_variance(BAND, count * step)
        assert np.mean(path[:count], axis=0).var() == pytest.approx(expected, rel=4 * (2 / n) ** 0.5 + 0.025)


@pytest.mark.parametrize("after", [3600.0, 1e7])
def test_old_cells_are_as_noisy_as_the_law_says_and_remember_their_slow_part(after):
    """As f₁ falls with age lower frequencies join in; what was there relaxes, and none of it comes back."""
    rng, n, made = np.random.default_rng(1), 20_000, device("pcm-ibm")
    ends = []
    for age in (0.0, after):
        band = made.flicker_band(age)
        ends.append((band, slow_noise.shares(band, SAMPLE, SAMPLES, 0.05).slow))
    fresh = slow_noise.begun(ends[0][1], (n,), rng)
    old = slow_noise.moved(fresh, *ends, after, rng)
    assert old.sum(axis=0).var() == pytest.approx(ends[1][1], rel=4 * (2 / n) ** 0.5)
    assert abs(np.corrcoef(fresh[0], old.sum(axis=0))[0, 1]) < 4 / n**0.5  # the slowest corner was 1/(20 s)
    soon = slow_noise.moved(old, ends[1], ends[1], after * 1e-3, rng).sum(axis=0)
    again = np.log(1 / (2 * np.pi * after * 1e-3) / ends[1][0][0])
    assert np.mean(soon * old.sum(axis=0)) == pytest.approx(again, rel=0.1)
