"""A layered dense network as mathematics: sizes, weights, biases, activation, loss. No hardware and no time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from analogsim.arrays import finite, generator
from analogsim.errors import InputError, listed, number, one_of, out_of_range, shown, whole
from analogsim.functions.activations import activation
from analogsim.functions.losses import accuracy, loss
from analogsim.text import as_html

Array = NDArray[np.floating]

TRANSPOSED = " Weights are (n_out, n_in): transpose them?"


LARGEST = 10**9
"""Weights of a network: 8 GB in float64, and a chip holds them several times."""

INITS: dict[str, Callable[[int, int], float]] = {
    "kaiming": lambda n_in, n_out: (2.0 / n_in) ** 0.5,
    "lecun": lambda n_in, n_out: (1.0 / n_in) ** 0.5,
    "glorot": lambda n_in, n_out: (2.0 / (n_in + n_out)) ** 0.5,
}
"""Standard deviation of a weight for fan-in and fan-out: He 2015, LeCun 1998, Glorot 2010."""


@dataclass(frozen=True)
class Network:
    """Weights and biases with the functions between them.

    Layer k = 1…L computes ``a_k = W_k s_{k−1} + b_k``, ``s_k = f(a_k)``; ``weights[k−1]`` is W_k.

    Parameters
    ----------
    weights : sequence of (n_out, n_in) arrays
    biases : sequence of (n_out,) arrays
    activation : str
        f of the hidden layers: relu, leaky-relu, hard-sigmoid (clip(x/2, 0, 1)), tanh, sigmoid, identity.
    loss : str
        "mse", ½‖r − y‖² for each sample, or "cross-entropy", which takes logits: ∇ℓ = softmax(r) − y.
    output_activation : str
        f of layer L; the output is linear unless this says otherwise.

    Raises
    ------
    InputError
        If shapes do not chain, an entry is NaN or Inf, or a name is unknown.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    activation: str = "relu"
    loss: str = "mse"
    output_activation: str = "identity"

    def __post_init__(self) -> None:
        given = {key: listed(key, getattr(self, key), "an array for each layer") for key in ("weights", "biases")}
        weights = tuple(_array(f"weights[{k}]", w, 2) for k, w in enumerate(given["weights"]))
        biases = tuple(_array(f"biases[{k}]", b, 1) for k, b in enumerate(given["biases"]))
        if not weights or len(weights) != len(biases):
            raise InputError(f"Network: {len(weights)} weight matrices and {len(biases)} biases; expected one of each.")
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            if b.shape[0] != w.shape[0]:
                raise InputError(f"biases[{k}] has shape {b.shape}; weights[{k}] of {w.shape} needs ({w.shape[0]},).")
            if k and w.shape[1] != weights[k - 1].shape[0]:
                before = weights[k - 1].shape[0]
                hint = TRANSPOSED if w.shape[0] == before else ""
                raise InputError(f"weights[{k}] takes {w.shape[1]} inputs, but weights[{k - 1}] gives {before}.{hint}")
        activation(self.activation)
        activation(self.output_activation)
        loss(self.loss)
        kind = np.result_type(*weights, *biases)
        object.__setattr__(self, "weights", tuple(w.astype(kind, copy=False) for w in weights))
        object.__setattr__(self, "biases", tuple(b.astype(kind, copy=False) for b in biases))

    @classmethod
    def random(
        cls,
        sizes: Sequence[int],
        activation: str = "relu",
        loss: str = "mse",
        *,
        seed: int | np.random.Generator = 0,
        init: str = "kaiming",
        gain: float = 1.0,
        output_activation: str = "identity",
    ) -> Network:
        """Draw normal weights of standard deviation ``gain·init(n_in, n_out)`` and zero biases.

        Parameters
        ----------
        sizes : sequence of int
            Neurons of each layer, the input first: ``(64, 32, 10)``.
        seed : int or numpy.random.Generator
        init : {"kaiming", "glorot", "lecun"}
        gain : float
            Multiplies every weight; > 0.
        """
        sizes = [whole("sizes", n) for n in listed("sizes", sizes, "the neurons of each layer, as in (64, 32, 10)")]
        if len(sizes) < 2:
            raise InputError(f"sizes = {shown(sizes)}: at least two layers, each with one neuron or more.")
        shapes = [(n_out, n_in) for n_in, n_out in pairwise(sizes)]
        if (count := sum(n_out * n_in for n_out, n_in in shapes)) > LARGEST:
            raise out_of_range("sizes", tuple(sizes), f"at most {LARGEST:.0e} weights, not {count:.1e}")
        one_of("init", init, INITS)
        number("gain", gain, above=0, high=1e6)
        rng = generator(seed)
        weights = tuple(gain * INITS[init](n_in, n_out) * rng.standard_normal((n_out, n_in)) for n_out, n_in in shapes)
        biases = tuple(np.zeros(n_out) for n_out, _ in shapes)
        return cls(weights, biases, activation, loss, output_activation)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, the input first."""
        return (self.weights[0].shape[1], *(w.shape[0] for w in self.weights))

    @property
    def layers(self) -> int:
        """L, the number of layers with weights."""
        return len(self.weights)

    def replace(self, **changes: Any) -> Network:
        """Return a validated copy with some fields changed."""
        return replace(self, **changes)

    def astype(self, dtype: DTypeLike) -> Network:
        """Return a copy with weights and biases of another floating type."""
        return self.replace(
            weights=tuple(w.astype(dtype) for w in self.weights), biases=tuple(b.astype(dtype) for b in self.biases)
        )

    def forward(self, x: Array) -> list[Array]:
        """Pre-activations a_1 … a_L, each (sample, n_k), of a plain digital forward pass."""
        f, s = activation(self.activation), x
        a: list[Array] = []
        for w, b in zip(self.weights, self.biases, strict=True):
            a.append(s @ w.T + b)
            s = f(a[-1])
        return a

    def output(self, x: Array) -> Array:
        """s_L = f_out(a_L), (sample, class)."""
        return activation(self.output_activation)(self.forward(x)[-1])

    def accuracy(self, x: Array, labels: NDArray[np.integer]) -> float:
        """Share of samples whose largest output is the label."""
        return accuracy(self.output(x), labels)

    def __repr__(self) -> str:
        """Sizes, functions and the size of the weights, in a few lines."""
        hidden = f"{self.activation} hidden, " if self.layers > 1 else ""
        count = sum(w.size for w in self.weights) + sum(b.size for b in self.biases)
        rms = ", ".join(f"{float(np.sqrt(np.mean(w**2))):.3g}" for w in self.weights)
        return (
            f"Network {'-'.join(map(str, self.sizes))}, {hidden}{self.output_activation} output, {self.loss} loss\n"
            f"  {count:,} weights and biases, {self.weights[0].dtype}; rms weight of each layer {rms}"
        )

    def _repr_html_(self) -> str:
        return as_html(repr(self))

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` that `load_network` reads: W1, b1, … and the names of the functions. No pickle."""
        arrays: dict[str, Any] = {f"W{k + 1}": w for k, w in enumerate(self.weights)}
        arrays |= {f"b{k + 1}": b for k, b in enumerate(self.biases)}
        arrays |= {key: np.array(getattr(self, key)) for key in ("activation", "loss", "output_activation")}
        from analogsim.files import atomic

        with atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **arrays)


def _array(name: str, value: ArrayLike, ndim: int) -> Array:
    # Also of the other byte order, which compiled code would misread.
    kind = getattr(value, "dtype", np.dtype(float))
    array = finite(name, value, np.float32 if kind.kind == "f" and kind.itemsize <= 4 else np.float64)
    if array.ndim != ndim or array.size == 0:
        raise InputError(
            f"{name} has shape {array.shape}; expected {ndim} dimension{'s' * (ndim > 1)} and no empty one."
        )
    return array
