# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.circuits import wires, writing
from analogsim.circuits.base import Circuit, circuit
from analogsim.circuits.crossbar import Crossbar
from analogsim.circuits.optical import Optoelectronic

__all__ = ["Circuit", "Crossbar", "Optoelectronic", "circuit", "wires", "writing"]
