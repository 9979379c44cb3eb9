"""Whether training runs away, and what an update costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analogsim.experiments.setup import Setup

RUNAWAY = 10.0
"""Growth of the largest |a| over its value before training that raises the alarm; trained networks stay below 5."""


def alarm(activation_max: ArrayLike) -> str:
    """One line of warning if the largest activation grows from epoch to epoch without end, else nothing."""
    values = np.asarray(activation_max, float)
    worst = float(np.nan_to_num(values, nan=np.inf).max())
    if not worst > RUNAWAY * values[0]:
        return ""
    return (
        f"ALARM: the largest |a| grew from {values[0]:.3g} to {worst:.3g}: compartments run away from each other. "
        "Try --nudge chop or auto-zero, or a bounded activation."
    )


def update_cost(setup: Setup) -> dict[str, float]:
    """What an update costs for each sample: settles, reads of an array, and time constants where samples flow."""
    settings, network = setup.settings, setup.network
    signals = [np.linalg.matrix_rank(m) for m in (setup.wiring.forward, setup.wiring.feedback)]
    reads = 1 + (signals[0] + signals[1]) * (network.layers - 1)
    settles = {"auto-zero": 2}.get(settings.nudge, 1)
    if settings.continuous:
        return {"settles": 0.0, "array_reads": float(reads), "time_constants": float(settings.continuous)}
    constants = settles * settings.relax_time if settings.states == "relax" else np.nan
    return {"settles": float(settles), "array_reads": float(settles * reads), "time_constants": float(constants)}
