"""Measured data: a card and a CSV beside it are a device."""

import numpy as np
import pytest

from analogsim import Network, circuit
from analogsim.devices import device
from analogsim.errors import InputError

CARD = """
model = "table"
title = "Cells of our own"
valid = "0 to 20 µS"
g_max = { value = 20, unit = "uS", source = "nominal" }
file = { value = "mine.csv", source = "measured, wafer 3" }
[[check]]
quantity = "programming_sigma"
at = { conductance = 5e-6 }
expected = 0.3
unit = "uS"
tolerance = 1e-9
source = "half way between two rows"
"""
DATA = "conductance [uS], programming [uS], read [nS]\n0, 0.2, 10\n10, 0.4, 30\n20, 0.5, 90\n"


def made(tmp_path, data=DATA):
    (tmp_path / "mine.toml").write_text(CARD, encoding="utf-8")
    (tmp_path / "mine.csv").write_text(data, encoding="utf-8")
    return tmp_path / "mine.toml"


def test_measured_sigmas_are_interpolated_and_used(tmp_path):
    path = made(tmp_path)
    cell = device(path)
    np.testing.assert_allclose(cell.programming_sigma([5e-6, 30e-6]), [0.3e-6, 0.5e-6])
    np.testing.assert_allclose(cell.read_sigma(15e-6), 60e-9)
    chip = circuit("crossbar", device=path).program(Network.random((20, 10)))
    assert chip.has_noise
    assert chip.record["device"]["title"] == "Cells of our own"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (DATA.replace("programming", "programing"), "did you mean 'programming'"),
        (DATA.replace("[uS], read", "[uV], read"), "'uV'"),
        (DATA.replace("conductance [uS]", "conductance"), "unit"),
        (DATA.replace("10, 0.4", "10, many"), "many"),
        (DATA.replace("10, 0.4, 30", "10, 0.4"), "3 numbers"),
        (DATA.replace("\n20", "\n5"), "ascend"),
        (DATA.replace("0.4", "-0.4"), "negative"),
        (DATA.splitlines()[0], "at least one row"),
        ("", "header"),
    ],
)
def test_bad_tables_say_so_in_one_line(tmp_path, data, word):
    with pytest.raises(InputError) as error:
        device(made(tmp_path, data))
    assert word in str(error.value)
    assert "mine.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_table_is_named(tmp_path):
    path = made(tmp_path)
    (tmp_path / "mine.csv").unlink()
    with pytest.raises(InputError, match=r"mine\.csv"):
        device(path)
