"""The peer of `peers.py`: aihwkit, asked for samples of the same cells."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from aihwkit.inference.noise.hermes import HermesNoiseModel
from aihwkit.inference.noise.pcm import PCMLikeNoiseModel
from aihwkit.inference.noise.reram import ReRamCMONoiseModel, ReRamWan2022NoiseModel
from aihwkit.simulator import presets
from aihwkit.simulator.configs import SingleRPUConfig, UnitCellRPUConfig
from aihwkit.simulator.configs.compounds import TransferCompound
from aihwkit.simulator.configs.devices import ConstantStepDevice, SoftBoundsReferenceDevice
from aihwkit.simulator.parameters import IOParameters
from aihwkit.simulator.tiles import AnalogTile
from peers import FAST, RATE, SIGMA, SOFT, STEPS, THETA, TRANSFER, Array, D, X

# Its own index of HERMES' branches.
warnings.filterwarnings("ignore", "Using a non-tuple sequence")

NOISE: dict[str, Any] = {
    "pcm-ibm": lambda **scales: PCMLikeNoiseModel(g_max=25.0, **scales),
    "pcm-hermes": lambda **scales: HermesNoiseModel(num_devices=1, **scales),
    "pcm-hermes-2": lambda **scales: HermesNoiseModel(num_devices=2, **scales),
    "rram-cmo": lambda **scales: ReRamCMONoiseModel(g_max=88.0, g_min=9.0, acceptance_range=0.2, **scales),
    "rram-cmo-2": lambda **scales: ReRamCMONoiseModel(g_max=88.0, g_min=9.0, acceptance_range=2, **scales),
    "rram-wan": lambda **_: ReRamWan2022NoiseModel(g_max=40.0),
}
PRESETS: dict[str, Any] = {
    "gokmen-vlasov": presets.GokmenVlasovPresetDevice,
    "idealized": presets.IdealizedPresetDevice,
    "ecram": presets.EcRamPresetDevice,
    "ecram-mo": presets.EcRamMOPresetDevice,
    "capacitor": presets.CapacitorPresetDevice,
    "rram-gong": presets.ReRamESPresetDevice,
    "rram-gong-soft": presets.ReRamSBPresetDevice,
    "rram-array-om": presets.ReRamArrayOMPresetDevice,
    "rram-array-hfo2": presets.ReRamArrayHfO2PresetDevice,
    "pcm-pulsed": presets.PCMPresetDevice,
}
TILES = 256
NONE = dict.fromkeys(("dw_min_dtod", "up_down", "up_down_dtod", "w_max_dtod", "w_min_dtod"), 0.0)


class Aihwkit:
    """aihwkit."""

    @staticmethod
    def origin() -> str:
        """Where the numbers come from."""
        return (
            f"aihwkit {version('aihwkit')} with torch {version('torch')}, sampled by `python benchmarks/peers.py "
            "--write`, which says what each number is; phase-change and CMO cells in µS, weights as aihwkit has them"
        )

    def stored(self, card: str, target: float, seconds: float, n: int) -> Array:
        """Conductances of n cells so long after they were written, µS."""
        model = NOISE[card](read_noise_scale=0.0)
        wanted = torch.full((n,), target)
        written = model.apply_programming_noise_to_conductance(wanted)
        exponents = model.generate_drift_coefficients(wanted)
        return _array(model.apply_drift_noise_to_conductance(written, exponents, seconds))

    def read(self, card: str, target: float, seconds: float, n: int) -> Array:
        """Reads of n cells at a conductance so long after, µS."""
        model, wanted = NOISE[card](drift_scale=0.0), torch.full((n,), target)
        return _array(model.apply_drift_noise_to_conductance(wanted, torch.zeros(n), seconds))

    def seen(self, card: str, counts: list[int], n: int) -> list[Array]:
        """Weights as they are seen after each train."""
        found = []
        for _ in range(TILES):
            tile = _tile(card, n)
            found.append([_array(_pulsed(tile, count).get_weights()[0])[:, 0] for count in counts])
        return list(np.swapaxes(found, 0, 1))

    def held(self, card: str, count: int, n: int) -> Array:
        """Weights that are held after a train."""
        tiles = [_pulsed(_tile(card, n), count) for _ in range(TILES)]
        held = [tile.get_hidden_parameters().get("persistent_weights", tile.get_weights()[0]) for tile in tiles]
        return np.array([_array(weights)[:, 0] for weights in held])

    def outer(self, n: int) -> Array:
        """Changes of weights by an outer product."""
        preset = presets.GokmenVlasovPresetDevice()
        cell = ConstantStepDevice(
            dw_min=preset.dw_min, dw_min_std=preset.dw_min_std, w_max=preset.w_max, w_min=preset.w_min, **NONE
        )
        found = np.empty((TILES, n // TILES, len(D), len(X)))
        for changes in found:
            tile = AnalogTile(len(D), len(X), SingleRPUConfig(device=cell))
            tile.set_learning_rate(RATE)
            for k in range(len(changes)):
                tile.set_weights(torch.zeros(len(D), len(X)))
                # It lowers weights by the product.
                tile.update(_row(X), -_row(D))
                changes[k] = _array(tile.get_weights()[0])
        return found

    def tiki_taka(self, missed: float, n: int) -> tuple[Array, Array]:
        """By how much references miss, and what the weights end at."""
        fast, slow = (
            SoftBoundsReferenceDevice(
                dw_min=SOFT["step"], w_max=SOFT["w_max"], w_min=SOFT["w_min"], dw_min_std=0.0, write_noise_std=0.0,
                mult_noise=False, subtract_symmetry_point=True, reference_std=error, **NONE,
            )
            for error in (missed, 0.0)
        )  # fmt: skip
        both = TransferCompound(
            unit_cell_devices=[fast, slow], gamma=0.0, transfer_every=1.0, units_in_mbatch=False, fast_lr=FAST,
            transfer_lr=TRANSFER, scale_transfer_lr=False, transfer_forward=IOParameters(is_perfect=True),
        )  # fmt: skip
        tile, late = AnalogTile(n, 1, UnitCellRPUConfig(device=both)), np.zeros(n)
        tile.set_learning_rate(FAST)
        tile.set_weights(torch.linspace(-1, 1, n)[:, None])
        for step in range(STEPS):
            w = tile.get_weights()[0][:, 0]
            late += _array(w) if step >= STEPS // 2 else 0.0
            tile.update(torch.ones(1, 1), (w - THETA + SIGMA * torch.randn(n))[None])
        return _array(tile.get_hidden_parameters()["reference_0"])[:, 0], late / (STEPS - STEPS // 2)


def _tile(card: str, n: int) -> AnalogTile:
    """A column at w = 0, one of those that hold n cells together; each update gives each cell one pulse."""
    config = SingleRPUConfig(device=PRESETS[card]())
    config.update.desired_bl = 1
    config.update.update_bl_management = config.update.update_management = False
    tile = AnalogTile(n // TILES, 1, config)
    # Pulses are certain from a rate of one step on.
    tile.set_learning_rate(1.0)
    tile.set_weights(torch.zeros(n // TILES, 1))
    return tile


def _pulsed(tile: AnalogTile, count: int) -> AnalogTile:
    """Give every cell so many pulses, down where it is negative."""
    row, column = -torch.ones(1, 1), float(np.sign(count)) * torch.ones(1, tile.out_size)
    for _ in range(abs(count)):
        tile.update(row, column)
    return tile


def _row(values: Array) -> torch.Tensor:
    return torch.tensor(values[None], dtype=torch.float32)


def _array(values: torch.Tensor) -> Array:
    return values.detach().cpu().double().numpy().copy()
