"""Points are kept one by one, go on after a kill, and become pages."""

import json

import numpy as np
import pytest

from analogsim.errors import InputError
from analogsim.experiments.jobs import manifest
from analogsim.experiments.reproduce import carry_out, computing, one_point, result_page
from analogsim.experiments.reproduce.kinds import Found, digital
from analogsim.experiments.reproduce.study_points import Point
from analogsim.learning.reference import training

SETTINGS = {"rule": "bp", "data": "digits", "samples": 200, "hidden": [8], "epochs": 2, "seed": 0}


def test_a_point_is_computed_once(tmp_path, monkeypatch):
    calls = []

    def compute(settings, checkpoint, tell):
        calls.append(settings["seed"])
        if settings["seed"] == 2:
            raise FloatingPointError("no luck")
        return Found({"m": float(settings["seed"]), "n": np.nan}, {"epoch": [1.0]})

    monkeypatch.setattr(one_point, "load", lambda kind: compute)
    points = [Point("a", {}, "digital", {"seed": seed}) for seed in range(3)]
    told = []
    first = computing.run(points, tmp_path, workers=1, progress=lambda *state: told.append(state[:2]))
    assert calls == [0, 1, 2]
    assert told[-1] == (3, 3)
    assert first[points[1].key]["values"] == {"m": 1.0, "n": None}
    assert first[points[2].key]["status"] == "failed"
    assert "no luck" in first[points[2].key]["message"]
    # What failed is tried again; what a kill cut from the journal is computed again.
    lines = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal").write_bytes(lines[1] + lines[0][:-5])
    again = computing.run(points, tmp_path, workers=1)
    assert calls[3:] == [0, 2]
    assert again[points[1].key] == first[points[1].key]
    assert set(computing.there(points, tmp_path)) == {points[0].key, points[1].key}


def test_a_killed_point_loses_an_epoch_and_keeps_the_bits(tmp_path, monkeypatch):
    point = Point("a", {}, "digital", SETTINGS)
    whole = one_point.computed(point, folder=tmp_path / "whole")

    class Kill(BaseException):
        pass

    def killed(*arguments, **options):
        def progress(epoch, found):
            raise Kill

        return train(*arguments, **{**options, "progress": progress})

    train, folder = training.train, tmp_path / "cut"
    monkeypatch.setattr(training, "train", killed)
    with pytest.raises(Kill):
        one_point.computed(point, folder=folder)
    monkeypatch.setattr(training, "train", train)
    assert list(folder.iterdir())
    assert one_point.computed(point, folder=folder).series == whole.series
    # A longer run goes on from a shorter one.
    longer = one_point.computed(Point("a", {}, "digital", {**SETTINGS, "epochs": 3}), folder=folder)
    assert longer.series["loss"][:2] == whole.series["loss"]
    assert len(longer.series["loss"]) == 3


def test_rules_of_a_table_share_settings(tmp_path):
    found = digital.compute({**SETTINGS, "beta": 0.5, "sweeps": 3}, tmp_path / "x", print)
    assert set(found.series["test_accuracy"])
    assert found.values["epochs"] == 2
    with pytest.raises(ValueError, match="did you mean 'samples'"):
        digital.compute({**SETTINGS, "sample": 3}, tmp_path / "y", print)


@pytest.mark.parametrize("rule", ["sshm", "ep"])
def test_recurrent_networks_are_tested_at_their_equilibrium(tmp_path, rule):
    settings = {**SETTINGS, "rule": rule, "activation": "hard-sigmoid", "init": "glorot", "beta": 0.1, "tol": 1e-4}
    found = digital.compute(settings, tmp_path / rule, print)
    assert found.values["lipschitz_hidden"] == pytest.approx(1.0, abs=1e-6) or rule == "ep"
    assert found.values["lipschitz_output"] > 0


def test_a_page_grows_in_parts(tmp_path):
    options = {"output": tmp_path / "points", "workers": 1}
    first = carry_out("two-tales-table-1", "quick", rows=["BP"], **options)
    path = result_page.write(first, tmp_path / "results")
    assert result_page.write(first, tmp_path / "results") == path
    content = json.loads((tmp_path / "results/two-tales-table-1.json").read_text())
    entry = content["results"]["quick"]
    assert entry["stamp"]["command"] == ["analogsim", "reproduce", "two-tales-table-1", "--quick"]
    assert entry["table"][0]["values"]["test_accuracy"][0] > 80
    assert (tmp_path / "results" / entry["figure"]).stat().st_size > 1000
    text = path.read_text()
    assert "| digits | BP |" in text
    assert "not decidable" in text
    assert "our choice" in text
    assert "two-tales-table-1.md" in (tmp_path / "results/README.md").read_text()
    nothing = carry_out("two-tales-table-1", "medium", compute=False, **options)
    with pytest.raises(InputError, match="nothing of it is finished"):
        result_page.write(nothing, tmp_path / "results")
    # Judged without computing anything.
    assert carry_out("two-tales-table-1", "quick", compute=False, **options).lines[-1].computed is False


def test_points_of_other_code_are_refused_and_fresh_computes_them_again(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(one_point, "load", lambda kind: lambda *_: calls.append(kind) or Found({"m": 1.0}))
    points = [Point("a", {}, "digital", {"seed": 0})]
    made_of(monkeypatch, "old")
    computing.run(points, tmp_path, workers=1)
    before = one_point.checkpoint(points[0])
    made_of(monkeypatch, "new")
    with pytest.raises(InputError, match=r"other code computed.*--fresh"):
        computing.run(points, tmp_path, workers=1)
    # What other code has begun is not gone on with, either.
    assert one_point.checkpoint(points[0]) != before
    assert computing.run(points, tmp_path, workers=1, fresh=True)[points[0].key]["status"] == "done"
    assert manifest.there(tmp_path)["code"] == "new"
    assert len(calls) == 2


def made_of(monkeypatch, code):
    for module in (manifest, one_point):
        monkeypatch.setattr(module, "code", lambda root: code)


def test_fresh_keeps_other_points_of_the_same_code(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(one_point, "load", lambda kind: lambda *_: calls.append(kind) or Found({"m": 1.0}))
    points = [Point("a", {}, "digital", {"seed": seed}) for seed in range(2)]
    computing.run(points, tmp_path, workers=1)
    computing.run(points[:1], tmp_path, workers=1, fresh=True)
    assert {*computing.run(points, tmp_path, workers=1)} == {point.key for point in points}
    assert len(calls) == 3
