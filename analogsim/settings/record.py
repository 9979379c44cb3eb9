"""What a run simulates and how it trains: one checked record, shared by the command line, Python and sweeps.

Imports nothing heavy, since the command line takes its choices and defaults from here.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analogsim.errors import LARGEST_WHOLE, InputError, instance, number, one_of, out_of_range, shown, whole
from analogsim.registry import register
from analogsim.settings.noises import NODE_NOISES
from analogsim.settings.registered import RULES, TAKES, UPDATES, is_driven

if TYPE_CHECKING:
    from analogsim.wiring import Wiring

NUDGES = {
    "plain": "every sample is nudged with +β; one settle",
    "chop": "β changes its sign from sample to sample, so that constant errors of the compartments cancel in a "
    "batch (new here); one settle, and a switch for the sign",
    "auto-zero": "a second read at β = 0 is subtracted from every sample's update; two settles",
}
NOISES = {"read": "noise"} | {kind.name: kind.field for kind in NODE_NOISES}
"""Kinds of noise, and the key of the circuit's card that each one sets."""

STATES = {"settle": "at rest, noise held", "relax": "after 20 time constants of the full noisy dynamics"}
FLOWS = ("ode", "sweeps", "neurons", "layers")
HEALTH = ("off", "light", "full")
TASKS = ("classification", "regression")
OPTIMISERS = ("adam", "sgd")
DTYPES = ("float64", "float32")
LARGEST = 1e6
"""Of a number without dimension: far beyond all that trains, and its powers and products do not overflow."""
NUMBERS: dict[str, dict[str, Any]] = {
    "beta": {"above": 0, "low": 1e-12, "high": LARGEST},
    "asymmetry": {"low": 0, "high": LARGEST},
    "learning_rate": {"above": 0, "high": LARGEST},
    "tolerance": {"above": 0, "high": LARGEST},
    "relax_time": {"above": 0, "high": LARGEST},
    "clock": {"above": 0, "high": LARGEST},
    "drift": {"low": 0, "high": 1e12},
    "alpha": {"low": 0, "high": 1},
    "lam": {"low": 0, "high": 1},
    "trim": {"low": 0, "high": 1},
}
"""The range of every number; None stands for a default where there is one."""
WHOLES = {
    "epochs": (1, 10**6),
    "batch_size": (1, LARGEST_WHOLE),
    "write_every": (1, LARGEST_WHOLE),
    "continuous": (0, 10**6),
    "gate": (0, 10**6),
    "seed": (0, LARGEST_WHOLE),
}
LARGEST_LAYER = 1_000_000
"""Neurons of a layer: what its weights would need no machine has."""


def layers(hidden: Any) -> tuple[int, ...]:
    """Neurons of each hidden layer: from a list of them, from one number, or as written, ``"64x32"``.

    Raises
    ------
    InputError
        If it is none of these.
    """
    try:
        given = hidden.split("x") if isinstance(hidden, str) else hidden
        sizes = tuple(given) if isinstance(given, Iterable) else (given,)
        found = tuple(int(n) if isinstance(n, str) else operator.index(n) for n in sizes)
    except (TypeError, ValueError):
        raise InputError(f"hidden = {hidden!r}: expected numbers of neurons, as in 64 or 64x32.") from None
    for n in found:
        if not 1 <= n <= LARGEST_LAYER:
            raise out_of_range("hidden", n, f"1 ≤ hidden ≤ {LARGEST_LAYER}")
    return found


def kind_of(noise: str) -> str:
    """The kind in ``"node:0.02"``; a bare number is read noise."""
    kind, colon, _ = noise.rpartition(":")
    return kind if colon else "read"


@dataclass(frozen=True)
class Settings:
    """One run.

    Parameters
    ----------
    circuit : str
        Name of a circuit card, or the path of one.
    device : str, optional
        Name or path of a device card; the circuit's own if not given.
    rule : str
        ``dpt``, ``dp``, ``ep``, ``sshm``, ``dyadic``, or one of your own: see `analogsim.learning.Rule`.
    alpha : float, optional
        α of DP and DP⊤, 0 ≤ α ≤ 1; ½ if not given. An error for the other rules.
    lam : float, optional
        λ of the dyadic family, 0 ≤ λ ≤ 1; ½ if not given. An error for the other rules.
    beta : float
        Nudging strength β > 0.
    noise : tuple of str
        ``"0.05"`` is the relative standard deviation of each weight at each read; ``"node:0.02"`` the stationary
        standard deviation of white noise at each compartment.
    asymmetry : float
        Relative error of the feedback weights V against Wᵀ, ≥ 0.
    nudge : {"plain", "chop", "auto-zero"}
    overrides : mapping
        Card values by key, as in ``{"device.read_noise": 0.1}``.
    data : str
        ``digits``, ``mnist``, ``fashion-mnist`` or the path of an ``.npz``.
    task : {"classification", "regression"}, optional
        What the targets of a data file are, where it could be either; see `analogsim.experiments.target_kinds`.
    scale : float
        x of the data is divided by it, > 0; bytes of an image need 255.
    normalise : (mean, std), optional
        Then x becomes (x − mean)/std, std > 0.
    hidden : tuple of int
        Neurons of each hidden layer.
    activation : str, optional
        Of the hidden layers; ReLU for DP and DP⊤, the hard sigmoid for the recurrent rules if not given.
    loss : {"mse", "cross-entropy"}
    epochs, batch_size : int
    optimiser : {"adam", "sgd"}
    learning_rate : float
    update : str
        How the devices take a change; see `analogsim.learning.updates`. Those by pulse trains are plain SGD.
    write_every : int
        Updates that are added up digitally before the arrays are written, as a slow SLM asks for.
    drift : float
        Seconds between updates in which the cells drift, ≥ 0; for crossbars of cells that are programmed.
    trim : float, optional
        Share of every compartment mismatch that a one-time trim leaves, 0 ≤ trim ≤ 1; untrimmed if not given.
    states : {"settle", "relax"}
        What the local rule reads: states at rest with the noise held, or the full noisy dynamics after `relax_time`.
    relax_time : float
        In time constants.
    continuous : int
        K > 0: states are never reset, each batch stays for K time constants and the weights change in each; 0: settle.
    gate : int
        Time constants after each change of sample in which the update is blanked, < continuous.
    flow : {"ode", "sweeps", "neurons", "layers"}
        How states move in continuous learning; the last two are event-driven clocks with `clock` mean ticks in a τ.
    clock : float
    health : {"off", "light", "full"}
        What is measured of the chip's health after each epoch; see `analogsim.experiments.health`.
    tolerance : float
        Of each settle in training: bounds max |τ da/dt| / min(1, |β|), in activities; > 0.
    dtype : {"float64", "float32"}
        Of all arithmetic in training.
    seed : int
        Of everything random: weights, order of the data, devices, noise.

    Raises
    ------
    InputError
        If a value is out of range, a name unknown, or an option has no meaning for the rule.
    """

    circuit: str = "crossbar"
    device: str | None = None
    rule: str = "dpt"
    alpha: float | None = None
    lam: float | None = None
    beta: float = 0.5
    noise: tuple[str, ...] = ()
    asymmetry: float = 0.0
    nudge: str = "plain"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    data: str = "digits"
    task: str | None = None
    scale: float = 1.0
    normalise: tuple[float, float] | None = None
    hidden: tuple[int, ...] = (64,)
    activation: str | None = None
    loss: str = "mse"
    epochs: int = 20
    batch_size: int = 50
    optimiser: str = "adam"
    learning_rate: float = 5e-3
    update: str = "circuit"
    write_every: int = 1
    drift: float = 0.0
    trim: float | None = None
    states: str = "settle"
    relax_time: float = 20.0
    continuous: int = 0
    gate: int = 0
    flow: str = "ode"
    clock: float = 4.0
    health: str = "light"
    tolerance: float = 1e-3
    dtype: str = "float64"
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.data, str):
            object.__setattr__(self, "data", os.path.expanduser(self.data))
        object.__setattr__(self, "hidden", layers(self.hidden))
        for name, kind, words in (
            ("circuit", str, "the name or path of a card"),
            ("device", str | None, "the name or path of a card"),
            ("data", str, "the name or path of data"),
            ("activation", str | None, "a name"),
            ("loss", str, "a name"),
            ("noise", tuple | list, 'a list of texts, as in ("0.05", "node:0.02")'),
            ("overrides", Mapping, 'a mapping, as in {"device.read_noise": 0.1}'),
        ):
            instance(name, getattr(self, name), kind, words)
        for name, choices in (
            ("rule", RULES),
            ("nudge", NUDGES),
            ("optimiser", OPTIMISERS),
            ("dtype", DTYPES),
            ("update", UPDATES),
            ("states", STATES),
            ("flow", FLOWS),
            ("health", HEALTH),
        ):
            one_of(name, getattr(self, name), choices)
        for name in ("alpha", "lam"):
            if (share := getattr(self, name)) is not None and name not in TAKES[self.rule]:
                rules = " and ".join(rule for rule, takes in TAKES.items() if name in takes)
                raise InputError(f"{name} = {shown(share)} has no meaning for rule {self.rule!r}; it is for {rules}.")
        for name, bounds in NUMBERS.items():
            if getattr(self, name) is not None or name not in ("alpha", "lam", "trim"):
                number(name, getattr(self, name), **bounds)
        for name, (low, high) in WHOLES.items():
            object.__setattr__(self, name, whole(name, getattr(self, name), low=low, high=high))
        if not 0 <= self.gate < max(1, self.continuous):
            raise InputError(f"continuous = {self.continuous}, gate = {self.gate}: 0 ≤ gate < continuous, in τ.")
        self._check_combinations()
        object.__setattr__(self, "normalise", checked_units(self.task, self.scale, self.normalise))
        self.noise_levels()

    def _check_combinations(self) -> None:
        """Refuse what does not go together."""
        driven = is_driven(self.update)
        for bad, words in (
            (driven and self.optimiser != "sgd", f"update {self.update!r} is plain SGD: add --optimiser sgd"),
            (driven and self.write_every > 1, f"update {self.update!r} writes at every update; leave write_every at 1"),
            (
                bool(self.continuous) and self.nudge == "auto-zero",
                "auto-zero needs a second phase, which continuous learning has not; take --nudge chop",
            ),
            (
                not self.continuous and self.flow != Settings.flow,
                f"flow {self.flow!r} is for continuous learning: add --continuous K, time constants for each batch",
            ),
            (bool(self.continuous) and self.states != "settle", "continuous learning has its own states; see --flow"),
        ):
            if bad:
                raise InputError(f"{words}.")

    @property
    def data_options(self) -> dict[str, Any]:
        """What `analogsim.experiments.data.load` takes besides the name."""
        return {"task": self.task, "scale": self.scale, "normalise": self.normalise}

    def noise_levels(self) -> dict[str, float]:
        """The noise asked for, by kind: ``{"read": 0.05, "node": 0.02}``."""
        levels: dict[str, float] = {}
        for text in self.noise:
            instance("noise", text, str, 'a text, as in "0.05" or "node:0.02"')
            kind, value = kind_of(text), text.rpartition(":")[2]
            one_of("kind of noise", kind, NOISES, hint="A bare number is read noise.")
            if kind in levels:
                raise InputError(f"noise {shown(text)}: {kind} noise is given twice.")
            try:
                levels[kind] = float(value)
            except ValueError:
                raise InputError(f"noise {shown(text)}: {shown(value)} is no number; try 0.05 or node:0.02.") from None
            if not 0 <= levels[kind] <= LARGEST:
                raise out_of_range("noise", text, f"noise ≥ 0, at most {LARGEST:g}")
        return levels

    @property
    def hidden_activation(self) -> str:
        """The activation of the hidden layers: as asked for, or what suits the rule."""
        return self.activation or str(register.rule[self.rule].activation)

    def wiring(self) -> Wiring:
        """The rule as matrices."""
        rule = register.rule[self.rule]
        chosen = {name: value for name in rule.takes if (value := getattr(self, name)) is not None}
        made: Wiring = rule.wiring(**chosen)
        return made


def checked_units(task: str | None, scale: float, normalise: Any) -> tuple[float, float] | None:
    """`normalise` as two numbers, once these options of a data set have been checked."""
    if task is not None:
        one_of("task", task, TASKS)
    number("scale", scale, above=0, high=LARGEST)
    if normalise is None:
        return None
    if not isinstance(normalise, tuple | list) or len(normalise) != 2:
        raise InputError(f"normalise = {shown(normalise)}: expected MEAN,STD, as in 0.1307,0.3081.")
    mean, std = normalise
    return (
        number("mean of normalise", mean, low=-LARGEST, high=LARGEST),
        number("standard deviation of normalise", std, above=0, high=LARGEST),
    )
