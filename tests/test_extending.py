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
    """From the decorator, or the function, to the end of what is defined."""
    part = re.search(r"^(@|def ).*?(?=\n\n\n)", SECTIONS[title], re.MULTILINE | re.DOTALL)
    assert part, title
    assert len(part[0].splitlines()) <= 15, part[0]
