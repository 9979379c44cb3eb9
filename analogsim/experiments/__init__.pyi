# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.experiments import data, plots, results, summary, sweeps
from analogsim.experiments.data import load_data
from analogsim.experiments.inferring import infer
from analogsim.experiments.insitu import train_chip, train_digital
from analogsim.experiments.running import run
from analogsim.experiments.specification import budget, tolerance
from analogsim.experiments.sweeps import sweep

__all__ = [
    "budget",
    "data",
    "infer",
    "load_data",
    "plots",
    "results",
    "run",
    "summary",
    "sweep",
    "sweeps",
    "tolerance",
    "train_chip",
    "train_digital",
]
