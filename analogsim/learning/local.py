"""The one rule for the weights, local at the synapse, for the whole family of wirings.

    ∂W_k ≈ −(1 / (β Σn)) Σ_± (±1) s_k^± (u_k^±)ᵀ,    ∂b_k ≈ −(1 / (β Σn)) (s_k⁺ − s_k⁻),

with u_k the forward signal that the synapse really gets, after its driver. Both factors are there at the crossing of
row and column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analogsim.activations import activation
from analogsim.circuits.chip import Chip, Population
from analogsim.engine.problem import Batch, factorise
from analogsim.errors import InputError
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
    weight = -1.0 / (beta * wiring.total_nudge * len(beta))
    found = []
    for k in range(chip.layers):
        plus, minus = s[k][0] * weight[:, None], s[k][1] * weight[:, None]
        if k == 0:
            found.append(((plus - minus).T @ chip.sent(x, 0, 0), (plus - minus).sum(axis=0)))
            continue
        u = forward_signal(chip, wiring, s[k - 1], k)
        found.append((plus.T @ u[0] - minus.T @ u[1], (plus - minus).sum(axis=0)))
    return found


def forward_signal(chip: Chip, wiring: Wiring, s: Array, j: int) -> Array:
    """u = F s with each sender's divider error, through the driver of matrix j, (2, sample, neuron)."""
    divider = chip.divider[j - 1]
    q, p = factorise(wiring.forward, divider, np.ones_like(divider))
    reads = chip.sent(np.einsum("rdi,dbi->rbi", q, s), 0, j)
    return np.einsum("cr,rbi->cbi", p[:, :, 0], reads)
