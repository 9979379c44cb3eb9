# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.chip.amplifiers import TIA, Amplifiers
from analogsim.chip.compartments import Neurons
from analogsim.chip.connections import Connection, ReadPath
from analogsim.chip.file import load_chip
from analogsim.chip.noise_levels import NodeLevels, ReadClock
from analogsim.chip.population import Population
from analogsim.chip.state import DeviceState
from analogsim.chip.transfer import Converter, Driver, Light, Periphery
from analogsim.chip.whole import Chip

__all__ = [
    "TIA",
    "Amplifiers",
    "Chip",
    "Connection",
    "Converter",
    "DeviceState",
    "Driver",
    "Light",
    "Neurons",
    "NodeLevels",
    "Periphery",
    "Population",
    "ReadClock",
    "ReadPath",
    "load_chip",
]
