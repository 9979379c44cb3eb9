# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.measure.convergence import settling_time
from analogsim.measure.declaration import Measure, Reading, Row, measured
from analogsim.measure.gradients import Alignment, Errors, alignment, errors
from analogsim.measure.hardware import saturation, symmetry_defect
from analogsim.measure.moment import Moment
from analogsim.measure.power import array_power, duration, energy, settled_states
from analogsim.measure.probe import Probe
from analogsim.measure.robust_chip import chip_lipschitz
from analogsim.measure.robustness import lipschitz, lipschitz_hidden, lipschitz_output

__all__ = [
    "Alignment",
    "Errors",
    "Measure",
    "Moment",
    "Probe",
    "Reading",
    "Row",
    "alignment",
    "array_power",
    "chip_lipschitz",
    "duration",
    "energy",
    "errors",
    "lipschitz",
    "lipschitz_hidden",
    "lipschitz_output",
    "measured",
    "saturation",
    "settled_states",
    "settling_time",
    "symmetry_defect",
]
