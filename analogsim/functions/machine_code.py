"""Activations and losses compiled, for other compiled code: apart, so that the mathematics loads without numba."""

from __future__ import annotations

from analogsim.functions import activations, losses
from analogsim.jit import compiled, inner

activate = inner(activations.activate)
slope = inner(activations.slope)
pull = compiled(inline="always")(losses.pull)
bend = compiled(inline="always")(losses.bend)
