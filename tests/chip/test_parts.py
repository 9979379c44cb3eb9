"""A chip is made of parts: flat names are views of them, and both ways to make and to change one agree."""

import copy
import json
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import analogsim as asim
from analogsim.chip import Chip, Connection, Converter, DeviceState, Driver, Neurons, Periphery, ReadPath
from analogsim.chip.flat_names import ALL, PER_LAYER
from analogsim.chip.state import EACH, WHOLE
from analogsim.circuits.neurons import NeuronCircuit, mismatch

NET = asim.Network.random((5, 4, 3), "tanh", seed=0)
OLD = sorted((Path(__file__).parents[1] / "golden" / "chips").glob("*.npz"))


def flat(chip):
    """Everything under its flat name."""
    return {name: getattr(chip, name) for name in ALL}


def equal(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        if name in PER_LAYER:
            for a, b in zip(value, other[name], strict=True):
                np.testing.assert_array_equal(a, b)
        elif name == "tia":
            equal(*({} if tia is None else tia.to_arrays() for tia in (value, other[name])))
        else:
            np.testing.assert_array_equal(value, other[name])


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_chips_saved_before_there_were_parts_open_with_every_number(path, tmp_path):
    chip, file = asim.load_chip(path), np.load(path)
    plain = json.loads(str(file["plain"]))
    assert dict(chip.record) == plain.pop("record")
    for name, value in plain.items():
        np.testing.assert_array_equal(getattr(chip, name), value)
    seen = set()
    for key in file:
        name, _, rest = key.partition(".")
        if name in PER_LAYER:
            np.testing.assert_array_equal(getattr(chip, name)[int(rest)], file[key])
        elif name == "devices":
            np.testing.assert_array_equal(chip.devices[rest], file[key])
        elif name == "tia":
            np.testing.assert_array_equal(chip.tia.to_arrays()[rest], file[key])
        elif name == "driver":  # there is no feedback into the input, whatever its driver was
            np.testing.assert_array_equal(
                np.delete(chip.driver.reshape(-1, 5), 2, 0), np.delete(file[key].reshape(-1, 5), 2, 0)
            )
        elif name != "plain":
            np.testing.assert_array_equal(getattr(chip, name), file[key])
        seen.add(key)
    assert seen == {*file}
    chip.save(tmp_path / "again.npz")
    equal(flat(asim.load_chip(tmp_path / "again.npz")), flat(chip))
    assert {*np.load(tmp_path / "again.npz")} == {*file}


def test_old_files_were_there():
    assert len(OLD) == 3


@pytest.mark.parametrize("name", ["amplifiers", "converters", "optics"])
def test_a_chip_of_flat_names_is_the_chip_of_parts(name):
    chip = asim.load_chip(next(path for path in OLD if path.stem == name))
    again = Chip(**flat(chip), loss=chip.loss, time_unit=chip.time_unit, activity_unit=chip.activity_unit)
    equal(flat(again), flat(chip))


def test_changing_a_part_and_changing_flat_names_agree():
    chip = asim.circuit("combined").program(NET, seed=3)
    slow = tuple(2 * tau for tau in chip.tau)
    one = chip.replace(tau=slow, rails=np.array([-2.0, 3.0]), read_mode="ou", ou_noise=0.1)
    other = chip.replace(
        neurons=[replace(layer, tau=tau) for layer, tau in zip(chip.neurons, slow, strict=True)],
        periphery=Periphery(-2.0, 3.0),
        reads=replace(chip.reads, mode="ou"),
        nodes=type(chip.nodes)(**{**chip.nodes, "ou_noise": 0.1}),
    )
    equal(flat(one), flat(other))
    assert (chip.tau[0] != one.tau[0]).all()  # the one it was made from is as it was


def test_what_is_left_out_of_parts_is_nominal():
    chip = Chip(
        connections=[
            Connection(0, 1, ReadPath(NET.weights[0])),
            Connection(1, 2, ReadPath(NET.weights[1]), ReadPath(NET.weights[1].T)),
        ],
        neurons=[Neurons(NET.biases[0], "tanh", nudge=None), Neurons(NET.biases[1], "identity")],
    )
    equal(flat(chip), flat(Chip.ideal(NET)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"connections": [Connection(0, 1, ReadPath(NET.weights[0])), Connection(0, 2, ReadPath(NET.weights[1]))]},
            "from layer 0 to layer 2",
        ),
        ({"neurons": Chip.ideal(NET).neurons[:1]}, r"Chip\.neurons has 1 entries"),
        ({"neurons": [Neurons(NET.biases[0])] * 2}, r"Chip\.biases\[1\] has shape \(4,\)"),
        ({"neurons": "none"}, r"Chip\.neurons = 'none'"),
        ({"connections": [1]}, "Connection record"),
        ({"feedback": (NET.weights[0].T, NET.weights[1].T)}, r"Chip\.feedback\[0\] must be None"),
        ({"feedback": (None, None)}, r"Chip\.feedback\[1\] has shape None"),
        ({"feedback_noise": (np.ones((5, 4)), None)}, r"Chip\.feedback_noise\[0\] must be None"),
        ({"forward_noise": (np.ones((4, 5)), np.ones((4, 5)))}, r"Chip\.forward_noise\[1\] has shape"),
        ({"feedback_echo": (None, np.ones((3, 3)))}, r"Chip\.feedback_echo\[1\] must be None"),
        ({"tau": (np.ones((2, 4)),)}, r"Chip\.tau has 1 entries"),
        ({"tau": (-np.ones((2, 4)), np.ones((2, 3)))}, r"Chip\.tau\[0\].*> 0"),
        ({"nudge": np.zeros((2, 4))}, r"Chip\.nudge has shape"),
        ({"rails": [1.0, 2.0]}, r"Chip\.rails"),
        ({"periphery": Periphery(high=-1.0)}, r"Chip\.rails"),
        ({"converters": np.ones((3, 2))}, r"Chip\.converters"),
        ({"flicker_band": (2.0, 1.0)}, r"Chip\.flicker_band"),
        ({"telegraph_dwell": (1.0,)}, "two numbers"),
        ({"nonsense": 1}, "unknown field of Chip 'nonsense'"),
        ({"neuron": 1}, "did you mean 'neurons'"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_one_line(change, words):
    with pytest.raises(asim.InputError, match=words) as caught:
        Chip.ideal(NET).replace(**change)
    assert "\n" not in str(caught.value)


def test_two_kinds_of_converters_in_one_direction_are_refused():
    one, two = asim.circuit("crossbar", dac_bits=6, dac_range=2.0).program(NET).connections
    other = replace(two, forward=replace(two.forward, converter=Converter(dac=0.5)))
    with pytest.raises(asim.InputError, match="one direction have the same converter"):
        asim.circuit("crossbar").program(NET).replace(connections=[one, other])


def test_drivers_and_converters_have_named_columns():
    made = asim.circuit(
        "crossbar", dac_bits=6, dac_range=2.0, dac_feedback_range=1.0, dac_inl=1.0, adc_bits=4, adc_range=3.0
    )
    chip = made.program(NET)
    for j, connection in enumerate(chip.connections):
        for way, path in enumerate(connection.paths):
            assert Driver(*chip.driver[way, j]) == path.driver
            assert Converter(*chip.converters[way]) == path.converter
    ahead, back = chip.connections[1].paths
    assert (ahead.driver.high, back.driver.high) == (2.0, 1.0)
    assert ahead.converter.dac == pytest.approx(2.0 / 31)
    assert ahead.converter.adc == pytest.approx(3.0 / 7)
    assert (chip.periphery.low, chip.periphery.high) == (-3.0, 3.0)
    u = np.linspace(-3, 3, 101)
    sent = chip.sent(u, 0, 1)
    np.testing.assert_allclose(sent / ahead.converter.dac, np.rint(sent / ahead.converter.dac), atol=1e-9)


@pytest.mark.parametrize(
    "way", [copy.deepcopy, lambda chip: pickle.loads(pickle.dumps(chip))], ids=["deepcopy", "pickle"]
)
def test_no_array_of_a_copied_chip_can_be_written_to(way):
    chip = way(asim.circuit("combined").program(NET, seed=3))
    parts = [vars(part) for part in (*chip.neurons, *(path for c in chip.connections for path in c.paths))]
    arrays = [a for part in parts for a in part.values() if isinstance(a, np.ndarray)]
    assert len(arrays) > 15
    assert not any(a.flags.writeable for a in arrays)


def test_rewriting_hands_on_all_but_the_weights():
    chip = asim.circuit("crossbar", noise=0.05, device="ideal").program(NET, seed=1)
    other = chip.rewritten(biases=[b + 1 for b in chip.biases], forward=[2 * w for w in chip.forward])
    np.testing.assert_array_equal(other.biases[0], chip.biases[0] + 1)
    np.testing.assert_array_equal(other.connections[1].forward.weights, other.forward[1])
    assert other.neurons[0].tau is chip.neurons[0].tau
    assert other.differs_in_weights_only(chip)
    equal(flat(other), flat(other.replace()))
    for change in (
        {"tau": tuple(t + 0 for t in chip.tau)},
        {"ou_noise": 0.1},
        {"rails": [-1, 1]},
        {"loss": "cross-entropy"},
    ):
        assert not chip.replace(**change).differs_in_weights_only(chip)


def test_the_state_of_the_devices_has_one_table_of_keys():
    rng = np.random.default_rng(0)
    each = {f"{name}.{j}": rng.random(3) for name in EACH for j in (0, 2)}
    everything = {**each, **{name: np.asarray(2.0) for name in WHOLE}, "mine.0": np.ones(2), "target": np.ones(1)}
    state = DeviceState.of(everything)
    assert {*state} == {*everything}
    assert len(state) == len(everything)
    for key, value in everything.items():
        np.testing.assert_array_equal(state[key], value)
    np.testing.assert_array_equal(state.target[2], everything["target.2"])
    assert {*state.other} == {"mine.0", "target"}
    newer = state.joined(DeviceState(target={2: np.zeros(3), 5: np.ones(3)}, turn=np.asarray(7)))
    assert float(newer.turn) == 7
    assert {*newer.target} == {0, 2, 5}
    assert not newer.target[2].any()
    np.testing.assert_array_equal(newer.fast[0], state.fast[0])
    for key in ("target.1", "nothing", "age.0", "target.x"):
        with pytest.raises(KeyError):
            state[key]
    with pytest.raises(TypeError):
        state.target[0] = np.ones(3)


@pytest.mark.parametrize(
    "made",
    [
        lambda: NET,
        lambda: asim.Network.random((500, 400, 10)),
        lambda: Chip.ideal(asim.Network.random((500, 400, 10))),
        lambda: asim.circuit("combined").program(NET, seed=1),
        lambda: asim.circuit("slm-generic").program(NET, seed=1),
        lambda: asim.circuit("crossbar").program(NET, seeds=[1, 2]),
        lambda: asim.circuit("crossbar"),
        lambda: asim.circuit("ideal"),
    ],
)
def test_pictures_in_words_are_a_few_lines_and_no_dump_of_arrays(made):
    thing = made()
    lines = repr(thing).splitlines()
    assert 1 < len(lines) <= 18
    assert max(map(len, lines)) < 250
    assert "array(" not in repr(thing)
    if hasattr(thing, "_repr_html_"):
        assert thing._repr_html_().startswith("<pre>")


def test_pictures_in_words_say_what_deviates():
    chip = Chip.ideal(NET)
    assert "off by" not in repr(chip)
    assert "gain off by up to 0.25" in repr(chip.replace(gain=(1.25 * chip.gain[0], chip.gain[1])))
    assert "V − Wᵀ" in repr(chip.replace(feedback=(None, 1.1 * chip.feedback[1])))
    assert "1/f noise σ 0.2" in repr(chip.replace(flicker_noise=0.2))
    assert "5-4-3" in repr(chip)
    assert "5-4-3" in repr(NET)


@dataclass(frozen=True, kw_only=True)
class Leaky(NeuronCircuit):
    """A circuit with a nonideality of its own, of one line."""

    leak_mismatch: float = mismatch("relative spread of a leak", into="gain", words="leaks off by {:.1%}")

    def _program(self, network, seed):
        return Chip.ideal(network, neurons=self.neurons(network, seed))

    def update(self, chip, deltas, rng):
        raise NotImplementedError

    def words(self):
        return self.neuron_words()


def test_a_nonideality_of_neurons_is_one_declaration():
    zero = dict.fromkeys(("tau_spread", "gain_mismatch", "offset_spread", "divider_mismatch", "mirror_mismatch"), 0.0)
    plain = {**zero, "nudge_mismatch": 0.0, "node_noise": 0.0, "time_unit": 1.0, "activity_unit": 1.0}
    net = asim.Network.random((5, 4000, 3))
    quiet, alone = Leaky(**plain).program(net, seed=1), Leaky(**plain, leak_mismatch=0.1).program(net, seed=1)
    assert (quiet.gain[0] == 1).all()
    assert np.std(alone.gain[0]) == pytest.approx(0.1, rel=0.05)
    both = {**plain, "gain_mismatch": 0.1}
    chip = Leaky(**both, leak_mismatch=0.1).program(net, seed=1)
    built_in = Leaky(**both).program(net, seed=1)
    # Two causes are drawn independently, and what was there before is drawn as before.
    assert np.std(chip.gain[0]) == pytest.approx(0.1 * 2**0.5, rel=0.05)
    assert abs(np.corrcoef((chip.gain[0] - built_in.gain[0]).ravel(), built_in.gain[0].ravel())[0, 1]) < 0.05
    np.testing.assert_allclose(chip.trimmed(0.1).gain[0] - 1, 0.1 * (chip.gain[0] - 1), atol=1e-12)
    assert "leaks off by 10.0%" in Leaky(**plain, leak_mismatch=0.1).words()
    with pytest.raises(asim.InputError, match="leak_mismatch"):
        Leaky(**plain, leak_mismatch=-0.1)
