"""The one rule for the weights, local at the synapse, for the whole family of wirings.

    ∂W_k ≈ −(1 / (β Σn)) Σ_± (±1) s_k^± (u_k^±)ᵀ,    ∂b_k ≈ −(1 / (β Σn)) (s_k⁺ − s_k⁻),

with u_k the forward signal that the synapse really gets, after its driver. Both factors stand on the row and the column
that cross at a cell: it needs to know nothing from elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.population import Population
from analogsim.chip.whole import Chip
from analogsim.engine.packing import Batch, factorise
from analogsim.errors import InputError, instance, shown
from analogsim.functions.activations import activation
from analogsim.wiring import Wiring

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.floating]
Gradient = list[tuple[Array, Array]]


def gradient(chip: Chip, state: xr.Dataset) -> Gradient:
    """Apply the local rule to a state from `settle`, or to the end of one from `relax`.

    Parameters
    ----------
    chip : Chip
    state : xarray.Dataset
        Carries x, y, the wiring and the signed β of each sample; β may have either sign, not zero.

    Returns
    -------
    list of (weights (n_k, n_{k−1}), bias (n_k,))
        Means over the samples, the layout of the digital references.

    Raises
    ------
    InputError
        If β is zero for a sample, or the state belongs to another network.
    """
    if isinstance(chip, Population):
        raise InputError("gradient takes one chip: loop over the population and state.isel(chip=k).")
    instance("chip", chip, Chip, "a Chip")
    if not hasattr(state, "data_vars"):
        raise InputError(f"state = {shown(state)}; expected what settle or relax returned for this chip.")
    if "time" in state.dims:
        state = state.isel(time=-1)
    try:
        s = [state[f"s_{k}"].transpose("compartment", "sample", f"layer{k}").values for k in range(1, chip.layers + 1)]
        x, beta, wiring = state["x"].values, state["beta"].values, Wiring.from_json(state.attrs["wiring"])
    except KeyError as missing:
        raise InputError(f"state lacks {missing}: expected what settle or relax returned for this chip.") from None
    if [v.shape[2] for v in s] != list(chip.sizes[1:]) or x.shape[1] != chip.sizes[0]:
        raise InputError(f"state has layers {[v.shape[2] for v in s]}; the chip has {list(chip.sizes[1:])}.")
    return from_states(chip, wiring, x, s, beta)


def from_batch(batch: Batch, a: Array) -> Gradient:
    """Apply the local rule to a packed state."""
    chip = batch.chip
    hidden, last = activation(chip.activation), activation(chip.output_activation)
    layers = batch.split(a)
    s = [(last if k == chip.layers - 1 else hidden)(layer) for k, layer in enumerate(layers)]
    return from_states(chip, batch.wiring, batch.x, s, batch.beta)


def from_states(chip: Chip, wiring: Wiring, x: Array, s: list[Array], beta: Array) -> Gradient:
    """Apply the local rule to states (compartment, sample, neuron)."""
    if not beta.all():
        raise InputError("beta = 0: without a nudge the two compartments agree and there is no gradient to read.")
    found: Gradient = []
    weight = _weight(wiring, beta, s)
    for states, pairs in zip(s, drives(chip, wiring, x, s, beta), strict=True):
        weights = [-errors.T @ inputs for errors, inputs in pairs]
        found.append((sum(weights[1:], weights[0]), ((states[0] - states[1]) * weight).sum(axis=0)))
    return found


def drives(chip: Chip, wiring: Wiring, x: Array, s: list[Array], beta: Array) -> list[list[tuple[Array, Array]]]:
    """Pairs (errors, inputs) of each layer whose summed outer product Σ errorsᵀ inputs is minus the gradient."""
    weight = -_weight(wiring, beta, s)
    return [[(d * weight, u) for d, u in pairs] for pairs in signals(chip, wiring, x, s)]


def _weight(wiring: Wiring, beta: Array, s: list[Array]) -> Array:
    """−1/(β Σn · samples) of each sample, a column."""
    return (-1.0 / (beta * wiring.total_nudge * len(beta))).astype(s[0].dtype)[:, None]


def signals(chip: Chip, wiring: Wiring, x: Array, s: list[Array]) -> list[list[tuple[Array, Array]]]:
    """What stands on the rows and on the columns of each array: Σ_± (±1) s_k^± (u_k^±)ᵀ = Σ d uᵀ over these pairs.

    Where both compartments read one forward signal (DP, DP⊤, λ = ½) that is one pair, d = s⁺ − s⁻ and the signal;
    otherwise there are two. u is what the synapse gets: with each sender's divider error, through the array's driver.

    Returns
    -------
    list of lists of (d (sample, n_k), u (sample, n_{k−1}))
    """
    found = [[(s[0][0] - s[0][1], chip.sent(x, 0, 0))]]
    for k in range(1, chip.layers):
        divider = chip.divider[k - 1]
        q, p = factorise(wiring.forward, divider, np.ones_like(divider))
        q, share = q.astype(x.dtype), p[:, :, 0].astype(x.dtype)
        reads = [chip.sent(row[0] * s[k - 1][0] + row[1] * s[k - 1][1], 0, k) for row in q]
        found.append([(up * s[k][0] - down * s[k][1], u) for up, down, u in zip(*share, reads, strict=True)])
    return found
