"""Every public name of every room is documented: what it is, and what it takes."""

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = [".".join(path.parent.relative_to(ROOT).parts) for path in sorted((ROOT / "analogsim").rglob("__init__.py"))]
PUBLIC = {
    f"{room}.{name}": getattr(module, name)
    for room in ROOMS
    for module in [importlib.import_module(room)]
    for name in getattr(module, "__all__", ())
}
THINGS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing) or inspect.isclass(thing)}


def own_fields(cls):
    """Public fields that a class adds, with whether its body says of each what it is."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    for at, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(at, ast.AnnAssign) and not at.target.id.startswith("_") and "ClassVar" not in ast.unparse(at):
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            # quantity("meaning", ...) and its kin hold it themselves.
            called = at.value if isinstance(at.value, ast.Call) else None
            yield (
                at.target.id,
                told
                or any(
                    isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value
                    for part in (ast.walk(called) if called else ())
                ),
            )


def lacking(thing):
    """What the words of a function or class do not mention of all that it takes."""
    doc = inspect.getdoc(thing) or ""
    if re.search(r"^Parameters (and \w+ )?(as|in|of|for)", doc.replace(". ", "\n"), re.MULTILINE):
        return []  # those of another that it names
    _, *listed = re.split(r"^(?:Parameters|Attributes)\n-+$", doc, maxsplit=1, flags=re.MULTILINE)
    if inspect.isfunction(thing):
        names = {name: name.startswith("_") for name in inspect.signature(thing).parameters}
    else:
        above = {name for base in thing.__mro__[1:] for name in inspect.get_annotations(base)}
        names = {name: told or name in above for name, told in own_fields(thing)}
    return [name for name, told in names.items() if not told and not re.search(rf"\b{name}\b", "".join(listed))]


def test_every_name_of_a_table_is_there_and_says_what_it_is():
    assert len(PUBLIC) > 150
    assert not [name for name, thing in PUBLIC.items() if callable(thing) and not inspect.getdoc(thing)]
    assert not [name for name, thing in PUBLIC.items() if inspect.ismodule(thing) and not thing.__doc__]


@pytest.mark.parametrize("name", THINGS)
def test_all_that_it_takes_is_said(name):
    assert not lacking(THINGS[name])


def test_a_name_that_is_left_out_would_be_found():
    def mine(x, y):
        """Something.

        Parameters
        ----------
        x : float
        """

    assert lacking(mine) == ["y"]


@pytest.mark.parametrize("name", ["run", "infer", "sweep", "budget", "tolerance", "reproduce", "load_data", "circuit",
                                  "device", "relax", "settle", "gradient"])  # fmt: skip
def test_the_face_says_what_comes_back_and_what_goes_wrong(name):
    doc = inspect.getdoc(PUBLIC[f"analogsim.{name}"])
    assert re.search(r"^Returns\n-+$", doc, re.MULTILINE)
    assert re.search(r"^Raises\n-+$", doc, re.MULTILINE)
