"""Every solver that has a name, against an independent statement of the equations integrated by DOP853 at 1e-12."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.engine.solvers import takes_noise
from analogsim.registry import register
from tests.engine import reference

RULES = {
    "tanh, DP⊤": ((5, 6, 4, 3), "tanh", asim.Wiring.adjoint_dual_propagation(0.3)),
    "relu, DP": ((16, 16, 8), "relu", asim.Wiring.dual_propagation(1.0)),
    "hard sigmoid, dyads of unequal leaks": ((4, 7, 5, 6, 3), "hard-sigmoid", asim.Wiring.dyadic(0.25)),
}
TIMES = np.array([0.3, 1.0, 5.0])


def network(name):
    sizes, activation, rule = RULES[name]
    net, rng = asim.Network.random(sizes, activation, seed=1, gain=0.7), np.random.default_rng(2)
    # Unequal time constants, and feedback that is not the transpose, as on hardware.
    tau = tuple(np.exp(0.4 * rng.standard_normal((2, n))) for n in sizes[1:])
    feedback = tuple(None if j == 0 else w.T + 0.02 * rng.standard_normal(w.T.shape) for j, w in enumerate(net.weights))
    chip = asim.Chip.ideal(net, tau=tau, feedback=feedback)
    return chip, rng.random((2, sizes[0])), rng.random((2, sizes[-1])), rule


@pytest.fixture(scope="module", params=RULES)
def case(request):
    chip, x, y, rule = network(request.param)
    truth = [reference.solve(chip, rule, x[b], y[b], 0.5, TIMES) for b in range(2)]
    return chip, x, y, rule, truth


def worst(ds, chip, truth):
    return max(float(np.abs(reference.packed(ds, chip, b) - truth[b]).max()) for b in range(2))


@pytest.mark.parametrize(
    "solver", ["auto", *(name for name, solver in register.solver.items() if not takes_noise(solver))]
)
def test_adaptive_solvers_keep_their_tolerance(case, solver):
    chip, x, y, rule, truth = case
    ds = asim.relax(chip, x, y, wiring=rule, beta=0.5, times=TIMES, solver=solver, rtol=1e-7, atol=1e-9)
    assert worst(ds, chip, truth) < 1e-5
    assert not (ds.status == "diverged").any()


@pytest.mark.parametrize(("solver", "order"), [("exponential-em", 1), ("exponential-sra", 2)])
def test_fixed_steps_without_noise_converge_to_the_same(case, solver, order):
    chip, x, y, rule, truth = case
    errors = [
        worst(asim.relax(chip, x, y, wiring=rule, beta=0.5, times=TIMES, solver=solver, dt=dt), chip, truth)
        for dt in (0.04, 0.02, 0.01)
    ]
    assert errors[-1] < 0.5 * 0.01**order
    assert np.log2(errors[0] / errors[-1]) / 2 > order - 0.2
