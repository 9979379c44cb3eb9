"""Data of a user's own: what targets mean, value for value; inputs in whatever units; what no file may hold."""

import os
import re
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from analogsim.errors import InputError
from analogsim.experiments import data
from analogsim.experiments.target_kinds import targets

ONE_HOT = np.eye(3)[[0, 1, 2, 1, 0]]
SOFT = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
REAL = np.array([[0.5, -1.5], [2.5, 0.0], [0.25, 3.0], [1.0, 1.0], [0.0, -2.0]])


def put(where, row, value):
    changed = where.astype(float).copy()
    changed[row] = value
    return changed


def of(y, **options):
    return targets("d.npz", [("y", np.asarray(y))], **options)


@pytest.mark.filterwarnings("ignore:d.npz. labels")
@pytest.mark.parametrize(
    ("y", "task", "labels", "names"),
    [
        ([0, 2, 1, 1, 0], "classification", [0, 2, 1, 1, 0], ()),
        (np.array([[0], [1], [2]], np.uint8), "classification", [0, 1, 2], ()),
        (np.array([0, 1, 1], np.uint64), "classification", [0, 1, 1], ()),
        ([True, False, True], "classification", [1, 0, 1], ()),
        ([3, 1, 2, 3], "classification", [2, 0, 1, 2], ("1", "2", "3")),
        ([-1, 1, -1], "classification", [0, 1, 0], ("-1", "1")),
        ([0, 255, 0], "classification", [0, 1, 0], ("0", "255")),
        (np.array([0, 2**64 - 1], np.uint64), "classification", [0, 1], ("0", str(2**64 - 1))),
        (["cat", "dog", "cat"], "classification", [0, 1, 0], ("cat", "dog")),
        (ONE_HOT, "classification", [0, 1, 2, 1, 0], ()),
        (ONE_HOT.astype(np.uint8), "classification", [0, 1, 2, 1, 0], ()),
        (ONE_HOT > 0, "classification", [0, 1, 2, 1, 0], ()),
        (SOFT, "classification", [0, 1, 2, 0, 1], ()),
        (SOFT.astype(np.float16), "classification", [0, 1, 2, 0, 1], ()),
        ([0.5, 1.5, 2.0], "regression", [], ()),
        ([[0.5], [1.0]], "regression", [], ()),
        (REAL, "regression", [], ()),
    ],
)
def test_what_targets_mean(y, task, labels, names):
    found = of(y)
    assert (found.task, found.names) == (task, names)
    np.testing.assert_array_equal(found.labels, labels)
    if task == "classification":
        np.testing.assert_array_equal(found.values.argmax(1), labels)
        assert (found.values.sum(0) > 0).all()  # no class without a sample


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (put(ONE_HOT, (3, 0), np.nan), r"y\[3\] is NaN"),
        (np.full((4, 2), np.nan), r"y\[0\] is NaN"),
        ([0.5, np.inf, 1.0], r"y\[1\] is NaN or Inf"),
        (put(ONE_HOT, 2, 0.0), r"y\[2\] is all zero"),
        (put(SOFT, 4, 0.0), r"y\[4\] is all zero"),
        (put(SOFT, (1, 0), 0.5), r"y\[1\] sums to 1.5"),
        (put(SOFT, 0, [1.5, -0.5, 0.0]), r"y\[0\] .*entry < 0"),
        ([0.0, 1.0, 2.0], "--task classification or --task regression"),
        ([[0.0], [1.0]], "--task classification or --task regression"),
        ([1e300, 0.0], "--task classification or --task regression"),
        ([[1, 1, 0], [0, 1, 1], [2, 0, 0]], "--task classification or --task regression"),
        ([0.5, 1e300], r"y\[1\] lies beyond ±1e\+15"),
        ([1 + 2j, 0j], "imaginary part"),
        ([4, 4, 4], "every sample has the label 4"),
        (np.arange(20_000), "20000 different labels"),
        (np.zeros((3, 2, 2)), r"shape \(3, 2, 2\)"),
        ([["a", "b"], ["b", "a"]], "rows of text"),
    ],
)
def test_what_targets_may_not_be(y, message):
    with pytest.raises(InputError, match=message) as caught:
        of(y)
    assert "\n" not in str(caught.value)


def test_the_task_decides_where_targets_could_be_either():
    assert of([0.0, 1.0, 2.0], task="classification").labels.tolist() == [0, 1, 2]
    assert of([5.0, 7.0], task="classification", classes=8).labels.tolist() == [5, 7]
    for y in ([0.0, 1.0, 2.0], [0, 1, 2], ONE_HOT, put(ONE_HOT, 2, 0.0), [[1, 1], [2, 5]]):
        found = of(y, task="regression")
        assert (found.task, found.labels.size) == ("regression", 0)
        np.testing.assert_array_equal(found.values, np.reshape(y, (len(y), -1)))
    for y in ([0.5, 1.0], put(SOFT, 1, 2.0), REAL):
        with pytest.raises(InputError, match="no class"):
            of(y, task="classification")
    with pytest.raises(InputError, match="text"):
        of(["a", "b"], task="regression")


def test_labels_of_a_known_number_of_classes_are_their_numbers():
    # A test set without a 3 must not shift the classes of a network that has one.
    assert of([0, 1, 2, 4], classes=10).labels.tolist() == [0, 1, 2, 4]
    assert of([0, 1, 2, 4], classes=10).values.shape == (4, 10)
    with pytest.warns(UserWarning, match="labels 1, 2, 3, 4: 4 classes in this order"):
        assert of([1, 2, 3, 4]).labels.tolist() == [0, 1, 2, 3]


floats = st.floats(-1e9, 1e9, width=64)
shapes = st.tuples(st.integers(4, 12), st.integers(1, 4))


@st.composite
def any_targets(draw):
    """Targets of every kind, with the values that they must be loaded as."""
    kind = draw(st.sampled_from(["labels", "one-hot", "soft", "values"]))
    n = draw(st.integers(4, 12))
    if kind == "values":
        y = draw(arrays.arrays(float, st.sampled_from([(n,), (n, 1), (n, 2), (n, 5)]), elements=floats))
        y.flat[0] = draw(st.floats(0.1, 0.9)) + 2  # no whole number, and no share of a class
        return y, y.reshape(n, -1)
    k = draw(st.integers(2, 4))
    labels = np.concatenate([np.arange(k), draw(arrays.arrays(np.int64, n, elements=st.integers(0, k - 1)))])
    if kind == "labels":
        return labels.astype(draw(st.sampled_from([np.uint8, np.int32, np.uint64]))), np.eye(k)[labels]
    if kind == "one-hot":
        y = np.eye(k)[labels].astype(draw(st.sampled_from([np.uint8, np.float32, bool])))
        return y, y.astype(float)
    raw = draw(arrays.arrays(float, (n, k), elements=st.floats(0.01, 1)))
    y = raw / raw.sum(1, keepdims=True)
    return y, y


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("targets")


@given(any_targets(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_targets_are_learnt_as_they_were_given(scratch, pair, split):
    y, expected = pair
    # Values most of whose rows happen to sum to one could be classes with a slip, and are refused until --task says.
    assume(y.ndim == 1 or y.shape[1] == 1 or np.isclose(y.sum(1), 1).all() or not np.isclose(y.sum(1), 1).any())
    x = np.arange(len(y), dtype=float).reshape(-1, 1) / len(y)  # says which sample it is
    if split:
        np.savez(scratch / "d.npz", x=x, y=y)
    else:
        np.savez(scratch / "d.npz", x_train=x[:-1], y_train=y[:-1], x_test=x[-1:], y_test=y[-1:])
    found = data.load_data(scratch / "d.npz")
    at = np.rint(np.concatenate([found.train_x, found.test_x])[:, 0] * len(y)).astype(int)
    assert sorted(at) == list(range(len(y)))
    np.testing.assert_array_equal(np.concatenate([found.train_y, found.test_y]), expected[at])


RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (60, 4, 4), dtype=np.uint8)
PIXELS[0, 0, 0] = 255
LABELS = np.arange(60) % 3


def test_the_layout_of_keras_and_bytes_as_floats(tmp_path):
    np.savez(tmp_path / "k.npz", x_train=PIXELS[:40], y_train=LABELS[:40], x_test=PIXELS[40:], y_test=LABELS[40:])
    x = PIXELS / 255
    np.savez(tmp_path / "f.npz", x_train=x[:40], y_train=LABELS[:40], x_test=x[40:], y_test=LABELS[40:])
    with pytest.warns(UserWarning, match="--scale 255") as said:
        raw = data.load_data(tmp_path / "k.npz")
    assert len(said) == 1
    assert (len(raw.train_x), len(raw.test_x)) == (40, 20)
    assert any("4 × 4 flattened to 16" in words for words in raw.words)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled, floats = data.load_data(tmp_path / "k.npz", scale=255.0), data.load_data(tmp_path / "f.npz")
        normal = data.load_data(tmp_path / "k.npz", scale=255.0, normalise=(0.5, 0.25))
    for part in ("train_x", "test_x", "train_y", "test_y"):
        np.testing.assert_array_equal(getattr(scaled, part), getattr(floats, part))
    np.testing.assert_array_equal(normal.train_x, (floats.train_x - 0.5) / 0.25)
    assert {"x divided by 255", "x standardised: (x − 0.5)/0.25"} <= set(normal.words)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (PIXELS.reshape(60, 2, 2, 4), {}, "--scale 255"),
        (100 * RNG.standard_normal((60, 3)), {}, r"--normalise -?\d.*,\d"),
        (RNG.integers(0, 30, (60, 3)), {}, "--normalise"),
        (RNG.random((60, 3)), {"scale": 255.0}, "in these units already"),
        (RNG.standard_normal((60, 3)), {}, None),
    ],
)
def test_inputs_in_other_units_are_warned_about_once(tmp_path, x, options, message):
    np.savez(tmp_path / "d.npz", x=x, y=LABELS)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        data.load_data(tmp_path / "d.npz", **options)
    assert len(said) == (message is not None)
    assert all(re.search(message, str(warning.message)) for warning in said)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((5, 2)) + 1j, "complex128.*real and imaginary parts"),
        (put(np.ones((5, 2)), (3, 1), np.inf), r"x\[3\] holds NaN or Inf"),
        (np.ones(5), r"One feature is \(sample, 1\)"),
        (put(np.ones((5, 2)), (3, 1), 1e300), r"beyond ±1e\+15"),
    ],
)
def test_inputs_that_mean_nothing(tmp_path, x, message):
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(5) % 2)
    with pytest.raises(InputError, match=message) as caught:
        data.load_data(tmp_path / "d.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0.0}, "scale > 0"),
        ({"scale": float("nan")}, "scale > 0"),
        ({"normalise": (0.1, 0.0)}, "standard deviation of normalise > 0"),
        ({"normalise": (0.1,)}, "expected MEAN,STD"),
        ({"task": "clasification"}, "did you mean 'classification'"),
        ({"task": "regression"}, "digits holds classes"),
    ],
)
def test_options_that_mean_nothing(options, message):
    with pytest.raises(InputError, match=message):
        data.load_data("digits", **options)


def test_test_and_training_targets_are_read_together(tmp_path):
    path = tmp_path / "d.npz"
    x = np.ones((4, 1))
    np.savez(path, x_train=x, y_train=[0, 1, 0, 1], x_test=x, y_test=[0, 2, 1, 1], names=["a", "b"])
    found = data.load_data(path)
    assert found.classes == 3
    assert found.words == ("not used of the file: names",)
    column = [[0], [1], [1], [1]]
    for y, message in (([0.0, 1, 1, 1], "one type"), (column, "one type"), ([1, 1], "2 entries for the 4")):
        np.savez(path, x_train=x, y_train=[0, 1, 0, 1], x_test=x, y_test=y)
        with pytest.raises(InputError, match=message):
            data.load_data(path)
    np.savez(path, x_train=x, y_train=SOFT[:4], x_test=x, y_test=put(SOFT[:4], (2, 1), np.nan))
    with pytest.raises(InputError, match=r"y_test\[2\]"):
        data.load_data(path)


def test_only_files_are_read_and_none_that_unpacks_without_end(tmp_path):
    pipe, folder, zero, bomb = (tmp_path / f"{name}.npz" for name in ("pipe", "folder", "zero", "bomb"))
    os.mkfifo(pipe)
    folder.mkdir()
    zero.symlink_to("/dev/zero")
    for path, message in ((pipe, "a pipe or a device"), (zero, "a pipe or a device"), (folder, "is a folder")):
        with pytest.raises(InputError, match=message):
            data.load_data(path)
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"")
        archive.writestr("y.npy", b"")
    raw = bytearray(bomb.read_bytes())
    for k in range(len(raw) - 4):
        if raw[k : k + 4] == b"PK\x01\x02":  # an entry of the directory; the size after unpacking is at 24
            raw[k + 24 : k + 28] = (3 << 30).to_bytes(4, "little")
    bomb.write_bytes(raw)
    with pytest.raises(InputError, match="unpacks to 6 GiB, and 4 GiB is the limit"):
        data.load_data(bomb)


def test_everything_is_downloaded_over_https():
    assert set(data.SOURCES) == set(data.SHA256)
    assert all(source.startswith("https://") and source.endswith("/") for source in data.SOURCES.values())


def regression_data(path, samples=400, outputs=2):
    """A linear map with a little noise: a linear network learns it."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((samples, 5))
    y = x @ rng.standard_normal((5, outputs)) + 0.1 * rng.standard_normal((samples, outputs))
    np.savez(path, x=x, y=y)
    return path


def names_of(dataset):
    """Every word of a result that a reader sees."""
    attrs = [str(value) for variable in dataset.variables.values() for value in variable.attrs.values()]
    return " ".join([*map(str, dataset.variables), *attrs])


@pytest.mark.slow
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_regression_is_judged_by_its_error_and_never_by_an_accuracy(tmp_path, outputs):
    from sklearn.metrics import mean_squared_error, r2_score

    from analogsim.experiments import plots, results, summary, train_chip
    from analogsim.experiments.insitu import accuracy
    from analogsim.experiments.report import document
    from analogsim.experiments.running import train
    from analogsim.experiments.setup import prepare
    from analogsim.settings import Settings

    path = str(regression_data(tmp_path / "d.npz", outputs=outputs))
    setup = prepare(Settings(circuit="ideal", data=path, hidden=(16,), epochs=12, batch_size=20))
    found = train(setup)
    learnt = train_chip(setup)
    out, y = learnt.trainer.output(setup.data.test_x), setup.data.test_y
    for name, reference in (("test_mse", mean_squared_error(y, out)), ("test_r2", r2_score(y, out))):
        assert float(found[name].sel(trainer="chip")[-1]) == pytest.approx(reference, rel=1e-9)
        assert learnt.scores[-1][name] == pytest.approx(reference, rel=1e-9)
    # The mean squared error of an exact model is the variance of the noise, 0.01 of targets of variance 5.
    assert (found["test_r2"].isel(epoch=-1) > 0.8).all()
    assert found["test_mse"].attrs["units"] == "y²"
    assert "mean of the outputs" in found["test_r2"].attrs["long_name"]
    np.testing.assert_array_equal(found["probe_target"], setup.data.test_y[:16])
    results.save(found, tmp_path / "r.nc")
    said = [names_of(found), summary.table(found), str(summary.figures(found)), *map(str, plots.suitable(found))]
    if outputs > 1:
        document.report([tmp_path / "r.nc"], tmp_path / "r.html")
        said.append((tmp_path / "r.html").read_text().replace("instead of an accuracy", ""))
    assert not [text for text in said if "accura" in text.lower() or "class shown" in text]
    for name in ("overview", "oscilloscope"):  # the report holds the others
        plots.save(plots.draw(found, name), tmp_path / f"{name}.png", dpi=40)
    for wrong in (lambda: learnt.accuracy, lambda: accuracy(setup, learnt.trainer)):
        with pytest.raises(InputError, match="has no accuracy"):
            wrong()


def test_r2_is_that_of_each_output_averaged():
    from sklearn.metrics import r2_score

    from analogsim.learning.scores import r2

    rng = np.random.default_rng(1)
    y = rng.standard_normal((30, 3)) * [1.0, 100.0, 0.01] + [0.0, 5.0, 1e3]
    out = y + rng.standard_normal((30, 3)) * [0.5, 10.0, 0.02]
    assert r2(out, y) == pytest.approx(r2_score(y, out), rel=1e-9)
    assert r2(np.tile(y.mean(0), (30, 1)), y) == pytest.approx(0, abs=1e-9)
    y[:, 1] = 5.0
    assert r2(out, y) == pytest.approx(r2_score(y[:, [0, 2]], out[:, [0, 2]]), rel=1e-9)
    assert np.isnan(r2(out[:, 1:2], y[:, 1:2]))


def test_digital_training_and_inference_of_a_regression(tmp_path):
    from analogsim import Network
    from analogsim.experiments import infer
    from analogsim.learning.reference import backprop, train

    path = regression_data(tmp_path / "d.npz")
    found = data.load_data(path)
    net = Network.random((5, 16, 2), seed=0)
    options = {"epochs": 40, "batch_size": 20, "validation": 0.1, "test": (found.test_x, found.test_y)}
    learnt = train(net, found.train_x, found.train_y, backprop, **options)
    assert not [name for name in learnt.traces if "accuracy" in name]
    assert learnt.traces["validation_r2"][learnt.best_epoch - 1] == max(learnt.traces["validation_r2"])
    learnt.network.save(tmp_path / "w.npz")
    read = infer(weights=tmp_path / "w.npz", circuit="ideal", data=str(path), draws=2)
    assert "accura" not in names_of(read)
    assert "agreement" not in read
    np.testing.assert_allclose(read["r2"], float(read["digital_r2"]), atol=1e-3)
    index = learnt.best_epoch - 1
    assert float(read["digital_mse"]) == pytest.approx(learnt.traces["test_mse"][index], rel=1e-9)
    with pytest.raises(InputError, match="take the loss mse"):
        train(net.replace(loss="cross-entropy"), found.train_x, found.train_y, backprop)


def test_studies_of_accuracy_refuse_a_regression_in_one_line(tmp_path):
    from analogsim.experiments.reproduce.kinds.chip import part
    from analogsim.experiments.reproduce.kinds.digital import _samples
    from analogsim.experiments.specification import budget, tolerance
    from analogsim.experiments.sweeps import sweep
    from analogsim.settings import Settings

    path = str(regression_data(tmp_path / "d.npz", samples=40))
    chosen = Settings(circuit="crossbar", data=path, hidden=(4,), epochs=1)
    for ask in (
        lambda: budget(chosen, seeds=2),
        lambda: tolerance(chosen, seeds=2),
        lambda: part(path, None, None),
        lambda: _samples(path, None, None, "float32"),
        lambda: sweep("ideal", ["alpha=0,1"], data=path, metrics=["test_accuracy"]),
    ):
        with pytest.raises(InputError, match=r"regression") as caught:
            ask()
        assert "\n" not in str(caught.value)
    found = sweep("ideal", ["alpha=0.5,1"], data=path, hidden=(4,), epochs=1, workers=1)
    assert "test_accuracy" not in found
    assert np.isfinite(found["test_r2"]).all()


def test_soft_labels_train_on_their_values_and_bytes_like_floats(tmp_path):
    from analogsim.experiments import train_chip
    from analogsim.experiments.setup import prepare
    from analogsim.settings import Settings

    images = (np.eye(3)[LABELS].repeat(2, axis=1) * 200 + RNG.integers(0, 56, (60, 6))).astype(np.uint8)
    soft = 0.7 * np.eye(3)[LABELS] + 0.1
    files = {"u": (images, soft), "f": (images / 255, soft), "hard": (images / 255, np.eye(3)[LABELS])}
    for name, (x, y) in files.items():
        np.savez(tmp_path / f"{name}.npz", x=x, y=y)
    learnt = {}
    for name, scale in (("u", 255.0), ("f", 1.0), ("hard", 1.0)):
        chosen = Settings(
            circuit="ideal", data=str(tmp_path / f"{name}.npz"), scale=scale, hidden=(8,), epochs=20, batch_size=6
        )
        setup = prepare(chosen)
        learnt[name] = train_chip(setup)
        assert learnt[name].accuracy > 90
    chips = {name: found.trainer.chip for name, found in learnt.items()}
    for a, b in zip(chips["u"].forward, chips["f"].forward, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.allclose(chips["f"].forward[0], chips["hard"].forward[0], atol=1e-3)
    assert setup.record()["settings"]["scale"] == 1.0


def test_classes_keep_the_names_that_the_file_gives_them(tmp_path):
    from analogsim.experiments import run

    np.savez(tmp_path / "d.npz", x=np.eye(3)[LABELS].repeat(2, axis=1), y=np.array(["ant", "bee", "cow"])[LABELS])
    found = run(circuit="ideal", data=str(tmp_path / "d.npz"), hidden=(4,), epochs=1, health="off")
    assert found["class_name"].values.tolist() == ["ant", "bee", "cow"]
    shown = [str(found["class_name"].values[k]) for k in found["probe_label"].values]
    assert set(shown) <= {"ant", "bee", "cow"}


def test_weights_that_want_other_units_are_told(tmp_path):
    from analogsim import Network
    from analogsim.experiments import infer
    from analogsim.learning.reference import backprop, train

    digits = data.load_data("digits")
    mean, std = (float(f"{value:.4g}") for value in (digits.train_x.mean(), digits.train_x.std()))
    x = (digits.train_x - mean) / std
    net = Network.random((64, 32, 10), activation="relu", loss="cross-entropy", seed=0)
    train(net, x, digits.train_y, backprop, epochs=10).network.save(tmp_path / "w.npz")
    with pytest.warns(UserWarning, match=rf"--normalise {mean:g},{std:g}.*%"):
        without = infer(weights=tmp_path / "w.npz", circuit="ideal", draws=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = infer(weights=tmp_path / "w.npz", circuit="ideal", draws=1, normalise=(mean, std))
    gain = float(right["digital_accuracy"]) - float(without["digital_accuracy"])
    assert gain > 1
    np.testing.assert_allclose(right["accuracy"], float(right["digital_accuracy"]), atol=0.5)
    train(net, digits.train_x, digits.train_y, backprop, epochs=10).network.save(tmp_path / "raw.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        infer(weights=tmp_path / "raw.npz", circuit="ideal", draws=1)
