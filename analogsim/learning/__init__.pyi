# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.learning import reference
from analogsim.learning.local import gradient
from analogsim.learning.optimisers import ADAM, SGD, Schedule
from analogsim.learning.reference.rules import Rule
from analogsim.learning.slow_weights import continuous

__all__ = ["ADAM", "SGD", "Rule", "Schedule", "continuous", "gradient", "reference"]
