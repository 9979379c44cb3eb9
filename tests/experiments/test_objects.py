"""Objects where names are expected: circuits, devices, wirings, data sets and solvers."""

import pickle
import threading
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pytest

import analogsim as asim
from analogsim.cards import quantity
from analogsim.circuits import Circuit
from analogsim.devices import Device, Ideal
from analogsim.engine.solvers import fixed_steps
from analogsim.errors import InputError
from analogsim.experiments import data, results, run
from analogsim.experiments.setup import prepare
from analogsim.learning import Rule
from analogsim.learning.updates import Update
from analogsim.registry import Given, register
from analogsim.settings.record import Settings
from analogsim.settings.registered import RULES

Y = np.arange(60) % 3
ARRAYS = {"x": np.eye(3)[Y] + 0.1 * np.random.default_rng(0).random((60, 3)), "y": Y}
CELL = Ideal(g_max=1e-4)
TINY = {"hidden": (4,), "epochs": 1, "seed": 1}


@dataclass(frozen=True, kw_only=True)
class Scaled(Circuit):
    """Every weight times one number."""

    time_unit: float = quantity("time constant of a neuron", "s", above=0, default=1.0)
    activity_unit: float = quantity("voltage of an activity of one", "V", above=0, default=1.0)
    factor: float = quantity("what the weights are multiplied by", above=0, default=0.5)
    device: Device = CELL

    def _program(self, network, seed):
        weights = [self.factor * w for w in network.weights]
        return asim.Chip.ideal(network.replace(weights=weights), record={"circuit": dict(self.record)})


def test_a_run_takes_objects_and_its_stamp_says_what_they_are():
    wiring = replace(asim.Wiring.dual_propagation(1.0), name="mine")
    found = run(circuit=Scaled(factor=0.9), rule=wiring, data=ARRAYS, **TINY)
    stamp = results.read_stamp(found)
    assert stamp["settings"]["circuit"] == "Scaled (object)"
    assert stamp["settings"]["rule"] == "mine (object)"
    card = stamp["cards"]["circuit"]
    assert card["path"] == f"{__name__}:Scaled"
    assert card["values"]["factor"] == {"value": 0.9, "unit": "1", "source": "Python"}
    assert any(line.startswith("Circuit   Every weight times one number") for line in stamp["words"])
    named = run(circuit=Scaled(factor=0.9), rule="dp", alpha=1.0, data=data.load_data(ARRAYS), **TINY)
    # The digital network learns with the α of the settings; the chip is the same.
    assert found.test_accuracy.sel(trainer="chip").equals(named.test_accuracy.sel(trainer="chip"))


def test_options_change_an_object_as_they_change_a_card():
    made = asim.circuit(Scaled(), factor=0.25, device="pcm-ibm", **{"device.read_noise": 0.1})
    assert (made.factor, made.device.read_noise) == (0.25, 0.1)
    assert asim.circuit(made) is made
    assert asim.device(made.device) is made.device
    again = asim.circuit("crossbar", device=made.device, **{"device.g_max": "20 uS"})
    assert again.device.g_max == 20e-6
    assert again.device.record["values"]["g_max"]["source"] == "override"
    with pytest.raises(InputError, match=r"did you mean 'circuit.factor'"):
        asim.circuit(Scaled(), facter=1)
    with pytest.raises(InputError, match="out of range"):
        asim.circuit(Scaled(), factor=-1)
    with pytest.raises(InputError, match="does not fit"):
        asim.circuit(Scaled(), device="pd-generic")
    with pytest.raises(InputError, match="has no read noise"):
        prepare(Settings(circuit=Scaled(), noise=("0.1",), data=ARRAYS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"circuit": 3},
        {"circuit": Scaled},
        {"device": 3.0},
        {"data": 7},
        {"rule": object()},
        {"data": Scaled()},
        {"update": print},
    ],
)
def test_what_is_neither_a_name_nor_a_thing_of_the_kind_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))) as caught:
        Settings(**wrong)
    assert "\n" not in str(caught.value)


def test_a_given_thing_is_a_text_that_holds_it():
    first, second = Scaled(), Scaled()
    given = Given(first)
    assert (str(given), f"{given}") == ("Scaled (object)", "Scaled (object)")
    assert given == Given(first)
    assert given != Given(second)
    assert given != "Scaled (object)"
    assert given != "Scaled (object)"
    assert deepcopy(given).thing is first
    # In one pickle two texts that hold one thing still do.
    pair = pickle.loads(pickle.dumps([given, Given(first)]))
    assert pair[0] == pair[1]
    assert pair[0].thing.factor == 0.5


def test_a_sweep_takes_objects_to_its_workers_and_hashes_them(tmp_path):
    options = {"data": ARRAYS, "metrics": ["programming_error"], "output": tmp_path / "s.nc", "hidden": (4,)}
    found = asim.sweep(Scaled(), {"factor": [0.5, 0.9]}, workers=2, **options).load()
    np.testing.assert_allclose(found.programming_error, [0.5, 0.1], rtol=1e-12)
    found.close()
    asim.sweep(Scaled(), {"factor": [0.5, 0.9]}, workers=1, **options).close()
    changed = {**options, "data": {**ARRAYS, "x": 2 * ARRAYS["x"]}}
    with pytest.raises(InputError, match=r"others: data arrays \(object\) was .*--fresh"):
        asim.sweep(Scaled(), {"factor": [0.5, 0.9]}, workers=1, **changed)


class Halved(Update):
    """Every change is halved."""

    def __call__(self, chip, deltas, rng):
        return super().__call__(chip, [(dw / 2, db / 2) for dw, db in deltas], rng)


def test_a_rule_and_an_update_are_objects_too():
    rule = Rule(wiring=asim.Wiring.dual_propagation, takes=("alpha",), activation="tanh")
    settings = Settings(rule=rule, alpha=0.3, update=Halved)
    assert settings.wiring().to_json() == asim.Wiring.dual_propagation(0.3).to_json()
    assert settings.hidden_activation == "tanh"
    assert settings.said() == ["update Halved (object): your own"]
    with pytest.raises(InputError, match=r"lam = 0\.5 has no meaning for rule"):
        Settings(rule=rule, lam=0.5)
    with pytest.raises(InputError, match=r"alpha = 0\.5 has no meaning for rule"):
        Settings(rule=asim.Wiring.dyadic(0.5), alpha=0.5)
    # Plain SGD of one batch: half of every change, at half the rate for all of it.
    options = {"circuit": "ideal", "data": ARRAYS, "hidden": (4,), "epochs": 1, "batch_size": 48, "optimiser": "sgd"}
    found = run(**options, rule=rule, alpha=0.3, update=Halved, learning_rate=0.2, beta=0.1)
    named = run(**options, rule="dp", activation="tanh", alpha=0.3, learning_rate=0.1, beta=0.1)
    moved = [
        float(one.lipschitz.sel(trainer="chip")[-1] - one.lipschitz.sel(trainer="chip")[0]) for one in (found, named)
    ]
    assert moved[0] == pytest.approx(moved[1], rel=1e-9) != 0


def test_an_axis_of_objects():
    quiet, loud = (asim.device("pcm-ibm", programming_scale=scale, read_noise=0) for scale in (0.0, 3.0))
    options = {"data": ARRAYS, "metrics": ["programming_error"], "hidden": (4,), "workers": 1}
    found = asim.sweep("crossbar", {"device": {"quiet": quiet, "loud": loud}}, **options)
    assert found.device.values.tolist() == ["quiet", "loud"]
    assert float(found.programming_error[0]) < 1e-12 < float(found.programming_error[1])
    found = asim.sweep("crossbar", {"device": ["ideal", loud]}, **options)
    assert found.device.values.tolist() == ["ideal", "pcm-ibm (object)"]
    with pytest.raises(InputError, match="given twice"):
        asim.sweep("crossbar", {"device": [quiet, loud]}, **options)


def test_an_object_without_a_digest_is_refused_where_points_are_kept(tmp_path):
    held = Scaled()
    object.__setattr__(held, "lock", threading.Lock())
    with pytest.raises(InputError, match=r"circuit 'Scaled \(object\)' holds something without a digest"):
        asim.sweep(held, {"alpha": [0.5]}, data=ARRAYS, hidden=(4,), output=tmp_path / "s.nc")


def test_what_a_script_registers_reaches_the_workers():
    register.circuit("scaled-here")(Scaled)
    try:
        found = asim.sweep("scaled-here", {"factor": [0.5]}, data=ARRAYS, metrics=["programming_error"], workers=2)
        assert float(found.programming_error[0]) == pytest.approx(0.5)
    finally:
        del register.circuit._known["scaled-here"]


def test_relax_takes_a_solver():
    """Explicit midpoint steps against the exact decay of a layer without weights, a = b (1 − e^−t)."""

    @fixed_steps
    def midpoint(a, h, rate):
        return a + h * rate(a + h / 2 * rate(a))

    net = asim.Network([np.zeros((2, 3))], [np.array([1.0, -2.0])])
    chip, times = asim.circuit("ideal").program(net), np.array([0.0, 0.35, 1.0, 2.0])
    task = {"wiring": asim.Wiring.adjoint_dual_propagation(0.5), "beta": 0.0, "times": times}
    found = [asim.relax(chip, np.zeros((1, 3)), **task, solver=midpoint, dt=dt) for dt in (0.1, 0.05)]
    exact = np.outer(1 - np.exp(-times), [1.0, -2.0])
    errors = [np.abs(ds.a_1.values[0, :, 0] - exact).max() for ds in found]
    assert errors[1] < 2e-3
    assert 3.5 < errors[0] / errors[1] < 4.5
    assert found[0].attrs["solver"] == "midpoint"
    with pytest.raises(InputError, match="unknown solver 3"):
        asim.relax(chip, np.zeros((1, 3)), **task, solver=3)
    with pytest.raises(InputError, match=r"a step of shape \(1,\)"):
        asim.relax(chip, np.zeros((1, 3)), **task, solver=fixed_steps(lambda a, h, rate: np.zeros(1)))


def test_samples_that_blow_up_are_held_by_fixed_steps():
    net = asim.Network([np.eye(1)], [np.zeros(1)])
    chip = asim.circuit("ideal").program(net)
    growing = fixed_steps(lambda a, h, rate: np.where(a == 0, 1.0, 10 * a))
    found = asim.relax(
        chip, np.ones((2, 1)), wiring=asim.Wiring.dual_propagation(1.0), beta=0.0, t_end=10.0, solver=growing
    )
    assert (found.status == "diverged").all()
    assert np.isfinite(found.a_1).all()


@pytest.mark.parametrize("rule", list(RULES))
def test_a_run_says_what_stands_beside_its_chip_unless_it_follows_the_same_rule(rule):
    words = " ".join(prepare(Settings("ideal", rule=rule, hidden=(4,))).words())
    assert ("beside it digital DP⊤(α=0.5), the reference of every rule" in words) == (rule != "dpt")
