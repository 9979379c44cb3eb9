"""Cards are found in a wheel and in an editable install as they are in the checkout."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from analogsim import cards

ROOT = Path(__file__).parents[2]
KINDS = ("device", "circuit", "wire")
# An editable install that the tests themselves may run in would hide the one under test.
FORGET = (
    "import sys; sys.meta_path[:] = [f for f in sys.meta_path if '__editable__' not in getattr(f, '__module__', '')];"
    "[sys.modules.pop(m) for m in list(sys.modules) if '__editable__' in m]; sys.path.insert(0, sys.argv[1]);"
)
LIST = FORGET + (
    "import json, site; site.addsitedir(sys.argv[1]); from analogsim import cards;"
    "print(json.dumps([cards.__file__, *(cards.names(k) for k in ('device', 'circuit', 'wire'))]));"
    "from analogsim import circuit; circuit('crossbar', node=22);"
    "from analogsim.cards.citations import entries; assert entries()"
)


def run(arguments, folder):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("how", ["wheel", "editable"])
def test_cards_are_found_when_installed(tmp_path, how):
    source = tmp_path / "source"
    keep = (
        "analogsim",
        "devices",
        "circuits",
        "experiments",
        "setup.cfg",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    )
    for name in keep:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            source.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    run(["-c", f"from setuptools import build_meta as b; b.build_{how}({str(tmp_path)!r})"], source)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    if how == "wheel":
        shutil.rmtree(source)
    where, *names = json.loads(run(["-c", LIST, str(site)], tmp_path).splitlines()[-1])
    assert Path(where).is_relative_to(site if how == "wheel" else source)
    assert [tuple(found) for found in names] == [cards.names(kind) for kind in KINDS]
