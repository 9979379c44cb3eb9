"""Every number of every card is finite and of sane size, or its declaration says that infinity means something."""

import math
import os
from dataclasses import replace

import pytest

from analogsim import InputError, cards, circuit
from analogsim.cards.quantities import declared
from analogsim.circuits.crossbar.lines import WireTable
from analogsim.devices import device
from analogsim.registry import register


def fields():
    """(kind, card, field) of every declared number, of the first card of each model."""
    seen = set()
    for kind, names in (("circuit", cards.names("circuit")), ("device", cards.names("device"))):
        for name in names:
            used = cards.read(kind, name).model
            cls = getattr(register, kind)[used]
            for item in declared(cls):
                if "shape" in item.metadata and (cls, item.name) not in seen:
                    seen.add((cls, item.name))
                    yield kind, name, item


def test_no_field_of_any_card_takes_what_means_nothing():
    seen = 0
    made = {}
    for kind, name, item in fields():
        about, key = item.metadata, item.name
        if (kind, name) not in made:
            made[kind, name] = circuit(name) if kind == "circuit" else device(name)
        whole = made[kind, name]
        for bad in (math.nan, math.inf, -math.inf, 1e308, -1e308, 10**400, "inf", None, True, {}, [[]]):
            value = bad
            for _ in about["shape"]:
                value = [value]
            if bad is None and item.default is None:
                continue
            if about["infinite"] and bad == math.inf:
                assert getattr(replace(whole, **{key: value}), key) == math.inf
                continue
            with pytest.raises(InputError, match=key) as caught:
                replace(whole, **{key: value})
            assert "\n" not in str(caught.value)
            seen += 1
    assert seen > 2000


def test_infinity_is_declared_where_it_means_no_limit():
    infinite = {item.name for _, _, item in fields() if item.metadata["infinite"]}
    assert infinite == {
        "endurance",
        "lifetime",
        "full_scale",
        "saturation",
        "tia_gain",
        "tia_bandwidth",
        "tia_saturation",
    }
    ideals = {item.name for _, _, item in fields() if item.metadata.get("ideal") == math.inf}
    assert ideals <= infinite


def test_a_whole_number_says_its_range():
    with pytest.raises(InputError, match=r"circuit.dac_bits = inf is out of range: .* a whole number"):
        circuit("crossbar", dac_bits=math.inf)
    with pytest.raises(InputError, match=r"circuit.age = -1 s is out of range: ≥ 0"):
        circuit("crossbar", age=-1.0)
    with pytest.raises(InputError, match=r"expected a number in 'S'"):
        circuit("crossbar", **{"device.g_max": "20 uV"})
    assert circuit("crossbar", **{"device.g_max": "20 \u03bcS"}).device.g_max == 20e-6


CARD = 'model = "ideal"\ntitle = "t"\nvalid = "v"\n'
NUMBER = 'time_unit = {{ value = {}, unit = "s", source = "nominal" }}\n'
REST = 'activity_unit = { value = 1, unit = "V", source = "nominal" }\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = " + "[" * 2000 + "]" * 2000, "nested too deeply"),
        ("x = 1" + "0" * 5000, "TOML"),
        (CARD + NUMBER.format("1" + "0" * 400) + REST, "out of range"),
        (CARD + NUMBER.format("inf") + REST, "out of range"),
        (CARD + "check = 3\n", "expected .*check"),
        (CARD + '[[check]]\nquantity="words"\nat = 3\nexpected=1\nunit="1"\ntolerance=1\nsource="s"\n', "at = 3"),
        (CARD + '[[check]]\nquantity="words"\nexpected=nan\nunit="1"\ntolerance=1\nsource="s"\n', "expected = nan"),
        (CARD + '[[check]]\nquantity="words"\nexpected=1\nunit="1"\ntolerance=inf\nsource="s"\n', "tolerance = inf"),
        (CARD + 'device = "ideal"\n', "unknown part 'device'"),
        (CARD + "[parts]\nsource = 3\n", "parts = "),
        (CARD.replace("ideal", "crossbar"), "device is missing"),
        (CARD.replace("ideal", "optoelectronic") + 'device = "slm-lcos"\n', "source is missing"),
        (CARD.replace("ideal", "crossbar") + 'device = "ideal"\nparts = { lamp = "ideal" }\n', "unknown part 'lamp'"),
        ("\x00", "TOML"),
        ("x" * 2_000_000, "at most 1"),
    ],
)
def test_a_card_that_is_none_gets_one_line(text, words, tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words) as caught:
        circuit(path)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


def test_a_card_is_an_ordinary_file(tmp_path):
    pipe, folder, link = tmp_path / "p.toml", tmp_path / "f.toml", tmp_path / "l.toml"
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to("/dev/zero")
    for path, words in (
        (pipe, "pipe"),
        (folder, "folder"),
        (link, "pipe or a device"),
        (tmp_path / "x.toml", "no such"),
    ):
        with pytest.raises(InputError, match=words):
            circuit(path)
    with pytest.raises(InputError, match="no such file"):
        circuit("x" * 5000 + ".toml")


def test_a_card_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("\ufeff" + CARD + NUMBER.format(0.5) + REST, encoding="utf-8")
    assert circuit(path).time_unit == 0.5


def test_the_wires_of_the_cards_are_numbers_too():
    with pytest.raises(InputError, match="crosspoint"):
        WireTable(nodes=(7,), crosspoint=(math.inf,), transistor=(1.0,))
