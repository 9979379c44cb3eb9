# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim import cards, chip, circuits, devices, engine, experiments, functions, learning, measure, settings, spice
from analogsim.chip import Chip, load_chip
from analogsim.circuits import circuit
from analogsim.devices import device
from analogsim.engine import Clock, Stream, relax, settle
from analogsim.errors import InputError
from analogsim.experiments import budget, infer, load_data, run, sweep, tolerance
from analogsim.experiments.reproduce import reproduce
from analogsim.learning import gradient, reference
from analogsim.network import Network
from analogsim.registry import register
from analogsim.settings import Settings
from analogsim.weights import load_network
from analogsim.wiring import Wiring

__version__: str

__all__ = [
    "Chip",
    "Clock",
    "InputError",
    "Network",
    "Settings",
    "Stream",
    "Wiring",
    "budget",
    "cards",
    "chip",
    "circuit",
    "circuits",
    "device",
    "devices",
    "engine",
    "experiments",
    "functions",
    "gradient",
    "infer",
    "learning",
    "load_chip",
    "load_data",
    "load_network",
    "measure",
    "reference",
    "register",
    "relax",
    "reproduce",
    "run",
    "settings",
    "settle",
    "spice",
    "sweep",
    "tolerance",
]
