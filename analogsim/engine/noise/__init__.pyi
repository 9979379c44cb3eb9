# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.engine.noise.pairs import PairNoise, disturb, disturbed
from analogsim.engine.noise.reads import ReadNoise, freeze

__all__ = ["PairNoise", "ReadNoise", "disturb", "disturbed", "freeze"]
