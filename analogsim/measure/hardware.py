"""What a chip and its neurons look like from outside: asymmetry of the feedback path, neurons that have saturated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analogsim.activations import activation
from analogsim.circuits.chip import Chip

FLAT = 0.01
"""A neuron counts as saturated where the slope is below this share of the activation's largest."""


def symmetry_defect(chip: Chip) -> NDArray[np.float64]:
    """‖V_{k+1} − W_{k+1}ᵀ‖_F / ‖W_{k+1}‖_F as realised on the chip, for each hidden layer k: (L − 1,)."""
    pairs = zip(chip.forward[1:], chip.feedback[1:], strict=True)
    return np.array([np.linalg.norm(v - w.T) / np.linalg.norm(w) for w, v in pairs if v is not None])


def sensitivity(
    chip: Chip, recurrent: float, slopes: Sequence[NDArray[np.floating]] | None = None
) -> tuple[float, float]:
    """Lipschitz constants of a chip as built, with V where it is not Wᵀ: ‖(I − DK)⁻¹D‖₂ and that from input to output.

    K couples the neurons with equal compartments: W_k from below, κ V_{k+1} from above; D holds the slopes of the
    activations. With D = I and V = Wᵀ these are `lipschitz_hidden` and `lipschitz_output`, bounds for any input; with
    the slopes of one state they say how sensitive the network is there.

    Parameters
    ----------
    chip : Chip
    recurrent : float
        κ, the feedback that equal compartments get: 2λ − 1.
    slopes : sequence of (n_k,) arrays, optional
        f' of every layer; one everywhere if not given.

    Returns
    -------
    (hidden, output)
        Infinite where I − DK is singular.
    """
    starts = np.concatenate([[0], np.cumsum(chip.sizes[1:])])
    blocks = [slice(starts[k], starts[k + 1]) for k in range(chip.layers)]
    coupling = np.zeros((starts[-1], starts[-1]))
    for k in range(1, chip.layers):
        coupling[blocks[k], blocks[k - 1]] = chip.forward[k]
        coupling[blocks[k - 1], blocks[k]] = recurrent * np.asarray(chip.feedback[k])
    d = np.ones(starts[-1]) if slopes is None else np.concatenate([np.ravel(s) for s in slopes])
    try:
        response = np.linalg.solve(np.eye(starts[-1]) - d[:, None] * coupling, np.diag(d))
    except np.linalg.LinAlgError:
        return float("inf"), float("inf")
    through = response[blocks[-1], blocks[0]] @ chip.forward[0]
    return float(np.linalg.norm(response, 2)), float(np.linalg.norm(through, 2))


def saturation(pre_activations: Sequence[NDArray[np.floating]], name: str) -> NDArray[np.float64]:
    """Share of hidden neurons (over samples and compartments) on a flat part of their activation, for each layer.

    Parameters
    ----------
    pre_activations : sequence of arrays
        a_k, one for each layer, of any shape.
    name : str
        The activation function. For ReLU a "saturated" neuron is a silent one.
    """
    f = activation(name)
    return np.array([float((np.abs(f.derivative(a)) < FLAT * f.slope_max).mean()) for a in pre_activations])
