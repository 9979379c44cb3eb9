"""What a rule needs of a layer: forward, feedback and weight gradient. Dense today; a rule never looks inside.

A convolution or a pooling stage is added by another class with the same three methods and a branch in `stack`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from analogsim.arrays import finite
from analogsim.errors import InputError
from analogsim.network import Network

Array = NDArray[np.floating]
Gradients = list[tuple[Array, Array]]
"""One (weights, bias) for each layer, means over the samples."""


class Workspace:
    """Buffers by name, reused from batch to batch so that no step pays for fresh pages.

    What a rule returns when it is given one lives in it and is overwritten by the next call.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[Hashable, ...], Array] = {}

    def __call__(self, *name: Hashable, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return the buffer of that name; its content is whatever was left there."""
        found = self._buffers.get(name)
        if found is None or found.shape != shape or found.dtype != dtype:
            # On a cache line: products are some per cent faster.
            size, item = int(np.prod(shape)), np.dtype(dtype).itemsize
            room = np.empty(size + 64 // item, dtype)
            start = -room.ctypes.data % 64 // item
            found = self._buffers[name] = room[start : start + size].reshape(shape)
        return found


class Layer(Protocol):
    """The map a = W s + b of one layer, the feedback path beside it, and the outer product of the local rule."""

    bias: Array
    width: int

    def forward(self, s: Array, out: Array | None = None) -> Array:
        """W s without the bias, (sample, n_out)."""

    def feedback(self, d: Array, out: Array | None = None) -> Array:
        """V d, (sample, n_in); V = Wᵀ unless a feedback path of its own is given."""

    def gradient(self, d: Array, s: Array, scale: float, out: Array | None = None) -> tuple[Array, Array]:
        """scale · Σ d sᵀ and scale · Σ d over the samples."""


class Dense:
    """A dense layer; weights (n_out, n_in), bias (n_out,), feedback (n_in, n_out) or None for Wᵀ."""

    def __init__(self, weights: Array, bias: Array, feedback: Array | None = None) -> None:
        self.weights, self.bias = weights, bias
        self.path = weights if feedback is None else feedback.T
        self.width = weights.shape[0]

    def forward(self, s: Array, out: Array | None = None) -> Array:
        """W s."""
        return np.dot(s, self.weights.T, out=out)

    def feedback(self, d: Array, out: Array | None = None) -> Array:
        """V d."""
        return np.dot(d, self.path, out=out)

    def gradient(self, d: Array, s: Array, scale: float, out: Array | None = None) -> tuple[Array, Array]:
        """scale · dᵀ s and scale · Σ d; scales the small factor, not the product."""
        scaled = d * d.dtype.type(scale)
        return np.dot(scaled.T, s, out=out), scaled.sum(0)


def stack(net: Network, feedback: Sequence[Array | None] | None = None) -> list[Layer]:
    """Layers of a network, with an optional feedback path for each.

    Parameters
    ----------
    net : Network
    feedback : sequence of (n_in, n_out) arrays or None
        ``feedback[j]`` is V_{j+1}; the first is never used. None: V = Wᵀ.

    Raises
    ------
    InputError
        If a matrix of ``feedback`` has the wrong shape, or holds what is no finite real number.
    """
    paths: list[Array | None] = [None] * net.layers if feedback is None else list(feedback)
    if len(paths) != net.layers:
        raise InputError(f"feedback holds {len(paths)} matrices; expected one for each of the {net.layers} layers.")
    for j, (path, w) in enumerate(zip(paths, net.weights, strict=True)):
        if path is None:
            continue
        path = paths[j] = np.ascontiguousarray(finite(f"feedback[{j}]", path, w.dtype, largest=np.inf))
        if path.shape != w.shape[::-1]:
            raise InputError(f"feedback[{j}] has shape {path.shape}; expected {w.shape[::-1]}, that of weights[{j}].T.")
    return [Dense(w, b, path) for w, b, path in zip(net.weights, net.biases, paths, strict=True)]


def batch(net: Network, x: Array, y: Array) -> tuple[Array, Array]:
    """Check x, (sample, feature), and y, (sample, class), against a network and give them the type of its weights.

    Raises
    ------
    InputError
        If a shape does not fit, or an entry is no finite real number.
    """
    dtype = net.weights[0].dtype
    # What a network makes of large numbers is its own affair: one that diverges ends as Inf or NaN.
    x, y = (np.ascontiguousarray(finite(name, v, dtype, largest=np.inf)) for name, v in (("x", x), ("y", y)))
    for name, value, width in (("x", x, net.sizes[0]), ("y", y, net.sizes[-1])):
        if value.ndim != 2 or value.shape[1] != width:
            raise InputError(f"{name} has shape {value.shape}; expected (sample, {width}).")
    if len(x) != len(y) or not len(x):
        raise InputError(f"x holds {len(x)} samples and y {len(y)}; expected the same number, at least one.")
    return x, y
