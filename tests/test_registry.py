"""A name leads to one thing: built in, installed, or registered by a script."""

import subprocess
import sys

import pytest

from analogsim import cards
from analogsim.circuits import Crossbar
from analogsim.devices import Ideal, device
from analogsim.errors import InputError
from analogsim.registry import Kind, register
from tests.thirdparty import package


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


def test_names_and_words_of_what_is_built_in_are_known_without_loading_it():
    code = (
        "import sys; from analogsim.registry import register\n"
        "assert {'pcm', 'mzi-mesh'} < set(register.device.built_in)\n"
        "assert register.data.words('digits').startswith('1797 handwritten digits')\n"
        "assert register.solver.words('exponential-em').startswith('fixed exponential Euler')\n"
        "assert register.experiment.words('closed-forms').startswith('a linear network')\n"
        "assert not [m for m in ('numpy', 'scipy', 'numba', 'importlib.metadata') if m in sys.modules]\n"
        "assert register.device['pcm'].__name__ == 'PCM'\n"
        "assert 'analogsim.devices.rram' not in sys.modules\n"
        "assert 'scipy.integrate' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", [register.measure, register.metric], ids=["measure", "metric"])
def test_words_read_from_the_text_are_those_declared(kind):
    assert {name: kind.built_in[name].words for name in kind.built_in} == {
        name: thing.long_name for name, thing in kind.items() if name in kind.built_in
    }


def test_every_built_in_thing_is_where_the_index_says():
    for kind in (register.circuit, register.device, register.data, register.solver, register.experiment):
        for name in kind.built_in:
            assert kind.name_of(kind[name]) == name
            assert kind.words(name)


def test_a_device_is_a_subclass_of_device_and_says_what_it_is_by_its_docstring():
    class Mine(Ideal):
        """A cell of mine.

        It is perfect.
        """

    for wrong in (int, Ideal(g_max=1e-4), Crossbar, print):
        with pytest.raises(InputError, match=r"register.device\('mine'\): .* is no subclass of .*Part"):
            register.device("mine")(wrong)
    assert "mine" not in register.device
    try:
        register.device("mine")(Mine)
        assert register.device.words("mine") == "A cell of mine"
        register.device("mine", "my own")(Mine)
        assert register.device.words("mine") == "my own"
        assert register.added()["device"]["mine"] is Mine
        # What has no card is none where it has values without defaults.
        with pytest.raises(InputError, match="'g_max' is missing"):
            device("mine")
    finally:
        del register.device._known["mine"], register.device._said["mine"]
    register.take({"device": {"mine": Mine}})
    try:
        assert register.device["mine"] is Mine
    finally:
        del register.device._known["mine"]


KINDS = {word: kind for word, kind in register.kinds().items() if kind.built_in}


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_is_hidden_by_one_of_ours_is_told_with_both_packages(kind, tmp_path, monkeypatch):
    group, name = KINDS[kind].group.partition(".")[2], next(iter(KINDS[kind].built_in))
    package(tmp_path, "rival", "", {group: {name: "Theirs"}})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match=rf"{name!r} of the package 'rival' is not used: 'analogsim' has one"):
        assert name not in KINDS[kind].installed
    assert KINDS[kind].find(name) is not None


def test_of_two_packages_with_a_part_of_one_name_the_first_counts_and_it_is_said(tmp_path, monkeypatch):
    for each in ("one", "two"):
        card = {"devices/theirs.toml": "", "devices/pcm-ibm.toml": ""}
        package(tmp_path / each, each, "def theirs(): ...", {"data": {"theirs": "theirs"}, "cards": {each: ""}}, card)
        monkeypatch.syspath_prepend(tmp_path / each)
    with pytest.warns(UserWarning, match="data set 'theirs' of the package 'one' is not used: 'two' has one"):
        assert register.data["theirs"].__module__ == "two"
    with pytest.warns(UserWarning, match="card") as told:
        assert cards.names("device").count("theirs") == 1
    words = " ".join(str(one.message) for one in told)
    assert "device card 'theirs' of the package 'one' is not used: 'two' has one" in words
    for each in ("one", "two"):
        assert f"device card 'pcm-ibm' of the package {each!r} is not used: 'analogsim' has one" in words


def test_a_class_that_is_hidden_by_a_card_of_ours_is_told(tmp_path, monkeypatch):
    package(tmp_path, "rival", "", {"devices": {"pcm-ibm": "Theirs"}})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match="device 'pcm-ibm' of the package 'rival' is not used: 'analogsim' has one"):
        cards.names("device")
