"""Clocks and delays tend to the ODE in their limits, and keep its equilibria."""

import numpy as np
import pytest

import analogsim as asim
from tests.engine.test_transient import lab

DPT = asim.Wiring.adjoint_dual_propagation(0.3)
TIMES = np.array([0.5, 1.0, 2.0, 4.0])


def gap(one, other):
    return max(float(np.abs(one[f"a_{k}"] - other[f"a_{k}"]).max()) for k in (1, 2, 3))


@pytest.mark.parametrize("rule", [DPT, asim.Wiring.dyadic(0.2)], ids=lambda r: r.name)
@pytest.mark.parametrize("of", ["neuron", "layer"])
@pytest.mark.slow
def test_fast_clocks_give_the_ode(of, rule):
    """The deviation falls as 1/√rate (random times) or faster; 16-fold rate, at least 3-fold smaller."""
    chip, x, y = lab(activation="tanh")
    options = {"wiring": rule, "beta": 0.5, "times": TIMES}
    ode = asim.relax(chip, x, y, rtol=1e-8, atol=1e-10, **options)
    slow, fast = (
        np.mean([gap(asim.relax(chip, x, y, clock=asim.Clock(r, of=of), seed=s, **options), ode) for s in range(4)])
        for r in (100.0, 1600.0)
    )
    assert fast < slow / 3
    assert fast < 0.05


@pytest.mark.parametrize("jump", [False, True])
@pytest.mark.parametrize("of", ["neuron", "layer"])
def test_clocks_end_in_the_equilibrium_of_the_ode(of, jump):
    chip, x, y = lab(gain=0.5)
    ds = asim.relax(chip, x, y, wiring=DPT, beta=0.5, t_end=60, clock=asim.Clock(5.0, of=of, jump=jump), seed=1)
    rest = asim.settle(chip, x, y, wiring=DPT, beta=0.5, tol=1e-9)
    assert set(ds.status.values) == {"converged"}
    assert max(float(np.abs(ds[f"a_{k}"][:, 0] - rest[f"a_{k}"]).max()) for k in (1, 2, 3)) < 1e-4


def test_cross_entropy_under_clocks():
    chip, x, y = lab(gain=0.5, loss="cross-entropy")
    ds = asim.relax(chip, x, y, wiring=DPT, beta=0.5, t_end=80, clock=asim.Clock(5.0), seed=1)
    rest = asim.settle(chip, x, y, wiring=DPT, beta=0.5, tol=1e-9)
    np.testing.assert_allclose(ds.a_3.values[:, 0], rest.a_3.values, atol=1e-5)


@pytest.mark.slow
def test_short_delays_give_the_ode_to_first_order():
    chip, x, y = lab(activation="tanh")
    options = {"wiring": DPT, "beta": 0.5, "times": TIMES}
    ode = asim.relax(chip, x, y, rtol=1e-8, atol=1e-10, **options)
    errors = [gap(asim.relax(chip, x, y, delay=d, dt=d / 4, **options), ode) for d in (0.02, 0.01)]
    assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.15


def test_a_delayed_signal_arrives_late():
    """In an open chain the second layer stays at rest until δ, and then follows as the ODE would, δ later."""
    rng = np.random.default_rng(0)
    net = asim.Network.random((3, 4, 2), activation="identity", seed=0)
    chip, x = asim.Chip.ideal(net), rng.random((2, 3))
    times = np.array([0.5, 1.0, 2.0, 3.0])
    late = asim.relax(chip, x, wiring=DPT, beta=0, delay=1.0, dt=0.001, times=times)
    prompt = asim.relax(chip, x, wiring=DPT, beta=0, times=times, rtol=1e-8)
    assert (late.a_2.values[:, :2] == 0).all()
    np.testing.assert_allclose(late.a_2.values[:, 2:], prompt.a_2.values[:, 1:3], atol=5e-3)
    np.testing.assert_allclose(late.a_1.values, prompt.a_1.values, atol=5e-3)


def test_a_delay_destabilises_the_skew_symmetric_network():
    """Eigenvalues λ = −1 ± iσ e^{−λδ}: what rings at σ turns into growth when the loop is late enough."""
    rng = np.random.default_rng(1)
    net = asim.Network.random((8, 10, 10, 4), activation="tanh", seed=1, gain=2.0)
    chip, x = asim.Chip.ideal(net), rng.random((3, 8))
    calm = asim.relax(chip, x, wiring=asim.Wiring.dyadic(0.0), beta=0, t_end=80, delay=0.01, dt=0.005)
    late = asim.relax(chip, x, wiring=asim.Wiring.dyadic(0.0), beta=0, t_end=80, delay=1.0, dt=0.01)
    assert set(calm.status.values) == {"converged"}
    assert "converged" not in set(late.status.values)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"delay": 0.0}, "delay"),
        ({"delay": 0.1, "clock": asim.Clock(1.0)}, "exclude"),
    ],
)
def test_impossible_choices(options, word):
    chip, x, y = lab()
    with pytest.raises(asim.InputError, match=word):
        asim.relax(chip, x, y, wiring=DPT, beta=0.5, t_end=1, **options)


@pytest.mark.parametrize("arguments", [(0.0,), (1.0, "synapse")])
def test_impossible_clocks(arguments):
    with pytest.raises(asim.InputError, match="Clock"):
        asim.Clock(*arguments)
