"""Every device has a picture that shows its own numbers."""

import matplotlib as mpl
import numpy as np
import pytest
from click.testing import CliRunner

from analogsim import cards
from analogsim.cli import main
from analogsim.devices import device
from analogsim.experiments.plots import devices as pictures

mpl.use("agg")
MEMORIES = [name for name in cards.names("device") if hasattr(device(name), "programming_sigma")]


@pytest.mark.parametrize("name", MEMORIES)
def test_every_device_can_be_drawn(name):
    figure = pictures.device(device(name))
    for ax in figure.axes:
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        assert all(np.isfinite(line.get_ydata()).all() for line in ax.lines)
    mpl.pyplot.close(figure)


def test_the_picture_shows_the_published_numbers():
    figure = pictures.device(device("pcm-ibm"))
    sigma, drift = figure.axes
    assert sigma.lines[0].get_ydata()[-1] == pytest.approx(1.0554, abs=1e-4)
    top = drift.lines[2]
    day = np.interp(np.log(86400.0), np.log(top.get_xdata()), top.get_ydata())
    assert day / 25 == pytest.approx(0.6635, rel=0.02)
    mpl.pyplot.close(figure)


def test_a_hysteresis_is_pinched_and_shrinks_with_frequency():
    for name in ("linear-drift", "taox-yakopcic"):
        v, slow, fast = pictures._driven(device(name))
        zero = np.abs(v) < 1e-12 * np.abs(v).max() + 1e-15
        assert np.abs(slow[1][zero]).max() < 1e-9 * np.abs(slow[1]).max()
        area = [abs(np.trapezoid(current, v[:401])) for current in (slow[1][:401], fast[1][:401])]
        assert area[1] < area[0]


def test_show_prints_the_equation_and_writes_the_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["show", "devices/rram-milo"])
    assert done.exit_code == 0, done.output
    for word in ("Milo et al.", "σ(G, t)", "10.1109/IRPS46558.2021.9405119", "wrote rram-milo.png"):
        assert word in done.output
    assert (tmp_path / "rram-milo.png").stat().st_size > 10_000
    assert CliRunner().invoke(main, ["show", "pcm-ibm", "-o", "mine.svg"]).exit_code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"rram-milo.png", "mine.svg"}
    bad = CliRunner().invoke(main, ["show", "crossbar", "-o", "x.png"])
    assert bad.exit_code == 2
    assert "no device" in bad.output
