"""Data on the command line: units, tasks, and one line for whatever is wrong with a file or an option."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from analogsim.cli import main
from analogsim.experiments import results

LABELS = np.arange(60) % 3
BYTES = (np.eye(3)[LABELS].repeat(4, axis=1) * 250).astype(np.uint8).reshape(60, 3, 2, 2)


def invoke(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, x=BYTES, y=LABELS)
    return path


def test_units_are_said_recorded_and_taken_by_every_command(images, tmp_path):
    units = ("--data", images, "--scale", 255, "--normalise=-0.1,0.5")
    done = invoke("train", "bp", *units, "--epochs", 2, "--hidden", 8, "--output", tmp_path / "w.npz")
    assert (done.exit_code, done.stderr) == (0, "")
    for words in ("3 × 2 × 2 flattened to 12", "x divided by 255", "(x − -0.1)/0.5"):
        assert words in done.stdout
    target = tmp_path / "i.nc"
    done = invoke("infer", "ideal", "--weights", tmp_path / "w.npz", *units, "--draws", 1, "--output", target)
    assert done.exit_code == 0, done.output
    assert "x divided by 255" in done.stdout
    target = tmp_path / "r.nc"
    done = invoke("run", "ideal", *units, "--epochs", 1, "--hidden", 4, "--output", target, "-q")
    assert (done.exit_code, done.output) == (0, "")
    stamp = results.read_stamp(results.load(target))
    assert (stamp["settings"]["scale"], stamp["settings"]["normalise"]) == (255.0, [-0.1, 0.5])
    assert any("flattened to 12" in words for words in stamp["words"])
    for command in ("run", "sweep", "budget", "tolerance", "infer", "train"):
        said = invoke(command, "--help").stdout
        assert all(option in said for option in ("--task", "--scale", "--normalise")), command


def test_bytes_as_they_are_get_one_warning(images):
    done = invoke("train", "bp", "--data", images, "--epochs", 1, "--hidden", 4)
    assert done.stderr.count("Warning") == 1
    assert "--scale 255" in done.stderr


def test_a_regression_reports_its_error(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3))
    np.savez(tmp_path / "d.npz", x=x, y=np.round(x @ [1.0, 2.0, -1.0]))
    asked = ("train", "bp", "--data", tmp_path / "d.npz", "--epochs", 1, "--hidden", 4)
    done = invoke(*asked)
    assert done.exit_code == 2
    assert "--task classification or --task regression" in done.stderr
    done = invoke(*asked, "--task", "regression")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "test mse" in done.stdout.splitlines()[-1]
    assert "accuracy" not in done.stdout.splitlines()[-1]
    found = json.loads(invoke(*asked, "--task", "regression", "--json").stdout)
    assert {"mse", "r2", "test_mse", "test_r2"} <= set(found["runs"][0]["traces"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "bp", "--validation=nan"], "0 ≤ validation < 1"),
        (["train", "bp", "--validation=1"], "0 ≤ validation < 1"),
        (["train", "bp", "--scale=0"], "scale > 0"),
        (["train", "bp", "--normalise=1"], "0.1307,0.3081"),
        (["run", "ideal", "--normalise=0,0"], "standard deviation of normalise > 0"),
        (["run", "ideal", "--normalise=0,nan"], "standard deviation of normalise > 0"),
        (["run", "ideal", "--task", "regresion"], "did you mean 'regression'"),
        (["run", "ideal", "--scale=inf"], "scale = inf is out of range"),
        (["run", "ideal", "--data", "/dev/zero"], "unknown data set"),
        (["run", "ideal", "--data", "{folder}/none.npz"], "no such file"),
        (["sweep", "ideal", "--over", "alpha=0,1", "--data", "{folder}"], "is a folder"),
    ],
)
def test_what_is_wrong_is_one_line(args, message, tmp_path):
    (tmp_path / "folder.npz").mkdir()
    places = {"{folder}": str(tmp_path / "folder.npz"), "{folder}/none.npz": str(tmp_path / "none.npz")}
    done = invoke(*(places.get(arg, arg) for arg in args))
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
