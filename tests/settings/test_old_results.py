"""Result files that were written before settings were declared once still open, show, plot and report."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from analogsim.cli import main
from analogsim.experiments import results
from analogsim.settings import Settings

OLD = sorted((Path(__file__).parents[1] / "golden" / "results").glob("*.nc"))


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_they_show_plot_and_report(path, tmp_path):
    assert path.stat().st_size < 200_000
    for args in (["show", path], ["plot", path, "--output", tmp_path], ["report", path, "-o", tmp_path / "r.html"]):
        done = CliRunner().invoke(main, list(map(str, args)))
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_their_settings_are_settings(path):
    stamped = results.read_stamp(results.load(path))["settings"]
    made = Settings(**stamped)
    assert {name: value for name, value in made.to_json().items() if not isinstance(value, tuple)} == {
        name: value for name, value in stamped.items() if not isinstance(value, list)
    }
