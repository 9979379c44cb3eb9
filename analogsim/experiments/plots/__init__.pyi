# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.experiments.plots.choice import FIGURES, choose, draw, suitable
from analogsim.experiments.plots.devices import device
from analogsim.experiments.plots.inference import layer_errors
from analogsim.experiments.plots.layout import overview
from analogsim.experiments.plots.learning_curves import accuracy, alignment, lipschitz
from analogsim.experiments.plots.relaxation import convergence, transient
from analogsim.experiments.plots.style import FORMATS, STYLE, save
from analogsim.experiments.plots.sweeps import cloud, heatmap, lines, phase
from analogsim.experiments.plots.traces import residual, trace

__all__ = [
    "FIGURES",
    "FORMATS",
    "STYLE",
    "accuracy",
    "alignment",
    "choose",
    "cloud",
    "convergence",
    "device",
    "draw",
    "heatmap",
    "layer_errors",
    "lines",
    "lipschitz",
    "overview",
    "phase",
    "residual",
    "save",
    "suitable",
    "trace",
    "transient",
]
