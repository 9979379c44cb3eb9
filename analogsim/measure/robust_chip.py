"""Lipschitz constants of a chip as it is: with its own V in place of Wᵀ, and with the slopes of its neurons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analogsim.arrays import layerwise
from analogsim.chip.whole import Chip
from analogsim.errors import InputError, instance
from analogsim.functions.activations import activation
from analogsim.wiring import Wiring

Array = NDArray[np.floating]


def chip_lipschitz(chip: Chip, wiring: Wiring, a: Sequence[Array] | None = None) -> tuple[float, float]:
    """Spectral norms of the linear response of the network at β = 0, s⁺ = s⁻.

    With K the coupling (W below the diagonal, (2λ − 1) V above; nothing above it for DP and DP⊤) and D the slopes,

        hidden: ‖D (I − K D)⁻¹‖₂,      output: ‖P_L D (I − K D)⁻¹ P_1ᵀ W_1‖₂.

    Parameters
    ----------
    chip : Chip
    wiring : Wiring
    a : sequence of (n_k,) arrays, optional
        Pre-activations of each layer where the slopes are taken; D = I if not given, which bounds them for activations
        with slopes up to one. `analogsim.measure.lipschitz_hidden` and `lipschitz_output` are that for V = Wᵀ.

    Returns
    -------
    (hidden, output) : inf where I − K D is singular.
    """
    instance("chip", chip, Chip, "a Chip")
    instance("wiring", wiring, Wiring, "a Wiring")
    edges = np.concatenate([[0], np.cumsum(chip.sizes[1:])])
    places = [slice(i, j) for i, j in pairwise(edges)]
    coupling, gain = np.zeros((edges[-1], edges[-1])), wiring.recurrent_gain()
    for k in range(1, chip.layers):
        coupling[places[k], places[k - 1]] = chip.forward[k]
        if gain:
            coupling[places[k - 1], places[k]] = gain * np.asarray(chip.feedback[k])
    slopes = np.ones(edges[-1])
    if a is not None:
        a = layerwise("a", a)
        if [np.shape(values) for values in a] != [(n,) for n in chip.sizes[1:]]:
            raise InputError(f"a has shapes {[np.shape(v) for v in a]}; expected {[(n,) for n in chip.sizes[1:]]}.")
        for k, (place, values) in enumerate(zip(places, a, strict=True)):
            f = activation(chip.output_activation if k == chip.layers - 1 else chip.activation)
            slopes[place] = f.derivative(np.asarray(values, float))
    try:
        response = slopes[:, None] * np.linalg.inv(np.eye(len(coupling)) - coupling * slopes)
    except np.linalg.LinAlgError:
        return np.inf, np.inf
    output = response[places[-1], places[0]] @ chip.forward[0]
    return float(np.linalg.norm(response, 2)), float(np.linalg.norm(output, 2))
