"""One job becomes one row, whatever it does; rows with series survive the journal, a shard and another reader."""

import sys
import time

import numpy as np
import pytest

from analogsim.experiments.jobs import store
from analogsim.experiments.jobs.dispatch import SLICE, Batches, computed
from analogsim.experiments.jobs.points import Found, Job, Row, Task, digest, work


def job(asked, offset=0.0):
    """What the tests ask for: a number, an exception, or seconds to wait."""
    if isinstance(asked, Exception):
        raise asked
    if asked == "exit":
        sys.exit("enough")
    while asked == "hang":
        time.sleep(0.01)
    return Found({"number": asked + offset, "beside": -asked}, {"steps": [asked, np.nan]}, "done")


def task(**options):
    return Task(f"{__name__}:job", ("number", "missing"), **options)


def rows(asked, **options):
    return list(work([Job(k, one) for k, one in enumerate(asked)], task(**options)))


def test_a_job_becomes_columns_and_what_has_no_column():
    (row,) = rows([2.0], options={"offset": 1.0})
    assert (row.key, row.status, row.message) == (0, "done", "")
    np.testing.assert_array_equal(row.values, [3.0, np.nan])
    assert row.more["values"] == {"beside": -2.0}
    np.testing.assert_array_equal(row.more["series"]["steps"], [2.0, np.nan])


def test_what_goes_wrong_is_a_row_and_the_next_job_follows():
    found = rows([ValueError("no  luck\nat all"), "exit", "hang", 1.0], timeout=0.2)
    assert [row.status for row in found] == ["failed", "failed", "timeout", "done"]
    said = ["ValueError: no luck at all", "SystemExit: enough", "stopped after 0.2 s", ""]
    assert [row.message for row in found] == said
    assert np.isnan(found[0].values).all()
    assert found[0].more is None


def test_what_stops_all_is_raised():
    with pytest.raises(ValueError, match="wrong card"):
        rows([1.0, ValueError("wrong card"), 2.0], stops=(ValueError,))
    assert [row.status for row in rows([KeyError("k")], stops=(ValueError,))] == ["failed"]


def test_keys_and_seeds_follow_the_content_and_not_its_order():
    assert digest({"a": 1, "b": (2, 3)}) == digest({"b": [2, 3], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert digest({"a": 1})[1] < 2**48


def test_rows_with_series_survive_the_journal_a_shard_and_another_reader(tmp_path, monkeypatch):
    more = {"values": {"m": 1.5}, "series": {"s": [1.0, 2.0]}}
    given = [Row(2**64 - k, "done", "", 0.5, [float(k)], more if k == 2 else None) for k in range(1, 6)]
    made = store.Store(tmp_path / "x", {"metrics": ["m"]})
    monkeypatch.setattr(store, "SEAL", 3)
    for row in given:
        made.append([row])
    assert len(store.shards(tmp_path / "x")) == 1
    assert [row for part in made.read() for row in part.each()] == given
    # Read by who does not hold the folder, and a line that is being written is left out.
    with open(tmp_path / "x" / "journal", "ab") as stream:
        stream.write(store._line(given[0])[:-4])
    assert [row for part in store.read(tmp_path / "x") for row in part.each()] == given
    assert list(store.read(tmp_path / "nothing")) == []
    made.close()


def test_batches_follow_the_pace_of_jobs_up_to_a_limit():
    jobs = [Job(k, k) for k in range(100)]
    batches = Batches(jobs, most=8)
    hands = iter(batches)
    assert len(next(hands)) == 1  # nothing is known yet
    for seconds, expected in ((SLICE / 1000, 8), (10 * SLICE, 1)):
        batches.learn([Row(0, "done", "", seconds, [])] * 20)
        for _ in range(40):
            batches.learn([Row(0, "done", "", seconds, [])])
        assert len(next(hands)) == expected
    assert sum(map(len, hands)) == 100 - 1 - 8 - 1


def test_rows_are_in_the_store_before_they_are_told(tmp_path):
    made = store.Store(tmp_path / "x", {"metrics": ["number", "missing"]})
    jobs = [Job(k, float(k)) for k in range(5)]
    for found in computed(made, task(), jobs, len(jobs), workers=1):
        kept = {row.key for part in store.read(tmp_path / "x") for row in part.each()}
        assert {row.key for row in found} <= kept
    assert kept == set(range(5))
    made.close()
