"""``sweep``, ``infer``, ``plot`` and ``report`` from the outside."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import analogsim as asim
from analogsim.cli import main
from analogsim.cli.sweep import line
from analogsim.experiments import results


def invoke(*args):
    return CliRunner().invoke(main, list(map(str, args)))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A small sweep: what it printed and its file."""
    path = tmp_path_factory.mktemp("sweep") / "s.nc"
    over = ["--over", "circuit.asymmetry=0:0.4:0.1", "--over", "device=pcm-ibm,ideal", "--seeds", "2"]
    args = ["--metrics", "programming_error,initial_symmetry_defect", "--hidden", "6", "--workers", "1"]
    done = invoke("sweep", "crossbar", *over, *args, "--output", path)
    assert done.exit_code == 0, done.output
    return done, path


def test_it_says_what_it_sweeps_and_sums_up(swept):
    said = swept[0].stdout
    for words in (
        "20 points: 5 circuit.asymmetry × 2 device × 2 seed",
        "20 points: 20 done",
        "programming error",
        "wrote",
    ):
        assert words in said, words
    found = results.load(swept[1])
    assert found["initial_symmetry_defect"].dims == ("circuit.asymmetry", "device", "seed")
    assert results.read_stamp(found)["settings"]["hidden"] == [6]


def test_json_and_show_tell_the_same(swept):
    over = ["--over", "circuit.asymmetry=0:0.4:0.1", "--over", "device=pcm-ibm,ideal", "--seeds", "2"]
    args = ["--metrics", "programming_error,initial_symmetry_defect", "--hidden", "6", "--json", "--output", swept[1]]
    report = json.loads(invoke("sweep", "crossbar", *over, *args).stdout)
    assert (report["points"], report["statuses"]) == (20, {"done": 20})
    assert "programming error" in invoke("show", swept[1]).stdout
    shown = json.loads(invoke("show", swept[1], "--json").stdout)
    assert shown["programming_error"]["median"] > 0


def test_plot_and_report_write_files(swept, tmp_path):
    done = invoke("plot", swept[1], "--metric", "programming_error", "--format", "svg", "--output", tmp_path, "--json")
    (written,) = json.loads(done.stdout)["files"]
    assert written.endswith("s-programming_error-lines.svg")
    page = tmp_path / "r.html"
    assert json.loads(invoke("report", swept[1], "-o", page, "--json").stdout)["files"] == [str(page)]
    assert "20 points" in page.read_text()


def test_infer_prints_and_writes(tmp_path):
    asim.Network.random((64, 8, 10), seed=0).save(tmp_path / "w.npz")
    args = ["crossbar", "--weights", tmp_path / "w.npz", "--draws", "2", "--samples", "50", "--noise", "0.05"]
    done = invoke("infer", *args, "--output", tmp_path / "i.nc")
    assert done.exit_code == 0, done.output
    assert "layer 2    error" in done.stdout
    found = json.loads(invoke("infer", *args, "--json").stdout)
    np.testing.assert_array_equal(found["layer_error"], results.load(tmp_path / "i.nc")["layer_error"])
    assert invoke("show", tmp_path / "i.nc").exit_code == 0
    assert invoke("plot", tmp_path / "i.nc", "-q").exit_code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["sweep", "crossbar", "--over", "alpha"], "KEY=a:b:step"),
        (["sweep", "crossbar", "--over", "alpa=0:1:0.1"], "did you mean 'alpha'"),
        (["sweep", "crossbar", "--over", "alpha=0:2:0.5"], "0 ≤ alpha ≤ 1"),
        (["sweep", "crossbar", "--metrics", "test_acuracy"], "did you mean 'test_accuracy'"),
        (["sweep", "crossbar", "--design", "sobl"], "did you mean 'sobol'"),
        (["sweep", "crossbar", "--seeds", "0"], "seeds ≥ 1"),
        (["sweep", "crossbar", "--seeds", "9" * 20], "seeds ≥ 1 and at most"),
        (["sweep", "crossbar", "--workers", "0"], "workers ≥ 1"),
        (["sweep", "crossbar", "--point-timeout", "0"], "point_timeout > 0"),
        (["sweep", "crossbar", "--output", "s.txt"], "end its name in .nc"),
        (["infer", "crossbar"], "--weights"),
        (["infer", "crossbar", "--weights", "none.npz"], "no such file"),
        (["report", "none.nc"], "no such file"),
        (["report", "none.nc", "-o", "r.txt"], "end its name in .html"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(args, message):
    done = invoke(*args)
    assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert message in done.stderr


def test_a_sweep_without_any_result_fails(tmp_path):
    args = ["--rule", "ep", "--metrics", "programming_error", "--workers", "1", "--output", tmp_path / "s.nc"]
    done = invoke("sweep", "ideal", "--over", "rule=sshm", "--lam", "0.5", *args)
    assert done.exit_code == 2  # lam has no meaning for the base: said before anything runs
    done = invoke("sweep", "ideal", "--over", "data=none.npz", *args)
    assert done.exit_code == 1
    assert "no such file" in done.stderr


def test_progress_says_rate_and_time_left():
    assert line(30, 120, 20, 10.0, {"done": 28, "diverged": 2}) == " 30/120  25 %  2 points/s  45 s left  2 diverged"
    assert line(1, 10, 1, 20.0, {"done": 1}) == " 1/10  10 %  20 s a point  3 min left"
    assert line(10, 10, 0, 0.0, {"done": 10}) == "10/10 100 %"


@pytest.mark.parametrize("seconds", ["inf", "nan", "1e300", "-1"])
def test_a_limit_that_no_timer_counts_is_refused(seconds):
    done = invoke("sweep", "ideal", "--over", "alpha=0,1", "--point-timeout", seconds)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "leave it out for none" in done.stderr


def test_a_scheduler_that_is_gone_is_one_line(monkeypatch, tmp_path):
    from analogsim.experiments.jobs import backends

    class Gone(backends.Cluster):
        ahead = 2

        def __init__(self, scheduler):
            self.scheduler = scheduler

        def submit(self, work, items):
            with self._alive():
                raise backends.CancelledError("scheduler-connection-lost")

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(backends, "Cluster", Gone)
    done = invoke("sweep", "ideal", "--over", "alpha=0,1", "--scheduler", "tcp://h:1", "--output", tmp_path / "s.nc")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "tcp://h:1 is gone; rows that were finished are kept, and the same command goes on" in done.stderr
