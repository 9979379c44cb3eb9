"""What a run notes before training and after every epoch, in the order in which it is read and shown."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim.engine import datasets
from analogsim.functions.losses import loss
from analogsim.learning.scores import FIGURES
from analogsim.measure.declaration import Measure, Reading, Row, beside, measured, of_trainer, one_number
from analogsim.measure.hardware import saturation, symmetry_defect
from analogsim.measure.moment import FEW, Moment, share
from analogsim.measure.robustness import lipschitz
from analogsim.registry import register

VERDICTS = tuple(datasets.STATUS)


def _judged(task: str, name: str, row: Row, whose: str) -> Measure[Moment]:
    """A figure of merit of a task, of every trainer."""
    figure = FIGURES[task][name]
    declare = measured(
        figure.long_name, figure.units, dims=("trainer",), needs="outputs", task=task, row=row, logged=True,
        readings=beside(name, figure.long_name, whose),
    )  # fmt: skip

    def read(moment: Moment) -> list[float]:
        return [found[name] for found in moment.scores]

    return declare(read)


register.measure("test_accuracy", "test accuracy")(
    _judged("classification", "test_accuracy", Row("test accuracy", "{:.2f} %", ends="last"), " of {}")
)
register.measure("test_mse", "mean squared error on the test set")(
    _judged("regression", "test_mse", Row("mean squared error, test", "{:.4g}", ends="last"), ", {}")
)
register.measure("test_r2", "R² on the test set, mean of the outputs")(
    _judged("regression", "test_r2", Row("R², test", "{:.4f}", ends="last"), ", {}")
)


@register.measure("test_loss")
@measured("mean loss on the test set", dims=("trainer",), needs="outputs")
def _test_loss(moment: Moment) -> list[float]:
    judged = loss(moment.setup.network.loss)
    return [float(judged.value(out, moment.setup.data.test_y).mean()) for out in moment.outputs]


@register.measure("lipschitz")
@measured(
    "Lipschitz constant ‖W_L ⋯ W_1‖",
    dims=("trainer",),
    row=Row("Lipschitz constant", "{:.3g}"),
    readings=(Reading("lipschitz", "Lipschitz constant", of_trainer),),
)
def _lipschitz(moment: Moment) -> list[float]:
    return [lipschitz(trainer.network) for trainer in moment.trainers.values()]


@register.measure("gradient_cosine_whole")
@measured(
    "cosine to the exact gradient, all layers",
    needs="gradient",
    row=Row("gradient cosine"),
    readings=(Reading("gradient_cosine", "cosine to the exact gradient", one_number),),
)
def _gradient_cosine_whole(moment: Moment) -> float:
    return moment.alignment.whole_cosine


def _worst(variable: xr.DataArray) -> xr.DataArray:
    return variable.min("layer", skipna=False)


@register.measure("gradient_cosine")
@measured(
    "cosine to the exact gradient",
    dims=("layer",),
    needs="gradient",
    row=Row("  layer {}", over="each"),
    readings=(Reading("gradient_cosine_worst", "cosine to the exact gradient, worst layer", _worst),),
)
def _gradient_cosine(moment: Moment) -> NDArray[np.float64]:
    return moment.alignment.cosine


@register.measure("gradient_norm_ratio")
@measured("length over that of the exact gradient", dims=("layer",), needs="gradient")
def _gradient_norm_ratio(moment: Moment) -> NDArray[np.float64]:
    return moment.alignment.norm_ratio


def _largest(variable: xr.DataArray) -> xr.DataArray:
    return variable.max("hidden") if variable.sizes["hidden"] else variable.sum("hidden")


@register.measure("symmetry_defect")
@measured(
    "feedback error ‖V − Wᵀ‖/‖W‖",
    dims=("hidden",),
    row=Row("feedback error ‖V − Wᵀ‖/‖W‖"),
    readings=(Reading("symmetry_defect", "feedback error ‖V − Wᵀ‖/‖W‖", _largest),),
)
def _symmetry_defect(moment: Moment) -> NDArray[np.float64]:
    return symmetry_defect(moment.chip)


def _mean(variable: xr.DataArray) -> xr.DataArray:
    return variable.mean("hidden")


@register.measure("saturation")
@measured(
    "neurons on a flat part of the activation",
    "%",
    dims=("hidden",),
    needs="gradient",
    readings=(Reading("saturation", "neurons on a flat part of the activation, mean of layers", _mean, usual=False),),
)
def _saturation(moment: Moment) -> NDArray[np.float64]:
    return 100 * saturation(moment.settled.a[:-1], moment.chip.activation)


@register.measure("settled")
@measured("training samples that settled", "%", needs="gradient", row=Row("samples settled in training", "{:.1f} %"))
def _settled(moment: Moment) -> float:
    return share(moment.verdicts)


@register.measure("activation_max")
@measured("largest |a|", "activity", needs="gradient", row=Row("largest |a|", "{:.3g}"))
def _activation_max(moment: Moment) -> float:
    return moment.activation_max


@register.measure("gradient_bias")
@measured(
    "error of the gradient's mean over noise draws, relative",
    dims=("layer",),
    needs="gradient",
    health="light",
    summed=False,
)
def _gradient_bias(moment: Moment) -> NDArray[np.float64]:
    return moment.errors.bias


@register.measure("gradient_noise")
@measured("noise of one gradient, relative", dims=("layer",), needs="gradient", health="light", summed=False)
def _gradient_noise(moment: Moment) -> NDArray[np.float64]:
    return moment.errors.noise


@register.measure("verdicts")
@measured("training samples by verdict", "%", dims=("verdict",), needs="gradient", summed=False)
def _verdicts(moment: Moment) -> NDArray[np.float64]:
    counts = np.bincount(moment.verdicts, minlength=len(VERDICTS))
    shares: NDArray[np.float64] = 100 * counts / max(1, counts.sum())
    return shares


@register.measure("lipschitz_hidden")
@measured("Lipschitz constant, drive to states", dims=("slopes",), needs="gradient", health="full", summed=False)
def _lipschitz_hidden(moment: Moment) -> NDArray[np.float64]:
    # slopes "one": every activation's slope set to 1; "true": slopes at a few settled samples, largest value.
    return moment.robustness[:, 0]


@register.measure("lipschitz_output")
@measured("Lipschitz constant, input to output", dims=("slopes",), needs="gradient", health="full", summed=False)
def _lipschitz_output(moment: Moment) -> NDArray[np.float64]:
    return moment.robustness[:, 1]


@register.measure("spectral_abscissa")
@measured(
    "largest real part of an eigenvalue", "1/time unit", needs="gradient", health="full", readings=(), summed=False
)
def _spectral_abscissa(moment: Moment) -> float:
    return float("nan") if moment.exact is None else moment.abscissa(FEW)
