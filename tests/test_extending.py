"""The code of docs/extending.md runs as it stands, each section by itself."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = {
    title: "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


@pytest.mark.slow
@pytest.mark.parametrize("title", SECTIONS)
def test_the_code_of_a_section_runs(title, tmp_path):
    code = SECTIONS[title]
    assert "assert " in code
    script = tmp_path / "mine.py"
    script.write_text(code, encoding="utf-8")
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", str(script)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("title", SECTIONS)
def test_a_part_takes_some_ten_lines(title):
    """From the decorator, the class or the function, to the end of what is defined."""
    part = re.search(r"^(@|def |class ).*?(?=\n\n\n)", SECTIONS[title], re.MULTILINE | re.DOTALL)
    assert part, title
    assert len(part[0].splitlines()) <= 15, part[0]


ADDED = """
from analogsim.functions import node_noises

node_noises.NODE_NOISES += (hum,)  # what an entry of the module does, before circuits are made from the table
node_noises.COLOURED += (hum,)

import analogsim as asim
from analogsim.cli import main

net = asim.Network([np.zeros((400, 1))], [np.zeros(400)], "identity")
crossbar = asim.circuit("crossbar", hum_noise=0.2, hum_period=8.0, node_noise=0.0)
assert "hum of 8 τ, σ 0.2" in " ".join(crossbar.words()), crossbar.words()
chip = asim.Chip.ideal(net, **crossbar.node_levels())
assert chip.has_coloured_noise and "hum noise σ 0.2" in repr(chip)
rule = asim.Wiring.adjoint_dual_propagation(0.3)
found = asim.relax(chip, np.zeros((1, 1)), wiring=rule, beta=0, t_end=12.0, seed=0).a_1.values[0, -1]
gain = 1 / np.hypot(1, 2 * np.pi / 8.0)  # of a node that leaks, |1/(1 + iωτ)|, with 800 phases drawn
assert abs(found.std() / (0.2 * gain) - 1) < 0.05, found.std() / (0.2 * gain)  # 4 deviations of the estimate
assert asim.Settings(circuit="crossbar", noise=("hum:0.02",)).noise_levels() == {"hum": 0.02}
main(["run", "--help"], standalone_mode=False)
"""


@pytest.mark.slow
def test_a_kind_of_noise_is_one_entry(tmp_path):
    """Circuit, chip, words, trajectory, settings and command know the kind that docs/extending.md makes."""
    script = tmp_path / "mine.py"
    script.write_text(SECTIONS["A kind of noise"] + ADDED, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "hum:SIGMA is mains hum" in " ".join(done.stdout.split())
