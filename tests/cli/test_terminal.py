"""What is printed: on any terminal, into any file, and never as a command to the terminal."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from analogsim import cards
from analogsim.cli import info, main, terminal
from analogsim.text import visible

STEERS = "\x1b[31m \x1b]0;title\x07 \x9b2J \u202e back \r over"


def invoke(*args, charset="utf-8"):
    return CliRunner(charset=charset).invoke(main, list(map(str, args)))


@pytest.fixture
def card(tmp_path):
    """A device whose card tries to steer the terminal."""
    text = (cards.folder("device") / "pcm-ibm.toml").read_text()
    path = tmp_path / "cell.toml"
    title = json.dumps(STEERS)
    path.write_text(text.replace(text[text.index("title =") :].split("\n")[0], f"title = {title}"))
    return path


def test_escape_sequences_of_a_card_are_shown(card):
    for args in (["show", card], ["show", card, "--json"], ["show", STEERS], ["cite", STEERS], ["run", STEERS]):
        done = invoke(*args)
        assert "\\u001b" in done.output or "\\x1b" in done.output, args
        assert visible(done.output) == done.output, args
    assert json.loads(invoke("show", card, "--json").stdout)["device"]["title"] == STEERS


SHORT = (
    *(["list"], ["show", "pcm-ibm"], ["show", "devices/pcm-ibm"], ["show", "experiments/two-tales-table-1"]),
    *(["cite", "dpt"], ["info"], ["sweep", "ideal", "--metrics", "help"], ["run", "ψ中"]),
)
LONG = (
    *(["train", "bp", "--epochs", "1"], ["run", "ideal", "--epochs", "1", "--hidden", "4"]),
    *(["netlist", "ideal", "--hidden", "4"], ["infer", "ideal", "--weights", "w.npz", "--draws", "2"]),
    ["sweep", "ideal", "--over", "alpha=0,1"],
)


@pytest.mark.parametrize(
    ("args", "charset"),
    [(args, charset) for args in SHORT for charset in ("cp1252", "latin-1", "ascii")]
    + [(args, "ascii") for args in LONG],
    ids=lambda args: "-".join(args[:2]) if isinstance(args, list) else None,
)
def test_no_encoding_ends_a_run(args, charset, tmp_path, monkeypatch):
    """Every command's main output, in the encodings to which Windows redirects; all that fits is as it is in UTF-8."""
    import analogsim as asim

    monkeypatch.chdir(tmp_path)
    asim.Network.random((64, 4, 10)).save("w.npz")
    if args[0] == "sweep" and "--over" in args:
        args = [*args, "--metrics", "initial_lipschitz", "--hidden", "4", "--workers", "1"]
    done = invoke(*args, charset=charset)
    assert done.exit_code == (2 if "中" in args[-1] else 0), done.output
    text = done.stdout_bytes.decode(charset)
    assert "?" not in text or args[0] in ("show", "list")
    assert "\\u" not in text or args[0] in ("show", "list", "cite")


def test_json_is_the_same_in_every_encoding():
    for args in (["list", "--json"], ["show", "crossbar", "--json"]):
        want = json.loads(invoke(*args).stdout)
        for charset in ("cp1252", "ascii"):
            assert json.loads(invoke(*args, charset=charset).stdout_bytes.decode(charset)) == want


def test_letters_are_spelt_where_they_do_not_fit():
    text = "DP⊤(α=0.3), ‖V − Wᵀ‖ ≤ 2 µm → Ω, 中 é \U0001f600"
    assert terminal.encodable(text, "utf-8") == text
    assert terminal.encodable(text, "ascii") == (
        "DPT(alpha=0.3), ||V - WT|| <= 2 um -> Omega, \\u4e2d \\u00e9 \\ud83d\\ude00"
    )
    assert terminal.encodable("µé", "cp1252") == "µé"
    exact = terminal.encodable(json.dumps(text, ensure_ascii=False), "cp1252", exact=True)
    assert json.loads(exact) == text


def shell(command, **options):
    run = command.replace("analogsim", f"{sys.executable} -m analogsim")
    return subprocess.run(["bash", "-c", run], capture_output=True, text=True, encoding="latin-1", **options)


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("PYTHONIOENCODING=cp1252:strict analogsim show crossbar", 0, ""),
        ("analogsim list >&-", 0, ""),
        ("analogsim list >&- 2>&-", 0, ""),
        ("analogsim show nothing 2>&-", 2, ""),
        ("analogsim list > /dev/full", 1, "Error: standard output: not written (No space left on device)\n"),
        ("analogsim list | head -1", 0, ""),
    ],
)
def test_a_process_of_its_own_with_odd_streams(command, code, says):
    done = shell(f"set -o pipefail; {command}")
    assert (done.returncode, done.stderr) == (code, says)


def test_a_reader_that_leaves_before_the_end_is_said(tmp_path):
    """`run | true`: the run is not done, and must not end as if it were."""
    read, write = os.pipe()
    os.close(read)
    run = [sys.executable, "-m", "analogsim", "run", "ideal", "--output", str(tmp_path / "r.nc")]
    done = subprocess.run(run, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == "Error: the reader of the output left before the end; nothing was written\n"


class Distribution:
    def __init__(self, name, summary):
        self.metadata = {"Name": name, "Version": "0.1.0", "Summary": summary}


def test_info_warns_of_the_other_project_of_this_name():
    other = Distribution("analogsim", "Crossbar inference")
    assert info.foreign([]) == ""
    assert info.foreign([Distribution("analogsim", f"{info.OURS}: dyadic neurons")]) == ""
    assert info.foreign([Distribution("analogsim-lab", f"{info.OURS}: dyadic neurons")]) == ""
    for found in ([other], [Distribution("analogsim-lab", info.OURS), other], [Distribution("Analogsim", None)]):
        assert "pip uninstall analogsim" in info.foreign(found)


def test_the_real_info_says_it(tmp_path, monkeypatch):
    about = tmp_path / "analogsim-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: analogsim\nVersion: 0.1.0\nSummary: inference\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "Warning: another project named analogsim 0.1.0" in invoke("info").stderr
    assert "pip uninstall" in json.loads(invoke("info", "--json").stdout)["warning"]
