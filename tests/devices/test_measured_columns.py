"""Tables as spreadsheets and instruments write them hold the same numbers."""

import numpy as np
import pytest

from analogsim import InputError
from analogsim.cards.quantities import split_unit
from analogsim.devices.channels import calibration
from analogsim.devices.table import read_columns

PLAIN = "conductance [uS], programming [uS], read [nS]\n0, 0.25, 10.5\n10, 0.3, 40\n20, 0.55, 90\n"
ROWS = PLAIN.splitlines()
WAYS = {
    "byte order mark": "\ufeff" + PLAIN,
    "windows": PLAIN.replace("\n", "\r\n"),
    "old mac": PLAIN.replace("\n", "\r"),
    "semicolons": PLAIN.replace(", ", ";"),
    "decimal comma": PLAIN.replace(", ", ";").replace(".", ","),
    "tabs": PLAIN.replace(", ", "\t"),
    "tabs and decimal comma": PLAIN.replace(", ", "\t").replace(".", ","),
    "trailing comma": "".join(row + ",\n" for row in ROWS),
    "trailing comma in the rows": "\n".join([ROWS[0], *(row + ", " for row in ROWS[1:])]),
    "trailing tabs": "".join(row.replace(", ", "\t") + "\t\t\n" for row in ROWS),
    "comments": "# wafer 3, measured; at night\n\n" + PLAIN.replace("10.5\n", "10.5 # twice\n# and again\n"),
    "descending": "\n".join([ROWS[0], *ROWS[:0:-1]]),
    "empty lines": PLAIN.replace("\n", "\n\n,,\n"),
    "quotes": PLAIN.replace("conductance [uS]", '"conductance [uS]"').replace("0.25", '"0,25"'),
    "Greek mu": PLAIN.replace("[uS]", "[\u03bcS]"),
    "micro sign": PLAIN.replace("[uS]", "[\u00b5S]"),
    "spaces": PLAIN.replace(", ", "  ,   ").replace("[uS]", "[ uS ]"),
    "other order": "read [nS], conductance [uS], programming [uS]\n10.5, 0, 0.25\n40, 10, 0.3\n90, 20, 0.55\n",
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_a_table_gives_the_same_numbers(way, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(WAYS[way].encode())
    found = read_columns(path)
    assert found["conductance"].tolist() == [0.0, 10e-6, 20e-6]
    np.testing.assert_allclose(found["programming"], [0.25e-6, 0.3e-6, 0.55e-6], rtol=1e-15)
    np.testing.assert_allclose(found["read"], [10.5e-9, 40e-9, 90e-9], rtol=1e-15)


BAD = {
    "": "header", "conductance [uS], programming [uS]\n": "one row", "a, b\n1, 2\n": "unit", PLAIN + "30, 1\n": "cells",
    PLAIN + "30, 1, x\n": "'x'", PLAIN + "30, 1, nan\n": "nan", PLAIN + "30, 1, 1e40\n": "finite",
    PLAIN + "30, 1, 1_0\n": "1_0", PLAIN + "5, 1, 1\n": "ascend", PLAIN + "30, -1, 1\n": "negative",
    PLAIN + '30, "1, 1\n': "CSV", PLAIN + "30, 1.000,5, 1\n": "cells", PLAIN.replace("read [nS]", "read"): "unit",
    PLAIN.replace("read", "programming"): "twice", PLAIN.replace("[nS]", "[ohm]"): "'S'",
    PLAIN.replace("programming", "noise"): "unknown column", "\x00": "header", PLAIN + "\ud83d": "UTF-8",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_malformed_tables_get_one_line(text, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputError, match=BAD[text]) as caught:
        read_columns(path)
    assert "\n" not in str(caught.value)


def test_a_calibration_may_be_written_as_a_table_may(tmp_path):
    plain, other = tmp_path / "a.csv", tmp_path / "b.csv"
    plain.write_text("# doi\ngain_plus, gain_minus\n1.5, 1\n0.25, 2\n", encoding="utf-8")
    other.write_text("\ufeffgain_plus;gain_minus;\r\n1,5;1;\r\n0,25;2;\r\n", encoding="utf-8")
    for name, values in calibration(plain).items():
        assert calibration(other)[name].tolist() == values.tolist()


def test_units_with_any_mu_and_any_ohm_sign():
    assert split_unit("\u03bcS") == split_unit("\u00b5S") == split_unit("uS") == (-6, "S")
    assert split_unit("k\u2126") == split_unit("k\u03a9") == split_unit("kohm") == (3, "ohm")
