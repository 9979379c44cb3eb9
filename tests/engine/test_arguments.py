"""Arguments of relax, settle and gradient: rounding is forgiven, what means nothing is refused in one line."""

import numpy as np
import pytest

from analogsim import Chip, Clock, InputError, Network, Stream, Wiring, gradient, relax, settle

NET = Network.random((3, 2, 2), seed=0)
CHIP = Chip.ideal(NET)
X, Y = np.array([[0.1, 0.5, 0.9]]), np.array([[1.0, 0.0]])
RULE = {"wiring": Wiring.adjoint_dual_propagation(0.3), "beta": 0.1}


@pytest.mark.parametrize("end", [0.3, 0.7, 1.1, 4.7, 1 / 3])
def test_times_of_float32_that_end_at_t_end_are_taken(end):
    times = np.linspace(0, end, 7, dtype=np.float32)
    found = relax(CHIP, X, Y, t_end=end, times=times, **RULE)
    exact = relax(CHIP, X, Y, t_end=end, times=np.linspace(0, end, 7), **RULE)
    assert found.time.values[-1] <= end
    np.testing.assert_allclose(found.a_2, exact.a_2, atol=1e-6)
    with pytest.raises(InputError, match="within"):
        relax(CHIP, X, Y, t_end=end * (1 - 1e-5), times=times, **RULE)
    with pytest.raises(InputError, match="within"):  # of float64 they must end there
        relax(CHIP, X, Y, t_end=end, times=np.linspace(0, end * (1 + 1e-9), 7), **RULE)


@pytest.mark.parametrize("times", [[], [[0.1, 0.2]], "5", ["0.1"], [0.1, np.nan], [0.2, 0.1], [-0.1], {}, [1j], [None]])
def test_times_that_are_none_are_refused(times):
    with pytest.raises(InputError, match="times"):
        relax(CHIP, X, Y, times=times, **RULE)


NUMBERS = ("5", None, np.nan, np.inf, -1.0, 0.0, {}, [1.0], 1j, 10**400)


@pytest.mark.parametrize("name", ["t_end", "rtol", "atol", "dt", "tol"])
def test_numbers_of_relax(name):
    for bad in NUMBERS:
        with pytest.raises(InputError, match=name):
            relax(CHIP, X, Y, **{"t_end": 0.1, **RULE, name: bad})


@pytest.mark.parametrize("name", ["tol", "horizon", "eta", "max_sweeps"])
def test_numbers_of_settle(name):
    for bad in NUMBERS:
        with pytest.raises(InputError, match=name):
            settle(CHIP, X, Y, **{**RULE, name: bad})


def test_other_arguments_are_checked_by_their_kind():
    for bad in (-1, 1.5, "0", None, 10**30):
        for call in (relax, settle):
            with pytest.raises(InputError, match="seed"):
                call(CHIP, X, Y, seed=bad, **RULE, **({"t_end": 0.1} if call is relax else {}))
    for options in (
        {"clock": 4.0},
        {"progress": 3},
        {"initial": "x"},
        {"delay": "1"},
        {"solver": ["etd"]},
        {"dtype": {}},
    ):
        (name,) = options
        with pytest.raises(InputError, match=name):
            relax(CHIP, X, Y, t_end=0.1, **RULE, **options)
    for chip in (None, NET, "crossbar"):
        for call in (lambda c: relax(c, X, Y, t_end=0.1, **RULE), lambda c: settle(c, X, Y, **RULE)):
            with pytest.raises(InputError, match="chip"):
                call(chip)
    for beta in (1e308, "0.1", None, [0.1, 0.2], {}):
        with pytest.raises(InputError, match="beta"):
            settle(CHIP, X, Y, wiring=RULE["wiring"], beta=beta)
    state = settle(CHIP, X, Y, **RULE)
    for chip, given in ((None, state), (CHIP, None), (CHIP, {}), (CHIP, state.drop_vars("s_1"))):
        with pytest.raises(InputError):
            gradient(chip, given)
    for rate in NUMBERS:
        with pytest.raises(InputError, match=r"Clock\.rate"):
            Clock(rate)
        with pytest.raises(InputError, match=r"Stream\.dwell"):
            Stream(X, Y, rate)


@pytest.mark.parametrize("x", [None, "x", {}, [[1, 2, np.nan]], [[1, 2, 1j]], [[1, 2, 1e200]], X[0], X[:, :2], X[:0]])
def test_what_is_no_batch_is_refused(x):
    with pytest.raises(InputError, match=r"^x "):
        settle(CHIP, x, Y, **RULE)


def test_float32_refuses_what_it_cannot_hold():
    with pytest.raises(InputError, match="beyond"):
        settle(CHIP, 1e25 * X, Y, dtype=np.float32, **RULE)
    large = CHIP.replace(forward=(CHIP.forward[0], 1e60 * CHIP.forward[1]))
    with pytest.raises(InputError, match="float32"):
        settle(large, X, Y, dtype=np.float32, **RULE)


@pytest.mark.parametrize(
    "sizes", [(), (3,), "35", None, (3, 0), (3, -2), (3, 2.5), (3, 10**20), (10**6, 10**6), (3, "2")]
)
def test_sizes_of_a_network(sizes):
    with pytest.raises(InputError, match="sizes"):
        Network.random(sizes)
