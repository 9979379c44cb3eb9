"""The code that may run: every module of this package that a module leads to, and a digest of them."""

from __future__ import annotations

import ast
import functools
import gc
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analogsim.registry import register

PACKAGE = Path(__file__).parents[2]
ASKS = re.compile(r"import_module|\bregister\s*\.\s*\w+\b(?!\()")
"""What in a file may lead to modules without being a statement: such a file is looked at expression by expression."""
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where a statement holds others."""


def sha(data: bytes) -> str:
    """Short SHA-256."""
    return hashlib.sha256(data).hexdigest()[:12]


@functools.cache
def code(root: str, names: frozenset[str] = frozenset()) -> str:
    """Digest of the code that a module of this package may run, or what is taken from it by some names."""
    found = sorted(reached(root, names).items())
    return sha(b"".join(name.encode() + path.read_bytes() for name, path in found))


def reached(root: str, names: frozenset[str] = frozenset()) -> dict[str, Path]:
    """The modules of this package that a module imports, directly or not, wherever the import stands, and their files.

    Followed are all ``import`` statements but those for type checkers, the tables of `lazy_loader` by the names that
    are taken from them, and ``register.device`` and its kin to all modules that register one, since any of them may be
    asked for; also ``import_module`` of a computed name, to the modules whose names are among the strings of the file.
    A file with such a table computes nothing and is left out; so are the figures of a result.
    """
    found: dict[str, Path] = {}
    with _no_garbage():
        waiting = [root, *(module for name in names for module in _taken(root, name))]
        while waiting:
            name = waiting.pop()
            path = _file(name)
            if path is not None and name not in found:
                found[name] = path
                waiting += [*_imports(name, path), name.rpartition(".")[0]]
        return {name: path for name, path in found.items() if not _table(path)}


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Do not look for garbage among trees that are kept, which takes longer than to parse them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _file(name: str) -> Path | None:
    top, *parts = name.split(".")
    place = PACKAGE.joinpath(*parts)
    files = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((path for path in files if path.is_file()), None) if top == PACKAGE.name else None


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


@functools.cache
def _table(path: Path) -> dict[str, str]:
    """Name -> submodule that a package of `lazy_loader` takes it from; empty for other files."""
    found: dict[str, str] = {}
    for node in ast.walk(_tree(path)) if path.name == "__init__.py" else ():
        if isinstance(node, ast.Call) and _name(node.func) == "attach":
            given = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
            found |= {name: name for name in given.get("submodules", ())}
            found |= {name: module for module, names in given.get("submod_attrs", {}).items() for name in names}
    return found


def _imports(name: str, path: Path) -> Iterator[str]:
    tree = _tree(path)
    nodes = list(_run(tree, whole=ASKS.search(path.read_text(encoding="utf-8")) is not None))
    registering = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _whole(alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            assert node.level == 0, f"{name}: a relative import"
            for alias in node.names:
                yield from _taken(node.module, alias.name)
        elif isinstance(node, ast.Call) and _name(node.func) == "import_module":
            package = _prefix(name, node.args[0])
            words = (str(word.value).partition(":")[0] for word in ast.walk(tree) if isinstance(word, ast.Constant))
            yield from {f"{package}.{word.replace('-', '_')}" for word in words if re.fullmatch(r"[\w-]+", word)}
        elif isinstance(node, ast.Attribute) and _name(node.value) == "register" and id(node) not in registering:
            kind = register.kinds().get(node.attr)
            if kind is not None and kind is not register.view:
                yield from kind.modules


def _run(tree: ast.AST, *, whole: bool) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``; where not `whole`, statements alone, which hold the imports."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            yield node
            inner = ast.iter_child_nodes(node) if whole else (one for name in BLOCKS for one in getattr(node, name, ()))
            waiting += inner


def _name(node: ast.expr) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


def _taken(module: str, name: str) -> Iterator[str]:
    """What ``from module import name`` leads to."""
    path = _file(module)
    if _file(f"{module}.{name}"):
        yield from _whole(f"{module}.{name}")
    elif path and name in (table := _table(path)):
        yield from _taken(f"{module}.{table[name]}", name)
    else:
        yield module


def _whole(module: str) -> Iterator[str]:
    """A module; of a package with a table, all that it offers, since any of it may be asked for."""
    yield module
    for submodule in set(_table(path).values()) if (path := _file(module)) else ():
        yield from _whole(f"{module}.{submodule}")


def _prefix(name: str, argument: ast.expr) -> str:
    """``analogsim.devices`` of ``f"analogsim.devices.{module}"``."""
    parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
    text = ""
    for part in parts:
        if isinstance(part, ast.FormattedValue) and getattr(part.value, "id", "") == "__name__":
            text += name
        elif isinstance(part, ast.Constant):
            text += str(part.value)
        else:
            break
    return text.rstrip(".")
