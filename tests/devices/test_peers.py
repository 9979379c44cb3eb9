"""Statistics of our devices and updates beside those that an independent simulator gave (tests/golden/aihwkit.json)."""

import numpy as np
import pytest

from analogsim.devices import device
from benchmarks import peers

GOLDEN = peers.golden()


def apart(found):
    """The numbers further than four standard errors from those of the peer."""
    gaps = {name: peers.apart(one, GOLDEN[name]) for name, one in found if name.partition(",")[0] not in peers.CHOSEN}
    assert len(gaps) > 2
    return {name: gap for name, gap in gaps.items() if np.abs(gap).max() > 4}


@pytest.mark.parametrize(("group", "n"), [("storing", 10_000), ("outer_products", 1000), ("curves", 400)])
def test_statistics_agree_with_an_independent_simulator(group, n):
    assert not apart(getattr(peers, group)(peers.Analogsim(1), n))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize(
    ("group", "n"),
    [("storing", 40_000), ("outer_products", 4000), ("curves", 4000), ("bounds", 4000), ("learning", 1000)],
)
def test_they_agree_with_more_samples(group, n, seed):
    assert not apart(getattr(peers, group)(peers.Analogsim(seed), n))


def test_the_golden_numbers_are_all_that_is_compared():
    """Every name once on both sides; so nothing that was kept is left out."""

    class Nothing(peers.Analogsim):
        def stored(self, *_):
            return np.arange(4.0)

        read = held = stored

        def seen(self, card, counts, n):
            return [np.arange(4.0) for _ in counts]

        def outer(self, n):
            return np.arange(24.0).reshape(4, 2, 3)

        def tiki_taka(self, missed, n):
            return np.arange(4.0), np.arange(4.0) ** 2

    names = [name for group in peers.ALL for name, _ in group(Nothing(), 4)]
    assert names == list(GOLDEN)
    assert all(one.n >= 2000 and one.std > 0 and one.mean_error > 0 for one in GOLDEN.values())


def test_cells_without_room_for_their_lower_bound_are_told_apart():
    """What the comparison is for: half of the cells stopped at w_min, −0.88 ± 0.18 instead of −1.00 ± 0.30."""
    cell, rng, n = device("gokmen-vlasov", g_min=0), np.random.default_rng(0), 500
    cells = cell.cells((n,), rng)
    w = cell.weight(cell.pulse(np.full(n, cell.conductance(0.0)), np.full(n, -3000), rng, cells))
    mean, std = peers.apart(peers.moments(w), GOLDEN["gokmen-vlasov, 3000 down: held"])
    assert mean > 8
    assert std < -8


def test_rows_that_move_together_count_as_one_sample():
    """100 rows of 50 with a deviation of their own: the error of the mean is √((1 + 1/50)/100), not √(2/5000)."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((100, 50)) + rng.standard_normal((100, 1))
    together, alone = peers.moments(rows), peers.moments(rows.ravel())
    assert together.mean_error == pytest.approx((1.02 / 100) ** 0.5, rel=4 / 200**0.5)
    assert alone.mean_error == pytest.approx((2 / 5000) ** 0.5, rel=4 / 200**0.5)
    assert (together.mean, together.std) == (alone.mean, alone.std)
    # Of independent numbers both ways agree, also for a distribution that is not normal.
    rows = rng.exponential(size=(400, 50))
    for one, other in zip(peers.moments(rows)[3:], peers.moments(rows.ravel())[3:], strict=True):
        assert one == pytest.approx(other, rel=0.25)
