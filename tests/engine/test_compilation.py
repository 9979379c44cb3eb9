"""How much is compiled for a first run, so that a change that doubles it is seen."""

import os
import subprocess
import sys

import pytest

COUNT = """
import numpy as np
from numba.core import event
import analogsim as asim


class Listener(event.Listener):
    count = 0

    def on_start(self, started):
        self.count += 1

    def on_end(self, ended):
        pass


listener = Listener()
chip = asim.circuit("ideal").program(asim.Network.random((8, 6, 4), seed=0), seed=0)
rule, x, y = asim.Wiring.adjoint_dual_propagation(0.3), np.ones((2, 8)), np.eye(4)[:2]
with event.install_listener("numba:compile", listener):
    asim.relax(chip, x, y, wiring=rule, beta=0.5, t_end=2.0)
    asim.settle(chip, x, y, wiring=rule, beta=0.5)
print(listener.count)
"""
FUNCTIONS = 59
"""Of a relaxation and a settle, those of numba included."""


@pytest.mark.slow
def test_a_first_relaxation_and_settle_compile_no_more_functions_than_they_did(tmp_path):
    empty = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    empty.pop("NUMBA_CACHE_DIR", None)
    found = subprocess.run([sys.executable, "-c", COUNT], env=empty, capture_output=True, text=True, check=True)
    assert int(found.stdout) <= 1.2 * FUNCTIONS
