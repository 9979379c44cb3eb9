"""The command line: what it prints, what it writes, and one line with exit code 2 for whatever a user gets wrong."""

import json
import os
import resource
import signal
import subprocess
import sys

import click
import numpy as np
import pytest
from click.testing import CliRunner

from analogsim.cli import COMMANDS, main
from analogsim.experiments import results

TINY = ["--epochs", "1", "--hidden", "8", "--seed", "1"]


def invoke(*args):
    return CliRunner().invoke(main, list(args))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """An easy problem of 80 samples."""
    path = tmp_path_factory.mktemp("data") / "small.npz"
    rng = np.random.default_rng(0)
    y = np.arange(80) % 3
    np.savez(path, x=np.clip(np.eye(3)[y].repeat(2, axis=1) + 0.1 * rng.random((80, 6)), 0, 1), y=y)
    return str(path)


@pytest.fixture(scope="module")
def result(small, tmp_path_factory):
    """The output of one small run and the file it wrote."""
    path = tmp_path_factory.mktemp("run") / "r.nc"
    done = invoke("run", "crossbar", "--alpha", "0.3", "--noise", "0.05", "--data", small, *TINY, "--output", str(path))
    assert done.exit_code == 0, done.output
    return done, path


def test_run_says_what_it_simulates_and_ends_with_the_table(result):
    said = result[0].stdout
    for words in (
        "Memristor crossbar",
        "pcm-ibm",
        "10.1038/s41467-020-16108-9",
        "DP⊤(α=0.3)",
        "5.00% of each weight",
        "test accuracy",
        "back-propagation",
        "gradient cosine",
        "Lipschitz",
        "settling time",
        "Estimate: an inference",
        "wrote",
    ):
        assert words in said


def test_run_writes_a_stamped_result_and_two_figures(result):
    path = result[1]
    stamp = results.read_stamp(results.load(path))
    assert stamp["settings"]["alpha"] == 0.3
    assert stamp["seed"] == 1
    assert stamp["cards"]["circuit"]["name"] == "crossbar"
    assert set(stamp["packages"]) >= {"numpy", "numba"}
    assert sorted(p.name for p in path.parent.iterdir()) == ["r-convergence.png", "r-lipschitz.png", "r.nc"]


def test_cite_collects_what_a_run_used(result):
    said = invoke("cite", str(result[1])).stdout
    for words in ("2402.08573", "devices/pcm-ibm.toml: ", "@article", "10.1038/s41467-020-16108-9"):
        assert words in said


def test_plot_remakes_the_figures_in_other_formats(result, tmp_path):
    path = result[1]
    done = invoke("plot", str(path), "--figure", "overview", "--format", "svg", "--output", str(tmp_path), "-q")
    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "r-overview.svg").read_text().startswith("<?xml")


def test_json_goes_to_stdout_alone_and_show_repeats_it(small, tmp_path):
    path = str(tmp_path / "j.nc")
    done = invoke("run", "ideal", "--data", small, *TINY, "--output", path, "--json")
    found = json.loads(done.stdout)
    assert found["test_accuracy"]["chip"][1] == pytest.approx(found["test_accuracy"]["digital DP⊤"][1])
    shown = json.loads(invoke("show", path, "--json").stdout)
    assert shown["lipschitz"] == found["lipschitz"]
    assert "test accuracy" in invoke("show", path).stdout


def test_quiet_is_silent(small, tmp_path):
    done = invoke("run", "ideal", "--data", small, *TINY, "--output", str(tmp_path / "q.nc"), "-q")
    assert (done.exit_code, done.output) == (0, "")


def test_list_show_cite_and_info():
    assert "crossbar" in invoke("list").stdout
    cards, kinds = {"circuits", "devices", "experiments"}, {"rules", "updates", "data", "solvers", "computations"}
    assert set(json.loads(invoke("list", "--json").stdout)) == {*cards, *kinds, "measures", "metrics"}
    assert "Claim: DP: a lower" in invoke("show", "experiments/two-tales-table-1").stdout
    shown = invoke("show", "pcm-ibm").stdout
    assert "25 uS   [doi:10.1038/s41467-020-16108-9" in shown
    assert "2402.08573" in invoke("cite", "dpt", "pcm-ibm").stdout
    assert "2402.08573" in json.loads(invoke("cite", "dpt", "--json").stdout)["cite"]["dpt"][0]
    assert "numba" in json.loads(invoke("info", "--json").stdout)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--alpha", "1.5"], "0 ≤ alpha ≤ 1"),
        (["--noise", "-1"], "noise ≥ 0"),
        (["--noise", "abc"], "is no number"),
        (["--noise", "nan"], "noise ≥ 0"),
        (["--noise", "nod:0.1"], "did you mean 'node'"),
        (["--noise", "pink:0.01"], "unknown kind of noise"),
        (["--beta", "0"], "beta > 0"),
        (["--asymmetry", "-0.1"], "asymmetry ≥ 0"),
        (["--rule", "dbt"], "did you mean 'dpt'"),
        (["--rule", "ep", "--alpha", "0.3"], "no meaning for rule 'ep'"),
        (["--nudge", "chopp"], "did you mean 'chop'"),
        (["--device", "pcm-imb"], "did you mean 'pcm-ibm'"),
        (["--device", "./none.toml"], "no such file"),
        (["--data", "digit"], "did you mean 'digits'"),
        (["--data", "none.npz"], "no such file"),
        (["--activation", "rely"], "did you mean 'relu'"),
        (["--loss", "mes"], "did you mean 'mse'"),
        (["--set", "circuit.gain_mismach=0.1"], "circuit.gain_mismatch"),
        (["--set", "circuit.gain_mismatch=-1"], "gain_mismatch"),
        (["--set", "gain_mismatch"], "KEY=VALUE"),
        (["--noise", "0.1", "--set", "circuit.noise=0.2"], "set twice"),
        (["--hidden", "8,x"], "whole numbers"),
        (["--hidden", "0"], "1 ≤ hidden"),
        (["--epochs", "0"], "epochs ≥ 1"),
        (["--seed", "-1"], "seed ≥ 0"),
        (["--alpa", "1"], "--alpha"),
        (["--output", "x.txt"], "end its name in .nc"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(args, message):
    done = invoke("run", "crossbar", *args)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["rum"], "did you mean 'run'"),
        (["run"], "CIRCUIT"),
        (["run", "crosbar"], "did you mean 'crossbar'"),
        (["run", "ideal", "--noise", "0.05"], "noise"),
        (["run", "ideal", "--device", "pcm-ibm"], "no devices"),
        (["plot", "none.nc"], "no such file"),
        (["plot"], "FILE"),
        (["show", "pcm-imb"], "did you mean 'pcm-ibm'"),
        (["show", "none.toml"], "no such file"),
        (["cite", "dbt"], "dbt"),
    ],
)
def test_bad_commands_are_one_line_too(args, message):
    done = invoke(*args)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr


def test_files_that_cannot_be_read_or_written(tmp_path, result):
    corrupt, blocked = tmp_path / "corrupt.npz", tmp_path / "file"
    corrupt.write_bytes(b"PK\x03\x04 and no more")
    blocked.write_text("in the way")
    for args in (
        ["run", "crossbar", "--data", str(corrupt)],
        ["run", "crossbar", "--output", str(blocked / "r.nc")],
        ["run", "crossbar", "--output", str(tmp_path)],
        ["plot", str(corrupt)],
        ["plot", str(result[1]), "--figure", "convergense"],
        ["plot", str(result[1]), "--format", "gif"],
        ["show", str(blocked) + ".nc"],
    ):
        done = invoke(*args)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1), (args, done.output)


def test_a_process_of_its_own_ends_with_the_same_codes(tmp_path):
    run = [sys.executable, "-m", "analogsim"]
    bad = subprocess.run([*run, "run", "crossbar", "--alpha", "1.5"], capture_output=True, text=True, cwd=os.getcwd())
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "Error: alpha = 1.5 is out of range: 0 ≤ alpha ≤ 1.\n"
    assert subprocess.run(run, capture_output=True).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_what_stops_a_run_keeps_the_finished_epochs(small, tmp_path, monkeypatch, request, number):
    from analogsim.learning import on_chip

    step, calls = on_chip.OnChip.step, []

    def interrupted(self, x, y):
        calls.append(1)
        if len(calls) == 4:  # two batches an epoch: in the second
            signal.raise_signal(number)
        step(self, x, y)

    if number is signal.SIGINT:  # which a job in the background is born deaf to
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr(on_chip.OnChip, "step", interrupted)
    path = tmp_path / "c.nc"
    args = ["--data", small, "--epochs", "5", "--hidden", "8", "--output", str(path)]
    done = invoke("run", "ideal", *args)
    assert done.exit_code == 1
    assert "interrupted after epoch 1 of 5" in done.stderr
    kept = results.load(path)
    assert kept.sizes["epoch"] == 2
    assert kept.attrs["interrupted"] == 1
    assert all(p.name.startswith("c") for p in tmp_path.iterdir())  # nothing temporary stays


def test_help_imports_nothing_but_click_and_is_instant():
    every = "; ".join(f"main.get_command(None, '{name}')" for name in COMMANDS)
    heavy = "{'numpy', 'scipy', 'numba', 'xarray', 'matplotlib', 'sklearn', 'tomllib'}"
    code = f"import sys; from analogsim.cli import main; {every}; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"

    def seconds(*args):
        def once():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *args], capture_output=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

        return min(once() for _ in range(3))

    assert seconds("-m", "analogsim", "--help") - seconds("-c", "import click") < 0.3


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_worked_example(command):
    text = invoke(command, "--help").stdout
    assert f"analogsim {command}" in text.split("Example")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_output_has_a_short_name_wherever_it_is(command):
    found = main.get_command(click.Context(main), command)
    options = [option for option in found.params if {"-o", "--output"} & {*option.opts}]
    assert all(option.opts == ["-o", "--output"] for option in options)
    assert bool(options) == ("--output" in invoke(command, "--help").stdout.replace("--output-", ""))


def test_budget_and_tolerance_answer_in_a_table_and_in_json(small, tmp_path):
    tiny = ["--data", small, "--epochs", "2", "--hidden", "4", "--seeds", "2", "--workers", "1"]
    target = str(tmp_path / "b.nc")
    done = invoke("budget", "crossbar", *tiny, "--for", "device.programming_scale", "--output", target)
    assert done.exit_code == 0, done.output
    assert "| device.programming_scale | 1.0" in done.stdout
    assert (tmp_path / "b.png").exists()
    target = str(tmp_path / "t.nc")
    options = ["--device", "ideal", "--for", "nudge-mismatch", "--loss", "90", "--output", target, "--json"]
    done = invoke("tolerance", "crossbar", *tiny, *options)
    assert done.exit_code == 0, done.output
    row = json.loads(done.stdout)["parameter"]["circuit.nudge_mismatch"]
    assert row["outcome"] == "not binding"  # nothing loses 90 points of three classes
    assert invoke("plot", target).exit_code == 0


@pytest.mark.parametrize(
    "args",
    [
        ["run", "--learning-rate", "1e308"],
        ["run", "--beta", "1e308"],
        ["run", "--beta", "1e-308"],
        ["run", "--noise", "1e308"],
        ["run", "--asymmetry", "inf"],
        ["run", "--seed", "1" + "0" * 20],
        ["run", "--hidden", "9" * 20],
        ["run", "--hidden", "40000,40000"],
        ["run", "--epochs", "9" * 20],
        ["run", "--set", "circuit.time_unit=inf"],
        ["run", "--set", "circuit.age=inf"],
        ["run", "--set", "circuit.age=-1"],
        ["run", "--set", "circuit.dac_bits=inf"],
        ["run", "--set", "device.g_max=1" + "0" * 400],
        *(["stability", "--horizon", horizon] for horizon in ("-1", "0", "nan", "inf")),
        ["stability", "--samples", "0"],
        ["netlist", "--t-end", "inf"],
    ],
)
def test_numbers_that_mean_nothing_are_refused_in_one_line(args, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = invoke(args[0], "crossbar", "--data", small, *args[1:])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    about = {"--set": "out of range", "40000,40000": "at most 1e+09 weights", "--t-end": "t-end"}
    words = about.get(args[-1]) or about.get(args[1]) or args[1].removeprefix("--").replace("-", "_")
    assert words in done.stderr
    assert len(done.stderr) < 300
    assert not list(tmp_path.iterdir())


def test_a_run_that_diverges_says_so_and_fails(small, tmp_path):
    path = tmp_path / "r.nc"
    # Linear neurons never fall silent, so that at this rate nothing keeps any trainer from overflowing.
    wild = ["--optimiser", "sgd", "--learning-rate", "1e6", "--epochs", "3", "--hidden", "2", "--health", "off"]
    done = invoke("run", "ideal", "--data", small, "--activation", "identity", *wild, "--output", str(path))
    assert done.exit_code == 1
    assert "diverged" in done.stderr
    assert "back-propagation" in done.stderr
    assert "encountered" not in done.stderr
    assert path.exists()
