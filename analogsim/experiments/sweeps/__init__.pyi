# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.experiments.sweeps.axes import Axis, axis
from analogsim.experiments.sweeps.metrics import Metric, metric
from analogsim.experiments.sweeps.plan import Plan
from analogsim.experiments.sweeps.sweeping import sweep

__all__ = ["Axis", "Metric", "Plan", "axis", "metric", "sweep"]
