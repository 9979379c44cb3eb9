"""Amplifiers with poles of their own: against ngspice, against an integration of the circuit's equations, at rest."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import analogsim as asim
from analogsim.chip.amplifiers import TIA, Amplifiers
from analogsim.engine.amplified import modes
from tests.engine import reference
from tests.engine.test_transient import spice

GOLDEN = Path(__file__).parents[1] / "golden" / "spice" / "phys_dpt03_4-5-3_eq_A60_K10.npz"
NAMES = ("f0", "f1", "b0")


def amplified(chip, golden, *, gain=None, factor=1.0, c_in=0.0):
    """The golden chip with its amplifiers, their bandwidth multiplied by `factor`."""
    made = {}
    for name in NAMES:
        plus, minus, rf = golden[f"Gp_{name}"], golden[f"Gm_{name}"], float(golden[f"Rf_{name}"])
        noise = 1 + rf * np.stack([plus.sum(1), minus.sum(1)])
        made[name] = Amplifiers(rf * np.stack([plus, -minus]), noise, rf * c_in / float(golden["tau_unit_s"]))
    gain = float(golden["A0"]) if gain is None else gain
    tia = TIA((made["f0"], made["f1"]), (None, made["b0"]), gain, factor * float(golden["wu"]))
    forward = tuple(part.static(gain) for part in tia.forward)
    return chip.replace(forward=forward, feedback=(None, made["b0"].static(gain)), tia=tia)


def circuit_equations(chip, rule, x, y, beta, golden, c_in, factor, times):
    """The circuit as drawn: conductances, node voltages and outputs of every op-amp, no matrices of the chip."""
    unit, a0, wu = float(golden["tau_unit_s"]), float(golden["A0"]), factor * float(golden["wu"])
    sizes = chip.sizes[1:]
    cuts = np.cumsum([0, *(2 * n for n in sizes)])
    amps = [(name, golden[f"Gp_{name}"].shape[0]) for name in NAMES]

    def rhs(t, state):
        a = [state[i:j].reshape(2, -1) for i, j in pairwise(cuts)]
        s = [np.maximum(a[0], 0), a[1]]
        mean, difference = rule.forward[0] @ s[0], s[1][0] - s[1][1]
        lines = {"f0": x, "f1": mean, "b0": difference}
        z, out, at = {}, [], cuts[-1]
        for name, n in amps:
            rf, total = float(golden[f"Rf_{name}"]), np.zeros(n)
            for sign, key in ((1, "Gp"), (-1, "Gm")):
                g = golden[f"{key}_{name}"]
                vx, vo = state[at : at + n], state[at + n : at + 2 * n]
                out += [unit / c_in * (g @ lines[name] - g.sum(1) * vx + (vo - vx) / rf), -wu / a0 * vo - wu * vx]
                total -= sign * vo
                at += 2 * n
            z[name] = total
        back = np.array([1 - 0.3, -0.3])[:, None] * z["b0"]
        r = rule.nudge_at @ s[1]
        nudge = np.array([1, -1])[:, None] * rule.nudge_gain[:, None] * beta * (r - y)
        rates = [(z["f0"] + back - a[0]) / chip.tau[0], (z["f1"] - nudge - a[1]) / chip.tau[1]]
        return np.concatenate([*(r.ravel() for r in rates), *out])

    start = np.zeros(cuts[-1] + 4 * sum(n for _, n in amps))
    found = solve_ivp(rhs, (0, times[-1]), start, "LSODA", times, rtol=1e-10, atol=1e-12)
    assert found.success
    return found.y[: cuts[-1]].T


def test_agrees_with_ngspice():
    chip, x, y, rule, golden = spice(GOLDEN)
    ds = asim.relax(
        amplified(chip, golden), x, y, wiring=rule, beta=float(golden["beta"]), times=golden["t"], rtol=1e-7, atol=1e-10
    )
    got = reference.packed(ds, chip)
    assert np.abs(got - golden["a_ngspice"]).max() < 1e-5
    # The amplifiers matter: without them the trajectory is elsewhere.
    assert np.abs(golden["a_ideal"] - golden["a_ngspice"]).max() > 0.05


@pytest.mark.parametrize(("c_in", "factor"), [(1e-11, 10.0), (1e-10, 2.0)])
@pytest.mark.slow
def test_input_capacitance_against_the_circuit_equations(c_in, factor):
    """Modes of the 2×2 systems, real or complex, against the node equations by LSODA."""
    chip, x, y, rule, golden = spice(GOLDEN)
    times = np.array([0.3, 1.0, 4.0])
    made = amplified(chip, golden, factor=factor, c_in=c_in)
    ds = asim.relax(made, x, y, wiring=rule, beta=0.5, times=times, rtol=1e-7, atol=1e-10)
    truth = circuit_equations(chip, rule, x[0], y[0], 0.5, golden, c_in, factor, times)
    assert np.abs(reference.packed(ds, chip) - truth).max() < 2e-6


@pytest.mark.slow
def test_rests_where_the_static_matrices_say():
    chip, x, y, rule, golden = spice(GOLDEN)
    made = amplified(chip, golden, factor=10.0)
    ends = [
        asim.relax(c, x, y, wiring=rule, beta=0.5, t_end=40.0, rtol=1e-8, atol=1e-11)
        for c in (made, made.replace(tia=None))
    ]
    np.testing.assert_allclose(*(reference.packed(ds, chip) for ds in ends), atol=1e-8)
    assert ends[0].status.item() == "converged"


def test_two_equal_modes_are_no_trouble():
    from analogsim.engine.amplified import modes

    # (N/θ − ω_u/A₀)² = 4 ω_u/θ with N = 4, θ = 1, A₀ → ∞ at ω_u = 4.
    part = Amplifiers(np.ones((1, 1, 1)), np.full((1, 1), 4.0), 1.0)
    rate, entry, exit_ = modes(part, np.inf, 4.0)
    t = np.linspace(0, 5, 50)
    step = ((exit_ * entry / rate)[:, 0, 0, None] * (1 - np.exp(-rate[:, 0, 0, None] * t))).sum(0).real
    np.testing.assert_allclose(step, 1 - (1 + 2 * t) * np.exp(-2 * t), atol=1e-5)


@pytest.mark.slow
def test_runs_with_held_read_noise_streams_and_several_samples():
    net = asim.Network.random((8, 9, 7, 4), seed=0)
    options = {"tia_gain": 1e3, "tia_bandwidth": 1e8, "noise": 0.02, "tau_spread": 0.1}
    chip = asim.circuit("crossbar", device="ideal", **options).program(net)
    x, y = np.random.default_rng(0).random((3, 8)), np.eye(4)[:3]
    rule = asim.Wiring.dyadic(0.25)
    ds, again = (asim.relax(chip, x, y, wiring=rule, beta=0.3, times=[1.0, 3.0], seed=4) for _ in range(2))
    np.testing.assert_array_equal(ds.a_2.values, again.a_2.values)
    # Fast amplifiers are none, and rank-two wirings read twice.
    fast = asim.circuit("crossbar", device="ideal", tia_bandwidth=1e13, tau_spread=0.1).program(net)
    pair = [
        asim.relax(c, asim.Stream(x, y, 2.0), wiring=rule, beta=0.3, times=[0.5, 2.5, 6.0], rtol=1e-6, atol=1e-9)
        for c in (fast, fast.replace(tia=None))
    ]
    np.testing.assert_allclose(pair[0].a_2.values, pair[1].a_2.values, atol=1e-4)


def test_what_it_cannot_do_it_says():
    chip, x, y, rule, golden = spice(GOLDEN)
    with pytest.raises(asim.InputError, match="'etd'"):
        asim.relax(amplified(chip, golden), x, y, wiring=rule, beta=0.5, t_end=1.0, solver="scipy:RK45")
    with pytest.raises(asim.InputError, match="float64"):
        asim.relax(amplified(chip, golden), x, y, wiring=rule, beta=0.5, t_end=1.0, dtype="float32")


@pytest.mark.parametrize("c_in", [0.0, 0.3])
def test_a_lag_in_front_multiplies_the_transfer_function(c_in):
    """Also where the lag is as slow as the amplifier itself, and with the amplifier ideal."""
    gain, bandwidth, noise = 50.0, 8.0, np.array([[1.0, 2.0, 4.0]])
    own = Amplifiers(np.ones((1, 3, 2)), noise, c_in)
    rate, entry, out = modes(own, gain, bandwidth)
    s = 1j * np.array([0.0, 0.3, 2.0, 30.0])[:, None, None, None]
    alone = (entry * out / (s + rate)).sum(axis=1)
    for lag in (np.array([[0.1, 1.0, 7.0]]), 1 / rate[0].real, np.array([[0.0125, 0.1, 0.2]])):
        rate_l, entry_l, out_l = modes(replace(own, lag=lag), gain, bandwidth)
        found = (entry_l * out_l / (s + rate_l)).sum(axis=1)
        np.testing.assert_allclose(found, alone / (1 + s[:, 0] * lag), rtol=0, atol=2e-6)
        rate_l, entry_l, out_l = modes(replace(own, lag=lag), gain, np.inf)
        found = (entry_l * out_l / (s + rate_l)).sum(axis=1)
        np.testing.assert_allclose(found, 1 / (1 + noise / gain) / (1 + s[:, 0] * lag), rtol=1e-12)
