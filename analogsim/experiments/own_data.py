"""A user's own data file: which arrays it holds, and inputs as (sample, feature)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.errors import InputError
from analogsim.experiments.target_kinds import Targets, targets
from analogsim.files import UNPACKED, read_npz

PAIRS = {
    "train": (("train_x", "train_y"), ("x_train", "y_train"), ("x", "y")),
    "test": (("test_x", "test_y"), ("x_test", "y_test")),
}
"""Keys of inputs and targets; x and y alone are split."""


class Samples(NamedTuple):
    """All samples of a file, those for training first."""

    x: NDArray[np.float64]
    targets: Targets
    train: int | None
    """How many are for training; None where the file does not say."""
    words: tuple[str, ...]


def read(path: Path, task: str | None = None, classes: int | None = None) -> Samples:
    """Read an ``.npz``; see `analogsim.experiments.data.load_data`."""
    return arranged(str(path), read_npz(path), task, classes)


def arrays(name: str, given: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    """Arrays that a program gave by name, or one line if something among them is none."""
    try:
        return {str(key): np.asarray(value) for key, value in given.items()}
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {error}; expected arrays x and y.") from None


def arranged(
    file: str, arrays: Mapping[str, np.ndarray], task: str | None = None, classes: int | None = None
) -> Samples:
    """Samples and targets of arrays by name; `file` is what messages call them."""
    found = {}
    for part, pairs in PAIRS.items():
        keys = next((pair for pair in pairs if set(pair) <= set(arrays)), None)
        if keys:
            found[part] = keys
    if "train" not in found or ("test" not in found and found["train"] != ("x", "y")):
        raise InputError(f"{file}: expected x and y, or train_x, train_y, test_x and test_y; got {sorted(arrays)[:8]}.")
    x, shapes = [], set()
    for key, target in found.values():
        x.append(_features(file, key, arrays[key]))
        shapes.add(arrays[key].shape[1:])
        if arrays[target].ndim and (count := len(arrays[target])) != len(x[-1]):
            raise InputError(f"{file}: {target} has {count} entries for the {len(x[-1])} samples of {key}.")
    if "test" not in found and len(x[0]) < 3:
        raise InputError(f"{file}: {len(x[0])} samples are too few to split.")
    if len({part.shape[1] for part in x}) > 1:
        raise InputError(f"{file}: {x[0].shape[1]} features for training, {x[1].shape[1]} for testing.")
    words = [
        f"x of {' × '.join(map(str, shape))} flattened to {x[0].shape[1]} features, the last axis fastest"
        for shape in sorted(shapes)
        if len(shape) > 1
    ]
    others = sorted(set(arrays) - {key for pair in found.values() for key in pair})
    words += [f"not used of the file: {', '.join(others[:8])}"] if others else []
    known = targets(file, [(target, arrays[target]) for _, target in found.values()], task, classes)
    train = len(x[0]) if "test" in found else None
    return Samples(x[0] if len(x) == 1 else np.concatenate(x), known, train, tuple(words))


def _features(file: str, key: str, value: np.ndarray) -> NDArray[np.float64]:
    """Inputs (sample, feature) in float64; images are flattened."""
    if value.dtype.kind not in "biuf" or value.ndim < 2 or not value.size:
        hint = ""
        if value.dtype.kind == "c":
            hint = " Give real and imaginary parts as features of their own."
        elif value.ndim == 1:
            hint = " One feature is (sample, 1)."
        raise InputError(
            f"{file}: {key} is {value.dtype} of shape {value.shape}; expected numbers, (sample, feature).{hint}"
        )
    if 8 * value.size > UNPACKED:
        raise InputError(f"{file}: {key} holds {value.size:.3g} numbers; {UNPACKED >> 30} GiB as float64 is the limit.")
    x = value.reshape(len(value), -1).astype(float)
    good = np.isfinite(x).all(axis=1)
    if not good.all():
        raise InputError(f"{file}: {key}[{int(np.argmin(good))}] holds NaN or Inf. Remove the sample, or mend it.")
    return x
