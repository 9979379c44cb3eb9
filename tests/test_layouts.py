"""Every way from Python into compiled code: the same numbers whatever the layout of its arrays, or a clear error."""

from itertools import pairwise

import numba
import numpy as np
import pytest

import analogsim as asim
from analogsim.circuits import wires
from analogsim.engine import entries, spectrum
from analogsim.engine.packing import prepare
from analogsim.learning import optimisers
from analogsim.learning.reference import RULES
from analogsim.learning.reference import rule as find_rule


def single(rng, *shape):
    """Numbers that float32 holds exactly, so that no layout of the table has an excuse."""
    return rng.uniform(0.1, 1.0, shape).astype(np.float32).astype(float)


def strided(v):
    wide = np.full((*v.shape[:-1], 2 * v.shape[-1]), np.nan)
    wide[..., ::2] = v
    return wide[..., ::2]


def unaligned(v):
    raw = np.zeros(v.nbytes + 1, np.uint8)
    out = raw[1:].view(np.float64).reshape(v.shape) if v.size else v
    out[...] = v
    return out


def read_only(v):
    out = v.copy()
    out.flags.writeable = False
    return out


LAYOUTS = {
    "strided": strided,
    "reversed": lambda v: v[(slice(None, None, -1),) * v.ndim].copy()[(slice(None, None, -1),) * v.ndim],
    "Fortran": np.asfortranarray,
    "swapped axes": lambda v: np.ascontiguousarray(np.swapaxes(v, 0, -1)).swapaxes(0, -1),
    "float32": lambda v: v.astype(np.float32),
    "read-only": read_only,
    "big-endian": lambda v: v.astype(">f8"),
    "unaligned": unaligned,
}

RNG = np.random.default_rng(0)
SIZES = (7, 6, 5, 4)
W = [single(RNG, n, m) / m for m, n in pairwise(SIZES)]
B = [single(RNG, n) for n in SIZES[1:]]
X, Y, BETA = single(RNG, 3, 7), single(RNG, 3, 4), np.array([0.5, -0.25, 0.125])
NET = asim.Network(W, B, "tanh")
RULE = asim.Wiring.adjoint_dual_propagation(0.25)
G, V = 1e-4 * np.round(single(RNG, 9, 6), 3), single(RNG, 2, 9)
G = G.astype(np.float32).astype(float)


def states(ds):
    return [ds[f"a_{k}"].values for k in (1, 2, 3)]


def relaxed(like):
    start = [like(single(np.random.default_rng(k), 2, 3, n)) for k, n in enumerate(SIZES[1:])]
    ds = asim.relax(
        asim.Chip.ideal(NET),
        like(X),
        like(Y),
        wiring=RULE,
        beta=like(BETA),
        times=like(np.array([0.5, 2.0])),
        initial=start,
    )
    return states(ds)


def chips(like):
    """A chip whose every array is given anew."""
    plain = asim.Chip.ideal(NET)
    names = ("forward", "biases", "tau", "gain", "offset", "divider", "mirror", "feedback_offset")
    changes = {name: tuple(like(v) for v in getattr(plain, name)) for name in names}
    feedback = (None, *(like(v) for v in plain.feedback[1:]))
    whole = {name: like(getattr(plain, name)) for name in ("nudge", "driver", "rails", "converters")}
    chip = plain.replace(**changes, **whole, feedback=feedback)
    return [*states(asim.relax(chip, X, Y, wiring=RULE, beta=0.5, t_end=2.0)), *settled(chip)]


def settled(chip):
    ds = asim.settle(chip, X, Y, wiring=RULE, beta=0.5, stability=True)
    return [*states(ds), ds.spectral_abscissa.values, *(v for pair in asim.gradient(chip, ds) for v in pair)]


def streamed(like):
    stream = asim.Stream(like(X), like(Y), 0.5)
    return states(asim.relax(asim.Chip.ideal(NET), stream, wiring=RULE, beta=0.5))


def networks(like):
    net = asim.Network([like(w) for w in W], [like(b) for b in B], "tanh")
    chip = asim.circuit("crossbar", device="ideal").program(net)
    return [*settled(chip), *flat(asim.reference.backprop(net, X, Y)), net.output(X)]


def flat(gradients):
    return [v for pair in gradients for v in pair]


def updated(like):
    made = asim.circuit("crossbar", device="ideal")
    chip = made.program(NET)
    deltas = [(like(w / 8), like(b / 8)) for w, b in zip(W, B, strict=True)]
    return list(made.update(chip, deltas, np.random.default_rng(0)).forward)


def optimised(name):
    def call(like):
        made, parameters = optimisers.make(name, optimisers.Schedule(0.1)), [like(w) for w in W]
        for _ in range(2):
            made.update(parameters, [like(w / 2) for w in W])
        return parameters

    return call


def wired(like):
    ends = wires.Terminals(r_driver=like(10 * np.ones(9)), r_sense=like(20 * np.ones(6)))
    return [
        wires.currents(like(G), like(V), 2.0, 3.0),
        wires.currents(like(G), like(V), 2.0, 3.0, terminals=ends, curve=wires.Cubic(0.0, 1e-5)),
        wires.currents(like(G), like(V[:, :6]), 2.0, 3.0, "reverse", tile=4),
        wires.effective_conductance(like(G), 2.0, 3.0),
        wires.terminal_conductance(like(G), 2.0, 3.0),
        wires.solve(like(G), like(V), 2.0, 3.0).word,
    ]


def taught(name):
    def call(like):
        return flat(find_rule(name)(NET, like(X), like(Y)))

    return call


def compiled(call):
    """A kernel by itself, on a packed state of which the layout is changed."""

    def run(like):
        batch = prepare(asim.Chip.ideal(NET), X, Y, RULE, 0.5)
        a = like(single(np.random.default_rng(5), batch.size))
        out = np.zeros(batch.size)
        call(batch, a, np.zeros(batch.size), out)
        return [out]

    return run


ENTRIES = {
    "relax": relaxed,
    "Chip.replace": chips,
    "Stream": streamed,
    "Network": networks,
    "update": updated,
    "adam": optimised("adam"),
    "sgd": optimised("sgd"),
    "wires": wired,
    **{f"reference {name}": taught(name) for name in RULES},
    "entries.extent": compiled(lambda b, a, s, out: entries.extent(b.packed, a, out)),
    "entries.activate": compiled(lambda b, a, s, out: entries.activate_layer(b.packed, a, out, 1)),
    "spectrum.slopes": compiled(lambda b, a, s, out: spectrum.slopes(b.packed, a, out)),
}
IN_PLACE = {"read-only", "big-endian"}
BY_ADDRESS = {"strided", "reversed"}
REFUSED = {"adam": IN_PLACE, "sgd": IN_PLACE, **dict.fromkeys(list(ENTRIES)[-3:], BY_ADDRESS)}
"""What an entry cannot take, and says so. Compiled code cannot tell the order of bytes: its callers see to that."""


@pytest.mark.parametrize("entry", ENTRIES)
def test_layouts_give_the_same_numbers_or_a_clear_error(entry):
    call, refused = ENTRIES[entry], REFUSED.get(entry, set())
    truth = call(np.array)
    for name, like in LAYOUTS.items():
        if name in refused:
            with pytest.raises(asim.InputError, match=r"contiguous in rows|writeable array"):
                call(like)
        elif not (name == "big-endian" and refused is BY_ADDRESS):
            close = {"rtol": 1e-5, "atol": 3e-6} if name == "float32" else {"rtol": 1e-9, "atol": 1e-12}
            for got, wanted in zip(call(like), truth, strict=True):
                np.testing.assert_allclose(got, wanted, **close, err_msg=name)


def test_no_layout_has_the_engine_compiled_anew():
    """To the compiler an array that cannot be written is another type, and each type costs a minute."""
    plain = asim.Chip.ideal(NET)
    types = set()
    for like in LAYOUTS.values():
        names = ("gain", "divider", "mirror", "tau")
        per_layer = {name: tuple(like(v) for v in getattr(plain, name)) for name in names}
        whole = {name: like(getattr(plain, name)) for name in ("nudge", "driver", "rails", "converters")}
        chip = plain.replace(**per_layer, **whole)
        types.add(numba.typeof(prepare(chip, like(X), like(Y), RULE, like(BETA)).packed))
    assert len(types) == 1


@pytest.mark.parametrize("layout", ["strided", "reversed"])
def test_the_right_hand_side_does_not_misread_a_column(layout):
    """The state as scipy's implicit solvers hand it over: a column of a matrix of probes."""
    batch = prepare(asim.Chip.ideal(NET), X, Y, RULE, 0.5)
    a, out = LAYOUTS[layout](np.ones(batch.size)), np.zeros(batch.size)
    with pytest.raises(asim.InputError, match="contiguous in rows"):
        entries.rate(batch.packed, a, np.zeros(batch.size), out)


def test_a_state_that_is_too_short_is_refused():
    batch = prepare(asim.Chip.ideal(NET), X, Y, RULE, 0.5)
    whole, short = np.zeros(batch.size), np.zeros(batch.size - 1)
    for arguments in ((short, whole, whole), (whole, short, whole), (whole, whole, short)):
        with pytest.raises(asim.InputError, match="too short"):
            entries.rate(batch.packed, *arguments)
