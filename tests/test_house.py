"""The house: imports run one way, without circles; modules are short, and share no name with what they hold."""

import ast
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = (
    ("errors", "text", "arrays", "files", "jit", "registry", "facts", "accessor", "defaults", "foreign"),
    ("functions", "wiring", "network", "weights", "weight_files"),
    ("settings",),
    ("cards",),
    ("devices",),
    ("chip",),
    ("circuits",),
    ("engine",),
    ("learning",),
    ("spice",),  # a deck comes with what the engine and the local rule expect of it
    ("measure",),
    ("experiments",),
    ("cli", "torch", "__main__"),
)
"""From the ground up: a room may import from its own floor and from those before it."""

FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name; a table of contents (``__init__``) by its package's."""
    paths = sorted((ROOT / "analogsim").rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = modules()
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imported(name: str, *, everywhere: bool) -> set[str]:
    """Modules of the package that a module imports: where it is loaded or, `everywhere`, inside functions too."""
    found: set[str] = set()
    todo: list[ast.AST] = [TREES[name]]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {part if part in MODULES else node.module for part in parts}
        if everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return found - {name, "analogsim"}


def room(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "analogsim"])
def test_imports_run_down(name):
    up = [other for other in imported(name, everywhere=True) if FLOOR[room(other)] > FLOOR[room(name)]]
    assert not up, f"{name} (floor of {room(name)}) imports {up} from above"


def test_no_module_imports_itself_by_way_of_others():
    graph = {name: imported(name, everywhere=False) for name in MODULES if MODULES[name].name != "__init__.py"}

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for other in graph.get(todo.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen

    circles = {name for name in graph if name in reached(name)}
    assert not circles, f"these modules import each other in a circle: {sorted(circles)}"


def test_modules_are_short():
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert max(lines.values()) <= 450, max(lines, key=lines.get)
    assert median(lines.values()) < 150


@pytest.mark.parametrize(
    "name", [name for name in MODULES if MODULES[name].name != "__init__.py" and room(name) != "cli"]
)
def test_a_module_shares_no_name_with_a_function_of_its_own(name):
    leaf = name.rpartition(".")[2]
    defined = {node.name for node in TREES[name].body if isinstance(node, ast.FunctionDef)}
    assert leaf not in defined, f"{name} holds a function of its own name: what does `import {name}` give?"


TWINS = {"base", "ideal", "style", "circuit"}
"""Names that mean the same in every room: what a family answers to, the perfect one of a family."""


def test_no_two_modules_of_one_name():
    names: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        if path.name != "__init__.py" and room(name) != "cli":
            names.setdefault(name.rpartition(".")[2], []).append(name)
    twins = {leaf: found for leaf, found in names.items() if len(found) > 1 and leaf not in TWINS}
    assert not twins
