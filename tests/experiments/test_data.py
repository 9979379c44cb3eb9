"""Data sets: shapes, ranges and a fixed split; files that are missing, damaged or of the wrong kind."""

import gzip
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from analogsim.errors import InputError
from analogsim.experiments import data


def test_digits_are_scaled_split_once_and_for_all_and_one_hot():
    first, second = data.load_data("digits"), data.load_data("digits")
    assert (first.features, first.classes) == (64, 10)
    assert len(first.train_x) + len(first.test_x) == 1797
    assert first.train_x.min() == 0.0
    assert first.train_x.max() == 1.0
    np.testing.assert_array_equal(first.train_y.argmax(1), first.train_labels)
    np.testing.assert_array_equal(first.train_x, second.train_x)
    assert set(first.test_labels) == set(range(10))


def test_digits_are_those_of_scikit_learn_with_and_without_its_import(monkeypatch):
    from sklearn.datasets import load_digits

    bunch = load_digits()
    for spec in (find_spec("sklearn"), None):  # its own file; where that is not found, its function
        monkeypatch.setattr(data, "find_spec", lambda name, spec=spec: spec)
        found = data.load_data("digits")
        rows = data._split(len(bunch.data))
        for x, labels, part in zip(
            (found.train_x, found.test_x), (found.train_labels, found.test_labels), rows, strict=True
        ):
            np.testing.assert_array_equal(x, bunch.data[part] / 16.0)
            np.testing.assert_array_equal(labels, bunch.target[part])


def test_digits_come_without_importing_scikit_learn():
    code = "import sys; from analogsim.experiments.data import load_data; load_data('digits'); "
    code += "sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.mnist
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.skipif("ANALOGSIM_DATA" not in os.environ, reason="needs $ANALOGSIM_DATA")
def test_the_idx_family(name):
    found = data.load_data(name)
    assert found.train_x.shape == (60_000, 784)
    assert found.test_y.shape == (10_000, 10)
    assert found.train_x.max() == 1.0
    if name == "fashion-mnist":
        assert (np.bincount(found.train_labels) == 6000).all()


def test_idx_bytes_are_read_in_their_order(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x02" + (2).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes(range(6))))
    np.testing.assert_array_equal(data.read_idx(path), [[0, 1, 2], [3, 4, 5]])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="not a readable IDX file"):
        data.read_idx(path)


def test_a_damaged_file_in_the_data_folder_is_named(tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"damaged")
    monkeypatch.setenv("ANALOGSIM_DATA", str(tmp_path))
    with pytest.raises(InputError, match="SHA-256"):
        data.load_data("mnist")


def test_without_pooch_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("ANALOGSIM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(InputError, match=r"ANALOGSIM_DATA.*pip install pooch.*'\.\[data\]'"):
        data.load_data("mnist")


def test_own_arrays_with_and_without_a_split(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 4, 2)), np.arange(50) % 3
    np.savez(tmp_path / "one.npz", x=x, y=y)
    one = data.load_data(tmp_path / "one.npz")
    assert one.train_x.shape == (40, 8)
    assert one.classes == 3
    np.savez(tmp_path / "two.npz", x_train=x, y_train=np.eye(3)[y], x_test=x[:5], y_test=np.eye(3)[y[:5]])
    two = data.load_data(tmp_path / "two.npz")
    np.testing.assert_array_equal(two.train_labels, y)
    np.testing.assert_array_equal(two.test_x, x[:5].reshape(5, 8))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": np.ones(3)}, "expected x and y"),
        ({"x": np.ones((4, 2)), "y": np.array([0, 1])}, "4 samples"),
        ({"x": np.full((4, 2), np.nan), "y": np.arange(4)}, "NaN"),
        ({"x": np.array([["a"], ["b"]]), "y": np.arange(2)}, "expected numbers"),
        ({"x": np.ones((1, 2)), "y": np.array([0])}, "too few"),
    ],
)
def test_own_arrays_of_the_wrong_kind(tmp_path, arrays, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=message) as caught:
        data.load_data(tmp_path / "bad.npz")
    assert "\n" not in str(caught.value)


def test_corrupt_missing_and_unknown(tmp_path):
    (tmp_path / "corrupt.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match=r"corrupt\.npz"):
        data.load_data(tmp_path / "corrupt.npz")
    with pytest.raises(InputError, match="no such file"):
        data.load_data(tmp_path / "missing.npz")
    with pytest.raises(InputError, match="did you mean 'digits'"):
        data.load_data("digit")
