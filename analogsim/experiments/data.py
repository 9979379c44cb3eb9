"""Data sets: the bundled digits, the MNIST family from IDX files, and the user's own ``.npz``."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError, missing, unknown
from analogsim.files import expand, read_npz

NAMES = ("digits", "mnist", "fashion-mnist")
SPLIT_SEED = 0
"""Seed of the fixed split of data that come without one, so that every run sees the same test set."""

SOURCES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}
SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
}


@dataclass(frozen=True)
class Dataset:
    """Inputs in [0, 1] (images) and one-hot targets, samples first."""

    name: str
    train_x: NDArray[np.float64]
    train_y: NDArray[np.float64]
    train_labels: NDArray[np.int64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.float64]
    test_labels: NDArray[np.int64]
    source: str = ""

    @property
    def features(self) -> int:
        """Number of input neurons it needs."""
        return self.train_x.shape[1]

    @property
    def classes(self) -> int:
        """Number of output neurons it needs."""
        return self.train_y.shape[1]

    def astype(self, dtype: Any) -> Dataset:
        """The same data with inputs and targets of another floating type; itself where nothing changes."""
        parts = ("train_x", "train_y", "test_x", "test_y")
        if all(getattr(self, part).dtype == dtype for part in parts):
            return self
        return replace(self, **{part: getattr(self, part).astype(dtype) for part in parts})


def load(name: str | Path) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : str or path
        ``digits`` (1797 images of 8 × 8 pixels, scikit-learn's bundled copy of the UCI optical recognition set; 80 %
        for training), ``mnist`` or ``fashion-mnist`` (60 000 + 10 000 of 28 × 28), or the path of an ``.npz`` with
        ``x`` and ``y`` (split 80 : 20) or ``train_x``, ``train_y``, ``test_x``, ``test_y`` (``x_train``, ... too).
        Labels are whole numbers from 0, or one row of targets for each sample.

    Raises
    ------
    InputError
        If there is no such data set or file, or the file does not hold what it should.

    Notes
    -----
    The IDX files are looked for in ``$ANALOGSIM_DATA/mnist/``, then in the user's cache, and are otherwise downloaded
    by pooch (extra ``[data]``) and checked by SHA-256. Sources: LeCun et al., doi:10.1109/5.726791; Xiao, Rasul &
    Vollgraf, arXiv 1708.07747.
    """
    text = str(name)
    if text == "digits":
        return _digits()
    if text in SHA256:
        return _idx_family(text)
    if text.endswith(".npz"):
        return _npz(expand(text))
    raise unknown("data set", text, NAMES, hint="Your own data: the path of an .npz with x and y.")


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return _split("digits", bunch.data / 16.0, bunch.target.astype(np.int64), "scikit-learn's bundled UCI digits")


def _idx_family(name: str) -> Dataset:
    files = {file: _locate(name, file) for file in SHA256[name]}
    parts = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = read_idx(files[f"{prefix}-images-idx3-ubyte.gz"])
        labels = read_idx(files[f"{prefix}-labels-idx1-ubyte.gz"])
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise InputError(f"{name}: images of shape {images.shape} and labels of shape {labels.shape} do not match.")
        parts[part] = images.reshape(len(images), -1) / 255.0, labels.astype(np.int64)
    return _dataset(name, *parts["train"], *parts["test"], source=str(files["train-images-idx3-ubyte.gz"].parent))


def cache_folder() -> Path:
    """Where this package keeps what it can get again: ``$XDG_CACHE_HOME/analogsim``, else ``~/.cache/analogsim``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "analogsim"


def _locate(name: str, file: str) -> Path:
    """The file in $ANALOGSIM_DATA, in the cache, or freshly downloaded; its checksum verified in every case."""
    places = [Path(root) for root in [os.environ.get("ANALOGSIM_DATA")] if root]
    cache = cache_folder()
    for place in (*places, cache):
        path = place / name / file
        if path.is_file():
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found != SHA256[name][file]:
                raise InputError(
                    f"{path}: SHA-256 {found[:12]}… is not that of {name}; the file is damaged. Remove it."
                )
            return path
    looked = " and ".join(str(place / name) for place in (*places, cache))
    try:
        import pooch
    except ImportError:
        where = f"{name} is not in {looked}. Set ANALOGSIM_DATA to a folder with {name}/{file}"
        raise missing(f"{where}; downloading it", "pooch", "data") from None
    try:
        return Path(pooch.retrieve(SOURCES[name] + file, known_hash=SHA256[name][file], fname=file, path=cache / name))
    except Exception as error:  # pooch passes on whatever the network stack raised
        raise InputError(
            f"{name}: could not download {SOURCES[name]}{file} ({type(error).__name__}), and it is not in "
            f"{looked}. Set ANALOGSIM_DATA to a folder with {name}/{file}."
        ) from None


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read a gzipped IDX file of bytes: two zeros, type 8, the number of axes, each length as big-endian int32."""
    try:
        raw = gzip.decompress(path.read_bytes())
        if raw[:3] != b"\0\0\x08":
            raise ValueError("no IDX file of bytes")
        axes = raw[3]
        shape = tuple(int(n) for n in np.frombuffer(raw, ">i4", axes, 4))
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise InputError(f"{path}: not a readable IDX file ({error}).") from None


def _npz(path: Path) -> Dataset:
    arrays = read_npz(path)
    pairs = {}
    for part in ("train", "test"):
        for key, target in ((f"{part}_x", f"{part}_y"), (f"x_{part}", f"y_{part}")):
            if key in arrays and target in arrays:
                x = _numbers(path, key, arrays[key])
                pairs[part] = x, _labels(path, target, arrays[target], len(x))
    if "train" in pairs and "test" in pairs:
        return _dataset(str(path), *pairs["train"], *pairs["test"], source=str(path))
    if "x" in arrays and "y" in arrays:
        x = _numbers(path, "x", arrays["x"])
        return _split(str(path), x, _labels(path, "y", arrays["y"], len(x)), str(path))
    raise InputError(f"{path}: expected x and y, or train_x, train_y, test_x and test_y; got {sorted(arrays)[:8]}.")


def _numbers(path: Path, key: str, value: NDArray[Any]) -> NDArray[np.float64]:
    if not np.issubdtype(value.dtype, np.number) or np.iscomplexobj(value) or value.ndim < 2 or not len(value):
        raise InputError(f"{path}: {key} is {value.dtype} of shape {value.shape}; expected numbers, (sample, feature).")
    x = value.reshape(len(value), -1).astype(float)
    if not np.isfinite(x).all():
        raise InputError(f"{path}: {key} holds NaN or Inf.")
    return x


def _labels(path: Path, key: str, value: NDArray[Any], samples: int) -> NDArray[np.int64]:
    """Class numbers from whole numbers or from rows of targets."""
    if value.ndim == 2 and value.shape[1] > 1 and np.issubdtype(value.dtype, np.number):
        value = value.argmax(axis=1)
    value = value.reshape(-1) if value.ndim == 2 else value
    whole = np.issubdtype(value.dtype, np.number) and np.isfinite(value).all() and (value == np.floor(value)).all()
    if value.shape != (samples,) or not whole or value.min() < 0:
        raise InputError(
            f"{path}: {key} must hold one whole number ≥ 0 for each of {samples} samples, or rows of targets."
        )
    return value.astype(np.int64)


def _split(name: str, x: NDArray[np.float64], labels: NDArray[np.int64], source: str) -> Dataset:
    order = np.random.default_rng(SPLIT_SEED).permutation(len(x))
    train, test = np.split(order, [round(0.8 * len(x))])
    if not len(train) or not len(test):
        raise InputError(f"{name}: {len(x)} samples are too few to split.")
    return _dataset(name, x[train], labels[train], x[test], labels[test], source=source)


def _dataset(name: str, train_x: Any, train_labels: Any, test_x: Any, test_labels: Any, *, source: str) -> Dataset:
    if train_x.shape[1] != test_x.shape[1]:
        raise InputError(f"{name}: {train_x.shape[1]} features for training, {test_x.shape[1]} for testing.")
    classes = int(max(train_labels.max(), test_labels.max())) + 1
    if classes > 10_000:
        raise InputError(f"{name}: the largest label is {classes - 1}; labels are class numbers from 0.")
    one_hot = np.eye(classes)
    return Dataset(
        name, train_x, one_hot[train_labels], train_labels, test_x, one_hot[test_labels], test_labels, source
    )
