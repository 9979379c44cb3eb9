"""RRAM, CMO and SONOS cells: spread and retention follow the published statistics, and stop where they stop."""

import numpy as np
import pytest

from analogsim.devices import device
from analogsim.errors import InputError

N = 200_000
DAY = 86400.0


@pytest.mark.parametrize(
    ("name", "target", "seconds"),
    [("rram-wan", 10e-6, 1.0), ("rram-wan", 30e-6, DAY), ("rram-wan", 20e-6, 2 * DAY), ("sonos", 8e-6, DAY)],
)
def test_spread_after_a_time_is_the_published_one(name, target, seconds):
    """Programming and relaxation together give σ(t) around the shifted mean."""
    cell = device(name)
    rng = np.random.default_rng(0)
    aged = cell.age(cell.program(np.full(N, target), rng), seconds, rng)
    expected = float(cell.sigma_at(target, seconds))
    # The relaxation of a cell follows what it was programmed to, not its target: 2 % of σ at most here.
    assert aged.std() == pytest.approx(expected, rel=0.02)
    if name == "sonos":
        assert aged.mean() - target == pytest.approx(float(cell.mean_shift(target, seconds)), rel=0.02)


def test_wan_takes_the_conservative_one_of_two_fits_of_one_figure():
    """The quartic of aihwkit, µS, lies below the cubic of CrossSim everywhere; both are stated on the card."""
    g = np.linspace(0, 39.26, 200)
    quartic = np.polynomial.Polynomial([0.348, 16.030, -43.853, 45.393, -16.815])(g / 40)
    cubic = 1.536e-4 * g**3 - 1.167e-2 * g**2 + 0.2374 * g + 1.053
    assert (cubic > quartic).all()
    np.testing.assert_allclose(device("rram-wan").sigma_at(g * 1e-6, 1.0) * 1e6, cubic, rtol=1e-12)


@pytest.mark.parametrize(("target", "expected", "optimistic"), [(1.0, 1.05, 0.67), (39.0, 1.67, 1.17)])
def test_wan_cells_spread_as_the_conservative_fit_says(target, expected, optimistic):
    """Cells that cannot go below zero spread by 1.05 µS at 1 µS, where the other fit would give 0.67."""
    got = device("rram-wan").program(np.full(N, target * 1e-6), np.random.default_rng(1)).std() * 1e6
    assert got == pytest.approx(expected, abs=0.01)
    assert got > optimistic + 0.3


def test_what_has_spread_does_not_come_together_again():
    """The fits at one and two days cross that of 1 s, and each other."""
    cell, g = device("rram-wan"), np.linspace(0, 40e-6, 200)
    spreads = np.array([cell.sigma_at(g, t) for t in (0.0, 1.0, 100.0, DAY, 1.5 * DAY, 2 * DAY)])
    assert (np.diff(spreads, axis=0) >= -1e-18).all()


@pytest.mark.parametrize(("name", "seconds"), [("rram-wan", 3 * DAY), ("rram-milo", 1.0), ("sonos", 6 * DAY)])
def test_nothing_is_claimed_beyond_the_last_measurement(name, seconds):
    cell = device(name)
    with pytest.raises(InputError, match="last measurement"):
        cell.age(np.full(3, cell.g_max / 2), seconds, np.random.default_rng(0))


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 1.0, 3600.0, DAY])
@pytest.mark.parametrize(("name", "accepted"), [("rram-cmo", 0.05425057e-6), ("rram-cmo-2", 0.57573225e-6)])
def test_cmo_relaxes_by_the_published_mean_and_spread(name, accepted, seconds):
    """From the first read, 1 s after programming, on; a cell that is used earlier is as at that read."""
    cell, rng = device(name), np.random.default_rng(0)
    moved = cell.age(cell.program(np.full(N, 50e-6), rng), seconds, rng) - 50e-6
    log = np.log(max(seconds, 1.0))
    spread = np.hypot(accepted, 0.41183342e-6 + 0.04201137e-6 * log)
    assert abs(moved.mean() + 0.08900206e-6 * log) < 4 * spread / N**0.5
    assert moved.std() == pytest.approx(spread, rel=4 / (2 * N) ** 0.5)


def test_cmo_does_not_jump_when_it_starts_to_age():
    cell, rng = device("rram-cmo"), np.random.default_rng(0)
    programmed = cell.program(np.linspace(9e-6, 88e-6, 1000), rng)
    for early in (0.0, 1e-9, 0.5, 1.0):
        np.testing.assert_array_equal(cell.age(programmed, early, rng), programmed)
    step = cell.age(programmed, 1.0 + 1e-6, rng) - programmed
    assert np.abs(step).max() < 4 * 0.41183342e-6 * (2 * 0.102 * 1e-6) ** 0.5 * 1.5


@pytest.mark.parametrize(("name", "expected"), [("pcm-hermes", 0.9615), ("pcm-hermes-2", 1.1173)])
def test_hermes_drifts_by_the_exponents_of_its_targets(name, expected):
    """Spread after a day of cells aimed at g_max, µS: var(G) = E[G²] E[f²] − (E[G] E[f])², f = (1 + t/t_0)^−ν.

    G and ν are independent for one target. Exponents taken at G would add the programming error a second time.
    """
    cell, rng = device(name), np.random.default_rng(2)
    target = np.full(N, cell.g_max)
    aged = cell.age(cell.program(target, rng), DAY, rng, target).std() * 1e6
    mean, spread = (float(law) for law in cell.drift_exponent(cell.g_max))
    sigma, rate = float(cell.programming_sigma(cell.g_max)), np.log1p(DAY / cell.t0)
    f, f2 = (np.exp(-k * rate * mean + (k * rate * spread) ** 2 / 2) for k in (1, 2))
    closed = ((cell.g_max**2 + sigma**2) * f2 - (cell.g_max * f) ** 2) ** 0.5 * 1e6
    assert closed == pytest.approx(expected, rel=0.005)
    assert aged == pytest.approx(closed, rel=4 / (2 * N) ** 0.5)
    assert cell.age(cell.program(target, rng), DAY, rng).std() * 1e6 > expected + 0.15


def test_hermes_uses_no_law_beyond_its_fit():
    """Above g_max the polynomials would make ν negative and the 1/f noise half as large again."""
    cell = device("pcm-hermes")
    beyond = cell.g_max * np.array([1.0, 1.1, 1.3])
    mean, spread = cell.drift_exponent(beyond)
    assert mean == pytest.approx(0.0174)
    assert spread == pytest.approx(0.0055)
    assert cell.flicker_coefficient(beyond) == pytest.approx(0.0168)
    assert "above 10.35 µS, where its fit ends" in " ".join(cell.words())


def test_hermes_branches_meet():
    """Each law is nearly continuous where its two branches join: within 3 % of the value."""
    for name in ("pcm-hermes", "pcm-hermes-2"):
        cell = device(name)
        for point, law in (
            (cell.drift_mean[0], lambda g, c=cell: c.drift_exponent(g)[0]),
            (cell.drift_spread[0], lambda g, c=cell: c.drift_exponent(g)[1]),
            (cell.flicker[0], cell.flicker_coefficient),
        ):
            below, above = (float(law(point * cell.g_max * k)) for k in (1 - 1e-9, 1 + 1e-9))
            assert below == pytest.approx(above, rel=0.03)
