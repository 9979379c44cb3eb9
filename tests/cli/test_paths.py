"""Names of outputs: every command that writes × every kind of name that a shell can hand over."""

import json
import os
import resource
import socket
import subprocess
import sys

import matplotlib as mpl

mpl.use("agg")

import numpy as np
import pytest
from click.testing import CliRunner

import analogsim as asim
from analogsim import cards, files
from analogsim.cli import COMMANDS, main
from analogsim.cli.paths import Output, keep
from analogsim.experiments import results


def invoke(*args, **options):
    return CliRunner().invoke(main, list(map(str, args)), **options)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Inputs of every kind: data, a network, a device card, a result."""
    folder = tmp_path_factory.mktemp("inputs")
    rng, y = np.random.default_rng(0), np.arange(80) % 3
    x = np.clip(np.eye(3)[y].repeat(2, axis=1) + 0.1 * rng.random((80, 6)), 0, 1)
    np.savez(folder / "d.npz", x=x, y=y)
    asim.Network.random((6, 4, 3)).save(folder / "w.npz")
    (folder / "cell.toml").write_text((cards.folder("device") / "pcm-ibm.toml").read_text())
    tiny = ["--data", folder / "d.npz", "--hidden", "4"]
    done = invoke("run", "ideal", *tiny, "--epochs", "1", "--output", folder / "r.nc", "-q")
    assert done.exit_code == 0, done.output
    return folder


def commands(home):
    """Arguments, the option for the output, its ending, what is added to its stem, and an input of the command."""
    data, hidden, result = ["--data", home / "d.npz"], ["--hidden", "4"], home / "r.nc"
    train = ["train", "bp", *data, "--epochs", "1", "-q"]
    weights = ["infer", "ideal", "--weights", home / "w.npz", *data, "--draws", "1", "-q"]
    swept = ["sweep", "ideal", "--over", "alpha=0,1", "--metrics", "initial_lipschitz", "--workers", "1"]
    one = ["--workers", "1", "--epochs", "1", "--seeds", "2", "--for", "nudge_mismatch", "-q"]
    return {
        "run": (["run", "ideal", *data, *hidden, "--epochs", "1", "-q"], "--output", ".nc", "", home / "d.npz"),
        "run's figure": (["run", "ideal", *data, *hidden, "-q"], "--output", ".nc", "-lipschitz.png", home / "d.npz"),
        "sweep": ([*swept, *data, *hidden, "-q"], "--output", ".nc", "", home / "d.npz"),
        "stability": (["stability", "ideal", *data, *hidden, "-q"], "--output", ".nc", "", home / "d.npz"),
        "stability's map": (["stability", "ideal", *data, *hidden, "-q"], "--output", ".nc", ".png", home / "d.npz"),
        "budget": (["budget", "crossbar", *data, *hidden, *one], "--output", ".nc", "", home / "d.npz"),
        "tolerance": (["tolerance", "crossbar", *data, *hidden, *one], "--output", ".nc", ".png", home / "d.npz"),
        "infer": (weights, "--output", ".nc", "", home / "w.npz"),
        "train": (train, "--output", ".npz", "", home / "d.npz"),
        "train's checkpoint": (train, "--checkpoint", ".npz", "", home / "d.npz"),
        "netlist": (["netlist", "ideal", *data, *hidden, "-q"], "--output", ".cir", ".expected.csv", home / "d.npz"),
        "report": (["report", result, "-q"], "--output", ".html", "", result),
        "show": (["show", home / "cell.toml", "-q"], "--output", ".png", "", home / "cell.toml"),
        "plot": (["plot", result, "--figure", "lipschitz", "-q"], "--output", "", "/r-lipschitz.png", result),
    }  # fmt: skip


NAMES = (
    "run", "run's figure", "sweep", "stability", "stability's map", "budget", "tolerance", "infer", "train",
    "train's checkpoint", "netlist", "report", "show", "plot",
)  # fmt: skip


def loop(path, given):
    path.symlink_to(path)


def plug(path, given):
    socket.socket(socket.AF_UNIX).bind(str(path))


KINDS = {
    "a folder": lambda path, given: path.mkdir(),
    "a FIFO": lambda path, given: os.mkfifo(path),
    "a socket": plug,
    "a loop of links": loop,
    "a link to its own input": lambda path, given: path.symlink_to(given),
    "a hard link of its own input": lambda path, given: os.link(given, path),
    "a link into a missing folder": lambda path, given: path.symlink_to(path.parent / "none" / path.name),
}


@pytest.mark.parametrize("name", NAMES)
def test_no_command_writes_where_it_must_not(home, name, tmp_path, monkeypatch):
    """One line and exit code 2, before any work, and every file is as it was."""
    args, option, ending, added, given = commands(home)[name]
    monkeypatch.chdir(tmp_path)
    # A socket's name may have a hundred characters: the folder is the present one.
    target = tmp_path.relative_to(tmp_path) / f"o{ending}"
    place = target.with_name(f"o{added}" if added else f"o{ending}") if "/" not in added else target / added[1:]
    place.parent.mkdir(exist_ok=True)
    before = given.read_bytes()
    for kind, make in KINDS.items():
        make(place, given)
        done = invoke(*args, option, target)
        assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (2, 1, ""), (kind, done.output)
        assert done.stderr.startswith(f"Error: {place}: "), kind
        assert given.read_bytes() == before, kind
        place.rmdir() if kind == "a folder" else place.unlink()
        assert not [path for path in tmp_path.rglob("*") if path.is_file()], kind
    done = invoke(*args, option, tmp_path / "none" / target.name)
    assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (2, 1, ""), done.output
    if ending:
        done = invoke(*args, option, given)
        assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (2, 1, ""), done.output
        assert given.read_bytes() == before
        assert invoke(*args, option, "/dev/null").exit_code == 2
        assert not os.path.isfile("/dev/null")


def test_every_output_is_declared(home):
    """A new option for an output that is no `Output` would go past all of the above."""
    for name in COMMANDS:
        command = main.get_command(None, name)
        for option in command.params:
            if option.name in ("output", "checkpoint", "write"):
                assert isinstance(option.type, Output), (name, option.name)
    tested = {entry[0][0] for entry in commands(home).values()} | {"reproduce"}
    assert tested == {name for name in COMMANDS if any(p.name == "output" for p in main.get_command(None, name).params)}


@pytest.mark.parametrize("name", ["run", "sweep", "infer", "train", "report", "show"])
def test_links_are_written_through_and_devices_into(home, name, tmp_path):
    args, option, ending, _, _ = commands(home)[name]
    real, link, null = tmp_path / f"real{ending}", tmp_path / f"link{ending}", tmp_path / f"null{ending}"
    real.write_text("old")
    link.symlink_to(real.name)
    null.symlink_to("/dev/null")
    for path in (link, null):
        done = invoke(*args, option, path)
        assert done.exit_code == 0, done.output
        assert path.is_symlink()
    assert real.stat().st_size > 100
    assert null.is_char_device()


@pytest.mark.parametrize("name", ["run", "stability", "infer", "train"])
def test_what_was_computed_is_kept_where_there_is_room(home, name, tmp_path, monkeypatch):
    """A full disk at the end of the work: /dev/full takes every name and no byte."""
    args, option, ending, _, _ = commands(home)[name]
    target, spare = tmp_path / f"full{ending}", tmp_path / "spare"
    target.symlink_to("/dev/full")
    spare.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    done = invoke(*args, option, target)
    said = [line for line in done.stderr.splitlines() if not line.startswith("Warning:")]
    assert (done.exit_code, len(said)) == (1, 1), done.output
    kept = next(spare.rglob(target.name))
    assert f"No space left on device). What was computed is in {kept} instead." in done.stderr
    asim.load_network(kept) if ending == ".npz" else results.load(kept)
    assert [path for path in spare.rglob("*") if path.is_file()] == [kept]


@pytest.mark.slow
def test_without_room_anywhere_the_table_is_printed_and_nothing_is_left(home, tmp_path):
    """`ulimit -f`, which HDF5 answered with a segmentation fault."""
    run = [sys.executable, "-m", "analogsim", "run", "ideal", "--data", "digits", "--hidden", "4", "--epochs", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [*run, "--output", str(tmp_path / "r.nc")], capture_output=True, text=True, env=environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"Error: {tmp_path / 'r.nc'}: not written (File too large).")
    assert "test accuracy" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_on_a_full_disk_says_that_it_goes_on(home, tmp_path):
    args, option, _, _, _ = commands(home)["sweep"]
    target = tmp_path / "s.nc"
    target.symlink_to("/dev/full")
    done = invoke(*args, option, target)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "No space left on device); the same command goes on from what is finished" in done.stderr
    target.unlink()
    assert invoke(*args, option, target).exit_code == 0
    assert results.load(target)["status"].size == 2


@pytest.mark.slow
def test_a_disk_that_fills_in_mid_sweep_keeps_the_points_before(home, tmp_path):
    over = ["--over", "alpha=0:1:0.02", "--metrics", "initial_lipschitz", "--hidden", "4", "--workers", "1"]
    run = [sys.executable, "-m", "analogsim", "sweep", "ideal", *over, "--output", str(tmp_path / "s.nc")]
    done = subprocess.run(
        run, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("File too large; the same command goes on from what is finished")
    kept = len((tmp_path / "s.sweep" / "journal").read_bytes().splitlines())
    assert 1 < kept < 51
    again = subprocess.run([*run, "-v"], capture_output=True, text=True, check=True)
    assert f"{kept - 1} of 51 points are on disk already" in again.stderr  # the last line was cut
    assert (results.load(tmp_path / "s.nc")["status"] == "done").all()


def test_what_is_interrupted_says_what_there_is(home, tmp_path, monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    args, option, _, _, _ = commands(home)["run"]
    monkeypatch.setattr("analogsim.experiments.plots.draw", stop)
    done = invoke(*args, option, tmp_path / "r.nc")
    assert (done.exit_code, done.stderr.strip()) == (1, f"Error: interrupted; written by then: {tmp_path / 'r.nc'}")
    monkeypatch.setattr("analogsim.experiments.setup.load_data", stop)
    monkeypatch.setattr("analogsim.experiments.sweeps.sweeping.prepare", stop)
    done = invoke(*args, option, tmp_path / "r.nc")
    assert done.stderr.strip() == "Error: interrupted; nothing was written"
    done = invoke(*commands(home)["sweep"][0], "--output", tmp_path / "s.nc")
    assert done.stderr.strip() == "Error: interrupted; the same command goes on from what is finished"


def test_an_early_end_of_a_file_is_no_interruption(monkeypatch):
    def end(*args, **options):
        raise EOFError("Ran out of input")

    monkeypatch.setattr("analogsim.cards.names", end)
    done = invoke("list")
    assert (done.exit_code, done.stderr.strip()) == (1, "Error: a file ends too early")


@pytest.mark.slow
def test_the_home_folder_is_found_in_every_option(home, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    for args in (
        ["run", "crossbar", "--device=~/cell.toml", "--data=~/d.npz", "--hidden=4", "--epochs=1", "--output=~/h.nc"],
        ["infer", "ideal", "--weights=~/w.npz", "--data=~/d.npz", "--output=~/i.nc"],
        ["sweep", "crossbar", "--over=device=~/cell.toml,ideal", "--data=~/d.npz", "--metrics=programming_error",
         "--workers=1", "--output=~/s.nc"],
        ["train", "bp", "--data=~/d.npz", "--epochs=1", "--output=~/t.npz", "--checkpoint=~/c.npz"],
        ["show", "~/cell.toml"], ["show", "~/h.nc"], ["cite", "~/cell.toml", "~/h.nc"],
        ["plot", "~/h.nc", "--figure=lipschitz", "--output=~"], ["report", "~/h.nc", "--output=~/h.html"],
        ["netlist", "ideal", "--data=~/d.npz", "--weights=~/w.npz", "--output=~/n.cir"],
    ):  # fmt: skip
        done = invoke(*args)
        assert done.exit_code == 0, (args, done.output)
    made = {path.name for path in home.iterdir()}
    assert made >= {"h.nc", "i.nc", "s.nc", "t.npz", "c.npz", "h-lipschitz.png", "h.html", "n.expected.csv"}
    assert files.expand("~nobody-of-this-name/x").name == "x"


def test_files_of_cards_are_inputs_too(home, tmp_path):
    """A table of measured values that is named by a card only."""
    (tmp_path / "n.expected.csv").write_text("conductance (uS), programming (uS)\n1, 0.1\n20, 0.1\n")
    (tmp_path / "t.toml").write_text(
        'model = "table"\ntitle = "t"\nvalid = "here"\nfile = { value = "n.expected.csv", source = "nominal" }\n'
    )
    done = invoke("netlist", "crossbar", "--device", tmp_path / "t.toml", "--output", tmp_path / "n.cir")
    assert (done.exit_code, "which this command reads" in done.stderr) == (2, True), done.output
    assert (tmp_path / "n.expected.csv").read_text().startswith("conductance")


def test_two_outputs_have_two_names(home, tmp_path):
    (tmp_path / "folder").mkdir()
    done = invoke(
        "train", "bp", "--data", home / "d.npz", "--output", tmp_path / "n.npz",
        "--checkpoint", tmp_path / "folder" / ".." / "n.npz",
    )  # fmt: skip
    assert (done.exit_code, "two outputs" in done.stderr) == (2, True)


def test_pages_of_others_are_not_overwritten(tmp_path):
    """Before anything is computed."""
    (tmp_path / "README.md").write_text("# My own project\n")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "two-tales-table-1.md").write_text("# My notes\n")
    for folder in (".", "study", "README.md", "none/deep"):
        done = invoke("reproduce", "two-tales-table-1", "--quick", "--write", tmp_path / folder)
        assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (2, 1, ""), done.output
    assert (tmp_path / "README.md").read_text() == "# My own project\n"


def test_keep_says_when_all_is_lost(tmp_path):
    def save(path):
        raise OSError(28, "No space left on device")

    assert "elsewhere" in keep(save, tmp_path / "r.nc").message
    assert keep(lambda path: None, tmp_path / "r.nc") is None
    assert json.dumps([str(path) for path in tmp_path.iterdir()]) == "[]"
