"""Figures of sweeps, traces and inference: which is chosen for which shape, their data and labels."""

import matplotlib as mpl

mpl.use("agg")

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt

import analogsim as asim
from analogsim.errors import InputError
from analogsim.experiments import plots, results
from analogsim.experiments.plots import sweeps


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def made(coords, seeds=None, status=None, units="%", **more):
    """A dataset as a sweep returns it; the metric is the sum of the keys (their place for words)."""
    dims = [*coords, *(["seed"] if seeds else [])]
    lengths = [len(values) for values in coords.values()] + ([seeds] if seeds else [])
    total = sum(np.ix_(*(np.arange(n, dtype=float) for n in lengths)))
    attrs = {"long_name": "test accuracy", "units": units}
    variables = {"test_accuracy": (dims, total, attrs)}
    variables["status"] = (dims, np.full(lengths, "done", object) if status is None else status)
    variables["point_seed"] = (dims, np.zeros(lengths, int))
    variables |= {name: (dims, values, {"long_name": name, "units": "1/τ"}) for name, values in more.items()}
    labels = {key: (key, values, {"long_name": f"meaning of {key}", "units": "V"}) for key, values in coords.items()}
    found = xr.Dataset(variables, labels, {"kind": "sweep"})
    return results.stamped(found)


A, B = np.linspace(0, 1, 5), np.linspace(0, 2, 4)


def test_the_shape_of_the_data_chooses_the_figure():
    bad = np.full((5, 4), "done", object)
    bad[0, 0] = "diverged"
    for coords, options, name in (
        ({"alpha": A}, {}, "lines"),
        ({"alpha": A}, {"seeds": 3}, "lines"),
        ({"device": ["a", "b"]}, {}, "lines"),
        ({"alpha": A, "rule": ["dp", "dpt"]}, {}, "lines"),
        ({"alpha": A, "noise": B[:3]}, {}, "lines"),
        ({"alpha": A, "noise": B}, {"seeds": 2}, "heatmap"),
        ({"alpha": A, "noise": B}, {"status": bad}, "phase"),
        ({"alpha": A, "noise": [0.1]}, {}, "lines"),
    ):
        dataset = made(coords, **options)
        assert plots.suitable(dataset) == [name], (list(coords), options)
        assert dataset.analogsim.plot().figure is not None
    with pytest.raises(InputError, match="one point"):
        plots.suitable(made({"alpha": [0.1]}))


def test_lines_show_median_and_range_of_the_seeds():
    dataset = made({"alpha": A, "noise": B[:2]}, seeds=3)
    ax = plots.lines(dataset)
    assert ax.get_xlabel() == "meaning of alpha (V)"
    assert ax.get_ylabel() == "test accuracy (%)"
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), A)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), np.arange(5) + 1 + 1)
    band = ax.collections[1].get_paths()[0].vertices
    assert band[:, 1].min() == 1
    assert band[:, 1].max() == 4 + 1 + 2
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["noise = 0", f"noise = {B[1]:g}"]


def test_words_are_ticks_and_not_joined():
    ax = plots.lines(made({"device": ["a", "b", "c"]}, seeds=2))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b", "c"]
    assert ax.lines[0].get_linestyle() == "None"


def test_too_many_lines_say_so():
    with pytest.raises(InputError, match=r"5 × 4 lines are too many.*\.sel"):
        plots.lines(made({"alpha": np.linspace(0, 1, 7), "noise": A, "beta": B}))


def test_heatmaps_have_cells_at_the_values_and_a_labelled_bar():
    dataset = made({"alpha": A, "beta": np.geomspace(0.01, 1, 4)})
    dataset["beta"].attrs["spacing"] = "log"
    ax = plots.heatmap(dataset)
    mesh = ax.collections[0]
    np.testing.assert_array_equal(mesh.get_array(), dataset["test_accuracy"].transpose("beta", "alpha"))
    corners = mesh.get_coordinates()
    np.testing.assert_allclose((corners[0, 1:, 0] + corners[0, :-1, 0]) / 2, A)
    np.testing.assert_allclose(np.sqrt(corners[1:, 0, 1] * corners[:-1, 0, 1]), dataset["beta"])
    assert ax.get_yscale() == "log"
    assert ax.figure.axes[1].get_ylabel() == "test accuracy (%)"


def test_phase_diagrams_hatch_what_diverged_and_draw_the_predicted_edge():
    abscissa = np.repeat(A[:, None] - 0.6, 4, axis=1)  # zero at alpha = 0.6
    status = np.where(abscissa > 0, "diverged", "done").astype(object)
    ax = plots.phase(made({"alpha": A, "beta": B}, status=status, spectral_abscissa=abscissa))
    assert len(ax.patches) == (status == "diverged").sum()
    edge = np.concatenate([path.vertices for path in ax.collections[-1].get_paths()])
    np.testing.assert_allclose(edge[:, 0], 0.6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["diverged", "predicted edge"]


def test_sampled_designs_are_clouds():
    options = {"metrics": ["programming_error", "initial_symmetry_defect"], "workers": 1, "hidden": (4,)}
    found = asim.sweep("crossbar", {"alpha": "0:1", "asymmetry": "0:0.5"}, design="lhs", points=8, **options)
    assert plots.suitable(found) == ["cloud"]
    ax = found.analogsim.plot(metric="initial_symmetry_defect")
    dots = ax.collections[0]
    np.testing.assert_array_equal(dots.get_offsets()[:, 1], found["asymmetry"])
    np.testing.assert_array_equal(dots.get_array(), found["initial_symmetry_defect"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("α", "error of V against Wᵀ")


def test_trajectories_show_compartments_and_residuals():
    network = asim.Network.random((4, 3, 2), seed=0)
    x, y = np.ones((2, 4)), np.eye(2)
    rule = asim.Wiring.adjoint_dual_propagation(alpha=0.5)
    chip = asim.circuit("ideal").program(network)
    found = asim.relax(chip, x, y, wiring=rule, beta=0.5, t_end=5.0, times=np.linspace(0, 5, 11))
    assert plots.suitable(found)[0] == "trace"
    ax = found.analogsim.plot.trace(sample=1)
    assert len([line for line in ax.lines if len(line.get_xdata())]) == 2 * 2
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), found["a_2"].isel(sample=1).sel(compartment="-")[:, 0])
    assert ax.get_xlabel().startswith("time")


def test_axes_are_used_unknown_metrics_and_figures_are_named():
    dataset = made({"alpha": A})
    _, ax = plt.subplots()
    assert dataset.analogsim.plot.lines(ax=ax) is ax
    assert sweeps.metrics(dataset) == ["test_accuracy"]
    with pytest.raises(InputError, match="did you mean 'test_accuracy'"):
        plots.lines(dataset, metric="accuracy")
    with pytest.raises(AttributeError, match="there are"):
        _ = dataset.analogsim.plot.lins
