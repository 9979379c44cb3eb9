"""Trajectories against an independent integration, against SPICE, and against closed forms."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import analogsim as asim
from analogsim.chip import Population
from tests.engine import reference

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "spice").glob("[!p]*.npz"))
RULES = {
    **{f"dp{a:g}": asim.Wiring.dual_propagation(a) for a in (0, 0.3, 0.5, 1)},
    **{f"dpt{a:g}": asim.Wiring.adjoint_dual_propagation(a) for a in (0, 0.3, 0.5, 1)},
    **{f"dyadic{lam:g}": asim.Wiring.dyadic(lam) for lam in (0, 0.5, 1)},
}


def lab(sizes=(7, 6, 5, 4), seed=0, gain=0.7, **options):
    """A chip with lognormal time constants, V ≠ Wᵀ, and compartments that differ."""
    rng = np.random.default_rng(seed)
    net = asim.Network.random(sizes, seed=rng, gain=gain, **options)
    net = net.replace(biases=tuple(0.1 * rng.standard_normal(b.shape) for b in net.biases))
    rows = [(2, n) for n in sizes[1:]]
    chip = asim.Chip.ideal(
        net,
        tau=tuple(np.exp(0.5 * rng.standard_normal(r)) for r in rows),
        gain=tuple(1 + 0.05 * rng.standard_normal(r) for r in rows),
        offset=tuple(0.02 * rng.standard_normal(r) for r in rows),
        nudge=0.05 * rng.standard_normal(rows[-1]),
    )
    noisy = tuple(None if v is None else v * (1 + 0.2 * rng.standard_normal(v.shape)) for v in chip.feedback)
    x = rng.random((3, sizes[0]))
    return chip.replace(feedback=noisy), x, np.eye(sizes[-1])[[0, 1, 2]]


# One rule of each kind always; the others only move the numbers in the same equations.
MORE = [pytest.param(rule, marks=pytest.mark.slow) for rule in RULES if rule not in ("dp0.5", "dpt0.3", "dyadic0.5")]


@pytest.mark.parametrize("rule", ["dp0.5", "dpt0.3", "dyadic0.5", *MORE])
def test_solvers_agree_with_an_independent_integration(rule):
    chip, x, y = lab(activation="relu" if rule[0:2] == "dp" else "hard-sigmoid")
    times, rtol, atol = np.array([0.1, 1.0, 5.0, 20.0]), 1e-6, 1e-9
    beta = np.array([0.5, -0.3, 0.1])
    truths = [reference.solve(chip, RULES[rule], x[b], y[b], beta[b], times) for b in range(3)]
    for solver in ("adams", "etd", "dp5", "scipy:RK45"):
        ds = asim.relax(chip, x, y, wiring=RULES[rule], beta=beta, times=times, solver=solver, rtol=rtol, atol=atol)
        for b, truth in enumerate(truths):
            error = np.abs(reference.packed(ds, chip, b) - truth).max()
            assert error <= 100 * (rtol * np.abs(truth).max() + atol), solver


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "leaky-relu", "identity"])
def test_every_activation_and_cross_entropy(activation):
    chip, x, y = lab(activation=activation, loss="cross-entropy")
    rule, times = asim.Wiring.dyadic(0.25), np.array([0.5, 3.0, 10.0])
    ds = asim.relax(chip, x, y, wiring=rule, beta=0.4, times=times, rtol=1e-8, atol=1e-10)
    truth = reference.solve(chip, rule, x[1], y[1], 0.4, times)
    assert np.abs(reference.packed(ds, chip, 1) - truth).max() < 1e-6


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
@pytest.mark.parametrize(
    ("solver", "rtol", "atol"), [("scipy:RK45", 1e-9, 1e-12), ("etd", 1e-8, 1e-11), ("adams", 1e-9, 1e-12)]
)
def test_agrees_with_ngspice(path, solver, rtol, atol):
    chip, x, y, rule, golden = spice(path)
    ds = asim.relax(
        chip, x, y, wiring=rule, beta=float(golden["beta"]), times=golden["t"], solver=solver, rtol=rtol, atol=atol
    )
    assert np.abs(reference.packed(ds, chip) - golden["a_ngspice"]).max() < 1e-6


def spice(path):
    """Chip, input, target, wiring and all keys of a golden transient."""
    golden = np.load(path)
    layers = len(golden["sizes"]) - 1
    weights = tuple(golden[f"W{k}"] for k in range(layers))
    act = {"relu": "relu", "hs": "hard-sigmoid"}[str(golden["act"])]
    net = asim.Network(weights, tuple(np.zeros(len(w)) for w in weights), act)
    chip = asim.Chip.ideal(
        net,
        feedback=(None, *(golden[f"V{k}"] for k in range(1, layers))),
        tau=tuple(golden[f"tau{k}"] for k in range(layers)),
    )
    rule = asim.Wiring(golden["mix_F"], golden["mix_B"], golden["mix_N"], golden["nudge"])
    return chip, golden["x"][None], golden["y"][None], rule, golden


def test_a_free_leak_is_exact():
    """One linear layer at β = 0: a(t) = (W x + b)(1 − e^{−t/τ}), for any tolerance, because the leak is exact."""
    rng = np.random.default_rng(1)
    net = asim.Network.random((4, 3), activation="identity", seed=1)
    tau = np.exp(rng.standard_normal((2, 3)))
    chip = asim.Chip.ideal(net, tau=(tau,), biases=(np.ones(3),))
    x, t = rng.random((2, 4)), np.linspace(0, 5, 21)
    ds = asim.relax(chip, x, wiring=asim.Wiring.dual_propagation(0.5), beta=0, times=t, rtol=0.1, atol=0.1)
    exact = (x @ net.weights[0].T + 1)[:, None, None] * (1 - np.exp(-t[:, None, None] / tau))
    np.testing.assert_allclose(ds.a_1.values, exact, atol=1e-13)
    assert list(ds.status.values) == ["slow", "slow"] or (ds.residual[:, -1] < 1e-3).all()


@pytest.mark.parametrize(("module", "order", "rows"), [("etd", 3, 6), ("dp5", 5, 11)])
def test_order_of_the_pairs(module, order, rows):
    """Global error falls as h^order on a smooth problem: mean slope over two halvings within 0.15."""
    from analogsim.engine.packing import prepare
    from analogsim.engine.recorder import TIME, new_record

    advance = importlib.import_module(f"analogsim.engine.{module}").advance
    chip, x, y = lab(activation="tanh")
    rule = asim.Wiring.adjoint_dual_propagation(0.3)
    batch = prepare(chip, x[:1], y[:1], rule, 0.5)
    truth = reference.solve(chip, rule, x[0], y[0], 0.5, np.array([1.0]), 1e-13, 1e-15)[-1]
    errors = []
    for steps in (32, 64, 128):
        a, work = np.zeros(batch.size), np.empty((rows, batch.size))
        for k in range(steps):
            # Tolerances so wide that the only limit on the step is where it must end.
            rec = new_record(1, np.array([1.0]), batch.size, a.dtype, step=1e9)
            rec.clock[TIME] = k / steps
            advance(batch.packed, a, work, rec, (k + 1) / steps, 1e9, 1e9, 0.0, -1)
        errors.append(np.sqrt(((a - truth) ** 2).mean()))
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    assert abs(slopes.mean() - order) < 0.15, slopes


def test_order_of_the_multistep_pair():
    """Fourth order once its history is there: the first steps grow from nearly nothing to h."""
    from analogsim.engine.adams import PAST, advance
    from analogsim.engine.packing import prepare
    from analogsim.engine.recorder import STEP, new_record

    chip, x, y = lab(activation="tanh")
    rule = asim.Wiring.adjoint_dual_propagation(0.3)
    batch = prepare(chip, x[:1], y[:1], rule, 0.5)
    truth = reference.solve(chip, rule, x[0], y[0], 0.5, np.array([1.0]), 1e-13, 1e-15)[-1]
    errors = []
    for steps in (32, 64, 128):
        a, work, past = np.zeros(batch.size), np.zeros((7, batch.size)), np.zeros(PAST)
        rec = new_record(1, np.array([2.0]), batch.size, a.dtype)
        for end in np.concatenate([1.5 ** -np.arange(40.0, 0, -1), np.arange(1, steps + 1)]) / steps:
            rec.clock[STEP] = 1e9
            advance(batch.packed, a, work, past, rec, end, 1e9, 1e9, 0.0, -1)
        errors.append(np.sqrt(((a - truth) ** 2).mean()))
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    assert abs(slopes.mean() - 4) < 0.15, slopes


def test_one_diverging_sample_does_not_stop_the_others():
    net = asim.Network.random((8, 16, 16, 4), gain=2.0, seed=1)
    chip, rng = asim.Chip.ideal(net), np.random.default_rng(0)
    x, y = rng.random((2, 8)), np.eye(4)[:2]
    rule = asim.Wiring.dual_propagation(0.0)
    for solver in ("etd", "scipy:RK45"):
        ds = asim.relax(chip, x, y, wiring=rule, beta=[0.5, 0.0], t_end=100, solver=solver, rtol=1e-6)
        assert list(ds.status.values) == ["diverged", "converged"]
        np.testing.assert_allclose(ds.a_3.values[1, -1, 0], net.forward(x)[-1][1], atol=1e-4)
        assert 0 < ds.blown_at.values[0] < 100


def test_stream_restarts_at_each_switch():
    """Each sample relaxes as if started from the state that the one before left."""
    chip, x, y = lab()
    rule = asim.Wiring.adjoint_dual_propagation(0.3)
    stream = asim.Stream(x, y, dwell=2.0)
    ds = asim.relax(chip, stream, wiring=rule, beta=0.5, times=[2.0, 4.0, 6.0], rtol=1e-8, atol=1e-10)
    state = None
    for k in range(3):
        one = asim.relax(
            chip, x[k : k + 1], y[k : k + 1], wiring=rule, beta=0.5, t_end=2.0, rtol=1e-8, atol=1e-10, initial=state
        )
        np.testing.assert_allclose(ds.a_2.values[0, k], one.a_2.values[0, -1], atol=1e-6)
        state = one


def test_a_stream_carries_the_sample_that_its_last_state_belongs_to():
    """The gradient read at the end of a stream is that of the sample presented then."""
    chip, x, y = lab(gain=0.5)
    rule = asim.Wiring.adjoint_dual_propagation(0.3)
    ds = asim.relax(chip, asim.Stream(x, y, dwell=80.0), wiring=rule, beta=0.5, rtol=1e-7)
    rest = asim.settle(chip, x[2:], y[2:], wiring=rule, beta=0.5, tol=1e-9)
    for (w, b), (v, c) in zip(asim.gradient(chip, ds), asim.gradient(chip, rest), strict=True):
        np.testing.assert_allclose(w, v, atol=1e-5)
        np.testing.assert_allclose(b, c, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (lambda x, y: (np.stack([x, x * np.nan]), np.stack([y, y]), 1.0), "Stream.x holds NaN"),
        (lambda x, y: (x, y, np.inf), "dwell"),
        (lambda x, y: (x, y, "a"), "dwell"),
        (lambda x, y: (x, y[:2], 1.0), "do not match"),
    ],
)
def test_bad_streams_are_named(arguments, word):
    _, x, y = lab()
    with pytest.raises(asim.InputError, match=word):
        asim.Stream(*arguments(x, y))


@pytest.mark.slow
def test_chips_of_a_population_have_noise_of_their_own():
    chip, x, y = lab()
    pair = Population((chip.replace(node_noise=0.1),) * 2, (0, 1))
    rule = asim.Wiring.adjoint_dual_propagation(0.3)
    ds = asim.relax(pair, x, y, wiring=rule, beta=0.5, t_end=2.0, seed=3)
    assert ds.sizes["chip"] == 2
    assert (ds.a_1.isel(chip=0) != ds.a_1.isel(chip=1)).any()
    again = asim.relax(pair, x, y, wiring=rule, beta=0.5, t_end=2.0, seed=3, initial=ds)
    one = asim.relax(pair[1].replace(node_noise=0), x, y, wiring=rule, beta=0.5, t_end=2.0, initial=ds.isel(chip=1))
    assert float(np.abs(again.a_3.isel(chip=1) - one.a_3).max()) < 1.0
    with pytest.raises(asim.InputError, match="one chip"):
        asim.gradient(pair, ds)


def test_the_verdict_on_a_noisy_chip_is_that_of_its_network():
    chip, x, y = lab(gain=0.5)
    noisy = chip.replace(node_noise=0.05)
    ds = asim.relax(noisy, x, y, wiring=asim.Wiring.adjoint_dual_propagation(0.3), beta=0.5, t_end=5.0)
    assert set(ds.status.values) == {"converged"}


def test_a_validated_chip_cannot_be_written_through():
    chip, _, _ = lab()
    with pytest.raises(ValueError, match="read-only"):
        chip.tau[0][:] = -1


@pytest.mark.slow
def test_float32_follows_float64():
    chip, x, y = lab()
    rule = asim.Wiring.adjoint_dual_propagation(0.3)
    wide, narrow = (asim.relax(chip, x, y, wiring=rule, beta=0.5, t_end=10, dtype=d) for d in ("float64", "float32"))
    assert narrow.a_3.dtype == np.float32
    np.testing.assert_allclose(narrow.a_3.values, wide.a_3.values, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"t_end": 0}, "t_end"),
        ({"t_end": np.nan}, "t_end"),
        ({"times": [1.0, 1.0]}, "times"),
        ({"times": [-1.0, 1.0]}, "times"),
        ({"x": np.full((3, 7), np.nan)}, "x holds NaN"),
        ({"x": np.ones((3, 8))}, "x has shape"),
        ({"y": None}, "y is None"),
        ({"y": np.ones((2, 4))}, "y has 2"),
        ({"beta": [0.1, 0.2]}, "beta"),
        ({"solver": "rk45"}, "did you mean 'scipy:RK45'"),
        ({"rtol": -1}, "rtol"),
        ({"initial": [np.zeros((2, 3, 1))]}, "initial"),
    ],
)
def test_bad_input_is_named(change, word):
    chip, x, y = lab()
    options = {"x": x, "y": y, "beta": 0.5, "t_end": 5.0, "wiring": asim.Wiring.dyadic(0.5), **change}
    with pytest.raises(asim.InputError, match=word):
        asim.relax(chip, options.pop("x"), options.pop("y"), **options)


def test_time_constants_must_be_positive():
    chip, _, _ = lab()
    with pytest.raises(asim.InputError, match=r"tau\[1\]"):
        chip.replace(tau=(chip.tau[0], -chip.tau[1], chip.tau[2]))
