"""What holds for the whole suite: a line that says which tests were left out, and other starts for all that trains.

``ANALOGSIM_PERTURB=1e-9 pytest`` multiplies every initial weight of `Network.random` by 1 + 1e-9 z with z standard
normal; ``1e-9:7`` draws other z. Another processor does as much: it rounds sums in another order, and what trains for
some hundred steps forgets where it started. A test that fails under one of these starts claims more than its seeds can
show; give it more seeds, or an effect with a margin. Tests marked ``processes`` are left out: only this one is moved.
"""

import os
import zlib
from functools import wraps

import numpy as np
import pytest

from analogsim import Network

# One of two processes compiles the engine while the other has what needs none of it; then those who use it.
ORDER = (
    "engine/test_resting", "learning/reference/test_rules", "engine/test_transient", "learning/reference",
    "circuits/wires", "devices", "cards", "test_", "experiments/reproduce/test_r", "learning/reference/test_training",
    "", "circuits", "learning", "experiments", "cli",
)  # fmt: skip
LEFT_OUT = pytest.StashKey[int]()


def perturb(size, seed=0):
    random = Network.random.__func__

    @wraps(random)
    def perturbed(cls, *arguments, **options):
        net = random(cls, *arguments, **options)
        # Drawn from the weights themselves: the same network always starts at the same place.
        keys = (zlib.crc32(w.tobytes()) for w in net.weights)
        draws = (np.random.default_rng([int(seed), key]) for key in keys)
        moved = (
            w * (1 + float(size) * rng.standard_normal(w.shape)) for w, rng in zip(net.weights, draws, strict=True)
        )
        return net.replace(weights=tuple(moved))

    Network.random = classmethod(perturbed)


def pytest_configure(config):
    config.stash[LEFT_OUT] = 0
    if given := os.environ.get("ANALOGSIM_PERTURB"):
        perturb(*given.split(":"))


def order(item):
    """Where the file stands in `ORDER`: at the longest beginning of its name."""
    name = item.path.relative_to(item.config.rootpath / "tests").as_posix()
    return ORDER.index(max((start for start in ORDER if name.startswith(start)), key=len))


# The process that reports is not the one that collects: workers tell it how many they left out.
@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    items.sort(key=order)
    if os.environ.get("ANALOGSIM_PERTURB"):
        for item in items:
            if item.get_closest_marker("processes"):
                item.add_marker(pytest.mark.skip(reason="compares with a process that is not perturbed"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    yield
    config.stash[LEFT_OUT] = len(set(slow) - set(items))


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    node.config.stash[LEFT_OUT] = max(node.config.stash[LEFT_OUT], getattr(node, "workeroutput", {}).get("left_out", 0))


def pytest_terminal_summary(terminalreporter, config):
    if given := os.environ.get("ANALOGSIM_PERTURB"):
        terminalreporter.write_line(f"Initial weights were perturbed: ANALOGSIM_PERTURB={given}.")
    if count := config.stash[LEFT_OUT]:
        terminalreporter.write_line(f"{count} slow tests were left out; `pytest -m slow` runs them.")
