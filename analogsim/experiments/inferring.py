"""A network trained elsewhere, on a simulated chip: accuracy against digital, and the error of each layer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit, child
from analogsim.engine import datasets as engine_results
from analogsim.engine.resting import states
from analogsim.errors import InputError, out_of_range
from analogsim.experiments import data, results
from analogsim.experiments.setup import Setup, made_circuit
from analogsim.functions.activations import activation as find_activation
from analogsim.functions.losses import accuracy as share_correct
from analogsim.learning.on_chip import CHUNK
from analogsim.learning.scores import figures
from analogsim.network import TRANSPOSED, Network
from analogsim.settings.calls import called_with
from analogsim.settings.record import Settings
from analogsim.weights import load_network
from analogsim.wiring import Wiring

Array = NDArray[np.floating]
Labelled = tuple[str | tuple[str, ...], ArrayLike, dict[str, str]]
"""Dimensions, values and attributes, as xarray takes them."""


def infer(
    circuit: str | Path | Circuit | Settings = "crossbar",
    *,
    weights: str | Path,
    draws: int = 5,
    samples: int | None = None,
    layers: Sequence[str] | str | None = None,
    activation: str | None = None,
    output_activation: str | None = None,
    output: str | Path | None = None,
    **options: object,
) -> xr.Dataset:
    """Program a trained network into chips and read them on the test set, at β = 0.

    Parameters
    ----------
    circuit : str, path, Circuit or Settings
        Name of a circuit card, the path of one, or a circuit; or all settings, which the options then change.
    weights : path
        ``.npz``, ``.safetensors`` or a PyTorch state dict (``.pt``, ``.pth``); see `load_network`.
    draws : int
        How many chips, ≥ 1: each is programmed with draws of its own, and each sample on it is read with one draw of
        the noise.
    samples : int, optional
        Of the test set, from the front; all if not given.
    layers : sequence of str, or str with commas, optional
        Layers of the file to read, the first one first; all if not given.
    activation, output_activation : str, optional
        What the file does not say.
    output : path, optional
        Where to write the result, too (``.nc``).
    **options
        Fields of `Settings` (device, noise, rule, data, seed, ...), and values of cards by key, as in
        ``**{"device.read_noise": 0.1}``.

    Returns
    -------
    xarray.Dataset
        ``accuracy`` (draw), ``digital_accuracy``, ``layer_error`` (draw, layer): ‖a − a_digital‖ / ‖a_digital‖ of the
        pre-activations over the samples, ``agreement`` (draw) and ``settled`` (draw), in per cent. Of a regression
        ``mse`` and ``r2`` with ``digital_mse`` and ``digital_r2`` instead of accuracy and agreement.

    Raises
    ------
    InputError
        If the weights cannot be read or do not fit the data, or for whatever is wrong with a card or an option.

    Warns
    -----
    UserWarning
        If the weights class data in other units clearly better, by a point of accuracy or more.
    """
    settings = called_with(circuit, options)
    target = None if output is None else results.target(output)
    if draws < 1:
        raise out_of_range("draws", draws, "draws ≥ 1")
    chosen = {"activation": activation, "output_activation": output_activation}
    functions = {key: value for key, value in chosen.items() if value}
    network = load_network(weights, layers=layers, **functions).astype(float)
    found = data.load_data(settings.data, **settings.data_options, classes=network.sizes[-1])
    check_fits(weights, network, found)
    if samples is not None and not 1 <= samples <= len(found.test_x):
        raise out_of_range("samples", samples, f"1 ≤ samples ≤ {len(found.test_x)}, the test set")
    x, y = found.test_x[:samples], found.test_y[:samples]
    _warn_of_units(network, found, settings)
    made, wiring = made_circuit(settings), settings.wiring()
    digital = network.forward(x)
    exact, f_out = network.output(x), find_activation(network.output_activation)
    scores, agreement, settled, errors = [], [], [], []
    setup = None
    for draw in range(draws):
        chip = made.program(network, seed=settings.seed + draw)
        setup = setup or Setup(settings, found, network, made, chip, wiring)
        reads, status = _read(chip, x, wiring, child(settings.seed + draw, "inference"))
        # The largest of the pre-activations is the class, since every output activation rises.
        read = reads[-1] if found.task == "classification" else f_out(reads[-1])
        scores.append(figures(found.task, read, y))
        agreement.append(100 * share_correct(read, exact.argmax(1)))
        settled.append(100 * float((status == engine_results.CONVERGED).mean()))
        errors.append(
            [float(np.linalg.norm(a - want) / np.linalg.norm(want)) for a, want in zip(reads, digital, strict=True)]
        )
    assert setup is not None
    digitally, judged = figures(found.task, exact, y), {}
    for figure in found.figures.values():
        chips = [figure.scale * score[figure.of] for score in scores]
        judged[figure.of] = _labelled(("draw",), chips, f"{figure.long_name}, chip", figure.units)
        reference = figure.scale * digitally[figure.of]
        judged[f"digital_{figure.of}"] = _labelled((), reference, f"{figure.long_name}, digital", figure.units)
    if found.task == "classification":
        judged["agreement"] = _labelled(("draw",), agreement, "samples that chip and digital class alike", "%")
    dataset = xr.Dataset(
        {
            **judged,
            "settled": _labelled(("draw",), settled, "samples that settled", "%"),
            "layer_error": _labelled(("draw", "layer"), errors, "error of a, relative to digital", "1"),
        },
        {
            "draw": _labelled("draw", settings.seed + np.arange(draws), "seed of the chip", "1"),
            "layer": _labelled("layer", np.arange(1, network.layers + 1), "layer", "1"),
        },
        {"kind": "inference"},
    )
    words = [line for line in setup.words() if not line.startswith(("Training", "          while"))]
    part = f" ({layers if isinstance(layers, str) else ','.join(layers)})" if layers else ""
    words.append(f"Inference {Path(weights).name}{part}, {len(x)} samples, {draws} chips from seed {settings.seed} on")
    record = {"seed": settings.seed, "settings": asdict(settings), "cards": dict(setup.chip.record), "words": words}
    dataset = results.stamped(dataset, **record)
    if target is not None:
        results.save(dataset, target)
    return dataset


def check_fits(weights: str | Path, network: Network, found: data.Dataset) -> None:
    """Refuse a network of other sizes than the data's.

    Raises
    ------
    InputError
        If inputs or outputs do not match.
    """
    sizes, needed = (network.sizes[0], network.sizes[-1]), (found.features, found.classes)
    if sizes != needed:
        raise InputError(
            f"{weights}: a network from {sizes[0]} inputs to {sizes[1]} outputs; {found.name} needs {needed[0]} and "
            f"{needed[1]}." + (TRANSPOSED if sizes[::-1] == needed else " Choose other --data, or --layers.")
        )


def _warn_of_units(network: Network, found: data.Dataset, settings: Settings) -> None:
    """Tell where the weights seem to want other units of x than they get: nothing else would show it.

    Tried on the test set in floating point: x standardised by its own mean and deviation, x/255 where it looks like
    bytes, and x as the file has it. Another unit must win by a point, and by twice the deviation of the samples that
    the two class differently.
    """
    if found.task != "classification":
        return
    x, at = found.test_x, found.train_x
    tried = {}
    if settings.normalise is None:
        mean, std = float(at.mean()), float(at.std())
        if std > 0:
            tried[f"with --normalise {mean:.4g},{std:.4g}"] = (x - mean) / std
        if at.max() > data.USUAL:
            tried["with --scale 255"] = x / 255
    else:
        tried["without --normalise"] = x * settings.normalise[1] + settings.normalise[0]
    right = network.output(x).argmax(1) == found.test_labels
    best, words = 0, ""
    for how, other in tried.items():
        better = network.output(other).argmax(1) == found.test_labels
        gain, differ = int(better.sum()) - int(right.sum()), int((better != right).sum())
        if gain > max(best, 2 * differ**0.5, len(x) / 100):
            best, words = gain, f"{how} {100 * better.mean():.2f} %"
    if words:
        warnings.warn(
            f"these weights class {100 * right.mean():.2f} % of the test set right as it is, and {words}: they seem to "
            "come from data in those units.",
            stacklevel=3,
        )


def _read(chip: Chip, x: Array, wiring: Wiring, rng: np.random.Generator) -> tuple[list[Array], NDArray[np.object_]]:
    """Pre-activations of each layer, the mean of the compartments, at rest without a nudge; and the verdicts."""
    parts, verdicts = [], []
    for start in range(0, len(x), CHUNK):
        batch, found = states(chip, x[start : start + CHUNK], None, wiring, 0.0, rng=rng)
        parts.append([a.mean(axis=0) for a in batch.split(found.a)])
        verdicts.append(found.status)
    return [np.concatenate(layer) for layer in zip(*parts, strict=True)], np.concatenate(verdicts)


def _labelled(dims: str | tuple[str, ...], values: ArrayLike, long_name: str, units: str) -> Labelled:
    return dims, values, {"long_name": long_name, "units": units}
