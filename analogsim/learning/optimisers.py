"""Optimisers: ADAM and SGD with momentum, in place, with weight decay and a schedule of the rate.

The state is plain arrays (`Optimiser.state`), so that a checkpoint is an ``.npz`` and a resumed run has the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError, number, out_of_range, shown, unknown, whole

Array = NDArray[np.floating]
LARGEST = 1e6
"""Of every number here: far beyond all that trains."""


@dataclass(frozen=True)
class Schedule:
    """The learning rate at each update: a linear warm-up, then constant or half a cosine.

    Parameters
    ----------
    rate : float
        Peak rate; > 0.
    warm_up : int
        Updates of the linear warm-up from ``first`` to ``rate``.
    updates : int or None
        All updates, the warm-up included. None: constant after the warm-up.
    first, last : float
        Rate at the first update and after the last.

    Notes
    -----
    Loshchilov & Hutter, arXiv 1608.03983, Eq. 5.
    """

    rate: float = 1e-3
    warm_up: int = 0
    updates: int | None = None
    first: float = 0.0
    last: float = 0.0

    def __post_init__(self) -> None:
        number("rate", self.rate, above=0, high=LARGEST, words=f"0 < rate ≤ {LARGEST:g}")
        for name in ("first", "last"):
            number(name, getattr(self, name), low=0, high=LARGEST)
        whole("warm_up", self.warm_up, low=0)
        if self.updates is not None and whole("updates", self.updates, low=0) <= self.warm_up:
            raise InputError(f"Schedule: warm_up = {self.warm_up} must lie between 0 and updates = {self.updates}.")

    def __call__(self, update: int) -> float:
        """Rate at update 0, 1, …."""
        if update < self.warm_up:
            return self.first + (self.rate - self.first) * update / self.warm_up
        if self.updates is None:
            return self.rate
        done = min(1.0, (update - self.warm_up) / (self.updates - self.warm_up))
        return self.last + (self.rate - self.last) * (1 + math.cos(math.pi * done)) / 2


class Optimiser:
    """What ADAM and SGD share: a schedule, a count of updates, moments that look like the parameters."""

    moments = 0

    def __init__(self, rate: float | Schedule, weight_decay: float) -> None:
        number("weight_decay", weight_decay, low=0, high=LARGEST)
        self.schedule = rate if isinstance(rate, Schedule) else Schedule(rate)
        self.weight_decay = weight_decay
        self.updates = 0
        self._moments: list[tuple[Array, ...]] = []

    def update(self, parameters: Iterable[Array], gradients: Iterable[Array]) -> None:
        """Change the parameters in place; the same arrays in the same order each time.

        Raises
        ------
        InputError
            If a parameter is no writeable array of float32 or float64, or a gradient has another shape.
        """
        parameters, gradients = list(parameters), list(gradients)
        for k, (p, g) in enumerate(zip(parameters, gradients, strict=True)):
            if p.dtype not in (np.float32, np.float64) or not p.flags.writeable:
                raise InputError(f"parameter {k} is changed in place: give a writeable array of float32 or float64.")
            if np.shape(g) != p.shape:
                raise InputError(f"gradient {k} has shape {np.shape(g)}; expected {p.shape}, that of its parameter.")
        if not self._moments:
            self._moments = [tuple(np.zeros(p.shape, p.dtype) for _ in range(self.moments)) for p in parameters]
        if [m[0].shape for m in self._moments] != [p.shape for p in parameters]:
            raise InputError("the optimiser has seen parameters of other shapes; make a new one for a new network.")
        rate = self.schedule(self.updates)
        self.updates += 1
        for p, g, moments in zip(parameters, gradients, self._moments, strict=True):
            # The steps run over flat arrays: of one whose rows do not follow one another that is a copy.
            whole = np.ascontiguousarray(p)
            gradient = np.ascontiguousarray(g, p.dtype)
            self._step(whole.reshape(-1), gradient.reshape(-1), tuple(m.reshape(-1) for m in moments), rate)
            if whole is not p:
                p[...] = whole

    def _step(self, p: Array, g: Array, moments: tuple[Array, ...], rate: float) -> None:
        raise NotImplementedError

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that updates change, as arrays for a checkpoint; `restore` puts it back."""
        found = {f"moment{i}_{j}": m for j, moments in enumerate(self._moments) for i, m in enumerate(moments)}
        return {**found, "updates": np.array(self.updates)}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over what `state` gave."""
        self.updates = int(state["updates"])
        count = sum(key.startswith("moment0_") for key in state)
        self._moments = [tuple(state[f"moment{i}_{j}"].copy() for i in range(self.moments)) for j in range(count)]


class ADAM(Optimiser):
    """ADAM: p ← p − rate · m̂ / (√v̂ + ε), with decoupled weight decay p ← (1 − rate · decay) p (AdamW).

    Parameters
    ----------
    rate : float or Schedule
    betas : (float, float)
        Decay of the first and the second moment.
    epsilon : float
    weight_decay : float
        ≥ 0; every parameter is decayed, biases too.

    Notes
    -----
    Kingma & Ba, arXiv 1412.6980, Algorithm 1; Loshchilov & Hutter, arXiv 1711.05101.
    """

    moments = 2

    def __init__(
        self,
        rate: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(rate, weight_decay)
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise InputError(f"betas = {shown(betas)}; expected two numbers.")
        number("epsilon", epsilon, low=0, high=LARGEST)
        if not all(0 <= number("betas", b) < 1 for b in betas):
            raise out_of_range("betas", betas, "0 ≤ β < 1 each")
        self.betas, self.epsilon = betas, epsilon

    def _step(self, p: Array, g: Array, moments: tuple[Array, ...], rate: float) -> None:
        from analogsim.learning.reference import elementwise

        # p − rate·(m/c₁)/(√(v/c₂) + ε) with both corrections moved out of the loop.
        c1, c2 = (1 - b**self.updates for b in self.betas)
        cast, root = p.dtype.type, math.sqrt(c2)
        keep = np.array(self.betas, p.dtype)
        decay = cast(rate * self.weight_decay)
        elementwise.adam(p, g, *moments, keep, cast(rate * root / c1), cast(self.epsilon * root), decay)


class SGD(Optimiser):
    """SGD with momentum: m ← μ m + (g + decay · p), p ← p − rate · m.

    Parameters
    ----------
    rate : float or Schedule
    momentum : float
        0 ≤ μ < 1.
    weight_decay : float
        Added to the gradient before the momentum, on every parameter.
    """

    moments = 1

    def __init__(self, rate: float | Schedule = 0.1, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(rate, weight_decay)
        if not 0 <= number("momentum", momentum) < 1:
            raise out_of_range("momentum", momentum, "0 ≤ momentum < 1")
        self.momentum = momentum

    def _step(self, p: Array, g: Array, moments: tuple[Array, ...], rate: float) -> None:
        (m,) = moments
        m *= p.dtype.type(self.momentum)
        m += g
        if self.weight_decay:
            m += p.dtype.type(self.weight_decay) * p
        p -= p.dtype.type(rate) * m


def make(name: str, schedule: Schedule, momentum: float = 0.0, weight_decay: float = 0.0) -> Optimiser:
    """Make an optimiser by its name, ``adam`` or ``sgd``."""
    if name == "adam":
        if momentum:
            raise InputError("momentum belongs to sgd; adam has its own.")
        return ADAM(schedule, weight_decay=weight_decay)
    if name == "sgd":
        return SGD(schedule, momentum, weight_decay)
    raise unknown("optimiser", name, ("adam", "sgd"))


def flat(gradients: Sequence[tuple[Array, Array]]) -> list[Array]:
    """Weights and biases of every layer as one list, the order that `Optimiser.update` keeps."""
    return [array for pair in gradients for array in pair]
