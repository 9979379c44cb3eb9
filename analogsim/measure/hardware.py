"""Measures of a chip and its states: how far the feedback is from Wᵀ, and how many neurons have saturated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analogsim.arrays import layerwise
from analogsim.chip.whole import Chip
from analogsim.errors import instance
from analogsim.functions.activations import activation


def symmetry_defect(chip: Chip) -> NDArray[np.float64]:
    """‖V_{k+1} − W_{k+1}ᵀ‖_F / ‖W_{k+1}‖_F as realised on the chip, for each hidden layer k: (L − 1,).

    Parameters
    ----------
    chip : Chip
    """
    instance("chip", chip, Chip, "a Chip")
    pairs = zip(chip.forward[1:], chip.feedback[1:], strict=True)
    return np.array([np.linalg.norm(v - w.T) / np.linalg.norm(w) for w, v in pairs if v is not None])


def saturation(pre_activations: Sequence[NDArray[np.floating]], name: str) -> NDArray[np.float64]:
    """Share of hidden neurons (over samples and compartments) on a flat part of their activation, for each layer.

    Parameters
    ----------
    pre_activations : sequence of arrays
        a_k, one for each layer, of any shape.
    name : str
        The activation function; see `Activation.saturated`.
    """
    f, layers = activation(name), layerwise("pre_activations", pre_activations)
    return np.array([float(f.saturated(a).mean()) for a in layers])
