"""The search finds the border wherever it is, and the judge is right as often as it says."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from analogsim.experiments.specification.sequential import Judge, search


@given(st.data())
def test_the_search_finds_any_border_with_few_questions(data):
    size = data.draw(st.integers(1, 90))
    first_bad = data.draw(st.integers(0, size))
    start, step = data.draw(st.integers(0, size + 5)), data.draw(st.integers(1, 12))
    asked: list[int] = []

    def questions():
        found = yield from search(size, start, step)
        assert found == (first_bad - 1, first_bad)

    steps = questions()
    at = next(steps)
    with contextlib.suppress(StopIteration):
        while True:
            asked.append(at)
            at = steps.send(at < first_bad)
    assert len(set(asked)) == len(asked)
    assert len(asked) <= size / step + np.log2(step) + 3


def test_a_known_spread_gives_the_normal_probability():
    judge = Judge(limit=1.0, spread=0.5, freedom=1e9)
    losses = [0.6, 0.9, 1.2]
    assert judge.probability(losses) == pytest.approx(norm.cdf((1.0 - 0.9) / (0.5 / np.sqrt(3))), abs=1e-6)
    assert judge.probability([]) == 0.5


@pytest.mark.parametrize("excess", [-1.0, 1.0])
def test_verdicts_are_wrong_no_more_often_than_the_confidence_allows(excess):
    rng = np.random.default_rng(0)
    judge = Judge(limit=2.0, spread=0.7, freedom=4, confidence=0.9, most=5)
    wrong, cost = 0, 0
    for _ in range(2000):
        losses: list[float] = []
        while (verdict := judge.verdict(losses)) is None:
            losses.append(rng.normal(2.0 + 0.7 * excess, 0.7))
        wrong += verdict == (excess > 0)
        cost += len(losses)
    assert wrong / 2000 < 0.1
    assert cost / 2000 < 4  # a clear case does not use up its seeds


def test_a_collapse_is_judged_at_once():
    judge = Judge(limit=1.0, spread=0.5, freedom=4)
    assert judge.verdict([60.0]) is False
    assert judge.verdict([0.1, 3.0, 0.2]) is None  # one seed in three is worse: that takes more seeds to tell
