"""A package of somebody else's, as pip would leave it in a folder of modules: text, metadata and entry points."""

from collections.abc import Mapping
from pathlib import Path


def package(folder: Path, name: str, text: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """Write a module and its metadata; whoever has the folder on the path then has the package.

    Parameters
    ----------
    folder : path
    name : str
        Of the module and of the distribution.
    text : str
        The module.
    points : mapping
        Group of entry points -> name -> attribute of the module.
    """
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    about = folder / f"{name}-1.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8")
    lines = [
        line
        for group, found in points.items()
        for line in (f"[{group}]", *(f"{key} = {name}:{attribute}" for key, attribute in found.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
