"""Training in situ as a function: the bits of a run, corrections, continuous learning, health."""

import numpy as np
import pytest

import analogsim as asim
from analogsim import measure
from analogsim.experiments import run, summary, train_chip, train_digital
from analogsim.experiments.health import alarm
from analogsim.experiments.setup import prepare
from analogsim.settings import Settings

QUICK = {"epochs": 2, "hidden": (16,), "alpha": 0.3}


def test_it_learns_what_a_run_learns_bit_by_bit():
    options = {"circuit": "combined", "nudge": "chop", **QUICK}
    found, beside = train_chip(prepare(Settings(**options)), every_epoch=True), run(**options)
    assert len(found.accuracies) == 2
    # The weights are the same; the test reads have noise of their own.
    assert measure.lipschitz(found.trainer.network) == float(beside["lipschitz"].sel(trainer="chip")[-1])


@pytest.mark.slow
def test_the_combined_chip_learns_like_back_propagation_in_single_precision():
    gaps = []
    for seed in range(5):
        options = {"epochs": 8, "hidden": (32,), "alpha": 0.3, "nudge": "chop", "dtype": "float32", "seed": seed}
        setup = prepare(Settings(circuit="combined", **options))
        gaps.append(train_digital(setup).accuracy - train_chip(setup).accuracy)
    assert np.mean(gaps) < 1.5


@pytest.mark.parametrize("device", ["gokmen-vlasov", "rram-array-om"])
def test_a_trained_network_survives_in_pairs_of_cells_that_go_both_ways(device):
    """The mapping that follows the device costs some points at most; one-sided pairs, 15 to 80."""
    kept, lost = [], []
    for seed in range(3):
        setup = prepare(Settings(circuit="ideal", epochs=8, seed=seed))
        trained = train_digital(setup).trainer.network
        before = trained.accuracy(setup.data.test_x, setup.data.test_labels)
        for found, options in ((kept, {}), (lost, {"mapping": "one-sided"})):
            made = asim.circuit("crossbar", device=device, **options, **{"device.write_noise": 0.0})
            chip = made.program(trained, seed=seed)
            written = trained.replace(weights=chip.forward)
            found.append(before - written.accuracy(setup.data.test_x, setup.data.test_labels))
    assert np.mean(kept) < 0.05
    assert np.mean(lost) > 0.15


def test_a_trim_leaves_the_share_of_the_mismatch_that_it_is_told():
    loose, trimmed = (prepare(Settings(circuit="combined", trim=trim)).chip for trim in (None, 0.1))
    for name in ("offset", "divider", "mirror"):
        np.testing.assert_allclose(getattr(trimmed, name)[0], 0.1 * getattr(loose, name)[0])
    np.testing.assert_allclose(trimmed.gain[0] - 1, 0.1 * (loose.gain[0] - 1))
    with pytest.raises(asim.InputError, match="trim"):
        Settings(trim=1.5)


def test_samples_that_follow_each_other_are_learnt_without_any_reset():
    base = {"circuit": "ideal", "alpha": 0.3, "hidden": (16,), "epochs": 4, "batch_size": 20}
    rest = train_chip(prepare(Settings(**base))).accuracy
    for flow in ("sweeps", "ode"):
        flowing = train_chip(prepare(Settings(**base, continuous=8, gate=5, flow=flow))).accuracy
        assert flowing > rest - 2.0
    with pytest.raises(asim.InputError, match="auto-zero"):
        Settings(continuous=8, nudge="auto-zero")


def test_health_tells_bias_from_noise_and_its_cost_is_stated():
    found = run(circuit="combined", nudge="auto-zero", health="full", epochs=1, hidden=(16,), alpha=0.3)
    exact = run(circuit="ideal", health="full", epochs=1, hidden=(16,), alpha=0.3, beta=0.05)
    assert float(found["gradient_noise"].max()) > 0.05
    assert float(exact["gradient_noise"].max()) == 0
    assert float(exact["gradient_bias"].isel(epoch=0).max()) < 0.1
    assert found["verdicts"].sel(verdict="converged").values.tolist()[-1] == 100
    assert (exact["spectral_abscissa"] < -0.5).all()
    cost = summary.figures(found)["update_cost"]
    assert (cost["settles"], cost["array_reads"]) == (2, 6)
    off = run(circuit="ideal", health="off", epochs=1, hidden=(16,))
    assert off["gradient_bias"].isnull().all()


def test_lipschitz_constants_of_a_chip_are_those_of_its_network_where_the_slopes_are_one():
    network = asim.Network.random((5, 6, 4), "relu", seed=3)
    chip = asim.Chip.ideal(network)
    for lam in (0.0, 0.5, 1.0):
        hidden, output = measure.chip_lipschitz(chip, asim.Wiring.dyadic(lam))
        assert hidden == pytest.approx(measure.lipschitz_hidden(network, lam))
        assert output == pytest.approx(measure.lipschitz_output(network, lam))
    silent, _ = measure.chip_lipschitz(chip, asim.Wiring.dyadic(1.0), [-np.ones(6), np.ones(4)])
    assert silent == pytest.approx(1.0)  # a silent layer passes nothing on


def test_activations_that_run_away_raise_one_line():
    found = run(circuit="combined", epochs=8, hidden=(16,), overrides={"circuit.gain_mismatch": 0.1})
    assert "ALARM" in summary.table(found).splitlines()[0]
    assert alarm([2.0, 3.0, 6.0]) == ""


def test_the_pulsed_updates_learn_the_digits():
    card = {"circuit.mapping": "reference", "circuit.headroom": 2.0}
    options = {"circuit": "crossbar", "device": "gokmen-vlasov", "overrides": card, "hidden": (32,), "alpha": 0.3}
    learnt = train_chip(
        prepare(Settings(**options, update="pulses", optimiser="sgd", learning_rate=0.1, epochs=4, batch_size=20))
    )
    assert learnt.accuracy > 80
    with pytest.raises(asim.InputError, match="sgd"):
        Settings(update="tiki-taka")
