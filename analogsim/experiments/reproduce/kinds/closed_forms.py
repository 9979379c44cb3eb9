"""A linear network with one hidden layer: its dyads iterated and relaxed in time, against closed forms.

    y⁺ − y⁻ = M W z̄ + const,   z̄ ← z̄_free + (2α − 1) Wᵀ(M W z̄ + const),

with ℓ = ½‖y − target‖² nudged by β and quadratic resting energies. Two Tales, appendix G: M = −β/((1 + αβ)(1 − ᾱβ))
where the loss is read at each compartment (AROVR, Eq. 63) and −β/(1 − β + 2αβ) where it is read at their mean (SPROVR,
Eq. 73). The iteration converges if |2α − 1||M|σ² < 1, σ = ‖W‖₂; the ODE if (2α − 1)Mσ² < 1, whose sign matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from analogsim.circuits.base import circuit
from analogsim.engine.resting import settle
from analogsim.errors import unknown
from analogsim.experiments.jobs.points import Found
from analogsim.experiments.reproduce.kinds import Reader
from analogsim.learning.reference.dyads import Relaxation
from analogsim.network import Network
from analogsim.registry import register
from analogsim.wiring import Wiring

FORMS = ("arovr", "sprovr")


def gain(form: str, alpha: float, beta: float) -> float:
    """M of Eqs. 63 and 73."""
    if form == "arovr":
        return -beta / ((1 + alpha * beta) * (1 - (1 - alpha) * beta))
    return -beta / (1 - beta + 2 * alpha * beta)


@register.experiment("closed-forms", "a linear network's dyads against the closed forms of Two Tales, appendix G")
def compute(settings: Mapping[str, object], checkpoint: Path, tell: Callable[[str], None]) -> Found:
    """Measure M, the rate of the iteration and whether the ODE settles, beside what the formulas say."""
    take = Reader(settings)
    form, alpha, beta, norm = take("form"), float(take("alpha")), float(take("beta")), float(take("norm", 1.0))
    sizes, seed, sweeps = take("sizes", [6, 8, 5]), take("seed"), take("sweeps", 200)
    take.end()
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    rng = np.random.default_rng(seed)
    net = Network.random(sizes, "identity", seed=rng, init="lecun")
    scaled = net.weights[1] * norm / np.linalg.norm(net.weights[1], 2)
    net = net.replace(weights=(net.weights[0], scaled), biases=tuple(rng.standard_normal(b.shape) for b in net.biases))
    x, y = rng.standard_normal((4, sizes[0])), rng.standard_normal((4, sizes[-1]))
    wiring = Wiring.dual_propagation(alpha)
    if form == "sprovr":
        share = np.array([[alpha, 1 - alpha]] * 2)
        wiring = replace(wiring, name=f"{wiring.name}, loss at the mean", nudge_at=share)
    state = Relaxation(net, x, y, [wiring] * 2, beta)

    measured = _measured_gain(state, rng)
    closed = gain(form, alpha, beta)
    predicted = abs(2 * alpha - 1) * abs(closed) * norm**2
    rate = _measured_rate(Relaxation(net, x, y, [wiring] * 2, beta), alpha, sweeps)
    chip = circuit("ideal").program(net, seed=0)
    found = settle(chip, x, y, wiring=wiring, beta=beta, method="ode", tol=1e-6)["status"].values
    values = {
        "gain": measured,
        "gain_closed": closed,
        "gain_size": abs(measured),
        "gain_error": abs(measured / closed - 1),
        "rate": rate,
        "rate_closed": predicted,
        "rate_error": abs(rate - predicted),
        "exponent": (2 * alpha - 1) * closed * norm**2 - 1,
        "ode_settled": 100 * float((found == "converged").mean()),
        "ode_diverged": 100 * float((found == "diverged").mean()),
    }
    return Found({key: float(value) for key, value in values.items()})


def _measured_gain(state: Relaxation, rng: np.random.Generator) -> float:
    """The factor between W z and the difference of the outputs, by least squares."""

    def difference(z: np.ndarray) -> np.ndarray:
        state.s[0] = [z, z]
        state.update(1)
        return state.s[1][0] - state.s[1][1]

    z = rng.standard_normal((len(state.x), state.layers[0].width))
    change, sent = difference(z) - difference(0 * z), state.layers[1].forward(z)
    return float((change * sent).sum() / (sent**2).sum())


def _measured_rate(state: Relaxation, alpha: float, sweeps: int) -> float:
    """Factor by which the mean state's changes shrink or grow from sweep to sweep, once it is steady."""
    mean, rates, last = state.s[0][0], [0.0], 0.0
    scale = float(np.linalg.norm(mean))
    for _ in range(sweeps):
        state.sweep([1, 0])
        new = alpha * state.s[0][0] + (1 - alpha) * state.s[0][1]
        change = float(np.linalg.norm(new - mean))
        if last and 1e-8 * scale < change < 1e100 * scale:
            rates.append(change / last)
        mean, last = new, change
    return rates[-1]
