"""Activations and losses compiled, for other compiled code: apart, so that the mathematics loads without numba."""

from __future__ import annotations

from analogsim.functions import activations, losses
from analogsim.jit import compiled, inner

activate = inner(activations.activate)
slope = inner(activations.slope)
value = compiled(inline="always")(activations.value)
pull = compiled(inline="always")(losses.pull)
bend = compiled(inline="always")(losses.bend)
