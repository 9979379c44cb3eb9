"""``analogsim train`` from the outside."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from analogsim import load_network
from analogsim.cli.train import command

pytest.importorskip("analogsim.experiments.data")


def run(*arguments):
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize("rule", ["bp", "dpt", "sshm"])
def test_trains_on_digits_and_writes_the_network(rule, tmp_path):
    path = tmp_path / "net.npz"
    found = run(rule, "--epochs", "2", "--json", "--output", str(path))
    assert found.exit_code == 0, found.output
    (report,) = json.loads(found.output)["runs"]
    assert len(report["traces"]["loss"]) == 2
    assert report["traces"]["loss"][1] < report["traces"]["loss"][0]
    assert load_network(path).weights[0].dtype == np.float32


def test_several_seeds_make_several_runs():
    found = run("fenchel", "--epochs", "1", "--seed", "1", "--seed", "2")
    assert found.exit_code == 0
    assert "seed 1" in found.output
    assert "seed 2" in found.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dppt",), "did you mean 'dpt'"),
        (("bp", "--alpha", "0.3"), "bp takes no options; leave alpha out"),
        (("bp", "--optimiser", "adm"), "did you mean 'adam'"),
        (("bp", "--hidden", "a"), "whole numbers"),
    ],
)
def test_wrong_usage_is_said(arguments, message):
    assert message in str(run(*arguments).exception)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--batch-size", "0"], "batch-size"),
        (["--epochs", "0"], "epochs"),
        (["--seed", "-1"], "seed"),
        (["--warm-up", "-1"], "warm-up"),
        (["--output", "/proc/net.npz"], "cannot write"),
        (["--output", "/nowhere/net.npz"], "no folder"),
        (["--checkpoint", "/proc/state.npz"], "cannot write"),
    ],
)
def test_bad_options_fail_before_the_work(options, word):
    """In one line, and naming what was typed."""
    found = run("bp", *options)
    assert found.exit_code != 0
    assert word in str(found.exception)
