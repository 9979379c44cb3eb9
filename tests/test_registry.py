"""A name leads to one thing: built in, installed, or registered by a script."""

import subprocess
import sys

import pytest

from analogsim.errors import InputError
from analogsim.registry import Kind, register


def test_views_are_found_without_loading_what_holds_them():
    code = (
        "import sys; from analogsim.registry import register\n"
        "assert {'plot', 'stamp'} <= set(register.view)\n"
        "assert not [m for m in ('numpy', 'matplotlib', 'xarray') if m in sys.modules]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_decorator_registers_and_a_second_thing_of_the_name_is_refused():
    kind = Kind("widget", "widgets")

    @kind("mine")
    class Mine: ...

    assert kind["mine"] is Mine
    assert list(kind) == ["mine"]
    assert "mine" in kind
    assert kind.name_of(Mine) == "mine"
    kind("mine")(Mine)  # running a module again
    with pytest.raises(InputError, match="'mine' is registered already"):
        kind("mine")(print)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'stamp'"):
        register.view["stmp"]


def test_built_in_names_are_not_to_be_taken():
    with pytest.raises(InputError, match="registered already"):
        register.view("plot")(lambda dataset: None)


@pytest.mark.parametrize("name", ["", " ", 3, None])
def test_a_name_is_a_word(name):
    with pytest.raises(InputError, match="a name is a word"):
        register.view(name)
