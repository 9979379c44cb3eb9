"""Damaged results: whatever is missing or of another kind ends in one line for every command that reads them."""

import copy
import json
import random

import matplotlib as mpl

mpl.use("agg")

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from matplotlib import pyplot as plt

import analogsim as asim
from analogsim.cli import main
from analogsim.experiments import plots, results, run
from analogsim.experiments.report import document

VALUES = (None, True, 7, -1.5, "text", "", [], [1, None], {}, {"a": 1}, {"cite": 3}, [{}], "\ud800", 10**400)


def small(folder):
    """A run and a sweep, of 80 samples."""
    rng, y = np.random.default_rng(0), np.arange(80) % 3
    x = np.clip(np.eye(3)[y].repeat(2, axis=1) + 0.1 * rng.random((80, 6)), 0, 1)
    np.savez(folder / "d.npz", x=x, y=y)
    common = {"data": str(folder / "d.npz"), "hidden": (4,)}
    made = run(circuit="crossbar", epochs=1, **common)
    over, metrics = {"alpha": [0.0, 1.0]}, ["programming_error", "initial_lipschitz"]
    swept = asim.sweep("crossbar", over, metrics=metrics, workers=1, **common)
    return made, swept


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small(tmp_path_factory.mktemp("stamps"))


def places(value, path=()):
    """Every entry of nested JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in items:
        yield (*path, key)
        yield from places(entry, (*path, key))


def mutated(stamp, rng):
    """The stamp with one or two entries missing or of another kind."""
    stamp = copy.deepcopy(stamp)
    for _ in range(rng.randint(1, 2)):
        deep = sorted({path[: rng.randint(1, len(path))] for path in places(stamp)}, key=str)
        *way, key = rng.choice(deep)
        owner = stamp
        for step in way:
            owner = owner[step]
        if rng.random() < 0.3:
            del owner[key]
        else:
            owner[key] = rng.choice(VALUES)
    return stamp


@pytest.fixture
def ask(monkeypatch, tmp_path):
    """Run the commands that read results on a dataset in memory; exit codes, each with no more than one line."""
    monkeypatch.chdir(tmp_path)

    def asked(dataset, *commands):
        monkeypatch.setattr(results, "load", lambda path: dataset)
        codes = []
        for args in commands:
            done = CliRunner().invoke(main, args)
            assert isinstance(done.exception, SystemExit | None), (args, done.exception)
            assert done.exit_code in (0, 2), (args, done.output)
            assert done.exit_code == 0 or (done.stderr.count("\n"), done.stdout) == (1, ""), (args, done.output)
            codes.append(done.exit_code)
        return codes

    return asked


READERS = (["show", "r.nc"], ["show", "r.nc", "--json"], ["cite", "r.nc"], ["report", "r.nc", "-q"])


def test_every_damage_to_a_stamp_is_one_line(made, ask, monkeypatch):
    """Two hundred stamps with entries that are missing or of another kind, and texts that are no JSON."""
    monkeypatch.setattr(document, "_figures", lambda dataset: "")
    rng, refused = random.Random(0), 0
    assert [ask(dataset, *READERS) for dataset in made] == [[0] * 4] * 2
    for trial in range(200):
        dataset = made[trial % 2]
        stamp = mutated(results.read_stamp(dataset), rng)
        refused += 2 in ask(dataset.assign_attrs({results.STAMP: json.dumps(stamp)}), *rng.sample(READERS, 2))
    assert 20 < refused < 195
    for text in ("", "{", "null", "7", "[]", '"x"', b"\xff", 7, 1.5, np.arange(3), "[" * 100_000, "NaN"):
        assert ask(made[0].assign_attrs({results.STAMP: text}), *READERS) == [2] * 4, text
    assert ask(made[0].drop_attrs(deep=False), *READERS) == [2] * 4


@pytest.mark.parametrize("which", [0, 1])
def test_every_damage_to_the_rest_is_one_line_too(made, ask, which, monkeypatch):
    """A variable, an attribute or a coordinate that is missing or of another kind, one at a time, drawn by chance."""
    monkeypatch.setattr(plots, "save", lambda figure, path: plt.close(figure))
    dataset, rng = made[which], random.Random(which)
    names = rng.sample(sorted(map(str, dataset.variables)), 5)
    damaged = [dataset.drop_vars(name) for name in names]
    for name in names:
        for attrs in ({}, {"long_name": 7, "units": None}):
            damaged.append(dataset.assign({name: dataset[name].copy().drop_attrs().assign_attrs(attrs)}))
        if name not in dataset.dims:
            damaged.append(dataset.assign({name: dataset[name].astype(str)}))
    damaged += [dataset.drop_attrs(deep=False).assign_attrs({results.STAMP: dataset.attrs[results.STAMP], "kind": 3})]
    damaged.append(xr.Dataset(attrs=dataset.attrs))
    names = ("lipschitz", "convergence", "alignment") if which == 0 else ("lines",)
    for one in damaged:
        figure = ["--figure", rng.choice(names)]
        ask(one, ["show", "r.nc"], ["show", "r.nc", "--json"], ["plot", "r.nc", "-q", *figure])
    for one in damaged[::9]:
        ask(one, ["report", "r.nc", "-q"])


def test_damaged_files_are_one_line(made, tmp_path, monkeypatch):
    """Bits flipped and ends cut, in the part of the file that says where everything is."""
    monkeypatch.chdir(tmp_path)
    whole, rng, refused = results.save(made[1], tmp_path / "r.nc").read_bytes(), random.Random(0), 0
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 30)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        (tmp_path / "r.nc").write_bytes(damaged[: rng.randrange(len(whole))] if rng.random() < 0.2 else damaged)
        done = CliRunner().invoke(main, ["show", "r.nc"])
        assert isinstance(done.exception, SystemExit | None), done.exception
        assert (done.exit_code, done.stderr.count("\n")) in ((0, 0), (2, 1)), done.output
        refused += done.exit_code == 2
    assert refused > 5


def test_the_accessor_names_the_entry(made):
    stamp = results.read_stamp(made[0])
    for entry, value in (("words", "x"), ("packages", []), ("cards", 3), ("command", [1])):
        damaged = made[0].assign_attrs({results.STAMP: json.dumps({**stamp, entry: value})})
        with pytest.raises(asim.InputError, match=f"damaged in {entry}"):
            _ = damaged.analogsim.stamp
    with pytest.raises(asim.InputError, match="no attribute"):
        _ = made[0].drop_attrs().analogsim.stamp


def test_a_stamp_of_relax_is_read_as_it_is():
    chip = asim.circuit("ideal").program(asim.Network.random((4, 3, 2)))
    wiring = asim.Wiring.adjoint_dual_propagation(0.5)
    found = asim.relax(chip, np.ones((1, 4)), np.ones((1, 2)), wiring=wiring, beta=0.1, t_end=1.0)
    assert results.read_stamp(found)["version"] == asim.__version__


def test_names_of_metrics_do_not_leave_the_folder(made, ask, tmp_path):
    name = "../../evil $a$ \x1b"
    dataset = made[1].rename(initial_lipschitz=name)
    assert ask(dataset, ["plot", "r.nc", "--metric", name, "--output", str(tmp_path)]) == [0]
    assert [path.suffix for path in tmp_path.iterdir()] == [".png"]
