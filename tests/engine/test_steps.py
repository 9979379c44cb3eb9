"""Step control: what is one law for all adaptive integrators."""

import numpy as np
import pytest

from analogsim.engine import steps
from analogsim.engine.primitives import given
from analogsim.engine.recorder import ACCEPTED, ERROR, REJECTED, STEP, TIME, new_record
from analogsim.jit import compiled


@compiled
def refuse(rec, h, error, order):
    steps.reject(rec, h, error, order)


@compiled
def take(rec, t, h, t_end, error, order):
    steps.accept_damped(rec, t, h, t_end, error, order)


@compiled
def worst(rec, gap, size, rtol, atol):
    return steps.worst_error(rec, given(gap, 3), given(size, 3), rtol, atol)


def record(step=0.1):
    return new_record(3, np.array([1.0]), 1, np.dtype(float), step)


@pytest.mark.parametrize("order", [3, 5])
def test_a_rejected_step_is_made_so_short_that_the_error_would_fit(order):
    rec = record()
    refuse(rec, 0.1, 2.0, order)
    assert rec.tally[REJECTED] == 1
    assert 2.0 * (rec.clock[STEP] / 0.1) ** order == pytest.approx(steps.AIM**order)
    for error in (1e9, np.inf):
        refuse(rec, 0.1, error, order)
        assert rec.clock[STEP] == steps.SHRINK * 0.1


def test_an_accepted_step_grows_within_bounds_and_ends_on_time():
    rec = record()
    take(rec, 0.0, 0.1, 1.0, 0.0, 3)
    assert (rec.tally[ACCEPTED], rec.clock[TIME], rec.clock[STEP]) == (1, 0.1, steps.GROW * 0.1)
    assert rec.clock[ERROR] == 1e-4  # none at all would make the next step a guess
    take(rec, 0.1, 0.2, 0.3 + 1e-15, 1e-3, 3)
    # Cut short, and well within the error: that says nothing against the step that was meant.
    assert (rec.clock[TIME], rec.clock[STEP]) == (0.3 + 1e-15, steps.GROW * 0.1)


def test_the_worst_living_sample_sets_the_step_on_its_own_scale():
    rec = record()
    gap, size = np.array([1e-3, 2e-3, 5.0]), np.array([1.0, 9.0, 1.0])
    rec.alive[2] = False
    assert worst(rec, gap, size, 0.01, 0.01) == pytest.approx(1e-3 / 0.02)
    gap[1] = np.nan
    assert worst(rec, gap, size, 0.01, 0.01) == np.inf
