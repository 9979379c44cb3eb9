"""Every number of every card reaches something: set to another valid value, some output of its part changes."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import is_dataclass, replace

import numpy as np
import pytest

from analogsim import Network, Wiring, cards, circuit
from analogsim.cards.quantities import declared
from analogsim.devices import device
from analogsim.devices.base import Device
from analogsim.devices.dynamic import Dynamic
from analogsim.devices.endurance import History
from analogsim.devices.light_source import LightSource
from analogsim.devices.photodetector import Photodetector
from analogsim.devices.pulsed import Pulsed
from analogsim.devices.weighting import Weighting
from analogsim.errors import InputError
from analogsim.measure.power import array_power

NET = Network.random((5, 4, 3), seed=0)
DELTAS = [(0.2 * w, 0.1 * b) for w, b in zip(NET.weights, NET.biases, strict=True)]
X = np.random.default_rng(0).random((2, 5))

CONTEXTS = {
    # What is off by default has numbers that only matter where it is on.
    "device": [
        {},
        {"verify_attempts": 3, "verify_tolerance": 0.003, "d2d": 0.1},
        {"read_noise": 0.1},
        {"one_way": True, "w_min": 0.0, "w_max": 1.0, "reset": 0.1, "refresh_high": 0.6, "refresh_low": 0.2},
        {"cycle_noise": 0.3, "additive": False, "noise_floor": 0.1},
        {"w_min": -1.0},
        {"endurance": 30.0, "endurance_shape": 1.5, "half_stress": 0.1, "window_loss": 0.2},
    ],
    "circuit": [
        {},
        {"ou_noise": 0.1, "flicker_noise": 0.1, "telegraph_noise": 0.1, "node_capacitance": 1e-15},
        {"tia_gain": 1e3, "tia_bandwidth": 1e9, "tia_capacitance": 1e-12},
        {"mapping": "differential", "tia_offset": 1e-3},
        {"dac_bits": 6, "dac_range": 2.0, "dac_feedback_range": 1.0, "dac_inl": 1.0},
        {"adc_bits": 6, "adc_range": 3.0, "adc_inl": 1.0},
        {"r_word": 50.0, "r_bit": 50.0},
        {"r_word": 50.0, "r_bit": 50.0, "c_word": 1e-11, "c_bit": 1e-11},
        {"access_resistance": 1e4},
        {"slices": 2},
        {"selector": "none", "device.half_select": 0.05},
    ],
}


def others(item, value):
    """Values to try in place of one, the nearest first."""
    if isinstance(value, tuple):
        scaled = _map(value, lambda v: 1.2 * v)
        return [scaled] if scaled != value else [_map(value, lambda v: v + 0.01)]
    if value is None:
        return [0.1, 2.0, 1e3, 1e-9, 16, 45]
    if item.metadata["whole"]:
        return [value + 1, value - 1, value + 3, 2 * value, value // 2]
    if value == 0:
        return [0.01, 0.1, -0.1, 1.0, 10.0, 1e-3, 1e-12]
    if math.isinf(value):
        return [2.0, 0.5, 30.0, 1e4, 1e9]
    return [1.1 * value, 0.9 * value, 1.001 * value, 2 * value, value / 2, -value]


def _map(value, f):
    return tuple(_map(v, f) for v in value) if isinstance(value, tuple) else f(value)


def arguments(base):
    """What a method may ask for, by name; from the part before the change, so that both parts get the same."""
    known = {
        "voltage": np.array([-1.6, -1.0, -0.3, 0.2, 0.4, 1.6]),
        "seconds": 3e4,
        "shape": (60,),
        "relative": np.random.default_rng(1).uniform(-1, 1, (4, 3)),
        "outputs": np.arange(4),
        "modules": np.arange(4),
        "senders": np.arange(4),
        "channels": 4,
        "correct": True,
        "power": np.array([1e-6, 1e-3]),
        "bandwidth": 1e7,
        "full": 1.0,
        "phase": np.array([0.1, 0.5]),
        "phases": np.array([[0.1, 0.5, 0.2]]),
        "couplings": np.full((2, 1, 3), 0.95),
        "command": np.array([-0.9, 0.3]),
        "duration": 2e-4,
        "w": np.linspace(0.1, 0.8, 60),
        "t1": 0.95,
        "t2": 0.95,
        "modes": 4,
        "counts": np.random.default_rng(2).integers(-3, 4, 60),
        "change": 1e-6 * np.ones(5),
        "updates": 7,
        "cycles": 20.0,
        "count": 1000,
        "history": History.blank((60,)).with_pulses(np.arange(60), 3, 5),
    }
    if isinstance(base, Device):
        g = np.tile(np.linspace(base.g_min, base.g_max, 6), 10)
        known |= {"conductance": g, "programmed": g, "pairs": np.stack([g, g[::-1]])}
    if isinstance(base, Dynamic):
        known["state"] = np.linspace(*base.limits, 6)[1:-1]
    return known


def answers(part, known):
    """What every public method and property of a part gives."""
    found = {}
    cells = part.cells((60,), np.random.default_rng(4)) if isinstance(part, Device) else None
    for name in sorted(dir(type(part))):
        if name.startswith("_") or name in ("words", "picture", "outside", "refreshed"):
            continue
        member = getattr(type(part), name)
        if isinstance(member, property):
            found[name] = getattr(part, name)
            continue
        if not callable(member):
            continue
        asked = inspect.signature(getattr(part, name)).parameters.values()
        given = {}
        for p in asked:
            if p.name in ("rng", "fixed", "fresh"):
                given[p.name] = np.random.default_rng(5)
            elif p.name == "cells":
                given[p.name] = cells
            elif p.name in known:
                given[p.name] = known[p.name]
            elif p.default is p.empty:
                break
        else:
            voltages = given.pop("voltage", None)
            for v in [{}] if voltages is None else [{"voltage": v} for v in voltages]:
                try:
                    found[f"{name}{v}"] = getattr(part, name)(**given, **v)
                except InputError:
                    found[f"{name}{v}"] = None
    if isinstance(part, Pulsed) and part.one_way:
        pair = part.conductance(np.array(np.meshgrid(*[np.linspace(0.05, 0.95, 10)] * 2)))
        cells = part.cells(pair.shape, np.random.default_rng(6))
        found["refreshed"] = part.refreshed(pair, np.random.default_rng(3), cells)
    return found


def flat(value):
    """Numbers, in a row, of whatever a method gives."""
    if is_dataclass(value):  # a part of a chip, such as its rails
        value = vars(value)
    if isinstance(value, Mapping):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        return np.concatenate([np.zeros(0), *(flat(v) for v in value)])
    if value is None or isinstance(value, str):
        return np.zeros(0)
    return np.asarray(value, dtype=float).ravel()


def differs(one, other):
    """Whether any answer that both give is another."""
    both = [(flat(one[key]), flat(other[key])) for key in one.keys() & other.keys()]
    return any(not np.array_equal(*pair, equal_nan=True) for pair in both)


def of_part(part, known):
    """What a part answers, and of an optical one the chip that a circuit makes with it."""
    found = answers(part, known)
    for kind, role in ((LightSource, "source"), (Photodetector, "detector"), (Weighting, "device")):
        if isinstance(part, kind):
            name = part.record["name"]
            machine = circuit(name[-6:] if name.endswith(("aoc-16", "aoc-48")) else "slm-generic")
            found |= of_circuit(replace(machine, **{role: part}))
    return found


def of_circuit(made, _=None):
    """The chip, what an update makes of it, its estimates of power and time."""
    chip = made.program(NET, seed=1)
    found = {key: value for key, value in vars(chip).items() if key not in ("record", "devices")}
    if chip.tia is not None:
        found["tia"] = chip.tia.to_arrays()
    found["update"] = made.update(chip, DELTAS, np.random.default_rng(0)).forward
    if hasattr(made, "estimate"):
        found["estimate"] = made.estimate(chip)
    if hasattr(made, "power"):
        states = [np.ones((2, 2, n)) for n in chip.sizes[1:]]
        found["power"] = array_power(made, chip, X, states, Wiring.dual_propagation(0.5)).total
    return found


CLOSED = "written in a closed loop within each cell's own bounds"
MEASURED = "refused: the card has a measurement of every channel"
SILENT = {
    # (model, field): why no output changes. "refused" says that every other value is.
    **dict.fromkeys([("ideal", "programming_scale")], "programs exactly"),
    **{
        (m, "half_select"): "refused: a law of its own"
        for m in ("ion-drift", "vteam", "yakopcic", "stanford-pku", "metal-oxide-pulses")
    },
    **{
        ("ion-drift", f"{name}_voltage"): "a linear law: half of any voltage is half of the motion"
        for name in ("set", "reset")
    },
    **{(m, "programming_scale"): "programs exactly" for m in ("ion-drift", "vteam", "yakopcic", "stanford-pku")},
    **{
        (model, name): why
        for model in ("constant-step", "linear-step", "soft-bounds", "exp-step", "pow-step", "metal-oxide-pulses")
        for name, why in (
            ("programming_scale", CLOSED),
            ("verify_tolerance", CLOSED),
            ("verify_attempts", "refused: cells updated by pulses have spreads of their own"),
            ("d2d", "refused: cells updated by pulses have spreads of their own"),
        )
    },
    ("microled-aoc-16", "spread"): MEASURED,
    ("microled-aoc-48", "spread"): MEASURED,
    **{(f"pd-aoc-{n}", name): MEASURED for n in (16, 48) for name in ("crosstalk", "gain_spread")},
    **{
        (f"slm-aoc-{n}", name): MEASURED
        for n in (16, 48)
        for name in ("channels", "bend", "gain_spread", "floor_spread")
    },
    **{("combined", f"tia_{name}"): "refused: with node noise" for name in ("bandwidth", "capacitance")},
    **{
        ("combined", name): "ideal wires have no delay, and others none with node noise" for name in ("c_word", "c_bit")
    },
    ("rram-milo", "times"): "one measurement, right after programming; the other cards of the model have several",
    ("combined", "age"): "its cells are ideal and do not age",
    **{("combined", name): "ideal cells have no electronic noise" for name in ("electronic_noise", "amplifier_noise")},
    **{("combined", name): "its cells have no 1/f noise" for name in ("sample_time", "noise_batch")},
}
CARDS = [(kind, name) for kind in ("device", "circuit") for name in cards.names(kind)]
LONG = ("linear-drift", "taox-yakopcic", "metal-oxide-ucsb-pulsed", "combined")
"""Cards that take more than some seconds: cells that are written by integrating their law."""
TRIED = [pytest.param(*card, marks=pytest.mark.slow if card[1] in LONG else ()) for card in CARDS]


def fields(kind, name):
    """The numbers of a card: all of them for the first card of a model, else those that the card itself gives."""
    card = cards.read(kind, name)
    first = next(n for k, n in CARDS if k == kind and cards.read(kind, n).model == card.model)
    made = (device if kind == "device" else circuit)(name)
    return card, [f for f in declared(type(made)) if "shape" in f.metadata and (name == first or f.name in card.values)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("kind", "name"), TRIED)
def test_every_number_of_a_card_changes_an_output(kind, name):
    make, observe = (device, of_part) if kind == "device" else (circuit, of_circuit)
    card, numbers = fields(kind, name)
    bases = []
    for context in CONTEXTS[kind]:
        try:
            made = make(name, **context)
            known = arguments(made)
            bases.append((context, made, known, observe(made, known)))
        except InputError:
            continue
    for item in numbers:
        tried, changed = 0, False
        for context, made, known, before in bases:
            for value in others(item, getattr(made, item.name)):
                try:
                    after = observe(make(name, **{**context, item.name: value}), known)
                except InputError:
                    continue
                tried, changed = tried + 1, differs(before, after)
                if changed:
                    break
            if changed:
                break
        why = SILENT.get((name, item.name)) or SILENT.get((card.model, item.name))
        assert changed == (why is None), f"{name}: {item.name}"
        if why:
            assert (tried == 0) == why.startswith("refused"), f"{name}: {item.name}"


def test_what_follows_from_other_fields_follows_them_in_a_copy_too():
    """`dataclasses.replace` hands every value on; one that was worked out is worked out again."""
    slow = replace(circuit("optoelectronic"), neuron_bandwidth=1e6)
    assert slow.time_unit == circuit("optoelectronic", neuron_bandwidth=1e6).time_unit > 1e-7
    given = replace(circuit("optoelectronic", time_unit=1e-6), neuron_bandwidth=1e6)
    assert given.time_unit == 1e-6
    cell = replace(device("metal-oxide-ucsb-pulsed"), set_voltage=1.0)
    assert cell.step == device("metal-oxide-ucsb-pulsed", set_voltage=1.0).step < device(cell.record["name"]).step
    assert replace(device("vteam"), r_on=100.0).g_max == 0.01
