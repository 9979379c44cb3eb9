"""Damaged files end in one clear error, whatever is wrong with them."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.files import atomic, check_writable, read_npz


def test_damaged_archives_are_named(tmp_path):
    """Bit flips and truncations of compressed and plain archives: a network, or one InputError, and nothing else."""
    rng, net = np.random.default_rng(0), asim.Network.random((5, 4, 3))
    path = tmp_path / "net.npz"
    arrays = {"W1": net.weights[0], "b1": net.biases[0], "W2": net.weights[1], "b2": net.biases[1]}
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays)
        whole = path.read_bytes()
        refused = 0
        for _ in range(300):
            damaged = bytearray(whole)
            for at in rng.integers(0, len(damaged), 3):
                damaged[at] ^= 1 << rng.integers(8)
            path.write_bytes(damaged[: rng.integers(1, len(damaged) + 1)] if rng.random() < 0.3 else damaged)
            try:
                asim.load_network(path)
            except asim.InputError:
                refused += 1
        assert refused > 100


def test_what_is_no_archive_is_named(tmp_path):
    np.save(tmp_path / "array.npy", np.ones(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    np.savez(tmp_path / "words.npz", W1=np.array("x"))
    with pytest.raises(asim.InputError, match="no archive"):
        read_npz(tmp_path / "array.npz")
    with pytest.raises(asim.InputError, match="not numeric"):
        asim.load_network(tmp_path / "words.npz")


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def fail():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]


@pytest.mark.parametrize("where", ["", "missing/run.nc", "/proc/run.nc"])
def test_unwritable_outputs_fail_before_the_work(tmp_path, where):
    with pytest.raises(asim.InputError, match=r"Choose another|choose another"):
        check_writable(tmp_path / where)
