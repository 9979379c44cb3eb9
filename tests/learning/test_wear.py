"""Wear in training: pulses are counted by every update, worn-out cells stay stuck, and a run reports them."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.circuits.base import circuit
from analogsim.devices import Pulsed
from analogsim.experiments import run, summary
from analogsim.experiments.notebook import Notebook
from analogsim.experiments.setup import prepare
from analogsim.learning.on_chip import OnChip
from analogsim.learning.updates import make
from analogsim.measure.declaration import declared
from analogsim.settings import Settings

NET = asim.Network.random((24, 20, 6), seed=1)
WEAR = {"device.endurance": 20.0, "device.endurance_shape": 1.5}
WAYS = [
    ("circuit", "pcm-hermes", {}),
    ("circuit", "rram-cmo", {"mapping": "reference", "feedback": "second-array"}),
    ("circuit", "ideal", {"slices": 2}),
    ("write-verify", "pcm-hermes", {}),
    ("mixed-precision", "pcm-hermes", {"device.levels": 64}),
    ("nearest", "gokmen-vlasov", {}),
    ("stochastic", "rram-gong", {}),
    ("pulses", "rram-gong", {}),
    ("pulses", "pcm-pulsed", {}),
    ("tiki-taka", "rram-gong", {}),
    ("tiki-taka-2", "rram-array-om", {}),
]


def trained(made, name, updates, seed=0):
    """Yield the chip after 0, 1, … updates with random wishes."""
    chip, update, rng = made.program(NET, seed=seed), make(name, made), np.random.default_rng(seed)
    yield chip
    for _ in range(updates):
        if update.driven:
            pairs = [[(rng.normal(size=(4, w.shape[0])), rng.random((4, w.shape[1])))] for w in chip.forward]
            chip = update.drive(chip, pairs, chip.biases, 0.02, rng)
        else:
            deltas = [0.02 * rng.normal(size=w.shape) for w in chip.forward]
            chip = update(chip, [(d, np.zeros(len(d))) for d in deltas], rng)
        yield chip


ARRAYS = (("", "conductance"), ("feedback_", "feedback"), ("fast_", "fast"))


@pytest.mark.parametrize(("name", "device", "options"), WAYS)
def test_worn_out_cells_stay_where_they_are(name, device, options):
    made = circuit("crossbar", device=device, **WEAR, **options)
    if name != "circuit":
        made = circuit(made, **{"device.endurance": 100.0 if isinstance(made.device, Pulsed) else 40.0})
    last, dead = None, 0
    for chip in trained(made, name, 10):
        now = {
            (prefix, j): (getattr(chip.devices, f"{prefix}full_pulses")[j].sum(0), g)
            for prefix, field in ARRAYS
            for j, g in getattr(chip.devices, field).items()
        }
        for key, (pulses, g) in (last or {}).items():
            prefix, j = key
            shape = pulses.shape if prefix == "fast_" else chip.forward[j].shape
            draw = made.device.cells(shape, asim.circuits.base.child(0, "cells", "fast", j)) if prefix == "fast_" else (
                made._cells({"": "conductance", "feedback_": "feedback"}[prefix], j, shape, 0)
            )  # fmt: skip
            failed = pulses >= draw["life"]
            dead += failed.sum()
            np.testing.assert_array_equal(now[key][1][failed], g[failed])
            np.testing.assert_array_equal(g[failed], draw["worn"][failed])
            assert (now[key][0] >= pulses).all()
        last = now
    assert dead > 20
    share = np.mean([made.worn_out(chip, j).mean() for j in range(2)])
    assert 0 < share < 1


def test_every_write_of_an_ordinary_cell_is_a_cycle_and_the_share_follows_the_law():
    made = circuit("crossbar", device="ideal", **WEAR)
    *_, chip = trained(made, "circuit", 9)
    assert (chip.devices.full_pulses[0].sum(0) == 10).all()
    for seeds in (range(5), range(5, 10)):
        failed = [
            made.worn_out(last, j) for s in seeds for *_, last in [trained(made, "circuit", 9, s)] for j in (0, 1)
        ]
        failed, p = np.concatenate(failed), made.device.failed_share(10)
        assert abs(failed.mean() - p) < 4 * (p * (1 - p) / failed.size) ** 0.5
    np.testing.assert_array_equal(chip.devices.half_pulses[0], 0)


def test_write_verify_counts_its_corrections_and_pulses_count_themselves():
    counted = {"count_pulses": True}
    blind, verified = (
        circuit("crossbar", device="pcm-hermes", **counted, **{"device.verify_attempts": n, "noise": 0.0})
        for n in (1, 20)
    )
    once, often = (made.program(NET, seed=0).devices.full_pulses[0].sum(0) for made in (blind, verified))
    assert (once == 1).all()
    assert often.min() >= 1
    assert often.max() <= 20
    assert often.mean() > 2
    made = circuit("crossbar", device="idealized", **counted)
    chip, up = made.program(NET, seed=0), [np.full(w.shape, 5) for w in NET.weights]
    none = [np.zeros(w.shape, np.int64) for w in NET.weights]
    after = made.pulse(chip, up, none, chip.biases, np.random.default_rng(0))
    risen, fallen = after.devices.full_pulses[0] - chip.devices.full_pulses[0]
    # Of a pair the first cell takes its share up, and the second the rest down.
    np.testing.assert_array_equal(risen[0] + fallen[1], 5)
    assert not risen[1].any()
    assert not fallen[0].any()
    moved = np.abs(after.devices.conductance[0] - chip.devices.conductance[0])
    np.testing.assert_array_equal(after.devices.travel[0] - chip.devices.travel[0], moved)


@pytest.mark.parametrize(("name", "device", "options"), WAYS)
def test_counting_changes_nothing(name, device, options, tmp_path):
    plain, counted = (circuit("crossbar", device=device, count_pulses=on, **options) for on in (False, True))
    *_, one = trained(plain, name, 3)
    *_, two = trained(counted, name, 3)
    for a, b in zip(one.forward, two.forward, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * np.abs(a).max())
    assert not one.devices.full_pulses
    two.save(tmp_path / "chip.npz")
    kept = asim.load_chip(tmp_path / "chip.npz").devices
    np.testing.assert_array_equal(kept.full_pulses[1], two.devices.full_pulses[1])
    # Drift is no write.
    aged = counted.later(two, 10.0) if not isinstance(counted.device, Pulsed) else two
    np.testing.assert_array_equal(aged.devices.full_pulses[0], two.devices.full_pulses[0])


ASKED = {"epochs": 2, "hidden": (4,), "batch_size": 200, "circuit": "crossbar"}
WORN = {"device.endurance": 40.0, "device.endurance_shape": 3.0}
NAMES = {"worn_cells", "full_pulses", "full_cycles"}


def test_wear_is_measured_where_there_is_any():
    setup = prepare(Settings(**ASKED, overrides=WORN))
    chip = OnChip(setup.circuit, setup.chip, setup.wiring, setup.settings, asim.circuits.base.child(0, "chip"))
    book = Notebook(setup, chip, {}, {name: m for name, m in declared() if name in NAMES})
    book.note()
    for k in range(4):
        chip.step(setup.data.train_x[50 * k : 50 * k + 50], setup.data.train_y[50 * k : 50 * k + 50])
    book.note()
    np.testing.assert_array_equal([page["full_pulses"] for page in book.pages], [[1, 1], [5, 5]])
    assert (book.pages[1]["full_cycles"] > 0).all()
    failed = [setup.circuit.worn_out(chip.chip, j).mean() for j in range(2)]
    np.testing.assert_allclose(book.pages[1]["worn_cells"], 100 * np.array(failed))
    for changed, names in (({}, set()), ({"circuit.count_pulses": True}, NAMES - {"worn_cells"})):
        plain = prepare(Settings(**ASKED, overrides=changed))
        assert NAMES & set(Notebook(plain, chip, {}).measures) == names


@pytest.mark.slow
def test_a_run_reports_the_share_and_when():
    found = run(Settings(**ASKED, overrides=WORN))
    share = found["worn_cells"].mean("layer").values
    assert share[0] < share[1] < share[2]
    table = summary.table(found)
    assert f"{share[2]:.3g} %, first in epoch 1" in table
    assert "full pulses of a cell, mean" in table
    # One write when programmed and eight batches an epoch.
    np.testing.assert_array_equal(found["full_pulses"].values, [[1, 1], [9, 9], [17, 17]])
    assert summary.figures(found)["worn_cells"][1] == pytest.approx(list(found["worn_cells"].values[-1]))
