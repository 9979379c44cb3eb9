"""Cards: every built-in one resolves and reproduces its pinned numbers; whatever is wrong is one clear line."""

import json
from pathlib import Path

import pytest

from analogsim import cards, circuit
from analogsim.devices import Device, device, register, verify
from analogsim.errors import InputError
from analogsim.experiments.settable import of_circuit
from analogsim.experiments.specification.catalogue import choose
from analogsim.settings.record import Settings

PCM = Path(__file__).parents[2] / "devices" / "pcm-ibm.toml"


@pytest.mark.parametrize("name", cards.names("device"))
def test_device_card_reproduces_its_pinned_numbers(name):
    for check, got in verify(name):
        assert got == pytest.approx(check.expected, rel=check.tolerance, abs=0), f"{check.quantity} {dict(check.at)}"


@pytest.mark.parametrize("name", cards.names("device"))
def test_every_number_of_a_device_card_has_a_source_and_one_is_pinned(name):
    card = cards.read("device", name)
    assert card.valid
    assert card.checks
    for key, entry in card.values.items():
        cited = any(mark in entry.source for mark in ("10.", "arXiv", "doi", "nominal"))
        assert cited, f"{card.path}: {key}: {entry.source!r} is neither a DOI, an arXiv id nor nominal"
    json.dumps(dict(device(name).record))


@pytest.mark.parametrize("name", cards.names("circuit"))
def test_circuit_card_resolves(name):
    record = circuit(name).record
    assert all(entry["source"] for entry in record["values"].values())
    json.dumps(dict(record))


def mine(tmp_path, old, new):
    text = PCM.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("flicker_limit =", "flicker_limt =", ["mine.toml", "'flicker_limt'", "did you mean 'flicker_limit'"]),
        ('value = 25, unit = "uS"', 'value = 25, unit = "uV"', ["mine.toml", "g_max", "'uV'", "'S'"]),
        ('value = 25, unit = "uS"', 'value = -25, unit = "uS"', ["mine.toml", "g_max", "-2.5e-05 S", "> 0"]),
        ('value = 25, unit = "uS"', 'value = "many", unit = "uS"', ["mine.toml", "g_max", "'many'", "number"]),
        ('value = 25, unit = "uS"', "value = 25", ["mine.toml", "g_max", "unit"]),
        ('source = "doi:10.1038/s41467-020-16108-9" }', 'source = "" }', ["mine.toml", "g_max", "source"]),
        ("value = 20, unit", "volue = 20, unit", ["mine.toml", "t0", "'volue'", "'value'"]),
        ("t0 = {", "# {", ["mine.toml", "'t0' is missing", "first read"]),
        ('model = "pcm"', 'model = "pmc"', ["mine.toml", "'pmc'", "did you mean 'pcm'"]),
        ('model = "pcm"', "model = ", ["mine.toml", "TOML"]),
        ("valid =", "# valid =", ["mine.toml", "'valid' is missing"]),
        ("[[check]]", "[[checks]]", ["mine.toml", "[[checks]]", "did you mean '[[check]]'"]),
        ("-0.0155, 0.0244, 0.049, 0.1", "-0.0155, 0.0244", ["mine.toml", "drift_mean", "4 numbers"]),
    ],
)
def test_errors_name_file_key_value_and_nearest(tmp_path, old, new, words):
    path = mine(tmp_path, old, new)
    with pytest.raises(InputError) as error:
        device(path)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_card_of_ones_own_is_a_path_and_unknown_names_are_told(tmp_path):
    path = mine(tmp_path, "value = 20, unit", "value = 30, unit")
    assert device(path).t0 == 30
    with pytest.raises(InputError, match=r"'pcm-imb'; did you mean 'pcm-ibm'\?"):
        device("pcm-imb")
    with pytest.raises(InputError, match="no such file"):
        device(tmp_path / "absent.toml")


def test_overrides_reach_the_device_and_the_circuit():
    made = circuit("crossbar", **{"device.read_noise": 0.1, "circuit.asymmetry": 0.2, "node_noise": 0.01})
    assert (made.device.read_noise, made.asymmetry, made.node_noise) == (0.1, 0.2, 0.01)
    assert made.record["values"]["asymmetry"] == {"value": 0.2, "unit": "1", "source": "override"}
    assert device("pcm-ibm", g_max="20 uS").g_max == pytest.approx(20e-6)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("device.red_noise", 0.1, ["device.red_noise", "did you mean 'device.read_noise'"]),
        ("circuit.asymetry", 0.1, ["circuit.asymetry", "did you mean 'circuit.asymmetry'"]),
        ("divice.read_noise", 0.1, ["'divice.read_noise'", "device."]),
        ("noise", -1, ["circuit.noise", "-1", "≥ 0"]),
        ("noise", "abc", ["circuit.noise", "'abc'", "number"]),
        ("noise", float("nan"), ["circuit.noise", "nan"]),
        ("noise", True, ["circuit.noise", "True"]),
        ("feedback", "sharde", ["'sharde'", "did you mean 'shared'"]),
        ("device.g_max", "20 V", ["device.g_max", "'20 V'", "'S'"]),
        ("device.levels", 2.5, ["device.levels", "2.5", "whole"]),
        ("device.p_stuck_hrs", 1.5, ["device.p_stuck_hrs", "1.5", "≤ 1"]),
    ],
)
def test_a_bad_override_says_so_in_one_line(key, value, words):
    with pytest.raises(InputError) as error:
        circuit("crossbar", **{key: value})
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_the_ideal_circuit_has_no_devices():
    with pytest.raises(InputError, match="no devices"):
        circuit("ideal", device="pcm-ibm")
    with pytest.raises(InputError, match="no devices"):
        circuit("ideal", **{"device.read_noise": 0.1})


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("device.read_noise=0.1", "device.read_noise", 0.1),
        ("noise = 1e-3", "noise", 1e-3),
        ("device.levels=16", "device.levels", 16),
        ("x=true", "x", True),
        ("circuit.feedback=second-array", "circuit.feedback", "second-array"),
        ("device.g_max=20 uS", "device.g_max", "20 uS"),
        ("full_scale=inf", "full_scale", float("inf")),
        ("x=__import__('os')", "x", "__import__('os')"),
        ("x=1\ny=2", "x", "1\ny=2"),
    ],
)
def test_set_strings_are_data(text, key, value):
    assert cards.parse_set(text) == (key, value)


@pytest.mark.parametrize("text", ["noise", "=3", ""])
def test_set_strings_need_key_and_value(text):
    with pytest.raises(InputError, match="KEY=VALUE"):
        cards.parse_set(text)


def test_a_class_registered_in_python_can_be_named_by_a_card(tmp_path):
    @register("halves")
    class Halves(Device):
        def program(self, conductance, rng):
            return self.target(conductance) / 2

    path = tmp_path / "half.toml"
    text = (PCM.parent / "ideal.toml").read_text(encoding="utf-8").replace('model = "ideal"', 'model = "halves"')
    path.write_text(text, encoding="utf-8")
    assert device(path).program(8e-5, None) == pytest.approx(4e-5)
    with pytest.raises(InputError, match="no subclass"):
        register("wrong")(int)


def test_another_package_can_bring_a_model_by_entry_point(tmp_path, monkeypatch):
    (tmp_path / "their_cells.py").write_text(
        "from dataclasses import dataclass\nfrom analogsim.devices import Device\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Theirs(Device):\n    pass\n",
        encoding="utf-8",
    )
    about = tmp_path / "their_cells-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-cells\nVersion: 1\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[analogsim.devices]\ntheirs = their_cells:Theirs\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    text = (PCM.parent / "ideal.toml").read_text(encoding="utf-8").replace('model = "ideal"', 'model = "theirs"')
    (tmp_path / "card.toml").write_text(text, encoding="utf-8")
    assert type(device(tmp_path / "card.toml")).__name__ == "Theirs"


@pytest.mark.parametrize("name", ["crossbar", "optoelectronic"])
def test_a_key_without_its_part_is_answered_with_the_one_that_ends_so(name):
    keys = [entry.key for entries in of_circuit(circuit(name)).values() for entry in entries]
    ends = [key.partition(".")[2] for key in keys]
    checked = 0
    for key, end in zip(keys, ends, strict=True):
        if ends.count(end) > 1 or key.startswith("circuit."):
            continue
        for made in (name, circuit(name)):
            for wrong in (end, f"circuit.{end}"):
                with pytest.raises(InputError, match=rf"unknown key of .* did you mean '{key}'"):
                    circuit(made, **{wrong: 1.0})
        with pytest.raises(InputError, match=f"did you mean '{key}'|{key} is no nonideality"):
            choose(Settings(name), [end.replace("_", "-")])
        checked += 1
    assert checked > 5
    with pytest.raises(InputError, match=r"did you mean 'circuit\.gain_mismatch'"):
        circuit(name, **{"device.gain_mismatch": 0.1})
