"""Axes and plans: ranges as they are written, designs as they should be, and points seeded by their content."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analogsim.errors import InputError
from analogsim.experiments.sweeps.axes import axis
from analogsim.experiments.sweeps.plan import Plan
from analogsim.settings.record import Settings

BASE = Settings()


def values(key, text):
    return list(axis(key, text, BASE).values)


def test_ranges_are_what_they_say():
    assert values("alpha", "0:1:0.1") == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert values("beta", "log:0.001:1:4") == [0.001, 0.01, 0.1, 1.0]
    assert values("alpha", "0:1:0.4") == [0.0, 0.4, 0.8]
    assert values("epochs", "1,2") == [1, 2]
    assert values("rule", "dp, dpt") == ["dp", "dpt"]
    assert values("hidden", "32,64x32") == ["32", "64x32"]


def test_card_values_carry_the_meaning_and_unit_of_their_field():
    found = axis("device.g_max", "10 uS,20e-6", BASE)
    assert found.values == (10e-6, 20e-6)
    assert found.units == "S"
    assert axis("access_resistance", "5 kohm, 15 kohm", BASE).values == (5e3, 15e3)
    assert axis("tau_spread", [0.0, 0.1], BASE).key == "circuit.tau_spread"
    assert axis("circuit.feedback", "shared", BASE).values == ("shared",)


def test_values_of_every_part_of_a_circuit_can_be_swept():
    optics = Settings(circuit="optoelectronic", device="slm-lcos", overrides={"device.channels": 48})
    assert axis("source.power", "1 mW,10 mW", optics).units == "W"
    assert axis("detector.feedback_resistance", [1e3, 1e4], optics).values == (1e3, 1e4)
    assert axis("device.contrast", "2,20", optics).values == (2.0, 20.0)
    with pytest.raises(InputError, match=r"source\.power"):
        axis("source.power", "0,1", optics)


def test_read_noise_leaves_other_noise_alone():
    base = Settings(noise=("node:0.02", "0.5"))
    plan = Plan(base, (axis("noise", "0,0.1", base),))
    assert [Settings(**plan.fields(k)).noise_levels() for k in range(2)] == [
        {"read": 0.0, "node": 0.02},
        {"read": 0.1, "node": 0.02},
    ]


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("alpa", "0:1:0.1", "did you mean 'alpha'"),
        ("device.red_noise", "0,1", "did you mean 'device.read_noise'"),
        ("alpha", "0:2:0.5", "0 ≤ alpha ≤ 1"),
        ("alpha", "0:1:0", "step must be > 0"),
        ("alpha", "1:0:0.1", "a < b"),
        ("alpha", "0,x", "'x' is no number"),
        ("alpha", "0.1,0.1", "given twice"),
        ("beta", "log:0:1:3", "0 < a < b"),
        ("beta", "log:0.1:1:2.5", "whole number"),
        ("rule", "dp,dyadick", "did you mean 'dyadic'"),
        ("rule", "0:1:0.1", "takes words"),
        ("device", "pcm-imb", "did you mean 'pcm-ibm'"),
        ("device.g_max", "10 uV", "expected a number in 'S'"),
        ("noise", "-1,0", "noise ≥ 0"),
        ("seed", "1,2", "--seeds"),
    ],
)
def test_bad_axes_are_said_before_anything_runs(key, text, message):
    with pytest.raises(InputError, match=message):
        axis(key, text, BASE)


def test_designs_refuse_axes_that_do_not_suit_them():
    span = axis("alpha", "0:1", BASE)
    with pytest.raises(InputError, match="needs a step"):
        Plan(BASE, (span,))
    with pytest.raises(InputError, match="--points"):
        Plan(BASE, (span,), design="sobol")
    with pytest.raises(InputError, match="did you mean 'sobol'"):
        Plan(BASE, (span,), design="sobl", points=4)
    with pytest.raises(InputError, match="swept twice"):
        Plan(BASE, (span, span), design="lhs", points=4)


@pytest.mark.parametrize("design", ["lhs", "sobol"])
def test_samples_fill_every_axis_evenly(design):
    axes = (axis("alpha", "0:1", BASE), axis("beta", "log:0.01:1", BASE), axis("nudge", "plain,chop", BASE))
    plan = Plan(BASE, axes, (0, 1), design, 64)
    assert plan.dims == ("point", "seed")
    coords = plan.coords()
    # One point in each of 64 slices of alpha and of log beta: exact for a hypercube, and a net in base 2.
    for name, share in (("alpha", lambda v: v), ("beta", lambda v: np.log(v / 0.01) / np.log(100))):
        slices = np.floor(64 * share(np.array(coords[name][1]))).astype(int)
        assert sorted(slices) == list(range(64))
    assert coords["nudge"][1].count("chop") == 32
    assert Plan(BASE, axes, (0, 1), design, 64).fields(77) == plan.fields(77)


@given(st.lists(st.floats(0, 1).map(lambda v: round(v, 3)), min_size=1, max_size=6, unique=True), st.integers(1, 3))
def test_a_point_keeps_its_seed_whatever_surrounds_it(alphas, repeats):
    alone = Plan(BASE, (axis("alpha", [alphas[-1]], BASE),), (0,))
    among = Plan(BASE, (axis("alpha", alphas, BASE), axis("beta", [0.5], BASE)), tuple(range(repeats)))
    keys, seeds = among.digests()
    assert len(set(keys.tolist())) == len(alphas) * repeats
    at = (len(alphas) - 1) * repeats
    assert alone.digest(0) == (int(keys[at]), int(seeds[at]))


@pytest.mark.parametrize(
    ("key", "given", "message"),
    [
        ("hidden", "a", "hidden = 'a': expected numbers of neurons"),
        ("hidden", "8x0", "1 ≤ hidden"),
        ("hidden", [8.5], "expected numbers of neurons"),
        ("hidden", "9" * 20, "1 ≤ hidden"),
        ("epochs", "inf", "'inf' is no whole number"),
        ("epochs", "nan", "'nan' is no whole number"),
        ("batch_size", [float("inf")], "inf is no whole number"),
        ("device.levels", "inf,2", "'inf' is no whole number"),
        ("circuit.dac_bits", ["-inf"], "'-inf' is no whole number"),
        ("alpha", [10**400], "is no number"),
        ("learning_rate", "inf", "learning_rate = inf is out of range"),
    ],
)
def test_values_without_a_meaning_are_one_line(key, given, message):
    with pytest.raises(InputError, match=message) as caught:
        axis(key, given, BASE)
    assert "\n" not in str(caught.value)


def test_one_number_is_one_layer():
    assert Settings(hidden=8).hidden == Settings(hidden="8").hidden == Settings(hidden=[8]).hidden == (8,)
    assert Settings(hidden="8x4").hidden == Settings(hidden=np.array([8, 4])).hidden == (8, 4)
    assert axis("hidden", 8, BASE).values == axis("hidden", [8], BASE).values == ("8",)
    assert axis("alpha", 0.3, BASE).values == (0.3,)
    for bad in ({"a": 1}, None, 0, 8.0, [[8]]):
        with pytest.raises(InputError, match="hidden"):
            Settings(hidden=bad)
