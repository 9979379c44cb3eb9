"""What is kept with a chip is never that of another, and shared judgements are those of every sample by itself."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
import xarray as xr

import analogsim as asim
from analogsim.engine import chip_cache, spectrum
from analogsim.engine.batches import Settler
from analogsim.engine.packing import prepare
from tests.engine.test_transient import RULES, lab

RULE, OTHER = asim.Wiring.adjoint_dual_propagation(0.3), asim.Wiring.dyadic(0.2)


def edited(chip, name):
    return chip.replace(**{name: tuple(None if v is None else 1.3 * v for v in getattr(chip, name))})


CHANGES = {
    "forward": lambda chip: edited(chip, "forward"),
    "feedback": lambda chip: edited(chip, "feedback"),
    "gain": lambda chip: edited(chip, "gain"),
    "biases": lambda chip: edited(chip, "offset"),
    "nudge": lambda chip: chip.replace(nudge=chip.nudge + 0.2),
    "rails": lambda chip: chip.replace(rails=(-0.2, 0.2)),
    "rewritten": lambda chip: chip.rewritten(forward=[1.3 * w for w in chip.forward]),
    "pickle": lambda chip: pickle.loads(pickle.dumps(edited(chip, "forward"))),
    "deepcopy": lambda chip: copy.deepcopy(edited(chip, "feedback")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_chip_made_of_another_is_packed_by_itself(change):
    chip, x, y = lab(gain=0.5)
    calls = [
        lambda chip, wiring=wiring, dtype=dtype: asim.settle(chip, x, y, wiring=wiring, beta=0.3, tol=1e-4, dtype=dtype)
        for wiring in (RULE, OTHER)
        for dtype in ("float64", "float32")
    ]
    before = [call(chip) for call in calls]
    new = CHANGES[change](chip)
    found = [call(new) for call in calls]
    chip_cache._KNOWN.clear()
    for one, other, old in zip(found, [call(new) for call in calls], before, strict=True):
        xr.testing.assert_identical(one, other)
        assert np.abs(one.a_3.values - old.a_3.values).max() > 1e-3
    for one, old in zip([call(chip) for call in calls], before, strict=True):
        xr.testing.assert_identical(one, old)


def test_copies_and_pickles_know_nothing_of_what_is_kept_and_it_goes_with_the_chip():
    chip, x, y = lab()
    size = len(pickle.dumps(chip))
    asim.settle(chip, x, y, wiring=OTHER, beta=0.3)
    asim.settle(chip, x, y, wiring=RULE, beta=0.3)
    assert len(pickle.dumps(chip)) <= 1.2 * size  # flat names, asked for meanwhile, are views of what was there
    assert copy.deepcopy(chip) not in chip_cache._KNOWN
    kept, gone = (
        weakref.ref(chip_cache.kept(chip, ("problem", np.dtype(float), RULE.numbers), dict).w),
        weakref.ref(chip),
    )
    del chip
    gc.collect()
    assert gone() is None
    assert kept() is None


def test_a_scan_of_wirings_keeps_a_bounded_number_of_them():
    chip, x, y = lab()
    for alpha in np.linspace(0, 1, 3 * chip_cache.MOST):
        prepare(chip, x, y, asim.Wiring.adjoint_dual_propagation(alpha), 0.1)
    assert len(chip_cache._KNOWN[chip]) == chip_cache.MOST
    assert ("matrices", np.dtype(float)) in chip_cache._KNOWN[chip]  # used by every call


def test_learning_leaves_what_is_kept_as_it_was():
    """Training loops write into packed matrices of their own."""
    chip, x, y = lab(gain=0.5)
    before = asim.settle(chip, x, y, wiring=RULE, beta=0.3)
    settler, rng = Settler(RULE), np.random.default_rng(0)
    settler(chip, x, y, 0.3, rng)
    settler(chip.rewritten(forward=[2 * w for w in chip.forward]), x, y, 0.3, rng)
    xr.testing.assert_identical(asim.settle(chip, x, y, wiring=RULE, beta=0.3), before)
    given = y.copy()
    asim.learning.continuous(chip, asim.Stream(x, y, 2.0), wiring=RULE, beta=0.3, tau_w=10.0, dt=0.1)
    assert np.array_equal(y, given)
    xr.testing.assert_identical(asim.settle(chip, x, y, wiring=RULE, beta=0.3), before)


def test_results_of_one_layout_share_nothing():
    chip, x, y = lab()
    one, other = (asim.settle(chip, x, y, wiring=RULE, beta=beta) for beta in (0.3, 0.2))
    reference = other.copy(deep=True)
    one["a_1"].values[:] = np.nan
    one["a_1"].attrs["units"] = one["compartment"].attrs["units"] = one.attrs["rule"] = "mine"
    xr.testing.assert_identical(other, reference)
    xr.testing.assert_identical(asim.settle(chip, x, y, wiring=RULE, beta=0.2), reference)


KINDS = {
    "hard-sigmoid": {"activation": "hard-sigmoid"},
    "relu": {"activation": "relu"},
    "tanh, cross-entropy": {"activation": "tanh", "loss": "cross-entropy"},
    "rails": {"activation": "relu"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_verdict_is_that_of_the_eigenvalues(kind, monkeypatch):
    """At random states of random networks, many of them unstable: of all eigenvalues of each sample's own Jacobian."""
    rng, asked, total, unstable = np.random.default_rng(5), [], 0, 0
    eigvals = np.linalg.eigvals
    for seed in range(5):
        for name in ("dp0", "dp1", "dpt0.3", "dyadic0", "dyadic1"):
            chip, x, y = lab(sizes=(6, 7, 6, 4), seed=seed, gain=rng.choice([0.4, 0.8, 1.6]), **KINDS[kind])
            chip = chip.replace(rails=(-1.0, 1.0)) if kind == "rails" else chip
            x, y = np.repeat(x, 6, axis=0), np.repeat(y, 6, axis=0)
            batch = prepare(chip, x, y, RULES[name], rng.choice([0.5, -0.3], size=len(x)))
            a, rate = rng.uniform(0.1, 2) * rng.standard_normal(batch.size), rng.choice([0.02, 0.2])
            rows = batch.by_sample(a)
            rows[1::2] = rows[::2]  # the same slopes, as near a common forward pass, at another β as likely as not
            a = batch.join(
                [v.reshape(len(x), 2, -1).transpose(1, 0, 2) for v in np.split(rows, 2 * batch.packed.cum[1:-1], 1)]
            )
            monkeypatch.setattr(np.linalg, "eigvals", lambda m: asked.append(len(m)) or eigvals(m))
            found = spectrum.decays(batch, a, rate)
            monkeypatch.undo()
            for row, verdict in enumerate(found):
                one = spectrum.Jacobian(batch.take(np.array([row])), rows[row])
                abscissa = eigvals(np.stack([one(e) for e in np.eye(one.size)], axis=1)).real.max()
                if abs(abscissa + rate) > 1e-9:
                    assert verdict == (abscissa < -rate)
                    total, unstable = total + 1, unstable + (not verdict)
    assert total > 440
    assert 0.1 * total < unstable < 0.9 * total
    assert len(asked) < total - unstable / 2  # bounds and shared judgements did the rest
