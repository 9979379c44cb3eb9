"""Figures: their data and labels, not their pixels."""

from dataclasses import replace
from xml.etree import ElementTree

import matplotlib as mpl

mpl.use("agg")

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.cbook import is_math_text
from matplotlib.text import Text

from analogsim.devices import device
from analogsim.errors import InputError
from analogsim.experiments import plots, run
from analogsim.experiments.plots import sweeps
from analogsim.experiments.plots.style import plain
from analogsim.text import visible


@pytest.fixture(scope="module")
def dataset():
    return run(circuit="ideal", epochs=2, hidden=(12,), batch_size=200)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_convergence_shows_the_median_and_the_tolerance(dataset):
    ax = plots.convergence(dataset)
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "time (τ)"
    assert ax.get_ylabel() == "residual max |τ da/dt| (activity)"
    median = next(line for line in ax.lines if line.get_label() == "after epoch 2")
    residual = dataset["residual"].sel(snapshot=2).values
    np.testing.assert_allclose(median.get_ydata(), np.exp(np.median(np.log(residual), axis=0)))


def test_lipschitz_and_accuracy_have_a_line_for_each_trainer(dataset):
    for plot, name in ((plots.lipschitz, "lipschitz"), (plots.accuracy, "test_accuracy")):
        ax = plot(dataset)
        assert [t.get_text() for t in ax.get_legend().get_texts()] == dataset["trainer"].values.tolist()
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), dataset[name].sel(trainer="chip"))
        assert dataset[name].attrs["long_name"] in ax.get_ylabel()


def test_alignment_is_an_angle_in_degrees(dataset):
    ax = plots.alignment(dataset)
    np.testing.assert_allclose(
        np.cos(np.radians(ax.lines[0].get_ydata())), dataset["gradient_cosine"].sel(layer=1), atol=1e-12
    )


def test_axes_given_are_used_and_styles_do_not_leak(dataset):
    before = mpl.rcParams["font.size"]
    _, ax = plt.subplots()
    assert plots.transient(dataset, ax=ax) is ax
    assert mpl.rcParams["font.size"] == before


@pytest.mark.parametrize("suffix", plots.FORMATS)
def test_files_are_the_same_each_time(dataset, tmp_path, suffix):
    first, second = (plots.save(plots.draw(dataset, "overview"), tmp_path / f"{k}{suffix}") for k in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 5000


def test_what_cannot_be_drawn_is_named(dataset, tmp_path):
    with pytest.raises(InputError, match="did you mean 'lipschitz'"):
        plots.draw(dataset, "lipshitz")
    with pytest.raises(InputError, match="residual"):
        plots.draw(dataset.drop_vars("residual"), "convergence")


def test_the_oscilloscope_shows_compartments_mean_difference_and_residual(dataset):
    figure = plots.draw(dataset, "oscilloscope")
    assert [ax.get_ylabel() for ax in figure.axes] == ["a⁺, a⁻", "mean", "a⁺ − a⁻", "residual"]
    label = int(dataset["probe_label"].values[0])
    output = dataset["output"].isel(snapshot=-1, shown=0).sel({"class": label})
    apart = (output.sel(compartment="+") - output.sel(compartment="-")).values
    assert any(
        len(line.get_ydata()) == len(apart) and (line.get_ydata() == apart).all() for line in figure.axes[2].lines
    )


TEXTS = ("$a$ and $b$", "cost $5, gain $6", r"\$x$ \frac{", "_hidden", "a_b^c", "\x1b[31m\x00", "$$", "µΩ $")


def drawn(figure):
    """All texts of a figure as the renderer takes them, and whether each is a formula."""
    figure.canvas.draw()
    found = [text.get_text() for text in figure.findobj(Text)]
    return [(text.replace(r"\$", "$"), is_math_text(text)) for text in found]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_of_users_are_drawn_as_they_are(text):
    """In a title, an axis, a unit, a value and a legend: as it is, no formula, no error, no hidden curve."""
    figure, ax = plt.subplots()
    ax.plot([0, 1], label=plain(text))
    ax.set(xlabel=plain(text), title=plain(text))
    assert len(ax.legend().get_texts()) == 1
    shown = [words for words, is_formula in drawn(figure) if words.strip() == visible(text) and not is_formula]
    assert len(shown) == 3
    plt.close(figure)


def test_every_figure_takes_dollars_from_keys_values_metrics_and_cards(tmp_path):
    """A sweep with such a metric and values, and a device with such a title; an odd formula made matplotlib fail."""
    odd = r"\frac{$ and $_x"
    values = xr.DataArray(np.ones((2, 2)), dims=("word", "$k$"), attrs={"long_name": odd, "units": odd})
    status = xr.DataArray(np.full((2, 2), "done"), dims=("word", "$k$"))
    coords = {
        "word": ("word", [odd, "_b"], {"long_name": odd, "units": "1"}),
        "$k$": ("$k$", [0.0, 1.0], {"long_name": "$k$", "units": odd}),
    }
    figure = sweeps.lines(xr.Dataset({odd: values, "status": status}, coords)).figure
    figure.savefig(tmp_path / "s.svg")
    words = " ".join(text for text, _ in drawn(figure))
    assert words.count(odd) >= 3
    made = device("pcm-ibm")
    titled = replace(made, record={**made.record, "title": odd})
    figure = plots.device(titled)
    assert (odd, False) in drawn(figure)
    plots.save(figure, tmp_path / "d.svg")
    ElementTree.parse(tmp_path / "d.svg")
