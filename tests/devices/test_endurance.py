"""Wear: the Weibull law in closed form, Miner's rule, and what is left of a cell."""

import numpy as np
import pytest
from scipy.stats import kstest, weibull_min

from analogsim.devices import device
from analogsim.devices.endurance import History
from analogsim.errors import InputError

WEAR = {"endurance": 1e6, "endurance_shape": 1.5}


def test_the_figures_of_an_array_of_4096_cells():
    made = device("ideal", **WEAR)
    assert made.first_failure(4096) == pytest.approx(3906.25)
    assert made.failed_share(24_000) == pytest.approx(3.71e-3, rel=1e-3)
    assert 4096 * made.failed_share(24_000) == pytest.approx(15, abs=0.3)
    assert made.failed_share(4.6e5) == pytest.approx(0.27, abs=0.005)
    assert device("ideal").first_failure(4096) == np.inf
    assert device("ideal").failed_share(1e300) == 0


@pytest.mark.parametrize("shape", [1.0, 1.5, 3.0])
def test_lives_are_drawn_from_the_law(shape):
    made = device("ideal", endurance=1e6, endurance_shape=shape, worn_lrs=0.3)
    drawn = made.cells((200, 300), np.random.default_rng(0))
    assert kstest(drawn["life"].ravel(), weibull_min(shape, scale=1e6).cdf).pvalue > 1e-3
    low = drawn["worn"] == made.g_max
    assert np.isin(drawn["worn"], (made.g_min, made.g_max)).all()
    assert abs(low.mean() - 0.3) < 4 * (0.21 / low.size) ** 0.5
    # Least of K lives: Weibull as well, with the scale of the first failure.
    first = drawn["life"].min(axis=1)
    assert kstest(first, weibull_min(shape, scale=made.first_failure(300)).cdf).pvalue > 1e-3


def test_wear_does_not_reshuffle_what_else_is_drawn():
    for name in ("ideal", "pcm-hermes", "rram-gong", "metal-oxide-ucsb-pulsed"):
        options = {"p_stuck_lrs": 0.1} if name != "ideal" else {"p_stuck_lrs": 0.1, "d2d": 0.2}
        plain, wearing = (
            device(name, **options, **extra).cells((9, 8), np.random.default_rng(3)) for extra in ({}, WEAR)
        )
        assert set(wearing) == {*plain, "life", "worn"}
        for key, value in plain.items():
            np.testing.assert_array_equal(wearing[key], value)


def test_pulses_of_two_kinds_add_up_by_miner():
    """n_full/η + n_half/η_half = 1 with η_half = η/s, whatever the order and the sign of the pulses."""
    made = device("ideal", half_stress=0.125, **WEAR)
    history = History.blank((3,))
    for up, down, half in ((3, 0, 8), (0, 2, 0), (1, 1, 24)):
        history = history.with_pulses(up, np.array([down, 0, down]), half)
    np.testing.assert_array_equal(history.full_pulses, [[4, 4, 4], [3, 0, 3]])
    np.testing.assert_array_equal(history.half_pulses, 32)
    np.testing.assert_array_equal(made.damage(history), [11, 8, 11])
    cells = {"life": np.array([11.0, 8.5, 11.5]), "worn": np.array([made.g_max, made.g_max, made.g_min])}
    np.testing.assert_array_equal(made.failed(cells, history), [True, False, False])
    later = history.with_pulses(up=1)
    np.testing.assert_array_equal(made.failed(cells, later), True)
    held = np.full(3, 3e-6)
    np.testing.assert_array_equal(made.worn(held, cells, history), [made.g_max, 3e-6, 3e-6])
    np.testing.assert_array_equal(made.worn(held, cells, later), cells["worn"])
    # A cell that was stuck from the start stays where it was.
    stuck = {**cells, "frozen": np.array([np.nan, 5e-6, np.nan])}
    np.testing.assert_array_equal(made.fatigued(stuck, later)["frozen"], [made.g_max, 5e-6, made.g_min])


def test_the_range_closes_in_proportion_to_wear():
    made = device("ideal", window_loss=0.4, g_min=0.0, g_max=1e-4, **WEAR)
    cells = {"life": np.full(5, 100.0), "worn": np.full(5, 1e-4)}
    history = History.blank((5,)).with_pulses(up=np.array([0, 25, 50, 99, 100]))
    np.testing.assert_allclose(
        made.worn(np.full(5, 1e-4), cells, history), [1e-4, 0.9e-4, 0.8e-4, (1 - 0.396) * 1e-4, 1e-4]
    )
    np.testing.assert_allclose(made.worn(np.full(5, 2e-5), cells, history)[:4], 2e-5)


def test_numbers_without_a_source_must_be_given():
    with pytest.raises(InputError, match=r"needs device.endurance_shape.*no source"):
        device("ideal", endurance=1e6)
    for key, value in (("endurance_shape", 1.5), ("half_stress", 0.1), ("window_loss", 0.1)):
        with pytest.raises(InputError, match=r"set device\.endurance"):
            device("ideal", **{key: value})
    assert "endurance of 1e+06 writes, Weibull β = 1.5" in device("ideal", **WEAR).words()[-1]
