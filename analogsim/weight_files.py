"""Files of weights as named arrays: .npz, .safetensors, and what PyTorch saves. Nothing in a file is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from analogsim.errors import InputError, missing
from analogsim.files import read_npz

LIMIT = 2**33
"""Bytes that a file of weights may hold when unpacked."""

TYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8", "BOOL": "?"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1"},
}
"""Types of numbers of the safetensors format that numpy has; BF16 is the upper half of F32."""


def read(path: Path) -> tuple[dict[str, np.ndarray], bool]:
    """Arrays by name, and whether they come in the order in which they were saved; safetensors does not keep it.

    Raises
    ------
    InputError
        If the file is missing, no regular file, larger than `LIMIT`, or damaged.
    """
    try:
        if not path.is_file():
            reason = (
                "is a folder, no file" if path.is_dir() else "is no regular file" if path.exists() else "no such file"
            )
            raise InputError(f"{path}: {reason}.")
        _check_size(path, path.stat().st_size)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    if path.suffix == ".safetensors":
        return _safetensors(path), False
    if path.suffix in (".pt", ".pth", ".ckpt"):
        return _pytorch(path), True
    return read_npz(path), True


def natural(name: str) -> list[int | str]:
    """Key that sorts names by their words and, as numbers, their numbers: ``layers.2`` before ``layers.10``."""
    return [int(part) if k % 2 else part for k, part in enumerate(re.split(r"([0-9]{1,18})", name))]


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors import deserialize
    except ImportError:
        raise missing(f"{path}: reading .safetensors", "safetensors", "torch") from None
    try:
        entries = sorted(deserialize(path.read_bytes()), key=lambda entry: natural(entry[0]))
    except Exception as error:  # SafetensorError, which only that package names
        raise InputError(f"{path}: not a readable .safetensors ({_short(error)}).") from None
    arrays = {}
    for key, entry in entries:
        data, kind = entry["data"], entry["dtype"]
        if kind == "BF16":
            flat = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        elif kind in TYPES:
            flat = np.frombuffer(data, TYPES[kind])
        else:
            raise InputError(f"{path}: {key!r} holds {kind}; save it as F32, F16 or BF16.")
        arrays[key] = flat.reshape(entry["shape"])
    return arrays


def _pytorch(path: Path) -> dict[str, np.ndarray]:
    """Tensors of a state dict or a checkpoint; ``weights_only``, so that nothing in the file is run."""
    try:
        import torch
    except ImportError:
        raise missing(f"{path}: reading a PyTorch file", "torch", "torch") from None
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A file that is no state dict fails in more ways than can be listed.
        raise InputError(f"{path}: not a PyTorch state dict of plain tensors ({_short(error)}).") from None
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: holds a {type(loaded).__name__}, no state dict; save model.state_dict().")
    found = list(_tensors(path, loaded, torch.Tensor))
    # A tensor may be one number, repeated without end.
    _check_size(path, sum(tensor.numel() * tensor.element_size() for _, tensor in found))
    arrays = {}
    for key, tensor in found:
        if key in arrays:
            raise InputError(f"{path}: two tensors are named {key!r}.")
        try:
            tensor = tensor.detach()
            arrays[key] = (tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor).numpy()
        except Exception:  # quantised, sparse, float8, ...: a way to fail for each
            kind = f"{tensor.dtype}, {tensor.layout}".replace("torch.", "")
            raise InputError(f"{path}: {key!r} is no plain tensor of numbers ({kind}).") from None
    return arrays


def _tensors(path: Path, node: Any, kind: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Tensors of a checkpoint by name, with that of the dict they are in; the state of optimisers is none of a model.

    Single numbers with no array beside them, such as scores and epochs, are left out too.
    """
    if depth > 10:
        raise InputError(
            f"{path}: more than 10 dicts within each other, or one within itself; save model.state_dict()."
        )
    if isinstance(node, dict) and {"state", "param_groups"} <= node.keys():
        return
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    named = [(f"{name}{key}", value) for key, value in entries]
    arrays = any(isinstance(value, kind) and value.ndim for _, value in named)
    for key, value in named:
        if isinstance(value, kind) and (arrays or value.ndim):
            yield key, value
        elif isinstance(value, dict | list | tuple):
            yield from _tensors(path, value, kind, f"{key}.", depth + 1)


def _check_size(path: Path, size: int) -> None:
    if size > LIMIT:
        raise InputError(f"{path}: {size / 2**30:.1f} GiB of weights; the limit is {LIMIT / 2**30:g} GiB.")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
