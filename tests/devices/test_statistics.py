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


def test_wan_fits_of_two_groups_agree_where_they_do():
    """The cubic of CrossSim, µS, agrees within 7 % at 10 µS and not at the ends; the card says so."""
    g = np.array([0.0, 10.0, 39.0])
    other = 1.536e-4 * g**3 - 1.167e-2 * g**2 + 0.2374 * g + 1.053
    ours = device("rram-wan").sigma_at(g * 1e-6, 1.0) * 1e6
    assert ours[1] == pytest.approx(other[1], rel=0.07)
    assert (np.abs(ours - other)[[0, 2]] > 0.5).all()


@pytest.mark.parametrize(("name", "seconds"), [("rram-wan", 3 * DAY), ("rram-milo", 1.0), ("sonos", 6 * DAY)])
def test_nothing_is_claimed_beyond_the_last_measurement(name, seconds):
    cell = device(name)
    with pytest.raises(InputError, match="last measurement"):
        cell.age(np.full(3, cell.g_max / 2), seconds, np.random.default_rng(0))


def test_cmo_relaxes_by_the_published_mean_and_spread():
    cell = device("rram-cmo")
    moved = cell.age(np.full(N, 50e-6), DAY, np.random.default_rng(0)) - 50e-6
    spread = 0.41183342e-6 + 0.04201137e-6 * np.log(DAY)
    assert abs(moved.mean() + 1.0115e-6) < 4 * spread / N**0.5 + 1e-9
    assert moved.std() == pytest.approx(spread, rel=4 / (2 * N) ** 0.5)


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
