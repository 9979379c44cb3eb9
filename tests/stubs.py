"""Stubs of the packages whose names load on first use: without them a type checker sees `Any` for every name.

``python -m tests.stubs`` writes ``__init__.pyi`` beside each ``__init__.py`` that has such a table.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = "# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`."


def tables():
    """Folder of each package with such a table -> [(module, name)]; a submodule is a name of its package."""
    found = {}
    for path in sorted((ROOT / "analogsim").rglob("__init__.py")):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "attach":
                given = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
                names = [(package, name) for name in given.get("submodules", ())]
                for module, taken in given.get("submod_attrs", {}).items():
                    names += [(f"{package}.{module}", name) for name in taken]
                found[path.parent] = sorted(names)
    return found


def stub(folder, names):
    """Text of the stub of one package."""
    modules = sorted({module for module, _ in names})
    lines = []
    for module in modules:
        taken = sorted((name for of, name in names if of == module), key=_order)
        line = f"from {module} import {', '.join(taken)}"
        lines.append(line if len(line) <= 120 else f"from {module} import (\n{_column(taken, '')})")
    version = ["__version__: str"] if folder.name == "analogsim" else []
    every = sorted((name for _, name in names), key=_order)
    line = ", ".join(f'"{name}"' for name in every)
    listed = f"[{line}]" if len(line) <= 108 else f"[\n{_column(every, chr(34))}]"
    return "\n\n".join([HEAD, *(["\n".join(lines)] if lines else []), *version, f"__all__ = {listed}"]) + "\n"


def _order(name):
    """As linters sort: constants, classes, then the rest."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2, name)


def _column(names, quote):
    return "".join(f"    {quote}{name}{quote},\n" for name in names)


if __name__ == "__main__":
    for folder, names in tables().items():
        (folder / "__init__.pyi").write_text(stub(folder, names), encoding="utf-8")
