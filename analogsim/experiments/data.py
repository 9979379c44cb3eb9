"""Data sets: the bundled digits, the MNIST family from IDX files, and the user's own ``.npz``."""

from __future__ import annotations

import gzip
import hashlib
import os
import warnings
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from analogsim.errors import InputError, missing, shown
from analogsim.experiments import own_data
from analogsim.experiments.target_kinds import LARGEST, Targets
from analogsim.files import expand
from analogsim.learning import scores
from analogsim.registry import Given, register, unwrapped
from analogsim.settings.declaring import check
from analogsim.settings.record import Settings

Arrays = Mapping[str, ArrayLike]
"""What an ``.npz`` of data holds: x and y, or train_x, train_y, test_x and test_y."""
USUAL = 10.0
"""Inputs beyond ± this are probably in other units."""
SPLIT_SEED = 0
"""Seed of the fixed split of data that come without one, so that every run sees the same test set."""

SOURCES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
    "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
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


@dataclass(frozen=True, repr=False)
class Dataset:
    """Inputs, in [0, 1] for images, and targets, one-hot for labels; samples first.

    In a regression the labels are empty. ``names`` are the labels of the classes where they are not their numbers,
    and ``words`` what was made of a file.
    """

    name: str
    train_x: NDArray[np.float64]
    train_y: NDArray[np.float64]
    train_labels: NDArray[np.int64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.float64]
    test_labels: NDArray[np.int64]
    source: str = ""
    task: str = "classification"
    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def x_train(self) -> NDArray[np.float64]:
        """Inputs for training, (sample, feature)."""
        return self.train_x

    @property
    def y_train(self) -> NDArray[np.float64]:
        """Targets for training, (sample, class); of a regression (sample, value)."""
        return self.train_y

    @property
    def x_test(self) -> NDArray[np.float64]:
        """Inputs for testing, (sample, feature)."""
        return self.test_x

    @property
    def y_test(self) -> NDArray[np.float64]:
        """Targets for testing, as `y_train`."""
        return self.test_y

    def __repr__(self) -> str:
        """Sizes, kind of targets and where they come from, in two lines; never the arrays."""
        several = "classes" if self.task == "classification" else "values"
        return (
            f"Dataset {self.name}: {len(self.train_x)} samples for training, {len(self.test_x)} for testing\n"
            f"  {self.features} features, {self.classes} {several}; {self.source}"
        )

    @property
    def features(self) -> int:
        """Number of input neurons it needs."""
        return int(self.train_x.shape[1])

    @property
    def classes(self) -> int:
        """Number of output neurons it needs: classes, or values of a regression."""
        return int(self.train_y.shape[1])

    @property
    def figures(self) -> dict[str, scores.Figure]:
        """What its test set judges by."""
        return scores.FIGURES[self.task]

    def scores(self, out: np.ndarray) -> dict[str, float]:
        """The figures of outputs for the test set, (sample, output)."""
        found = scores.figures(self.task, out, self.test_y)
        return {name: figure.scale * found[figure.of] for name, figure in self.figures.items()}

    def first(self, train: int | None, test: int | None) -> Dataset:
        """The first so many samples for training and for testing; None: all."""
        parts = [
            (f"{share}_{key}", n) for share, n in (("train", train), ("test", test)) for key in ("x", "y", "labels")
        ]
        return replace(self, **{part: getattr(self, part)[:n] for part, n in parts})

    def astype(self, dtype: DTypeLike) -> Dataset:
        """The same data with inputs and targets of another floating type; itself where nothing changes."""
        parts = ("train_x", "train_y", "test_x", "test_y")
        if all(getattr(self, part).dtype == dtype for part in parts):
            return self
        return replace(self, **{part: getattr(self, part).astype(dtype) for part in parts})


Rows = slice | NDArray[np.int64]
"""Samples of a data set."""
Loader = Callable[[], Dataset | Arrays]
"""What `analogsim.register.data` registers."""


@dataclass(frozen=True)
class Images:
    """A data set of images with a class each, and what is known of it without loading it.

    Attributes
    ----------
    load : callable
    training, testing : int
        Samples.
    pixels : int
        Of the height and of the width of an image, whose square is the number of features.
    classes : int
    source : str
        What to cite.
    """

    load: Callable[[], Dataset]
    training: int
    testing: int
    pixels: int
    classes: int
    source: str

    def __call__(self) -> Dataset:
        """Load it."""
        return self.load()


def load_data(
    name: str | Path | Dataset | Arrays,
    *,
    task: str | None = None,
    scale: float = 1.0,
    normalise: tuple[float, float] | None = None,
    classes: int | None = None,
) -> Dataset:
    """Load a data set: ``load_data("digits").x_train``, ``y_train``, ``x_test``, ``y_test``, ``names``.

    Parameters
    ----------
    name : str, path, Dataset or mapping
        ``digits`` (1797 images of 8 × 8 pixels, scikit-learn's bundled copy of the UCI optical recognition set; 80 %
        for training), ``mnist`` or ``fashion-mnist`` (60 000 + 10 000 of 28 × 28), or the path of an ``.npz`` with
        ``x`` and ``y`` (split 80 : 20) or ``train_x``, ``train_y``, ``test_x``, ``test_y`` (``x_train``, ... too, the
        layout of Keras' mnist.npz). Also any other name of `analogsim.register.data`, a `Dataset`, or arrays by name as
        such a file has them. What the targets of a file mean: `analogsim.experiments.target_kinds.targets`.
    task : {"classification", "regression"}, optional
        What the targets of a file are, where it could be either.
    scale : float
        x is divided by it; > 0. Bytes of an image need 255.
    normalise : (mean, std), optional
        Then x becomes (x − mean)/std; std > 0.
    classes : int, optional
        How many classes the network tells apart, where that is known: labels of a file below it are their numbers.

    Returns
    -------
    Dataset
        ``x_train``, ``x_test`` (sample, feature), ``y_train``, ``y_test`` (sample, class), one-hot, or (sample, value),
        and ``names``, the labels of the classes where they are not their numbers.

    Raises
    ------
    InputError
        If there is no such data set or file, or the file does not hold what it should: NaN, Inf, complex numbers, an x
        or a target beyond ±1e15, or more than 4 GiB.

    Warns
    -----
    UserWarning
        If x reaches beyond ±10, or the labels of a file are not 0 … K − 1.

    Notes
    -----
    The IDX files are looked for in ``$ANALOGSIM_DATA/mnist/``, then in the user's cache, and are otherwise downloaded
    by pooch (extra ``[data]``) and checked by SHA-256. Sources: LeCun et al., doi:10.1109/5.726791; Xiao, Rasul &
    Vollgraf, arXiv 1708.07747.
    """
    for option, value in (("task", task), ("scale", scale)):
        check(Settings, option, value)
    made, normalise = unwrapped(name), check(Settings, "normalise", normalise)
    text = str(name)
    if not isinstance(made, str | Path):
        text = name if isinstance(name, Given) else Given(name)
        found = _taken(text, made, task, classes)
    elif text.endswith(".npz"):
        found = _npz(expand(text), task, classes)
    else:
        make = register.data.find(text, hint="Your own data: the path of an .npz with x and y.")
        found = _taken(text, _made(text, make) if register.data.is_foreign(text) else make(), task, classes)
    return _in_units(found, scale, normalise)


def _made(name: str, make: Loader) -> Dataset | Arrays:
    """What the function of somebody else returns, which may fail in any way."""
    try:
        return make()
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"data set {name!r}: {' '.join(f'{type(error).__name__}: {error}'.split())}.") from None


def _taken(name: str, found: Dataset | Arrays, task: str | None, classes: int | None) -> Dataset:
    """A data set that is there, or made of arrays; its task is what was asked for."""
    if isinstance(found, Mapping):
        return _arranged(name, own_data.arranged(name, own_data.arrays(name, found), task, classes), source="Python")
    if not isinstance(found, Dataset):
        raise InputError(f"data set {name!r} is {shown(found)}; expected a Dataset, or arrays x and y by name.")
    if task not in (None, found.task):
        holds = {"classification": "classes", "regression": "values"}[found.task]
        raise InputError(f"{name} holds {holds}; --task {task} is for a data file of your own.")
    return found


def _digits() -> Dataset:
    x, labels = _bundled()
    train, test = _split(len(x))
    return _dataset("digits", x / 16.0, _classes(labels), train, test, source="scikit-learn's bundled UCI digits")


def _bundled() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels, 0 … 16, and labels of the digits in scikit-learn's own file: its import would take a second or two."""
    spec = find_spec("sklearn")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        with suppress(OSError, EOFError, ValueError, zlib.error):
            lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
            found = np.loadtxt(lines, delimiter=",").reshape(1797, 8 * 8 + 1)
            return found[:, :-1], found[:, -1]
    from sklearn.datasets import load_digits  # a release that keeps them elsewhere

    bunch = load_digits()
    return bunch.data, bunch.target


def _classes(labels: np.ndarray) -> Targets:
    labels = labels.astype(np.int64)
    return Targets(np.eye(10)[labels], labels)


def _idx_family(name: str) -> Dataset:
    files = {file: _locate(name, file) for file in SHA256[name]}
    parts = []
    for prefix in ("train", "t10k"):
        images = read_idx(files[f"{prefix}-images-idx3-ubyte.gz"])
        labels = read_idx(files[f"{prefix}-labels-idx1-ubyte.gz"])
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise InputError(f"{name}: images of shape {images.shape} and labels of shape {labels.shape} do not match.")
        known = _classes(labels)
        parts.append((images.reshape(len(images), -1) / 255.0, known.values, known.labels))
    return Dataset(name, *parts[0], *parts[1], source=str(files["train-images-idx3-ubyte.gz"].parent))


register.data("digits", "1797 handwritten digits of 8 × 8 pixels, bundled")(
    Images(
        _digits,
        training=1438,
        testing=359,
        pixels=8,
        classes=10,
        source="Alpaydin & Kaynak, Optical recognition of handwritten digits, UCI 1998, doi:10.24432/C50P49",
    )
)
register.data("mnist", "70000 handwritten digits of 28 × 28 pixels, from $ANALOGSIM_DATA or downloaded")(
    Images(
        partial(_idx_family, "mnist"),
        training=60000,
        testing=10000,
        pixels=28,
        classes=10,
        source="LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86, 2278, 1998, doi:10.1109/5.726791",
    )
)
register.data("fashion-mnist", "70000 pieces of clothing of 28 × 28 pixels, from $ANALOGSIM_DATA or downloaded")(
    Images(
        partial(_idx_family, "fashion-mnist"),
        training=60000,
        testing=10000,
        pixels=28,
        classes=10,
        source="Xiao, Rasul & Vollgraf, 2017, arXiv 1708.07747",
    )
)


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


def _npz(path: Path, task: str | None, classes: int | None) -> Dataset:
    return _arranged(str(path), own_data.read(path, task, classes), source=str(path))


def _arranged(name: str, found: own_data.Samples, *, source: str) -> Dataset:
    """A data set of samples, split where they do not say how."""
    train: Rows = slice(found.train)
    test: Rows = slice(found.train, None)
    if found.train is None:
        train, test = _split(len(found.x))
    return _dataset(name, found.x, found.targets, train, test, source=source, words=found.words)


def _split(samples: int) -> list[NDArray[np.int64]]:
    """Rows for training, 80 %, and for testing."""
    order = np.random.default_rng(SPLIT_SEED).permutation(samples)
    return np.split(order, [round(0.8 * samples)])


def _dataset(
    name: str, x: np.ndarray, known: Targets, train: Rows, test: Rows, *, source: str, words: tuple[str, ...] = ()
) -> Dataset:
    y, labels = known.values, known.labels
    parts = [(x[rows], y[rows], labels[rows] if len(labels) else labels) for rows in (train, test)]
    return Dataset(
        name, *parts[0], *parts[1], source=source, task=known.task, names=known.names, words=(*words, *known.words)
    )


def _in_units(data: Dataset, scale: float, normalise: tuple[float, float] | None) -> Dataset:
    """The data with x/scale, then (x − mean)/std; warns where that is not of order one."""
    words = [f"x divided by {scale:g}"] if scale != 1 else []
    words += [f"x standardised: (x − {normalise[0]:g})/{normalise[1]:g}"] if normalise else []
    parts = []
    for x in (data.train_x, data.test_x):
        if scale != 1:
            x = x / scale
        parts.append(x if normalise is None else (x - normalise[0]) / normalise[1])
    low, high = min(float(x.min()) for x in parts), max(float(x.max()) for x in parts)
    top = max(-low, high)
    if not top <= LARGEST:
        raise InputError(f"{data.name}: x reaches {top:.3g}, beyond ±{LARGEST:g}; bring it to about 1 with --scale.")
    said = f"{data.name}: x lies between {low:.4g} and {high:.4g}"
    if top > USUAL:
        hint = f"--normalise {parts[0].mean():.4g},{parts[0].std():.4g}, its mean and deviation, brings it there"
        if not words and low >= 0 and 127 < high <= 255 and all((x == np.floor(x)).all() for x in parts):
            hint = "these look like bytes, and --scale 255 brings them to 0 … 1"
        warnings.warn(f"{said}, and circuits are made for inputs of about 1: {hint}.", stacklevel=2)
    elif words and top < 0.05:
        warnings.warn(f"{said} after {' and '.join(words)}; was it in these units already?", stacklevel=2)
    if not words:
        return data
    return replace(data, train_x=parts[0], test_x=parts[1], words=(*data.words, *words))
