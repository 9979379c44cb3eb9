"""What is left out of a training of which only the end is asked for, and that this moves no bit of what is read."""

import numpy as np
import pytest

from analogsim.experiments import loop
from analogsim.experiments.data import load_data
from analogsim.experiments.loop import Asked, taught
from analogsim.experiments.setup import prepare
from analogsim.experiments.sweeps import measuring, metrics
from analogsim.experiments.sweeps.measuring import measure
from analogsim.measure import probe
from analogsim.measure.declaration import declared, measured
from analogsim.registry import register
from analogsim.settings.record import Settings

NOISY = Settings(circuit="crossbar", noise=(0.05,), alpha=0.3, hidden=(4,), epochs=2, batch_size=100)


@pytest.fixture(scope="module")
def few():
    """So many samples that there are two batches, a gradient and all probes."""
    return load_data("digits").first(200, 40)


@pytest.fixture(scope="module")
def whole(few):
    return taught(prepare(NOISY, few))


def test_the_end_alone_has_the_bits_of_the_whole_run(few, whole):
    """Of what draws noise before it as of what does not, and of one trainer without the others."""
    for names, trainers in (
        ({"settled", "gradient_norm_ratio", "settling_time", "status"}, {"chip"}),
        ({"lipschitz", "symmetry_defect", "status"}, {"chip", "back-propagation"}),
        ({"test_loss", "status"}, {"chip", "digital DP⊤"}),
    ):
        found = taught(prepare(NOISY, few), asked=Asked(frozenset(names), frozenset(trainers)))
        for name in names:
            along = "snapshot" if "snapshot" in found[name].dims else "epoch"
            expected = whole[name].isel({along: -1})
            if "trainer" in expected.dims:
                expected = expected.sel(trainer=[one for one in expected["trainer"].values if one in trainers])
            np.testing.assert_array_equal(found[name].isel({along: -1}).values, expected.values, err_msg=name)


def test_a_point_computes_what_its_metrics_are_read_from(monkeypatch, few, whole):
    monkeypatch.setattr(measuring, "loaded", lambda settings: few)
    relaxed, rules = [], []
    relax, digital = probe.relax, loop.Digital
    monkeypatch.setattr(probe, "relax", lambda *args, **options: relaxed.append(1) or relax(*args, **options))
    monkeypatch.setattr(loop, "Digital", lambda *args: rules.append(args[1]) or digital(*args))
    chosen = metrics.choose(["gradient_cosine", "settling_time"], ["classification"])
    found = measure(NOISY, chosen)
    assert found.values == {name: metric.read(whole) for name, metric in chosen.items()}
    assert (len(relaxed), rules) == (1, [])
    measure(NOISY, metrics.choose(["test_accuracy_backprop"], ["classification"]))
    assert (len(relaxed), len(rules)) == (2, 1)


def test_a_measure_or_metric_of_somebody_else_may_read_all_of_the_run():
    own = metrics.Metric("epochs that were noted", "1", lambda run: run.sizes["epoch"])
    assert metrics.asked({"own": own}) is None
    register.measure("mine")(measured("mine")(lambda moment: 1.0))
    assert metrics.asked(metrics.choose(["mine", "settled"])) is None
    assert metrics.asked(metrics.choose(["settled"])) == Asked(frozenset({"settled", "status"}), frozenset({"chip"}))
    assert metrics.asked(metrics.choose(["initial_settled"])) == Asked(frozenset({"status"}), frozenset())


def test_every_number_of_a_trainer_says_whose_it_is(whole):
    """`trainer` of a metric is the only one that its number depends on."""
    of_trainers = {name for name, one in declared() if "trainer" in one.dims}
    for name, metric in metrics.choose(None, ["classification"]).items():
        if metric.measured[0] in of_trainers:
            alone = whole.sel(trainer=[metric.trainer])
            assert metric.read(alone) == metric.read(whole), name
