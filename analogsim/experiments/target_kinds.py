"""What the targets of a data file mean: classes, shares of classes, or values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError
from analogsim.learning.scores import shares

MOST = 10_000
"""Classes, at most."""
LARGEST = 1e15
"""Of an input or a target: squares and their sums stay finite in float32, and whole numbers are exact in float64."""
SAY = "say which with --task classification or --task regression"
WHOLE, REAL, TEXT = "whole numbers", "numbers", "text"
KINDS = {**dict.fromkeys("biu", WHOLE), "f": REAL, "U": TEXT}


@dataclass(frozen=True)
class Targets:
    """Targets in the form in which a network learns them.

    Parameters
    ----------
    values : (sample, output) array
    labels : (sample,) array of int
        Number of the class of each sample; empty for values.
    task : {"classification", "regression"}
    names : tuple of str
        The labels of the classes in the file, where they are not their numbers.
    words : tuple of str
        What was made of them, a line for each thing that is not plain.
    """

    values: NDArray[np.float64]
    labels: NDArray[np.int64]
    task: str = "classification"
    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def place(parts: Sequence[tuple[str, np.ndarray]], sample: int) -> str:
    """``y_test[3]``: the key and index of a sample of arrays that were put together."""
    for key, part in parts:
        if sample < len(part):
            return f"{key}[{sample}]"
        sample -= len(part)
    raise IndexError(sample)


def targets(
    file: str, parts: Sequence[tuple[str, np.ndarray]], task: str | None = None, classes: int | None = None
) -> Targets:
    """Read targets.

    Whole numbers and text of shape (sample,) or (sample, 1) are labels of classes; rows ≥ 0 that sum to 1 are shares of
    classes and are kept value for value; other floats are values, a regression. Labels 0 … K − 1 number the classes;
    other labels name them, in their order. What could be either must be said by `task`.

    Parameters
    ----------
    file : str
        For messages.
    parts : sequence of (key, array)
        One array of targets, or those for training and those for testing.
    task : {"classification", "regression"}, optional
    classes : int, optional
        How many classes there are, where that is known from elsewhere; labels below it number them.

    Raises
    ------
    InputError
        If an entry is NaN, infinite or complex, a row belongs to no class, or the task is not clear.
    """
    y = _joined(file, parts)
    if task == "regression":
        return _values(file, parts, y)
    kind = KINDS[y.dtype.kind]
    if y.ndim == 2 and y.shape[1] > 1:
        return _rows(file, parts, y, task)
    column = y.reshape(-1)
    if kind is not REAL:
        return _labels(file, column, classes)
    if (column == np.floor(column)).all():
        if task is None:
            raise InputError(
                f"{file}: {parts[0][0]} holds whole numbers as {y.dtype}, which may be labels or values; {SAY}."
            )
        return _labels(file, column, classes)
    if task == "classification":
        bad = int(np.argmax(column != np.floor(column)))
        raise InputError(f"{file}: {place(parts, bad)} = {column[bad]:g} is no class; --task regression learns values.")
    return _values(file, parts, y)


def _joined(file: str, parts: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """All targets, one after another, of one kind and shape."""
    kinds, shapes = set(), set()
    for key, part in parts:
        if part.dtype.kind not in KINDS:
            hint = "; its imaginary part has no meaning here" if part.dtype.kind == "c" else ""
            raise InputError(f"{file}: {key} is {part.dtype}; expected labels or real numbers{hint}.")
        if part.ndim not in (1, 2) or 0 in part.shape:
            raise InputError(f"{file}: {key} has shape {part.shape}; expected (sample,) or (sample, output).")
        if part.dtype.kind == "f" and not np.isfinite(part).all():
            bad = int(np.argmin(np.isfinite(part.reshape(len(part), -1)).all(axis=1)))
            raise InputError(f"{file}: {key}[{bad}] is NaN or Inf. Remove the sample, or mend it.")
        kinds.add(KINDS[part.dtype.kind])
        shapes.add(part.shape[1:])
    dtype = np.result_type(*(part.dtype for _, part in parts))
    if len(shapes) > 1 or len(kinds) > 1 or KINDS[dtype.kind] not in kinds:
        told = " and ".join(f"{key} is {part.dtype} of shape {part.shape}" for key, part in parts)
        raise InputError(f"{file}: {told}; expected targets of one type and width.")
    return np.concatenate([part for _, part in parts])


def _rows(file: str, parts: Sequence[tuple[str, np.ndarray]], y: np.ndarray, task: str | None) -> Targets:
    if KINDS[y.dtype.kind] is TEXT:
        raise InputError(f"{file}: {parts[0][0]} holds rows of text; expected one label for each sample.")
    good, values = shares(y), y.astype(float)
    if good.all():
        soft = bool(((values != 0) & (values != 1)).any())
        words = ("soft labels, kept as they are; accuracy is against the largest of each row",) if soft else ()
        return Targets(values, values.argmax(axis=1), words=words)
    bad, total = int(np.argmin(good)), values.sum(axis=1)
    marks = bool(((values == 0) | (values == 1)).all() and total.max() <= 1)
    if task == "classification" or marks or 2 * good.sum() >= len(good):
        what = "is all zero" if not values[bad].any() else f"sums to {total[bad]:.6g} or has an entry < 0"
        raise InputError(
            f"{file}: {place(parts, bad)} {what}, so it belongs to no class: rows of classes are ≥ 0 and sum to 1. "
            "Mend it; --task regression learns the values as they are."
        )
    if (values == np.floor(values)).all():
        raise InputError(f"{file}: {parts[0][0]} holds rows of whole numbers, not one-hot: classes or values? {SAY}.")
    return _values(file, parts, y)


def _values(file: str, parts: Sequence[tuple[str, np.ndarray]], y: np.ndarray) -> Targets:
    if KINDS[y.dtype.kind] is TEXT:
        raise InputError(f"{file}: {parts[0][0]} holds text, and a regression learns numbers.")
    values = y.reshape(len(y), -1).astype(float)
    if np.abs(values).max() > LARGEST:
        bad = int(np.abs(values).max(axis=1).argmax())
        raise InputError(f"{file}: {place(parts, bad)} lies beyond ±{LARGEST:g}; bring the targets to about 1.")
    count = values.shape[1]
    words = f"regression of {count} value{'s' * (count > 1)}: mean squared error and R² instead of an accuracy"
    return Targets(values, np.zeros(0, np.int64), "regression", words=(words,))


def _labels(file: str, column: np.ndarray, classes: int | None) -> Targets:
    if column.dtype.kind == "b":
        column = column.astype(np.uint8)
    found, number = np.unique(column, return_inverse=True)
    if len(found) > MOST:
        raise InputError(f"{file}: {len(found)} different labels, more than {MOST}; --task regression learns values.")
    if len(found) < 2 and classes is None:
        raise InputError(f"{file}: every sample has the label {found[0]}; there is nothing to tell apart.")
    is_text = column.dtype.kind == "U"
    if not is_text and found[0] >= 0 and found[-1] < (classes or len(found)):
        labels = column.astype(np.int64)
        return Targets(np.eye(classes or len(found))[labels], labels)
    names = tuple(str(label) if column.dtype.kind != "f" else f"{label:g}" for label in found)
    shown = ", ".join(names if len(names) <= 4 else (*names[:2], "…", names[-1]))
    words = f"labels {shown}: {len(names)} classes in this order, named by their labels"
    if not is_text:
        warnings.warn(f"{file}: {words}, since they are not 0 to {len(names) - 1}.", stacklevel=2)
    return Targets(np.eye(len(names))[number], number.astype(np.int64), names=names, words=(words,))
