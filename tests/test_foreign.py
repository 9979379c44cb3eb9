"""What a part of somebody else returns is looked at: one line names the part, the method and what was expected."""

import inspect
from dataclasses import dataclass, replace

import numpy as np
import pytest

import analogsim as asim
from analogsim.cards import quantity
from analogsim.circuits import Circuit
from analogsim.devices import Device, device
from analogsim.devices.dynamic import Dynamic
from analogsim.devices.pulsed import Pulsed
from analogsim.devices.weighting import Weighting
from analogsim.engine.solvers import fixed_steps
from analogsim.engine.solvers import solver as find_solver
from analogsim.errors import InputError
from analogsim.experiments.setup import prepare
from analogsim.experiments.sweeps.measuring import measure
from analogsim.experiments.sweeps.metrics import metric
from analogsim.foreign import MARK, numbers
from analogsim.learning.updates import Update

CARDS = {Device: "ideal", Pulsed: "gokmen-vlasov", Dynamic: "linear-drift", Weighting: "microring"}
METHODS = [(base, name) for base in CARDS for name, method in vars(base).items() if hasattr(method, MARK)]
SHAPE = (3, 4)
RNG = np.random.default_rng(0)
GIVEN = {
    "conductance": np.full(SHAPE, 1e-4), "voltage": np.full(SHAPE, 0.1), "state": np.full(SHAPE, 0.5), "rng": RNG,
    "w": np.zeros(SHAPE), "weight": np.zeros(SHAPE), "counts": np.ones(SHAPE, int), "pairs": np.ones((2, *SHAPE)),
    "relative": np.zeros(SHAPE), "cells": {}, "shape": SHAPE, "outputs": np.arange(3), "fixed": RNG, "fresh": RNG,
    "correct": False, "seconds": 1.0, "start": np.full(SHAPE, 0.4), "end": np.full(SHAPE, 0.5),
    "up": np.ones(SHAPE, int), "down": np.ones(SHAPE, int),
}  # fmt: skip


def given(base, name):
    """Arguments of a method, those without a default."""
    parameters = list(inspect.signature(getattr(base, name)).parameters.values())[1:]
    return [GIVEN[one.name] for one in parameters if one.default is one.empty]


def mine(base, **found):
    """An object of a class of somebody else whose methods of those names return what is given, once it is made."""
    ours, made = device(CARDS[base]), []

    def override(name, value):
        own = getattr(type(ours), name)
        return lambda self, *args: (value(*args) if callable(value) else value) if made else own(self, *args)

    methods = {name: override(name, value) for name, value in found.items()}
    cls = type("Mine", (type(ours),), {**methods, "__module__": "theirs"})
    values = {key: value for key, value in vars(ours).items() if key != "record" and not key.startswith("_")}
    made.append(cls(**values))
    return made[0]


@pytest.mark.parametrize("base", CARDS)
def test_every_array_that_a_base_lets_others_return_is_looked_at(base):
    skipped = {"inside", "seen"}  # helpers that models call; nothing asks them of a part
    public = {
        name
        for name, method in vars(base).items()
        if inspect.isfunction(method) and not name.startswith("_") and method.__annotations__.get("return") == "Array"
    }
    assert public - skipped <= {name for of, name in METHODS if issubclass(base, of)}


@pytest.mark.parametrize(("base", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_what_is_no_array_of_real_numbers_is_one_line(base, name):
    arguments = given(base, name)
    good = GIVEN["pairs"] if name == "refreshed" else getattr(device(CARDS[base]), name)(*arguments)
    assert getattr(mine(base, **{name: good}), name)(*arguments) is good
    bad = [None, "much", object()]
    if isinstance(good, np.ndarray | float):
        values = np.atleast_1d(np.asarray(good, float))
        bad += [values + 1j, np.full_like(values, np.nan)]
        if name not in ("balance", "reference"):
            bad += [np.zeros((7, 7)), [*values.tolist(), 1.0]]
        if name in ("program", "read_sigma", "age", "target", "programming_sigma", "pulse", "leak"):
            bad += [-1.0 - values, np.where(np.arange(values.size).reshape(values.shape) == 1, -1e-9, values)]
    elif name == "words":
        bad.append([3])
    elif name == "cells":
        bad += [{"factor": np.ones(3)}, {"factor": np.full(SHAPE, -1.0)}, {"frozen": np.full(SHAPE, 1j)}, {"any": "x"}]
    for found in bad:
        part = mine(base, **{name: found})
        with pytest.raises(InputError, match=rf"^the device 'Mine', {name}\b.*expected") as error:
            getattr(part, name)(*arguments)
        assert "\n" not in str(error.value)


def test_ours_are_not_wrapped_and_a_sum_of_overrides_is_looked_at_once_each():
    assert type(device("pcm-ibm")).read_sigma.__code__.co_name == "read_sigma"
    check = numbers("conductance", low=0, unit="S")
    check("x", 0.5, {"conductance": 1.0})
    with pytest.raises(
        InputError, match=r"x: returned -1\.0 \(1 of 2 are wrong\); expected real, finite numbers ≥ 0 in S"
    ):
        check("x", np.array([0.5, -1.0]), {"conductance": np.ones(2)})
    part = mine(Device, read_sigma=lambda conductance, *rest: -0.1 * conductance)
    for asked in (part, replace(part)):  # a copy is of the same class
        with pytest.raises(InputError, match="the device 'Mine', read_sigma: returned"):
            asim.circuit("crossbar", device=asked).program(asim.Network.random((5, 3)))


@dataclass(frozen=True, kw_only=True)
class Board(Circuit):
    time_unit: float = quantity("time constant", "s", above=0, default=1.0)
    activity_unit: float = quantity("voltage of an activity of one", "V", above=0, default=1.0)

    def _program(self, network, seed):
        return asim.Chip.ideal(network)


def boarded(**methods):
    return type("Mine", (Board,), {**methods, "__module__": "theirs"})()


NET = asim.Network.random((5, 4, 3), seed=0)
OTHER = asim.Chip.ideal(asim.Network.random((5, 2, 3), seed=0))


def broken(chip):
    weights = [np.full_like(w, np.nan) for w in chip.forward]
    return chip.rewritten(forward=weights)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (
            {"_program": lambda self, network, seed: OTHER},
            "'Mine', _program: returned a chip of 5-2-3; the network is 5-4-3",
        ),
        ({"_program": lambda self, network, seed: None}, "'Mine' makes of a network = None; expected a Chip"),
        (
            {"_program": lambda self, network, seed: OTHER.replace(tau=[np.ones(3)])},
            "the circuit 'Mine', _program: .*tau",
        ),
        ({"update": lambda self, chip, deltas, rng: OTHER}, "'Mine', update: returned a chip of 5-2-3; .* 5-4-3"),
        ({"update": lambda self, chip, deltas, rng: None}, "'Mine', update: what it returned = None; expected a Chip"),
        ({"update": lambda self, chip, deltas, rng: broken(chip)}, "'Mine', update: .* NaN or Inf .* of layer 1"),
        ({"words": lambda self: "one text"}, "'Mine', words: returned 'one text'; expected a list of texts"),
    ],
)
def test_what_a_circuit_returns_is_of_the_network_and_told_with_its_method(methods, message):
    made = boarded(**methods)

    def used():
        chip = made.program(NET)
        made.update(chip, [(0 * w, 0 * b) for w, b in zip(NET.weights, NET.biases, strict=True)], RNG)
        made.words()

    with pytest.raises(InputError, match=message):
        used()


def test_what_an_update_returns_is_a_chip_of_the_same_layers():
    for found, message in ((None, "expected a Chip"), (OTHER, "chip of 5-2-3"), (broken(asim.Chip.ideal(NET)), "NaN")):
        cls = type("Mine", (Update,), {"__call__": lambda self, *a, found=found: found, "__module__": "theirs"})
        with pytest.raises(InputError, match=rf"the update 'Mine', __call__: .*{message}"):
            cls(Board())(asim.Chip.ideal(NET), [], RNG)


def test_a_solver_that_takes_something_else_is_refused_before_it_runs():
    def wrong(chip, dt):
        raise AssertionError

    with pytest.raises(
        InputError, match=r"the solver 'wrong' takes \(chip, dt\) .*expected \(batch, a, rec, t_end, opt"
    ):
        find_solver(wrong)
    assert find_solver(fixed := fixed_steps(lambda a, h, rate: a + h * rate(a))) is fixed
    x, turned = np.ones((1, 5)), fixed_steps(lambda a, h, rate: a + 1j)
    with pytest.raises(InputError, match=r"of complex128; expected .* of real numbers"):
        asim.relax(asim.Chip.ideal(NET), x, wiring=asim.Wiring.dyadic(0.5), beta=0.0, t_end=1.0, solver=turned)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda setup: 1 / 0, "failed: ZeroDivisionError: division by zero"),
        (lambda setup: 1j, "returned 1j; expected one real number"),
        (lambda setup: [1.0, 2.0], r"returned \[1.0, 2.0\]; expected one real number"),
        (lambda setup: "3", "returned '3'; expected one real number"),
        (lambda setup: None, "returned None; expected one real number"),
    ],
)
def test_a_metric_that_fails_is_named(read, message):
    settings = asim.Settings("ideal", hidden=(4,))
    for own in (read, metric("mine")(read)):
        with pytest.raises(InputError, match=f"the metric 'mine' {message}"):
            measure(settings, {"mine": own})
    found = measure(settings, {"mine": lambda setup: np.float32(2.0), "none": lambda setup: float("nan")})
    assert found.values["mine"] == 2.0
    assert np.isnan(found.values["none"])
    assert prepare(settings).network.sizes == (64, 4, 10)
