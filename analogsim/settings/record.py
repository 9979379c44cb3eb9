"""What a run simulates and how it trains: one checked record, shared by the command line, Python and sweeps.

Imports nothing heavy, since the command line makes its options from here. To add a setting, declare it here and read it
where it acts: its option, its axis, its words and its line in the tables follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analogsim.defaults import ALPHA, LAM
from analogsim.errors import InputError, instance
from analogsim.registry import register
from analogsim.settings.choices import (
    CLOCKED,
    DTYPES,
    FLOWS,
    HEALTH,
    LOSSES,
    NUDGES,
    OPTIMISERS,
    STATES,
    TASKS,
)
from analogsim.settings.declaring import Declared, declared, setting
from analogsim.settings.kinds import (
    LARGEST,
    CardValues,
    Choice,
    MeanAndSpread,
    Name,
    Noises,
    Number,
    Sizes,
    Whole,
    having,
)
from analogsim.settings.noises import CALLED, noise_levels
from analogsim.settings.registered import RULES, UPDATES, Taking, is_driven

if TYPE_CHECKING:
    from analogsim.wiring import Wiring


def is_rule(value: object) -> bool:
    """Whether a thing is a `Wiring`, or the `Rule` of a chip."""
    return having("forward", "feedback", "nudge_at")(value) or callable(getattr(value, "wiring", None))


def is_data(value: object) -> bool:
    """Whether a thing is a `Dataset`, or arrays by name."""
    return isinstance(value, Mapping) or having("train_x", "test_x")(value)


def is_update(value: object) -> bool:
    """Whether a thing makes the updates of a circuit, as the classes of `analogsim.learning.updates` do."""
    return callable(value) and hasattr(value, "driven")


@dataclass(frozen=True, repr=False)
class Settings(Declared):
    """One run.

    Every field is a keyword, an option of the command line, and an axis of a sweep.

    Parameters
    ----------
    """

    circuit: str = setting(
        Name("the name or path of a card, or a Circuit", things=having("program", "time_unit")),
        "Circuit card, by its name or path",
        default="crossbar",
        group="hardware",
        option="argument",
    )
    rule: str = setting(Choice(RULES, things=is_rule), "Learning rule", default="dpt", group="rules", metavar="RULE")
    alpha: float | None = setting(
        Number(0, 1),
        "α of DP and DP⊤: how the nudge is shared between the compartments",
        default=None,
        absent=ALPHA,
        label="α",
        group="rules",
        only=("rule", Taking("alpha")),
    )
    lam: float | None = setting(
        Number(0, 1),
        "λ of the dyadic family",
        default=None,
        absent=LAM,
        label="λ",
        group="rules",
        only=("rule", Taking("lam")),
    )
    beta: float = setting(
        Number(above=0, low=1e-12, high=LARGEST), "Strength β of the nudge", default=0.5, label="β", group="rules"
    )
    nudge: str = setting(Choice(NUDGES), "How samples are nudged", default="plain", group="training", metavar="NUDGE")
    noise: tuple[str, ...] = setting(
        Noises(),
        "Noise by kind. A bare number is read noise: relative standard deviation of each weight at each read. "
        f"{', '.join(f'{kind}:SIGMA is {words}' for kind, words in CALLED.items() if kind != 'read')}, each with its "
        "stationary standard deviation at each compartment, in units of the activity. May be repeated",
        default=(),
        label="read noise, relative to each weight",
        group="hardware",
    )
    asymmetry: float = setting(
        Number(low=0, high=LARGEST),
        "Relative error of the feedback V against Wᵀ",
        default=0.0,
        label="error of V against Wᵀ",
        group="hardware",
    )
    device: str | None = setting(
        Name("the name or path of a card, or a device", metavar="NAME|FILE", things=having("words", "record")),
        "Device card, by its name or path",
        default=None,
        absent="the circuit's own",
        group="hardware",
    )
    overrides: Mapping[str, object] = setting(
        CardValues(),
        "Any value of a card, as in device.read_noise=0.1. May be repeated",
        factory=dict,
        group="hardware",
        option="--set",
        said="set by hand: {words}",
    )
    trim: float | None = setting(
        Number(0, 1),
        "Share of every compartment mismatch that a one-time trim leaves",
        default=None,
        absent="untrimmed",
        group="hardware",
        said="trimmed once to {trim:.0%} of every mismatch, which takes two reads",
    )
    data: str = setting(
        Name(
            "the name or path of data, or a Dataset",
            known="digits, mnist, fashion-mnist or a path",
            metavar="NAME|FILE",
            home=True,
            things=is_data,
        ),
        "Data set, or your own as an .npz",
        default="digits",
        group="inputs",
    )
    task: str | None = setting(
        Choice(TASKS),
        "What the targets of a data file are, where it could be either",
        default=None,
        absent="what the data file shows",
        group="inputs",
        said="task: {task}",
    )
    scale: float = setting(
        Number(above=0, high=LARGEST), "x is divided by this; 255 for bytes", default=1.0, group="inputs"
    )
    normalise: tuple[float, float] | None = setting(
        MeanAndSpread(),
        "Then x becomes (x − MEAN)/STD, as other networks want it",
        default=None,
        absent="x as it is",
        group="inputs",
    )
    hidden: tuple[int, ...] = setting(Sizes(), "Neurons of each hidden layer", default=(64,), group="network")
    activation: str | None = setting(
        Name("a name", known="relu, hard-sigmoid, tanh and others"),
        "Activation of the hidden layers",
        default=None,
        absent="relu; hard-sigmoid if recurrent",
        group="network",
    )
    loss: str = setting(Name("a name", known=LOSSES), "Loss function", default="mse", group="network")
    epochs: int = setting(Whole(1, 10**6), "Passes through the training data", default=20, group="training")
    batch_size: int = setting(Whole(1), "Samples for one update", default=50, group="training")
    optimiser: str = setting(Choice(OPTIMISERS), "Optimiser", default="adam", group="training")
    learning_rate: float = setting(
        Number(above=0, high=LARGEST), "Rate of the optimiser", default=5e-3, group="training"
    )
    update: str = setting(
        Choice(UPDATES, things=is_update),
        "How the devices take a change",
        default="circuit",
        group="training",
        said="update {update}: {words}",
    )
    write_every: int = setting(
        Whole(1),
        "Write the arrays only every N-th update, with the digital sum of the changes",
        default=1,
        group="training",
        said="arrays written every {write_every} updates",
    )
    drift: float = setting(
        Number(low=0, high=1e12),
        "Let programmed cells drift for this many seconds between updates",
        default=0.0,
        unit="s",
        group="training",
        said="cells drift for {drift:g} s in every update",
    )
    states: str = setting(
        Choice(STATES),
        "What the local rule reads",
        default="settle",
        group="training",
        said="states {states}: {relax_time:g} τ of the full noisy dynamics",
    )
    relax_time: float = setting(
        Number(above=0, high=LARGEST),
        "How long the full dynamics run before the rule reads them",
        default=20.0,
        unit="τ",
        group="training",
        only=("states", ("relax",)),
    )
    continuous: int = setting(
        Whole(0, 10**6),
        "K > 0: never reset the states; each batch stays for K time constants, weights change in each. 0: settle",
        default=0,
        unit="τ",
        group="training",
        said="states never reset, {continuous} τ for each batch; dynamics: {flow}",
    )
    gate: int = setting(
        Whole(0, 10**6),
        "Do not update during the first G of the K time constants, G < K",
        default=0,
        unit="τ",
        group="training",
        said="the first {gate} τ of each batch without an update",
    )
    flow: str = setting(
        Choice(FLOWS), "How states move with --continuous", default="ode", group="training", said="{flow}: {words}"
    )
    clock: float = setting(
        Number(above=0, high=LARGEST),
        "Mean ticks of a clock in a τ",
        default=4.0,
        unit="1/τ",
        group="training",
        only=("flow", CLOCKED),
        said="{clock:g} ticks of a clock in a τ",
    )
    health: str = setting(
        Choice(HEALTH),
        "What is measured of the chip's health after each epoch",
        default="light",
        group="output",
        metavar="LEVEL",
        said="health {health}: {words}",
    )
    tolerance: float = setting(
        Number(above=0, high=LARGEST),
        "Of each settle in training: bounds max |τ da/dt| / min(1, |β|), in activities",
        default=1e-3,
        group="training",
        said="settles to {tolerance:g}",
    )
    dtype: str = setting(
        Choice(DTYPES), "Arithmetic of the training", default="float64", group="training", said="computed in {dtype}"
    )
    seed: int = setting(
        Whole(0), "Of everything random: weights, order of the data, devices, noise", default=0, group="random"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.gate < max(1, self.continuous):
            raise InputError(f"continuous = {self.continuous}, gate = {self.gate}: 0 ≤ gate < continuous, in τ.")
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
        """What `analogsim.experiments.data.load_data` takes besides the name."""
        return {"task": self.task, "scale": self.scale, "normalise": self.normalise}

    def noise_levels(self) -> dict[str, float]:
        """The noise asked for, by kind: ``{"read": 0.05, "node": 0.02}``."""
        return noise_levels(self.noise)

    @property
    def hidden_activation(self) -> str:
        """The activation of the hidden layers: as asked for, or what suits the rule."""
        return self.activation or str(self.of_rule("activation"))

    def of_rule(self, fact: str) -> Any:
        """What the rule's record says, as of ``activation``; for a wiring what suits the built-in ones of its kind."""
        rule = register.rule[self.rule]
        if not hasattr(rule, "wiring"):
            rule = register.rule["dpt" if rule.is_feedforward else "ep"]
        return getattr(rule, fact)

    def wiring(self) -> Wiring:
        """The rule as matrices."""
        from analogsim.wiring import Wiring

        own = register.rule[self.rule]
        try:
            made = own.wiring(**{name: self.known(name) for name in own.takes}) if hasattr(own, "wiring") else own
        except TypeError as error:
            raise InputError(f"the rule {self.rule!r}: {error}; its `takes` is {own.takes}.") from error
        instance(f"what the rule {self.rule!r} makes", made, Wiring, "a Wiring")
        wiring: Wiring = made
        return wiring


Settings.__doc__ = f"{Settings.__doc__}" + "".join(
    f"{about.name} : {Settings.__annotations__[about.name]}\n        {about.words()}\n    "
    for about in declared(Settings).values()
)
