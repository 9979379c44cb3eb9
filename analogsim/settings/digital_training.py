"""How a digital network is trained, to judge hardware against: one checked record, as `Settings` is for a run."""

from __future__ import annotations

from dataclasses import dataclass

from analogsim.settings.declaring import Declared, like, setting
from analogsim.settings.kinds import LARGEST, Choice, Flag, Number, Whole
from analogsim.settings.record import Settings

INITS = {"kaiming": "", "glorot": "", "lecun": ""}
FEEDBACKS = {"transpose": "Wᵀ", "alignment": "random and fixed", "kolen-pollack": "learnt beside the weights"}


@dataclass(frozen=True, repr=False)
class DigitalSettings(Declared):
    """One digital training.

    Parameters
    ----------
    """

    data: str = like(Settings, "data")
    task: str | None = like(Settings, "task")
    scale: float = like(Settings, "scale")
    normalise: tuple[float, float] | None = like(Settings, "normalise")
    hidden: tuple[int, ...] = like(Settings, "hidden", default=(32,))
    activation: str = like(Settings, "activation", default="relu")
    loss: str = like(Settings, "loss")
    init: str = setting(Choice(INITS), "How the weights are drawn", default="kaiming", group="network")
    epochs: int = like(Settings, "epochs", default=10)
    batch_size: int = like(Settings, "batch_size", default=100)
    optimiser: str = like(Settings, "optimiser")
    learning_rate: float = like(Settings, "learning_rate", default=1e-3, meaning="Peak of the schedule")
    momentum: float = setting(Number(low=0, below=1), "Momentum of sgd", default=0.0, group="training")
    weight_decay: float = setting(
        Number(low=0, high=LARGEST), "Decoupled for adam, in the gradient for sgd", default=0.0, group="training"
    )
    warm_up: int = setting(Whole(0), "Epochs of a linear warm-up", default=0, group="training")
    cosine: bool = setting(Flag(), "Let the rate fall to zero by half a cosine", default=False, group="training")
    feedback: str = setting(
        Choice(FEEDBACKS), "Feedback path of rules that have one", default="transpose", group="training", metavar="PATH"
    )
    validation: float = setting(
        Number(low=0, below=1),
        "Share of the training data kept to choose the epoch",
        default=0.0,
        group="training",
    )
    patience: int | None = setting(
        Whole(1),
        "Stop after so many epochs without a better validation accuracy (or R²)",
        default=None,
        absent="never",
        group="training",
    )
    dtype: str = like(Settings, "dtype", default="float32")
    seed: int = like(Settings, "seed")


DIGITAL = DigitalSettings()
"""The defaults."""
