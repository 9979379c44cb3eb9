# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.circuits.wires.curves import AccessTransistor, Cubic, Sinh
from analogsim.circuits.wires.elmore import line_delays
from analogsim.circuits.wires.exact import currents, effective_conductance, solve, terminal_conductance
from analogsim.circuits.wires.geometry import Terminals
from analogsim.circuits.wires.tiles import Solution

__all__ = [
    "AccessTransistor",
    "Cubic",
    "Sinh",
    "Solution",
    "Terminals",
    "currents",
    "effective_conductance",
    "line_delays",
    "solve",
    "terminal_conductance",
]
