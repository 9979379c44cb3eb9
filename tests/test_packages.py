"""What is installed is what is in the checkout, under the name and with the versions that are said."""

import ast
import re
import sys
from configparser import ConfigParser
from pathlib import Path

from analogsim.errors import missing

ROOT = Path(__file__).parents[1]
CONFIG = ConfigParser()
CONFIG.read(ROOT / "setup.cfg")


def test_every_package_of_the_checkout_is_installed():
    listed = set(CONFIG["options"]["packages"].split())
    found = {".".join(p.parent.relative_to(ROOT).parts) for p in ROOT.glob("analogsim/**/__init__.py")}
    cards = {f"analogsim.cards.{kind}" for kind in ("devices", "circuits", "experiments", "wires")}
    assert listed == found | cards


def texts():
    """All that a user may read an instruction in."""
    folders = ("analogsim", "benchmarks", "circuits", "devices", "docs", "experiments", "tests")
    files = [path for path in ROOT.iterdir() if path.suffix in (".md", ".cff", ".toml", ".cfg")]
    files += [path for name in folders for path in (ROOT / name).rglob("*") if path.suffix in (".md", ".py", ".toml")]
    return {path: path.read_text("utf-8") for path in [*files, *(ROOT / ".ci").iterdir()] if path != Path(__file__)}


def test_nobody_is_sent_to_the_other_project_of_that_name():
    # The package index has an `analogsim` that is not this one, with the same import name and command.
    wrong = re.compile(r"\b(?:pip|pipx|uv|conda) [^`\n&;|]*\b(?:install|add)\b[^`\n&;|]*[\s'\"]analogsim(?![\w-]|\.\w)")
    for told in ("pip install analogsim", "pip install -U 'analogsim[data]'", "uv pip install analogsim==0.1"):
        assert wrong.search(told)
    for told in ("`pip install '.[data]'` in a clone of analogsim", "pip install . && analogsim run crossbar"):
        assert not wrong.search(told)
    assert CONFIG["metadata"]["name"] == "analogsim-lab"
    read = texts()
    assert len(read) > 200
    assert not [(path, wrong.search(text)[0]) for path, text in read.items() if wrong.search(text)]


def test_the_fix_for_a_package_that_is_missing_is_an_extra_that_has_it():
    files = {path: path.read_text("utf-8") for path in ROOT.glob("analogsim/**/*.py")}
    sources = "".join(files.values())
    asked = set(re.findall(r'missing\([^)]*"(\w+)", "(\w+)"\)', sources))
    assert {extra for _, extra in asked} == {"data", "torch", "cluster"}
    for package, extra in asked:
        assert package in re.split(r"[^\w-]+", CONFIG["options.extras_require"][extra])
        assert f"'.[{extra}]'" in str(missing("this", package, extra))
    # One place says how: no message of its own beside it.
    assert [path.name for path, text in files.items() if re.search(r"pip install [^`]*\[", text)] == ["errors.py"]


def test_all_that_is_imported_is_required_and_says_from_which_version():
    required = dict(re.findall(r"^([\w-]+)>=([\d.]+)$", CONFIG["options"]["install_requires"], re.MULTILINE))
    assert len(required) == len(CONFIG["options"]["install_requires"].split())
    extras = set(re.split(r"[^\w-]+", "".join(CONFIG["options.extras_require"].values())))
    imported = set()
    for path in ROOT.glob("analogsim/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    # Numba fixes the version of llvmlite itself.
    foreign = imported - set(sys.stdlib_module_names) - {"analogsim", "llvmlite"}
    foreign = {"scikit-learn" if name == "sklearn" else name for name in foreign}
    assert foreign >= {"numpy", "numba", "scipy", "scikit-learn"}
    assert foreign <= set(required) | extras
