"""Two thousand malformed inputs, the same on every machine: the work, or one line that says what is wrong.

A quarter of them is in the quick tests. ANALOGSIM_FUZZ=20000 tries more; ANALOGSIM_FUZZ_FIRST=17 ANALOGSIM_FUZZ=1 is
case 17 alone.
"""

import os

import matplotlib as mpl
import pytest

from tests.fuzz.judge import judge
from tests.fuzz.surfaces import Surfaces

COUNT = int(os.environ.get("ANALOGSIM_FUZZ", "2000"))
FIRST = int(os.environ.get("ANALOGSIM_FUZZ_FIRST", "0"))
KNOWN: dict[tuple[str, str], str] = {
    ("python", "train: [3] = <built-in"): "a rule of one's own may raise what it likes",
}
"""Faults that are known and not yet mended: (surface, part of the words of the case) and why."""


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 4))])
def test_malformed_input_gets_one_line(part, tmp_path):
    mpl.use("agg")
    surfaces = Surfaces(tmp_path / "work")
    faults, tried = [], 0
    for number in range(FIRST + part, FIRST + COUNT, 4):
        case = surfaces.case(number)
        if any(case.surface == surface and words in case.words for surface, words in KNOWN):
            continue
        tried += 1
        if fault := judge(case, surfaces.folder):
            faults.append(f"{number} ({case.surface}) {case.words[:200]}\n      {fault}")
    assert not faults, f"{len(faults)} of {tried}:\n" + "\n".join(faults[:40])


def test_the_judge_tells_right_from_wrong(tmp_path):
    from analogsim import InputError
    from tests.fuzz.surfaces import Case

    def fails(error):
        def call():
            raise error

        return Case("python", "", call)

    def divides():
        import numpy as np

        return np.ones(1) / np.zeros(1)

    assert judge(Case("python", "", lambda: 1), tmp_path) == ""
    assert judge(fails(InputError("x = 3 is out of range: x ≥ 4.")), tmp_path) == ""
    for bad in (fails(TypeError("unhashable")), fails(InputError("one\ntwo")), Case("python", "", divides)):
        assert judge(bad, tmp_path)
    assert judge(Case("line", "", line=("run", "nothing")), tmp_path) == ""
    assert judge(Case("line", "", line=("list",)), tmp_path) == ""
