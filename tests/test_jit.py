"""The cache of compiled code: damaged files are compiled anew, and a folder without room costs only time."""

import importlib.util
import resource

import pytest

from analogsim import jit

PROGRAM = """
from analogsim.jit import compiled

@compiled
def f(x):
    return 2.0 * x + 1.0
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Import a module with a kernel as a new process would, and call it; whether the cache was of use."""
    path, cache = tmp_path / "kernel.py", tmp_path / "cache"
    path.write_text(PROGRAM)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))
    jit._folder.cache_clear()

    def once():
        spec = importlib.util.spec_from_file_location("kernel", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.f(3.0) == 7.0
        return bool(module.f.stats.cache_hits)

    once.files = lambda: sorted(path for path in cache.rglob("*") if path.is_file())
    yield once
    jit._folder.cache_clear()


def test_damaged_files_are_compiled_anew(run):
    """Emptied, cut, and changed in one byte, index and code: the last would run as machine code."""
    assert not run()
    assert run()
    assert [path.suffix for path in run.files()] == [".nbc", ".nbi"]
    for path in run.files():
        whole = path.read_bytes()
        middle = len(whole) // 2
        for damaged in (b"", whole[:middle], whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]):
            path.write_bytes(damaged)
            assert not run()
        assert run()


def test_a_full_disk_only_costs_the_cache(run):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        assert not run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.suffix for path in run.files()] in ([], [".nbi"])
    assert not run()
    assert run()
