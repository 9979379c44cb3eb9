"""Files of chips: NumPy's ``.npz`` with flat names, and one JSON text for what is no array. No pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analogsim.chip.amplifiers import TIA
from analogsim.chip.flat_names import NODES, PER_LAYER, READS
from analogsim.chip.transfer import STEADY
from analogsim.errors import InputError
from analogsim.files import atomic, read_npz

if TYPE_CHECKING:
    from analogsim.chip.gates import Array
    from analogsim.chip.whole import Chip

ARRAYS = ("nudge", "driver", "rails", "converters")
PLAIN = ("activation", "loss", "output_activation", *READS, *NODES, "time_unit", "activity_unit")


def save(chip: Chip, path: str | Path) -> None:
    """Write a chip: ``forward.0``, ``tau.1``, ``devices.target.0``, … and the JSON text ``plain``."""
    arrays: dict[str, Array] = {name: getattr(chip, name) for name in ARRAYS}
    for name in PER_LAYER:
        arrays |= {f"{name}.{j}": a for j, a in enumerate(getattr(chip, name)) if a is not None}
    arrays |= {f"devices.{key}": np.asarray(value) for key, value in chip.devices.items()}
    if any(path.light != STEADY for c in chip.connections for path in c.paths):
        arrays["light"] = chip.light
    if chip.tia is not None:
        arrays |= {f"tia.{key}": value for key, value in chip.tia.to_arrays().items()}
    text = np.array(json.dumps({**{name: getattr(chip, name) for name in PLAIN}, "record": dict(chip.record)}))
    with atomic(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, plain=text, **arrays)  # type: ignore[arg-type]


def load_chip(path: str | Path) -> Chip:
    """Read a chip that `Chip.save` wrote.

    Parameters
    ----------
    path : path
        ``.npz``; never unpickled.

    Raises
    ------
    InputError
        If the file is missing, corrupt or no chip.
    """
    from analogsim.chip.whole import Chip

    arrays = read_npz(path)
    try:
        plain = json.loads(str(arrays["plain"]))
        layers = sum(key.startswith("forward.") for key in arrays)
        each: dict[str, Any] = {name: tuple(arrays.get(f"{name}.{j}") for j in range(layers)) for name in PER_LAYER}
        devices = {key.removeprefix("devices."): value for key, value in arrays.items() if key.startswith("devices.")}
        tia = TIA.from_arrays({k.removeprefix("tia."): v for k, v in arrays.items() if k.startswith("tia.")}, layers)
        whole: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
        whole |= {"light": arrays["light"]} if "light" in arrays else {}
        return Chip(**each, **whole, tia=tia, devices=devices, **plain)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not a chip written by Chip.save ({error}).") from None
