"""Result files: what is written is read back, whole or not at all."""

import json
from pathlib import Path

import pytest
import xarray as xr

from analogsim.errors import InputError, NotWritten
from analogsim.experiments import results


@pytest.fixture
def dataset():
    return results.stamped(
        xr.Dataset(
            {
                "a": (("x",), [1.0, 2.0], {"long_name": "a", "units": "V"}),
                "word": (("x",), ["ja", "nein"], {"long_name": "verdict", "units": "1"}),
            }
        ),
        seed=7,
    )


def test_round_trip_with_labels_words_and_stamp(dataset, tmp_path):
    path = results.save(dataset, tmp_path / "r.nc")
    again = results.load(path)
    xr.testing.assert_identical(again, dataset)
    assert results.read_stamp(again)["seed"] == 7
    assert [p.name for p in path.parent.iterdir()] == ["r.nc"]
    with pytest.raises(InputError, match="no folder"):
        results.save(dataset, tmp_path / "deep" / "r.nc")


def test_a_failed_write_leaves_the_old_file(dataset, tmp_path, monkeypatch):
    path = results.save(dataset, tmp_path / "r.nc")
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "disk full")))
        with pytest.raises(NotWritten, match="disk full"):
            results.save(dataset, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["r.nc"]


def test_a_cut_file_and_a_foreign_file_are_refused(dataset, tmp_path):
    path = results.save(dataset, tmp_path / "r.nc")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="not a readable NetCDF4 file"):
        results.load(path)
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match="not a result of analogsim"):
        results.load(path)


def test_the_stamp_is_json_and_names_the_versions(dataset):
    stamp = json.loads(dataset.attrs[results.STAMP])
    assert {"version", "command", "date", "packages", "python"} <= set(stamp)
