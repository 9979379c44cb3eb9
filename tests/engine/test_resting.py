"""Equilibria and verdicts: against Newton, against the ODE from a = 0, and the stability facts of the rules."""

import numpy as np
import pytest
from scipy.optimize import root

import analogsim as asim
from tests.engine import reference
from tests.engine.test_transient import RULES, lab

DP, DPT, DYADIC = asim.Wiring.dual_propagation, asim.Wiring.adjoint_dual_propagation, asim.Wiring.dyadic


def initial(gain=1.0, sizes=(100, 64, 64, 10), activation="relu", seed=0, samples=4):
    """Ordinary initial weights and sparse inputs: the setting of the stability facts."""
    rng = np.random.default_rng(seed)
    net = asim.Network.random(sizes, activation=activation, seed=rng, gain=gain)
    x = rng.random((samples, sizes[0])) * (rng.random((samples, sizes[0])) < 0.2)
    return asim.Chip.ideal(net), x, np.eye(sizes[-1])[rng.integers(0, sizes[-1], samples)]


def words(ds):
    return sorted(set(ds.status.values.tolist()))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
def test_the_equilibrium_solves_the_equations(rule, loss):
    """scipy's Newton on the independent equations, started at our state, stays there."""
    chip, x, y = lab(gain=0.4, activation="tanh", loss=loss)
    beta = np.array([0.5, -0.3, 0.1])
    ds = asim.settle(chip, x, y, wiring=RULES[rule], beta=beta, tol=1e-10, max_sweeps=500)
    assert words(ds) == ["converged"]
    for b in range(3):
        ours = np.concatenate([ds[f"a_{k}"].values[b].ravel() for k in (1, 2, 3)])
        # The rate is divided by τ; the equilibrium does not depend on it.
        newton = root(lambda a: reference.rate(chip, RULES[rule], x[b], y[b], beta[b])(0, a), ours, tol=1e-13)  # noqa: B023
        np.testing.assert_allclose(ours, newton.x, atol=1e-8)


@pytest.mark.parametrize("method", ["up-down", "sor", "synchronous", "ode"])
def test_every_method_finds_the_same_equilibrium(method):
    chip, x, y = lab(gain=0.4)
    truth = asim.settle(chip, x, y, wiring=DPT(0.3), beta=0.5, tol=1e-9)
    found = asim.settle(chip, x, y, wiring=DPT(0.3), beta=0.5, tol=1e-8, method=method, max_sweeps=2000, horizon=400)
    assert words(found) == ["converged"]
    np.testing.assert_allclose(found.a_1.values, truth.a_1.values, atol=1e-6)


# Kaiming weights, 100-64-64-10, ReLU, β = ½, equal τ. Measured by RK45 to t = 200 elsewhere: DP below ½ diverges;
# α = 1 settles in time and not in undamped sweeps; twice the weights destabilise all but DP⊤ at α = 0 and 1.
TABLE = [
    (DP(0.0), 1.0, "diverged"),
    (DP(0.1), 1.0, "diverged"),
    (DP(0.5), 1.0, "converged"),
    (DP(0.7), 1.0, "converged"),
    (DP(1.0), 1.0, "converged"),
    (DPT(0.0), 1.0, "converged"),
    (DPT(0.1), 1.0, "converged"),
    (DPT(0.3), 1.0, "converged"),
    (DPT(0.5), 1.0, "converged"),
    (DPT(0.7), 1.0, "converged"),
    (DPT(1.0), 1.0, "converged"),
    (DP(0.0), 2.0, "diverged"),
    (DP(0.1), 2.0, "diverged"),
    (DP(0.3), 2.0, "diverged"),
    (DP(0.5), 2.0, "diverged"),
    (DP(0.7), 2.0, "oscillating"),
    (DP(1.0), 2.0, "oscillating"),
    (DPT(0.0), 2.0, "converged"),
    (DPT(0.3), 2.0, "diverged"),
    (DPT(0.5), 2.0, "diverged"),
    (DPT(0.7), 2.0, "diverged"),
    (DPT(1.0), 2.0, "converged"),
]


@pytest.mark.parametrize(("rule", "gain", "verdict"), TABLE, ids=lambda v: getattr(v, "name", str(v)))
def test_stability_table(rule, gain, verdict):
    chip, x, y = initial(gain)
    assert words(asim.settle(chip, x, y, wiring=rule, beta=0.5)) == [verdict]
    assert words(asim.relax(chip, x, y, wiring=rule, beta=0.5, t_end=200)) == [verdict]


# Rows whose verdict depends on the sample or the draw: rule, activation, gain, spread of ln τ, error of V.
ROWS = [
    *((DP(0.3), "relu", 1.0, spread, error) for spread, error in ((0, 0), (0.3, 0), (0, 0.2))),
    *(
        (DP(alpha), "relu", 1.0, spread, error)
        for alpha in (0.7, 1.0)
        for spread, error in ((0.3, 0), (1.0, 0), (0, 0.2))
    ),
    *((DPT(0.3), "relu", 1.0, spread, error) for spread, error in ((0.3, 0), (1.0, 0), (0, 0.05), (0, 0.2))),
    (DPT(0.1), "relu", 2.0, 0, 0),
    *((DPT(alpha), "relu", 2.0, spread, 0.2) for alpha in (0.0, 1.0) for spread in (0.3, 1.0)),
    *((DYADIC(0.0), "relu", gain, 0, 0) for gain in (0.5, 1.0, 2.0)),
    *((DYADIC(0.0), "hard-sigmoid", 2.0, spread, error) for spread, error in ((0, 0), (0.3, 0), (1.0, 0.2))),
    *((DYADIC(0.5), "relu", gain, 0, 0) for gain in (1.0, 2.0)),
    *((DYADIC(1.0), "relu", gain, 0, 0) for gain in (1.0, 2.0)),
    *((DYADIC(1.0), "hard-sigmoid", gain, 0, 0) for gain in (0.5, 1.0, 2.0)),
]


@pytest.mark.parametrize(
    ("rule", "activation", "gain", "spread", "error"), ROWS, ids=lambda v: getattr(v, "name", str(v))
)
def test_verdicts_are_those_of_the_ode(rule, activation, gain, spread, error):
    """Sample by sample: what `settle` calls converged or diverged, the ODE from a = 0 to 200 τ_max does."""
    chip, x, y = initial(gain, activation=activation)
    rng = np.random.default_rng(2)
    chip = chip.replace(
        tau=tuple(np.exp(spread * rng.standard_normal(t.shape)) for t in chip.tau),
        feedback=tuple(
            None if v is None else v + error * v.std() * rng.standard_normal(v.shape) for v in chip.feedback
        ),
    )
    beta = 0.1 if "λ" in rule.name else 0.5
    verdict = asim.settle(chip, x, y, wiring=rule, beta=beta)
    horizon = 200 * max(t.max() for t in chip.tau)
    truth = asim.relax(chip, x, y, wiring=rule, beta=beta, t_end=horizon, tol=1e-5, rtol=1e-7, atol=1e-10)
    final = ("converged", "diverged")
    ours, theirs = ([w if w in final else "neither" for w in ds.status.values] for ds in (verdict, truth))
    assert ours == theirs


def test_dp_at_one_settles_in_time_but_not_in_sweeps():
    chip, x, y = initial()
    sweeps = asim.settle(chip, x, y, wiring=DP(1.0), beta=0.5, method="up-down", max_sweeps=300)
    assert "converged" not in words(sweeps)
    assert words(asim.settle(chip, x, y, wiring=DP(1.0), beta=0.5)) == ["converged"]


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_adjoint_rule_at_the_ends_is_stable_for_any_feedback(alpha):
    """One compartment gets no feedback, so the Jacobian is block-triangular: abscissa −1/max τ for any V, τ, β."""
    chip, x, y = initial(gain=3.0, samples=2)
    rng = np.random.default_rng(0)
    tau = tuple(np.exp(0.5 * rng.standard_normal(t.shape)) for t in chip.tau)
    wrong = tuple(None if v is None else 5 * rng.standard_normal(v.shape) for v in chip.feedback)
    chip = chip.replace(tau=tau, feedback=wrong)
    ds = asim.settle(chip, x, y, wiring=DPT(alpha), beta=3.0, tol=1e-6, stability=True)
    assert words(ds) == ["converged"]
    slowest = max(t.max() for t in tau)
    np.testing.assert_allclose(ds.spectral_abscissa.values, -1 / slowest, rtol=0.05)


@pytest.mark.parametrize(("activation", "gain"), [("relu", 2.0), ("hard-sigmoid", 1.0), ("hard-sigmoid", 2.0)])
def test_skew_symmetric_network(activation, gain):
    """V = −Wᵀ in effect: eigenvalues −1 ± iσ. The ODE is stable; damped iteration needs η < 2/(1 + σ²)."""
    chip, x, _ = initial(gain, activation=activation)
    ds = asim.settle(chip, x, wiring=DYADIC(0.0), beta=0.0, tol=1e-8, stability=True)
    assert words(ds) == ["converged"]
    np.testing.assert_allclose(ds.spectral_abscissa.values, -1.0, atol=1e-6)
    assert words(asim.relax(chip, x, wiring=DYADIC(0.0), beta=0.0, t_end=40)) == ["converged"]
    sigma = sigma_of(chip, ds)
    limit = 2 / (1 + sigma.max() ** 2)
    for eta, settles in ((0.9 * limit, True), (1.15 * limit, False)):
        rng = np.random.default_rng(0)
        shaken = [a + 1e-4 * rng.standard_normal(a.shape) for a in states(ds)]
        found = asim.settle(
            chip,
            x,
            wiring=DYADIC(0.0),
            beta=0.0,
            method="synchronous",
            eta=eta,
            max_sweeps=3000,
            tol=1e-7,
            initial=shaken,
        )
        worst = int(sigma.argmax())
        assert (found.status.values[worst] == "converged") is settles


def states(ds):
    return [ds[f"a_{k}"].transpose("compartment", "sample", f"layer{k}").values for k in (1, 2, 3)]


def sigma_of(chip, ds):
    """Largest |Im| of the Jacobian at each equilibrium, dense."""
    from analogsim.engine.packing import prepare
    from analogsim.engine.spectrum import Jacobian

    found = []
    for b in range(ds.sizes["sample"]):
        batch = prepare(chip, ds.x.values[b : b + 1], None, DYADIC(0.0), 0.0)
        a = batch.join([layer[:, b : b + 1] for layer in states(ds)])
        found.append(np.abs(np.linalg.eigvals(Jacobian(batch, a).dense()).imag).max())
    return np.array(found)


@pytest.mark.slow
def test_unequal_time_constants_destabilise_dp_at_one():
    """They move no equilibrium, but they move its stability: the verdict has to follow."""
    chip, x, y = initial(samples=4)
    rng = np.random.default_rng(1)
    slow = chip.replace(tau=tuple(np.exp(rng.standard_normal(t.shape)) for t in chip.tau))
    equal = asim.settle(chip, x, y, wiring=DP(1.0), beta=0.5)
    unequal = asim.settle(slow, x, y, wiring=DP(1.0), beta=0.5)
    truth = asim.relax(slow, x, y, wiring=DP(1.0), beta=0.5, t_end=200 * max(t.max() for t in slow.tau), tol=1e-4)
    assert words(equal) == ["converged"]
    assert list(unequal.status.values) == list(truth.status.values)


def test_arnoldi_agrees_with_dense_eigenvalues():
    from analogsim.engine import spectrum
    from analogsim.engine.packing import prepare

    chip, x, y = initial(samples=1, sizes=(100, 150, 150, 10))
    for rule in (DP(1.0), DPT(0.3), DP(0.3), DYADIC(0.5)):
        batch = prepare(chip, x, y, rule, 0.5)
        state = asim.settle(chip, x, y, wiring=rule, beta=0.5, method="up-down", max_sweeps=20)
        a = batch.join(states(state))
        dense = np.linalg.eigvals(spectrum.Jacobian(batch, a).dense())
        found, _ = spectrum.leading(batch, a)
        assert found == pytest.approx(dense.real.max(), abs=0.02)
        for rate in (0.01, 0.1, 0.9):
            if abs(dense.real.max() + rate) > 0.03:
                assert spectrum.decays(batch, a, rate) == (dense.real.max() < -rate)


def test_a_dissipative_coupling_leaves_no_state_unstable():
    """Whatever the slopes and time constants; and V may be wrong by as much as the bound says."""
    from analogsim.engine import spectrum
    from analogsim.engine.packing import prepare

    rng, margin = np.random.default_rng(3), 0.1
    chip, x, y = initial(samples=1, sizes=(20, 16, 12, 6), activation="hard-sigmoid", gain=3.0)
    chip = chip.replace(tau=tuple(np.exp(rng.standard_normal(t.shape)) for t in chip.tau))
    noise = [None if v is None else rng.standard_normal(v.shape) / np.sqrt(v.size) for v in chip.feedback]
    seen = {}
    for rule in (DYADIC(0.0), DYADIC(1.0), DPT(0.3)):
        for wrong in (0.0, 0.3, 3.0):
            v = tuple(None if v is None else v + wrong * e for v, e in zip(chip.feedback, noise, strict=True))
            batch = prepare(chip.replace(feedback=v), x, y, rule, 0.2)
            seen[rule.name, wrong] = spectrum.is_dissipative(batch, margin)
            slowest = max(t.max() for t in chip.tau)
            for _ in range(20 * seen[rule.name, wrong]):
                values = np.linalg.eigvals(spectrum.Jacobian(batch, 3 * rng.standard_normal(batch.size)).dense())
                assert values.real.max() < -margin / slowest
    assert [name for name, sure in seen.items() if sure] == [(DYADIC(0.0).name, 0.0), (DYADIC(0.0).name, 0.3)]


def test_jacobian_is_the_derivative_of_the_rate():
    from analogsim.engine.packing import prepare
    from analogsim.engine.spectrum import Jacobian

    rng = np.random.default_rng(2)
    for loss in ("mse", "cross-entropy"):
        chip, x, y = lab(activation="tanh", loss=loss)
        batch = prepare(chip, x[:1], y[:1], DYADIC(0.25), 0.5)
        rate = reference.rate(chip, DYADIC(0.25), x[0], y[0], 0.5)
        a, v = rng.standard_normal((2, batch.size))
        slope = (rate(0, a + 1e-6 * v) - rate(0, a - 1e-6 * v)) / 2e-6
        np.testing.assert_allclose(Jacobian(batch, a)(v), slope, atol=1e-7)


def at_rest(chip, rule, x, y):
    """An equilibrium by scipy's Newton on the independent equations, stable or not, from the forward pass."""
    rate = reference.rate(chip, rule, x, y, 0.5)
    first = np.concatenate([np.tile(a[0], 2) for a in chip.network().forward(x[None])])
    found = root(lambda a: rate(0, a), first, tol=1e-12, options={"maxfev": 20000})
    assert np.abs(rate(0, found.x)).max() < 1e-9
    edges = np.cumsum([2 * n for n in chip.sizes[1:]])[:-1]
    return [part.reshape(2, 1, -1) for part in np.split(found.x, edges)]


@pytest.mark.parametrize(("rule", "gain"), [(DP(0.7), 2.0), (DP(1.0), 1.5)], ids=lambda v: getattr(v, "name", str(v)))
def test_equilibria_that_the_hardware_leaves(rule, gain):
    """Newton and bare sweeps rest in an unstable equilibrium; the verdict must not be fooled, nor by a warm start."""
    chip, x, y = initial(gain, sizes=(40, 24, 24, 10), samples=1)
    rest = at_rest(chip, rule, x[0], y[0])
    options = {"wiring": rule, "beta": 0.5, "initial": rest}
    bare = asim.settle(chip, x, y, method="up-down", max_sweeps=3, confirm=True, stability=True, **options)
    assert (bare.status.item(), bare.hardware.item()) == ("converged", "leaves")
    assert bare.spectral_abscissa.item() > 0.02
    judged = asim.settle(chip, x, y, **options)
    assert judged.status.item() != "converged"
    assert judged.checked.item() == "ode"


def test_equilibria_that_the_hardware_does_not_reach():
    """The symmetric network is multistable: sweeps from a = 0 may end elsewhere than the ODE, and `confirm` says so."""
    chip, x, y = initial(2.0, sizes=(20, 30, 30, 30, 10), activation="hard-sigmoid", samples=12)
    options = {"wiring": DYADIC(1.0), "beta": 0.1, "confirm": True, "horizon": 600, "max_sweeps": 400}
    ds = asim.settle(chip, x, y, method="up-down", **options)
    assert words(ds) == ["converged"]
    assert set(ds.hardware.values) == {"same", "elsewhere"}
    calm, cx, cy = initial(samples=3)
    same = asim.settle(calm, cx, cy, wiring=DPT(0.3), beta=0.5, confirm=True)
    assert list(same.hardware.values) == ["same"] * 3


def test_warm_start_needs_no_sweeps():
    chip, x, y = initial()
    cold = asim.settle(chip, x, y, wiring=DPT(0.3), beta=0.5, tol=1e-7)
    warm = asim.settle(chip, x, y, wiring=DPT(0.3), beta=0.5, tol=1e-5, initial=cold)
    assert warm.evaluations <= 2
    assert words(warm) == ["converged"]


def test_same_seed_same_bits_with_noise():
    chip, x, y = lab()
    noisy = chip.replace(
        node_noise=0.01,
        forward_noise=tuple(0.05 * np.abs(w) for w in chip.forward),
        feedback_noise=tuple(None if v is None else 0.05 * np.abs(v) for v in chip.feedback),
    )
    for verb in (asim.settle, lambda *a, **k: asim.relax(*a, t_end=3.0, **k)):
        one, two, other = (verb(noisy, x, y, wiring=DPT(0.3), beta=0.5, seed=s) for s in (1, 1, 2))
        assert (one.a_2 == two.a_2).all()
        assert (one.a_2 != other.a_2).any()


@pytest.mark.parametrize(
    ("options", "word"),
    [({"tol": 0}, "tol"), ({"method": "sorr"}, "did you mean 'sor'"), ({"method": "synchronous", "eta": 2}, "eta")],
)
def test_bad_options_are_named(options, word):
    chip, x, y = lab()
    with pytest.raises(asim.InputError, match=word):
        asim.settle(chip, x, y, wiring=DPT(0.3), beta=0.5, **options)
