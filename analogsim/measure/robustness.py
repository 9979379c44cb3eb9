"""Lipschitz constants: how far a change of the input can move the network, with every activation's slope set to one.

For 1-Lipschitz activations these bound the true constants from above in the feed-forward and the skew-symmetric case.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analogsim.engine.norms import product_norm
from analogsim.errors import instance, number
from analogsim.network import Network


def lipschitz(net: Network) -> float:
    """‖W_L ⋯ W_2 W_1‖₂, the spectral norm of the product of the weight matrices; NaN where one of them is not finite.

    Parameters
    ----------
    net : Network

    Source: Høier & Zach, "Two Tales of Single-Phase Contrastive Hebbian Learning", arXiv 2402.08573, Table 1.
    """
    instance("net", net, Network, "a Network")
    return product_norm(net.weights)


def lipschitz_hidden(net: Network, lam: float) -> float:
    """‖(I − W_λ)⁻¹‖₂: how far a change of what drives the neurons can move the states, in the recurrent network of λ.

    W_λ = θ + (2λ − 1)θᵀ couples the hidden and output neurons; θ holds W_2 … W_L below its diagonal, and the clamped
    input's W_1 is not in it. At λ = 0 it is skew-symmetric and the constant is at most one; at λ = ½ the network is
    feed-forward. A singular I − W_λ (to rounding), the edge of instability, gives infinity.

    Parameters
    ----------
    net : Network
    lam : float
        0 ≤ λ ≤ 1.

    Raises
    ------
    InputError
        If λ lies outside [0, 1].

    Notes
    -----
    Source: Høier, Kalinin, Ernoult & Zach, "Dyadic Learning in Recurrent and Feedforward Models", 2024, Eqs. 14-16.
    """
    values = np.linalg.svd(_one_minus_coupling(net, lam), compute_uv=False)
    singular = values[-1] <= len(values) * np.finfo(float).eps * values[0]
    return float("inf") if singular else float(1.0 / values[-1])


def lipschitz_output(net: Network, lam: float) -> float:
    """Spectral norm of the map from the network's input to its output, P_L (I − W_λ)⁻¹ P_1ᵀ W_1.

    P_k selects layer k. At λ = ½ it equals `lipschitz`. Parameters and errors as for `lipschitz_hidden`.

    Notes
    -----
    Source: "Dyadic Learning in Recurrent and Feedforward Models", Eq. 17.
    """
    system = _one_minus_coupling(net, lam)
    first = net.weights[0]
    drive = np.zeros((len(system), first.shape[1]))
    drive[: len(first)] = first
    try:
        response = np.linalg.solve(system, drive)
    except np.linalg.LinAlgError:
        return float("inf")
    return float(np.linalg.norm(response[-net.sizes[-1] :], 2))


def _one_minus_coupling(net: Network, lam: float) -> NDArray[np.float64]:
    """I − W_λ over all neurons but the clamped input, layer 1 first."""
    instance("net", net, Network, "a Network")
    number("lam", lam, low=0, high=1, words="0 ≤ lam ≤ 1")
    starts = np.concatenate([[0], np.cumsum(net.sizes[1:])])
    theta = np.zeros((starts[-1], starts[-1]))
    for k in range(1, len(net.weights)):
        theta[starts[k] : starts[k + 1], starts[k - 1] : starts[k]] = net.weights[k]
    return np.eye(len(theta)) - theta - (2 * lam - 1) * theta.T
