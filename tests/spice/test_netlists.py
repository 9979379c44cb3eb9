"""Decks: structure and values without SPICE, trajectories with ngspice where it is installed."""

import shutil
from collections import Counter

import numpy as np
import pytest

from analogsim import InputError, Network, Wiring, circuit, relax
from analogsim.spice.netlists import Netlist, read_raw, verify

NET = Network.random((6, 5, 4, 3), seed=0).replace(biases=(0.1 * np.ones(5), np.zeros(4), np.zeros(3)))
X, Y = np.random.default_rng(0).random(6), np.eye(3)[1]
RULES = {
    "dpt": Wiring.adjoint_dual_propagation(0.3),
    "dp1": Wiring.dual_propagation(1.0),
    "sshm": Wiring.dyadic(0.0),
}
AMPLIFIED = {"tia_gain": 1e3, "tia_bandwidth": 6e7}


def netlist(rule="dpt", level="ideal", t_end=5.0, net=NET, device="pcm-ibm", **options):
    made = circuit("crossbar", device=device, tau_spread=0.3, **options)
    return Netlist(made.program(net, seed=1), made, RULES[rule], X, Y, 0.5, level, "t", t_end)


def parsed(text):
    """Subcircuits by name: pins and element lines; what stands outside is under ''."""
    joined = text.replace("\n+", " ")
    scopes, name = {"": ([], [])}, ""
    for line in joined.splitlines():
        words = line.split()
        if line.startswith(".subckt"):
            name = words[1]
            pins = words[2 : words.index("params:")] if "params:" in words else words[2:]
            scopes[name] = (pins, [])
        elif line.startswith(".ends"):
            assert words[1] == name
            name = ""
        elif line[0].isalpha():
            scopes[name][1].append(words)
    return scopes


def expanded(scopes, name):
    """Number of primitive elements in a subcircuit."""
    total = 0
    for words in scopes[name][1]:
        total += expanded(scopes, callee(scopes, words)) if words[0][0] == "X" else 1
    return total


def callee(scopes, words):
    return next(word for word in reversed(words) if word in scopes)


@pytest.mark.parametrize("level", ["ideal", "tia"])
@pytest.mark.parametrize("rule", RULES)
def test_the_deck_is_well_formed(rule, level):
    made = netlist(rule, level, gain_mismatch=0.05, divider_mismatch=0.05, **AMPLIFIED)
    scopes = parsed(made.files(bench=False)["t.subckt.cir"])
    top, elements = scopes["dyadic_t"]
    assert len(top) == 6 + 3 + 2 * (5 + 4 + 3)
    for pins, lines in scopes.values():
        names = Counter(words[0].lower() for words in lines)
        assert max(names.values(), default=1) == 1, names.most_common(2)
        assert len({pin.lower() for pin in pins}) == len(pins)
        for words in lines:
            if words[0][0] == "X":
                called = callee(scopes, words)
                assert words.index(called) - 1 == len(scopes[called][0]), words[0]
    # One copy of each array where the rule has rank one, two where it has rank two.
    arrays = Counter(callee(scopes, words) for words in elements if words[0].startswith("Xarray"))
    copies = 1 if rule != "sshm" else 2
    assert arrays == {"array_f0": 1, **dict.fromkeys(("array_f1", "array_f2", "array_b0", "array_b1"), copies)}
    assert made.elements() == expanded(scopes, "dyadic_t")
    # Every node touches something that can hold its voltage: at least two elements, or a pin.
    uses = Counter(node for words in elements for node in words[1:])
    assert all(uses[pin] >= 1 for pin in top)


def test_values_parse_back_bit_for_bit():
    made = netlist()
    scopes = parsed(made.files(bench=False)["t.subckt.cir"])
    for name, weights in (("f0", made.chip.forward[0]), ("f2", made.chip.forward[2]), ("b1", made.chip.feedback[2])):
        found = np.zeros_like(weights)
        for words in scopes[f"array_{name}"][1]:
            if words[0][0] == "G":
                i, j = map(int, words[0][1:].split("_"))
                assert words[1:5] == ["0", f"z{i}", f"u{j}", "0"]
                found[i, j] = float(words[5])
        np.testing.assert_array_equal(found, weights * 10e-6)
    taus = {words[1]: float(words[-1].split("=")[1]) for words in scopes["dyadic_t"][1] if words[-2] == "compartment"}
    np.testing.assert_array_equal([taus[f"a1m{i}"] for i in range(4)], made.chip.tau[1][1])


def test_resistors_are_the_programmed_cells():
    """With drift and stuck cells; a cell of conductance zero is no resistor."""
    made = netlist(level="tia", age=3600.0, **AMPLIFIED, **{"device.p_stuck_lrs": 0.1})
    scopes = parsed(made.files(bench=False)["t.subckt.cir"])
    cells = made.circuit.conductances(made.chip, 1, "forward")
    assert (cells != made.chip.devices["conductance.1"]).any()
    found = np.zeros_like(cells)
    for words in scopes["array_f1"][1]:
        if words[0][0] == "R":
            i, j = map(int, words[0][2:].split("_"))
            found[0 if words[0][1] == "p" else 1, i, j] = 1 / float(words[3])
    np.testing.assert_allclose(found, cells, rtol=1e-15)
    # The reverse read drives the columns of the same cells.
    resistors = [words for words in scopes["array_b0"][1] if words[0][0] == "R"]
    assert len(resistors) == np.count_nonzero(cells)


def test_expected_values_are_the_engines_own():
    made = netlist()
    table = made.files()["t.expected.csv"].splitlines()
    assert table[0].split(",")[:3] == ["t_s", "a0p0_V", "a0p1_V"]
    last = np.array(table[-1].split(","), float)
    assert last[0] == pytest.approx(5.0 * made.chip.time_unit)
    still = made.chip.replace(forward_noise=(), feedback_noise=())
    ds = relax(still, X[None], Y[None], wiring=RULES["dpt"], beta=0.5, t_end=5.0, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(last[-3:] / 0.1, ds.a_3.values[0, -1, 1], atol=1e-6)
    assert "a2m2" in made.files()["t.subckt.cir"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": "spice"}, "level"),
        ({"level": "tia"}, "real amplifiers"),
        ({"level": "tia", "mapping": "reference", **AMPLIFIED}, "mapping = 'reference'"),
        ({"level": "tia", "slices": 2, **AMPLIFIED}, "slices"),
        ({"level": "tia", "asymmetry": 0.1, **AMPLIFIED}, "asymmetry"),
        ({"net": NET.replace(loss="cross-entropy")}, "cross-entropy"),
        ({"dac_bits": 8, "dac_range": 1.0}, "converters"),
    ],
)
def test_what_cannot_be_drawn_is_said(options, words):
    with pytest.raises(InputError, match=words):
        netlist(**options).files()


def test_a_large_deck_needs_force(monkeypatch):
    monkeypatch.setattr("analogsim.spice.netlists.REFUSE", 100)
    with pytest.raises(InputError, match="--force"):
        netlist().files()
    assert netlist().files(force=True)


def test_raw_files_are_read(tmp_path):
    head = (
        "Title: t\nFlags: real\nNo. Variables: 2\nNo. Points: 3\nVariables:\n\t0\ttime\ttime\n\t1\tv(A0p0)\tvoltage\n"
    )
    values = np.arange(6.0).reshape(3, 2)
    (tmp_path / "out.raw").write_bytes(f"{head}Binary:\n".encode() + values.astype("<f8").tobytes())
    names, found = read_raw(tmp_path / "out.raw")
    assert names == ["time", "v(a0p0)"]
    np.testing.assert_array_equal(found, values)


ngspice = [pytest.mark.ngspice, pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")]


@pytest.mark.parametrize(
    ("rule", "level", "options"),
    [
        pytest.param(
            "dpt", "ideal", {"gain_mismatch": 0.05, "mirror_mismatch": 0.05, "offset_spread": 0.02}, marks=ngspice
        ),
        pytest.param("sshm", "ideal", {"divider_mismatch": 0.05, "nudge_mismatch": 0.05}, marks=ngspice),
        pytest.param("dp1", "tia", {**AMPLIFIED, "r_word": 5.0, "inverter_mismatch": 0.01}, marks=ngspice),
        pytest.param("dpt", "tia", {**AMPLIFIED, "tia_capacitance": 1e-13, "subtractor_mismatch": 0.01}, marks=ngspice),
    ],
)
def test_ngspice_agrees(tmp_path, rule, level, options):
    made = netlist(rule, level, **options)
    *_, bench = made.write(tmp_path)
    found = verify(made, bench)
    assert found.agrees, found
    assert found.deviation < 3e-5


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
def test_ngspice_converges_as_the_square_of_its_step(tmp_path):
    """Trapezoidal: three times the step, nine times the deviation. A wrong sign or τ would not fall at all."""
    made, errors = netlist(), []
    *_, bench = made.write(tmp_path)
    text = bench.read_text()
    line = next(row for row in text.splitlines() if row.startswith(".tran"))
    words = line.split()
    for factor in (3, 1):
        words[4] = repr(factor * float(line.split()[4]))
        bench.write_text(text.replace(line, " ".join(words)))
        errors.append(verify(made, bench).deviation)
    assert 5 < errors[0] / errors[1] < 12


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
def test_a_wrong_deck_is_caught(tmp_path):
    made = netlist()
    *_, bench = made.write(tmp_path)
    bench.write_text(bench.read_text().replace("Vx0 x0 0 DC ", "Vx0 x0 0 DC 1.5 $ "))
    assert not verify(made, bench).agrees
