"""Studies at their quick size: the verdicts that must come out."""

import pytest

from analogsim.experiments.reproduce import carry_out
from analogsim.experiments.reproduce.claims import FAILS, HOLDS


@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("appendix-g", 7), ("bilevel-figure-1", 3),
        pytest.param("two-tales-table-2", 3, marks=pytest.mark.slow),
        pytest.param("dyadic-table-1", 2, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_the_coarse_claims_hold(tmp_path, name, at_least):
    outcome = carry_out(name, "quick", output=tmp_path, workers=1)
    assert all(line.computed for line in outcome.lines)
    found = [item.verdict for item in outcome.verdicts]
    assert FAILS not in found
    assert found.count(HOLDS) >= at_least


@pytest.mark.slow
def test_one_divergence_is_of_the_iteration_only(tmp_path):
    outcome = carry_out("two-divergences", "quick", output=tmp_path, workers=1)
    assert [item.verdict for item in outcome.verdicts] == [HOLDS] * len(outcome.verdicts)
    zero, _, one, *_ = outcome.lines
    assert zero.mean("ode_diverged") == zero.mean("sweeps_diverged") == 100
    assert one.mean("ode_converged") == 100
    assert one.mean("sweeps_converged") < 50
