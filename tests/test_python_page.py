"""The code of docs/python.md runs as it stands, and shows every name of the package."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import analogsim as asim

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_blocks_run_one_after_another(tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n".join(BLOCKS), encoding="utf-8")
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "did you mean 'node'" in done.stdout


def test_every_name_that_is_no_room_is_shown():
    rooms = {path.parent.name for path in (ROOT / "analogsim").glob("*/__init__.py")}
    used = set(re.findall(r"\basim\.(\w+)", "\n".join(BLOCKS)))
    assert set(asim.__all__) - rooms <= used, set(asim.__all__) - rooms - used


def test_the_readme_leads_here():
    assert "(docs/python.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
