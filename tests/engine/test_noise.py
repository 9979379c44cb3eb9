"""Noise against closed forms: variances, spectra, correlation between compartments, strong order."""

import numpy as np
import pytest
from scipy.signal import welch

import analogsim as asim
from analogsim.engine import stochastic
from analogsim.engine.packing import prepare
from analogsim.engine.primitives import filled, given
from analogsim.functions.node_noises import Flicker, Telegraph
from analogsim.jit import compiled
from tests.engine.test_transient import lab

DPT = asim.Wiring.adjoint_dual_propagation(0.3)


def free(neurons=400, **options):
    """Neurons without any coupling, to see their noise alone."""
    net = asim.Network((np.zeros((neurons, 1)),), (np.zeros(neurons),), "identity")
    return asim.Chip.ideal(net, **options)


@pytest.mark.parametrize("solver", ["exponential-em", "exponential-sra"])
@pytest.mark.parametrize("dt", [0.1, 3.0])
def test_sigma_is_the_stationary_deviation_for_any_tau_and_step(solver, dt):
    """Var a = σ² for every τ; with n = 4·400 independent samples the deviation of the estimate is √(2/n) = 3.5 %."""
    rng = np.random.default_rng(0)
    chip = free(tau=(np.exp(rng.standard_normal((2, 400))),), node_noise=0.05)
    horizon = 10 * chip.tau[0].max()
    ds = asim.relax(chip, np.zeros((2, 1)), wiring=DPT, beta=0, t_end=horizon, solver=solver, dt=dt, seed=1)
    assert ds.a_1.values.var() == pytest.approx(0.05**2, rel=4 * (2 / 1600) ** 0.5)


def test_autocovariance_of_white_node_noise_is_that_of_the_leak():
    """⟨a(t)a(t+s)⟩ = σ² e^{−s/τ}: kT/C noise seen through RC."""
    chip = free(2000, node_noise=1.0)
    times = np.array([8.0, 8.5, 9.0])
    ds = asim.relax(chip, np.zeros((1, 1)), wiring=DPT, beta=0, times=times, seed=2, dt=0.25)
    a = ds.a_1.values[0].reshape(3, -1)
    for k, lag in ((1, 0.5), (2, 1.0)):
        assert (a[0] * a[k]).mean() == pytest.approx(np.exp(-lag), abs=4 / 4000**0.5)


def test_ou_noise_is_filtered_by_the_node():
    """Var a = σ² T/(T + τ)."""
    chip = free(2000, ou_noise=1.0, ou_time=2.0)
    ds = asim.relax(chip, np.zeros((1, 1)), wiring=DPT, beta=0, t_end=20.0, dt=0.05, seed=3)
    assert ds.a_1.values.var() == pytest.approx(2 / 3, rel=4 * (2 / 4000) ** 0.5 + 0.02)


def spectrum(process, h, steps, rng):
    path = np.stack([process.step(h, rng).copy() for _ in range(steps)])
    return path, *welch(path, fs=1 / h, nperseg=4096, axis=0)


def test_flicker_spectrum_is_one_over_f_within_its_band():
    """f·S(f) is flat, and its level is σ²/ln(f₂/f₁)."""
    rng = np.random.default_rng(4)
    band = (1e-2, 1.0)
    _, f, s = spectrum(Flicker(200, 0.5, band, rng), 0.05, 1 << 15, rng)
    inside = (f > 2 * band[0]) & (f < band[1] / 2)
    level = (f[inside, None] * s[inside]).mean(axis=1) / (0.5**2 / np.log(band[1] / band[0]))
    parts = np.array([part.mean() for part in np.array_split(level, 8)])
    np.testing.assert_allclose(parts, 1.0, atol=0.08)


def test_telegraph_spectrum_is_machlup_s():
    rng = np.random.default_rng(5)
    low, high = 3.0, 1.0
    process = Telegraph(400, 0.3, (low, high), rng)
    path, f, s = spectrum(process, 0.05, 1 << 14, rng)
    assert path.var() == pytest.approx(0.3**2, rel=0.02)
    assert np.unique(path).size == 2
    distance = 0.3 * (low + high) / (low * high) ** 0.5
    theory = 4 * distance**2 / ((low + high) * ((1 / low + 1 / high) ** 2 + (2 * np.pi * f) ** 2))
    inside = (f > 0.02) & (f < 1)
    parts = np.array([p.mean() for p in np.array_split(s[inside].mean(axis=1) / theory[inside], 6)])
    np.testing.assert_allclose(parts, 1.0, atol=0.06)


@compiled
def draw(p, h, sigma, rng, order, big, small):
    stochastic.draw(p, h, given(sigma, p.leak.size), rng, order, filled(big, 1), filled(small, 1))


@compiled
def leap(p, h, order, a, z, big, small, stage, z2, s, new):
    given_ones = given(a, 1), given(z, 1), given(big, 1), given(small, 1)
    stochastic.leap(p, h, order, *given_ones, filled(stage, 1), filled(z2, 1), filled(s, 1), filled(new, 1))


@pytest.mark.parametrize(("order", "slope"), [(1, 1.0), (2, 1.5)])
def test_strong_order(order, slope):
    """RMS error at t = 2 on one Brownian path, seen at four step sizes, against a much finer one.

    N and M of a double step follow from those of its halves: N = e^{−x}N₁ + N₂, M = e^{−x}(M₁ + xN₁) + M₂.
    """
    chip, x, y = lab(activation="tanh", gain=1.5)
    batch = prepare(chip, x, y, DPT, 0.5)
    p, size, t_end = batch.packed, batch.size, 2.0
    sigma, rng = np.full(p.leak.shape, 0.2), np.random.default_rng(6)
    finest = 1024
    h = t_end / finest
    inverse = np.concatenate([np.repeat(1 / t[:, None], 3, axis=1).ravel() for t in chip.tau])
    paths = []
    for _ in range(finest):
        big, small = np.empty(size), np.empty(size)
        draw(p, h, sigma, rng, 2, big, small)
        paths.append((big, small))
    errors, truth = {}, None
    levels = {finest: paths}
    steps = finest
    while steps > 8:
        shrink = np.exp(-h * inverse)
        halves = zip(levels[steps][::2], levels[steps][1::2], strict=True)
        paths = [(shrink * n1 + n2, shrink * (m1 + h * inverse * n1) + m2) for (n1, m1), (n2, m2) in halves]
        steps //= 2
        h *= 2
        levels[steps] = paths
    for steps in (finest, 64, 32, 16, 8):
        a, h = np.zeros(size), t_end / steps
        z, s, stage, z2, new = (np.empty(size) for _ in range(5))
        for big, small in levels[steps]:
            from analogsim.engine.entries import target

            target(p, a, s, z)
            # The reference is always of the higher order.
            leap(p, h, 2 if steps == finest else order, a, z, big, small, stage, z2, s, new)
            a[:] = new
        if truth is None:
            truth = a.copy()
        else:
            errors[steps] = np.sqrt(((a - truth) ** 2).mean())
    found = np.polyfit(np.log([t_end / n for n in errors]), np.log(list(errors.values())), 1)[0]
    # The drift error of the higher-order scheme falls as h² and dominates where the noise is small.
    assert slope - 0.15 < found < slope + (0.15 if order == 1 else 0.65), errors


def noisy(chip, level, **options):
    return chip.replace(
        forward_noise=tuple(level * np.abs(w) for w in chip.forward),
        feedback_noise=tuple(None if v is None else level * np.abs(v) for v in chip.feedback),
        **options,
    )


@pytest.mark.parametrize("correlation", ["common", "differential"])
def test_read_noise_has_the_variance_of_its_weights(correlation):
    """One linear layer: Var a = Σ σ²_ij x_j² when held, and common draws leave no difference between compartments."""
    net = asim.Network.random((20, 300), activation="identity", seed=0)
    chip = noisy(asim.Chip.ideal(net), 0.1, read_correlation=correlation)
    x = np.random.default_rng(1).random((4, 20))
    ds = asim.settle(chip, x, wiring=DPT, beta=0, seed=2)
    error = ds.a_1.values - (x @ net.weights[0].T)[:, None]
    expected = (x**2) @ ((0.1 * net.weights[0]) ** 2).T
    assert (error**2 / expected[:, None]).mean() == pytest.approx(1.0, abs=4 * (2 / 1200) ** 0.5)
    apart = np.abs(error[:, 0] - error[:, 1]).max()
    assert apart < 1e-12 if correlation == "common" else apart > 0.01


def test_common_noise_of_two_reads_has_the_covariance_of_one_array():
    """Rank-two wirings read the same array twice: Cov(+, −) = Σ σ²_ij u_j⁺u_j⁻."""
    from analogsim.engine.noise.reads import ReadNoise

    chip, _, _ = lab((7, 6, 500), seed=3)
    chip = noisy(chip, 0.2)
    rng = np.random.default_rng(4)
    batch = prepare(chip, np.zeros((1, 7)), None, asim.Wiring.dyadic(0.1), 0.0)
    a = batch.join([rng.random((2, 1, 6)), np.zeros((2, 1, 500))])
    s = np.maximum(batch.split(a)[0], 0)
    u = np.einsum("cd,dbi->cbi", batch.wiring.forward, s)
    variance = (0.2 * chip.forward[1]) ** 2
    draws = []
    for seed in range(200):
        noise = ReadNoise(batch, np.random.default_rng(seed)).drive(a) - batch.packed.drive
        draws.append(batch.split(noise)[1][:, 0] / chip.gain[1])
    draws = np.stack(draws)
    expected = variance @ (u[0, 0] * u[1, 0])
    found = (draws[:, 0] * draws[:, 1]).mean(axis=0)
    assert found.sum() == pytest.approx(expected.sum(), rel=0.05)
    np.testing.assert_allclose(draws.var(axis=0).sum(1), [variance.dot(u[c, 0] ** 2).sum() for c in (0, 1)], rtol=0.05)


def test_read_noise_is_averaged_by_the_node():
    """Held for T and drawn afresh, the noise of a linear read leaves σ² (1 − e^{−T/τ})/(1 + e^{−T/τ}) on the node."""
    net = asim.Network((np.ones((2000, 1)),), (np.zeros(2000),), "identity")
    period = 0.2
    chip = noisy(asim.Chip.ideal(net), 0.1, read_period=period)
    ds = asim.relax(chip, np.ones((1, 1)), wiring=DPT, beta=0, t_end=12.0, seed=5)
    keep = np.exp(-period)
    # Common draws: both compartments carry the same value, so there are 2000 samples, not 4000.
    assert ds.a_1.values.var() == pytest.approx(0.01 * (1 - keep) / (1 + keep), rel=4 * (2 / 2000) ** 0.5)


def test_quasi_static_noise_is_one_frozen_chip():
    chip, x, y = lab()
    chip = noisy(chip, 0.1, read_mode="quasi-static")
    one = asim.settle(chip, x, y, wiring=DPT, beta=0.3, seed=1, tol=1e-8)
    long = asim.relax(chip, x, y, wiring=DPT, beta=0.3, seed=1, t_end=200, rtol=1e-6)
    np.testing.assert_allclose(long.a_1.values[:, 0], one.a_1.values, atol=1e-4)
    with pytest.raises(asim.InputError, match="quasi-static"):
        asim.settle(chip.replace(read_correlation="differential"), x, y, wiring=DPT, beta=0.3)


def test_deterministic_solvers_refuse_white_noise():
    chip, x, y = lab()
    with pytest.raises(asim.InputError, match="exponential-sra"):
        asim.relax(chip.replace(node_noise=0.1), x, y, wiring=DPT, beta=0.3, t_end=1, solver="etd")
