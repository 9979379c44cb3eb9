"""`analogsim netlist` as a user types it."""

import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from analogsim import Network
from analogsim.cli import main


def invoke(*arguments):
    return CliRunner().invoke(main, ["netlist", "crossbar", *arguments])


def test_writes_three_files_from_weights(tmp_path):
    Network.random((64, 6, 10), seed=1).save(tmp_path / "w.npz")
    done = invoke("--weights", str(tmp_path / "w.npz"), "--sample", "3", "--t-end", "2", "-o", str(tmp_path / "my.cir"))
    assert done.exit_code == 0, done.output
    assert {p.name for p in tmp_path.iterdir()} == {"w.npz", "my.subckt.cir", "my_tb.cir", "my.expected.csv"}
    assert np.isfinite(np.loadtxt(tmp_path / "my.expected.csv", delimiter=",", skiprows=1)).all()
    bare = invoke("--hidden", "4", "--t-end", "1", "--no-testbench", "-o", str(tmp_path / "bare.cir"))
    assert bare.exit_code == 0, bare.output
    assert not (tmp_path / "bare_tb.cir").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "x.sp"], "end its name in .cir"),
        (["--verify", "--no-testbench"], "leave out --no-testbench"),
        (["--sample", "100000"], "--sample"),
        (["--level", "tia"], "real amplifiers"),
        (["--t-end", "0"], "--t-end"),
        (["--layers", "fc1"], "give it with --weights"),
    ],
)
def test_bad_usage_is_one_line(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = invoke("--hidden", "4", *arguments)
    assert done.exit_code == 2
    assert words in done.output
    assert not list(tmp_path.iterdir())


def test_weights_must_fit_the_data(tmp_path):
    Network.random((5, 10), seed=1).save(tmp_path / "w.npz")
    done = invoke("--weights", str(tmp_path / "w.npz"), "-o", str(tmp_path / "d.cir"))
    assert done.exit_code == 2
    assert "needs 64 and 10" in done.output


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
def test_verify_runs_ngspice(tmp_path):
    done = invoke("--hidden", "5", "--t-end", "4", "--verify", "-o", str(tmp_path / "d.cir"))
    assert done.exit_code == 0, done.output
    assert "largest deviation" in done.output


def test_verify_without_ngspice_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = invoke("--hidden", "4", "--t-end", "1", "--verify", "-o", str(tmp_path / "d.cir"))
    assert done.exit_code == 2
    assert "ngspice on PATH" in done.output
