"""Verdicts on tables made up for the purpose."""

import numpy as np
import pytest

from analogsim.experiments.reproduce.card import Study
from analogsim.experiments.reproduce.claims import FAILS, HOLDS, OPEN, judge
from analogsim.experiments.reproduce.table_lines import Line


def verdict(claim, lines, size="medium", on=None):
    study = Study("s", "s.toml", "t", "q", claims=({"text": "it is so", **claim},))
    found = judge(study, lines, size, on)
    return found[0].verdict if found else None


def line(row, *values, status="done", accuracy=90.0, **at):
    n = len(values)
    found = {"m": np.array(values, float), "test_accuracy": np.full(n, accuracy)}
    if status == "missing":
        return Line(row, at, lacking=["missing"] * n)
    return Line(row, at, list(range(n)), [status] * n, values=found)


@pytest.mark.parametrize(
    ("claim", "values", "expected"),
    [
        ({"kind": "order", "of": ["a", "b"]}, ((2.0,), (1.0,)), HOLDS),
        ({"kind": "order", "of": ["a", "b"]}, ((1.0,), (2.0,)), FAILS),
        ({"kind": "order", "of": ["a", "b"], "resolution": 2}, ((2.0,), (1.0,)), OPEN),
        ({"kind": "order", "of": ["a", "b"]}, ((1.0, 3.0), (0.0, 3.5)), OPEN),  # within the standard error
        ({"kind": "ratio", "of": "a", "to": "b", "at_least": 3}, ((9.0,), (2.0,)), HOLDS),
        ({"kind": "ratio", "of": "a", "to": "b", "at_least": 3}, ((5.0,), (2.0,)), FAILS),
        ({"kind": "difference", "of": "a", "to": "b", "at_least": -1, "at_most": 1}, ((5.0,), (4.5,)), HOLDS),
        ({"kind": "difference", "of": "a", "to": "b", "at_least": -1, "at_most": 1}, ((5.0,), (3.5,)), FAILS),
        ({"kind": "value", "of": ["a", "b"], "at_most": 2}, ((1.0,), (2.0,)), HOLDS),
        ({"kind": "value", "of": ["a", "b"], "at_most": 2}, ((1.0,), (2.5,)), FAILS),
        ({"kind": "value", "of": "a", "at_most": 2}, ((1.9, 2.3), (0.0, 0.0)), OPEN),
        ({"kind": "works", "of": ["a", "b"]}, ((1.0,), (2.0,)), HOLDS),
        ({"kind": "fails", "of": ["a"]}, ((1.0,), (2.0,)), FAILS),
    ],
)
def test_each_kind(claim, values, expected):
    lines = [line(name, *found) for name, found in zip("ab", values, strict=True)]
    if claim["kind"] not in ("works", "fails"):
        claim = {**claim, "measure": "m"}
    assert verdict(claim, lines) == expected


def test_divergence_and_chance_are_failures():
    claim = {"kind": "fails", "of": ["a"]}
    assert verdict(claim, [line("a", 1, status="diverged"), line("b", 1)]) == HOLDS
    assert verdict(claim, [line("a", 1, accuracy=10), line("b", 1)]) == HOLDS
    assert verdict(claim, [line("a", 1, accuracy=60), line("b", 1)]) == FAILS
    # How steep a network is that did not learn, tells nothing.
    steep = {"kind": "order", "of": ["b", "a"], "measure": "m"}
    assert verdict(steep, [line("a", 1, accuracy=10), line("b", 2)]) == OPEN


def test_missing_and_small():
    claim = {"kind": "value", "of": "a", "measure": "m", "at_least": 0}
    assert verdict(claim, []) == OPEN
    assert verdict(claim, [line("a", 1, status="missing")]) == OPEN
    assert verdict(claim, [line("a", np.nan)]) == OPEN
    assert verdict({**claim, "needs": "full"}, [line("a", 1)]) == OPEN
    assert verdict({**claim, "on": "chip"}, [line("a", 1)]) is None
    assert verdict({**claim, "on": "chip"}, [line("a", 1)], on="ideal") == HOLDS


def test_each_value_of_an_axis_must_hold():
    claim = {"kind": "order", "of": ["a", "b"], "measure": "m", "each": ["beta"]}
    lines = [line("a", 2, beta=0.1), line("b", 1, beta=0.1), line("a", 2, beta=1.0), line("b", 1, beta=1.0)]
    assert verdict(claim, lines) == HOLDS
    lines[2] = line("a", 0.5, beta=1.0)
    assert verdict(claim, lines) == FAILS
    # Data that were not looked at at all are no objection.
    assert verdict(claim, [*lines[:2], line("a", 1, status="missing", beta=1.0)]) == HOLDS
    one = {"kind": "value", "of": {"row": "a", "beta": 0.1}, "measure": "m", "at_least": 2}
    assert verdict(one, lines) == HOLDS
