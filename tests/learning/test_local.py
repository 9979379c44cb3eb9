"""The local rule against finite differences of the equilibrium loss and against back-propagation."""

import numpy as np
import pytest

import analogsim as asim


def problem(gain=0.5, seed=0):
    """A small tanh network whose equilibria are stable for every rule of the family."""
    rng = np.random.default_rng(seed)
    net = asim.Network.random((6, 5, 4, 3), activation="tanh", seed=rng, gain=gain)
    net = net.replace(biases=tuple(0.1 * rng.standard_normal(b.shape) for b in net.biases))
    return net, rng.standard_normal((4, 6)), np.eye(3)[[0, 1, 2, 0]]


def local(net, x, y, rule, beta, **options):
    chip = asim.Chip.ideal(net)
    state = asim.settle(chip, x, y, wiring=rule, beta=beta, tol=1e-10 / max(beta, 1e-3), max_sweeps=500, **options)
    assert (state.residual <= 1e-10).all()
    assert (state.status == "converged").all()
    return asim.gradient(chip, state)


def distance(found, reference):
    flat = [np.concatenate([np.concatenate([w.ravel(), b]) for w, b in g]) for g in (found, reference)]
    return np.linalg.norm(flat[0] - flat[1]) / np.linalg.norm(flat[1])


@pytest.mark.parametrize("lam", [0, 0.25, 0.5, 0.75, 1])
def test_equals_finite_differences_of_the_equilibrium_loss(lam):
    net, x, y = problem()
    rule = asim.Wiring.dyadic(lam)

    def loss(change):
        weights = tuple(w + d for w, d in zip(net.weights, change, strict=True))
        chip = asim.Chip.ideal(net.replace(weights=weights))
        state = asim.settle(chip, x, wiring=rule, beta=0, tol=1e-13, max_sweeps=2000)
        return 0.5 * ((state.s_3.values[:, 0] - y) ** 2).sum(1).mean()

    found = local(net, x, y, rule, 1e-3)
    rng, h = np.random.default_rng(3), 1e-5
    # Every weight matrix on its own, along its gradient and along random directions.
    for k in range(3):
        for direction in [found[k][0], *rng.standard_normal((2, *found[k][0].shape))]:
            step = [h * direction if j == k else np.zeros_like(w) for j, w in enumerate(net.weights)]
            slope = (loss(step) - loss([-s for s in step])) / (2 * h)
            size = np.linalg.norm(direction) * np.linalg.norm(found[k][0])
            assert abs(slope - (found[k][0] * direction).sum()) < 1e-3 * size


@pytest.mark.parametrize("family", ["dual_propagation", "adjoint_dual_propagation"])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_tends_to_back_propagation(family, alpha):
    """The distance falls as β, as β² at α = ½; the Richardson limit is back-propagation."""
    net, x, y = problem()
    rule, truth = getattr(asim.Wiring, family)(alpha), asim.reference.backprop(net, x, y)
    order = 2 if alpha == 0.5 else 1
    betas = [0.02, 0.01]
    grads = [local(net, x, y, rule, beta) for beta in betas]
    wide, narrow = (distance(g, truth) for g in grads)
    assert abs(np.log2(wide / narrow) - order) < 0.15
    weight = 2**order
    limit = [
        ((weight * q[0] - p[0]) / (weight - 1), (weight * q[1] - p[1]) / (weight - 1))
        for p, q in zip(*[[local(net, x, y, rule, b)[k] for k in range(3)] for b in (1e-3, 5e-4)], strict=True)
    ]
    assert distance(limit, truth) < 1e-4


@pytest.mark.parametrize("lam", [0, 0.25, 0.75, 1])
def test_tends_to_implicit_differentiation(lam):
    net, x, y = problem()
    rule = asim.Wiring.dyadic(lam)
    assert distance(local(net, x, y, rule, 1e-3), asim.reference.implicit(net, x, y, rule)) < 1e-4


def test_the_sign_of_the_nudge_drops_out():
    """β → −β exchanges the roles of the compartments; with signed β in the rule the limit is the same."""
    net, x, y = problem()
    rule = asim.Wiring.adjoint_dual_propagation(0.3)
    chip = asim.Chip.ideal(net)
    beta = 1e-4 * np.array([1, -1, 1, -1])
    state = asim.settle(chip, x, y, wiring=rule, beta=beta, tol=1e-9)
    assert distance(asim.gradient(chip, state), asim.reference.backprop(net, x, y)) < 1e-3


def test_mismatch_error_falls_as_one_over_beta_and_a_free_read_removes_it():
    rng = np.random.default_rng(5)
    net, x, y = problem()
    rule, truth = asim.Wiring.adjoint_dual_propagation(0.3), asim.reference.backprop(net, x, y)
    chip = asim.Chip.ideal(net, offset=tuple(0.01 * rng.standard_normal((2, n)) for n in net.sizes[1:]))
    errors, cured = [], []
    for beta in (0.05, 0.1, 0.2):
        state = asim.settle(chip, x, y, wiring=rule, beta=beta, tol=1e-10)
        errors.append(distance(asim.gradient(chip, state), truth))
        free = asim.settle(chip, x, y, wiring=rule, beta=0, tol=1e-10).assign(beta=state.beta)
        pairs = zip(asim.gradient(chip, state), asim.gradient(chip, free), strict=True)
        cured.append(distance([(w - v, b - c) for (w, b), (v, c) in pairs], truth))
    assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.1
    assert abs(np.log2(errors[1] / errors[2]) - 1) < 0.15
    assert max(cured) < 0.1 * min(errors)


def test_the_error_of_v_does_not_depend_on_beta():
    rng = np.random.default_rng(6)
    net, x, y = problem()
    rule, truth = asim.Wiring.adjoint_dual_propagation(0.5), asim.reference.backprop(net, x, y)
    chip = asim.Chip.ideal(net)
    off = tuple(None if v is None else v * (1 + 0.2 * rng.standard_normal(v.shape)) for v in chip.feedback)
    chip, errors = chip.replace(feedback=off), []
    for beta in (0.01, 0.1):
        state = asim.settle(chip, x, y, wiring=rule, beta=beta, tol=1e-10)
        errors.append(distance(asim.gradient(chip, state), truth))
    assert abs(errors[0] / errors[1] - 1) < 0.02
    assert errors[0] > 0.02


def test_a_free_state_has_no_gradient():
    net, x, _ = problem()
    chip = asim.Chip.ideal(net)
    state = asim.settle(chip, x, wiring=asim.Wiring.dyadic(0.5), beta=0)
    with pytest.raises(asim.InputError, match="beta = 0"):
        asim.gradient(chip, state)
