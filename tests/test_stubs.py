"""What a type checker of a user's sees of `analogsim`: the true types, though all names load on first use."""

import os
import re
import subprocess
import sys
from importlib import import_module

import pytest

from tests.stubs import ROOT, stub, tables

TABLES = tables()
SCRIPT = """
import numpy as np
import analogsim as asim

net = asim.Network.random((5, 4, 3), seed=0)
chip = asim.circuit("crossbar", device="pcm-ibm").program(net, seed=0)
rule = asim.Wiring.adjoint_dual_propagation(alpha=0.3)
state = asim.settle(chip, np.ones((1, 5)), np.ones((1, 3)), wiring=rule, beta=0.5)
exact = asim.reference.backprop(net, np.ones((1, 5)), np.ones((1, 3)))
reveal_type(net)
reveal_type(chip)
reveal_type(rule.exact)
reveal_type(state)
reveal_type(asim.run("crossbar", epochs=1))
reveal_type(asim.load_data("digits"))
reveal_type(asim.Settings())
reveal_type(asim.measure.lipschitz(net))
reveal_type(exact)
"""
TYPES = (
    "analogsim.network.Network", "analogsim.chip.whole.Chip", "bool", "xarray.core.dataset.Dataset",
    "xarray.core.dataset.Dataset", "analogsim.experiments.data.Dataset", "analogsim.settings.record.Settings", "float",
)  # fmt: skip


@pytest.mark.parametrize("folder", TABLES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_stub_says_what_the_table_does(folder):
    told = (folder / "__init__.pyi").read_text(encoding="utf-8")
    assert told == stub(folder, TABLES[folder]), "run `python -m tests.stubs`"
    package = import_module(".".join(folder.relative_to(ROOT).parts))
    assert set(package.__all__) == {name for _, name in TABLES[folder]}


def test_every_stub_stands_beside_a_table_and_goes_into_the_wheel():
    assert {path.parent for path in (ROOT / "analogsim").rglob("*.pyi")} == set(TABLES)
    assert re.search(r"^\* = .*\*\.pyi", (ROOT / "setup.cfg").read_text(encoding="utf-8"), re.MULTILINE)
    assert (ROOT / "analogsim" / "py.typed").is_file()


@pytest.mark.slow
def test_mypy_sees_the_types_of_a_users_script(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "--follow-imports=silent", script.name,
         "--cache-dir", str(tmp_path / "cache")],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = [one.replace("builtins.", "") for one in re.findall(r'Revealed type is "(.*)"', done.stdout)]
    assert found[:-1] == list(TYPES)
    assert re.match(r"list\[tuple\[numpy\.ndarray", found[-1])
