"""A package as somebody else would install it: a module, and metadata that names what is in it; no network, no pip."""

import os
import subprocess
import sys
from pathlib import Path


def package(folder, name, text, points, files=None):
    """Write a package and its metadata into a folder, which is then to be on the path of modules.

    Parameters
    ----------
    folder : path
    name : str
        Of the module.
    text : str
        Its source.
    points : dict
        Entry points: group without ``analogsim.`` -> {name: attribute of the module}; an empty attribute stands for the
        module itself.
    files : dict, optional
        Further files of the package: path -> text.
    """
    home = Path(folder) / name
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(text, encoding="utf-8")
    for path, content in (files or {}).items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(content, encoding="utf-8")
    about = Path(folder) / f"{name}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8")
    lines = []
    for group, named in points.items():
        lines.append(f"[analogsim.{group}]")
        lines += [f"{key} = {name}{f':{attribute}' if attribute else ''}" for key, attribute in named.items()]
    (about / "entry_points.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return Path(folder)


def analogsim(*arguments, path, cwd, code=0):
    """What the command line prints where a folder with packages is on the path; it ends with `code`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(
        [sys.executable, "-m", "analogsim", *map(str, arguments)],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr or done.stdout
    return done.stdout if code == 0 else done.stderr
