"""Study cards: those that ship are whole, and what is wrong with one is told."""

import re

import pytest

from analogsim import cards
from analogsim.errors import InputError
from analogsim.experiments.reproduce import read
from analogsim.experiments.reproduce.card import SIZES, TOP
from analogsim.experiments.reproduce.study_points import points
from analogsim.registry import register

CARD = """
title = "A study"
question = "Does it?"
kind = "digital"
[settings]
rule = { value = "bp", source = "our choice" }
hidden = { value = [8], source = "our choice" }
[grid]
epochs = [1, 2]
[[row]]
name = "a"
[[row]]
name = "b"
rule = "dpt"
[sizes.medium]
seeds = [0, 1]
[measures]
test_accuracy = "accuracy"
[on.crossbar]
kind = "chip"
circuit = "crossbar"
rows = ["b"]
drop = ["hidden"]
sizes.quick.batch_size = 5
"""


@pytest.fixture
def card(tmp_path):
    def write(text=CARD):
        path = tmp_path / "study.toml"
        path.write_text(text)
        return read(str(path))

    return write


@pytest.mark.parametrize("name", cards.names("experiment"))
def test_every_card_lists_its_points(name):
    study = read(name)
    if study.pending:
        with pytest.raises(InputError, match="not yet"):
            points(study)
        return
    for on in (None, *study.on):
        for size in SIZES:
            found = points(study, size, on)
            assert found
            assert {point.kind for point in found} <= set(register.experiment)
            assert len({point.key for point in found}) == len(found)


def test_points_are_rows_by_axes_by_seeds(card):
    found = points(card(), "medium")
    assert [(p.row, p.at["epochs"], p.settings["seed"]) for p in found[:5]] == [
        ("a", 1, 0), ("b", 1, 0), ("a", 1, 1), ("b", 1, 1), ("a", 2, 0),
    ]  # fmt: skip
    assert len(found) == 8
    assert found[1].settings["rule"] == "dpt"
    assert [p.key for p in points(card(), "medium", rows=["b"])] == [p.key for p in found if p.row == "b"]
    assert points(card(), "quick")[0].key == found[0].key


def test_a_study_moves_onto_a_circuit(card):
    found = points(card(), "quick", "crossbar")
    assert {p.row for p in found} == {"b"}
    assert {p.kind for p in found} == {"chip"}
    assert found[0].settings == {"rule": "dpt", "circuit": "crossbar", "epochs": 1, "batch_size": 5, "seed": 0}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('title = "A study"\n', "", "'title' is missing"),
        ("[grid]", "[gird]\nx = [1]\n[grid]", "did you mean 'grid'"),
        (', source = "our choice"', "", "our choice"),
        ('rows = ["b"]', 'rows = ["c"]', "unknown row 'c'"),
        ("sizes.quick.batch_size = 5", '[[claim]]\ntext = "x"\nkind = "oder"\nof = "a"', "did you mean 'order'"),
        ("sizes.quick.batch_size = 5", '[[claim]]\ntext = "x"\nkind = "fails"\nof = { row = "a", x = 1 }', "axis 'x'"),
        ('name = "b"', 'name = "a"', "the same name"),
    ],
)
def test_mistakes_are_told(card, old, new, told):
    with pytest.raises(InputError, match=told):
        card(CARD.replace(old, new, 1))


def test_wrong_options_are_told(card):
    with pytest.raises(InputError, match=r"did you mean 'crossbar'|not among the card's circuits"):
        points(card(), "quick", "crosbar")
    with pytest.raises(InputError, match="unknown size"):
        points(card(), "huge")


WRONG = {
    "seeds = [0, 1]": ("seeds = 1", "sizes.medium.seeds = 1; expected a list of whole numbers"),
    "epochs = [1, 2]": ("epochs = 2", "grid = {'epochs': 2}; expected a table of lists"),
    'rows = ["b"]': ("rows = 'b'", "on.crossbar.rows = 'b'; expected a list of texts"),
    'drop = ["hidden"]': ("drop = true", "on.crossbar.drop = True; expected a list of texts"),
    "sizes.quick.batch_size = 5": ("sizes.quick = 5", "on.crossbar.sizes = {'quick': 5}; expected a table of tables"),
    'name = "a"': ("name = 1", "row 1: name = 1; expected a text"),
    'question = "Does it?"': ("question = true", "question = True; expected a text"),
    'test_accuracy = "accuracy"': ("test_accuracy = 1", "measures.test_accuracy = 1; expected a heading"),
}


@pytest.mark.parametrize("old", WRONG)
def test_a_key_of_a_wrong_type_is_told_in_one_line(card, old):
    new, message = WRONG[old]
    assert old in CARD
    with pytest.raises(InputError) as told:
        card(CARD.replace(old, new))
    assert message in str(told.value)
    assert "study.toml" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("key", [key for key in TOP if key not in ("status",)])
@pytest.mark.parametrize("value", ["7", "true", "[[1]]", '["a", 1]', "1979-05-27", "{ a = 1 }", '"text"'])
def test_no_key_of_a_card_ends_in_a_traceback(card, key, value):
    """Whatever a key holds, the card is read, or refused as a card."""
    others = re.sub(rf"^(?:{key} = .*\n|\[+{key}[].].*\n(?:[^[].*\n)*)", "", CARD, flags=re.MULTILINE)
    told = "study.toml"
    try:
        study = card(f"{key} = {value}\n{others}")
        points(study, "medium", None)
    except InputError as error:
        told = str(error)
    assert "study.toml" in told
