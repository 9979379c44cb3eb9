# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.learning.updates.base import Driven, OnCrossbar, Stepped, Update, drifted, make, remember
from analogsim.learning.updates.mixed_precision import MixedPrecision
from analogsim.learning.updates.pulses import Pulses, trains
from analogsim.learning.updates.rounded import Rounded, Stochastic
from analogsim.learning.updates.tiki_taka import TikiTaka, TikiTaka2
from analogsim.learning.updates.write_verify import WriteVerify

__all__ = [
    "Driven",
    "MixedPrecision",
    "OnCrossbar",
    "Pulses",
    "Rounded",
    "Stepped",
    "Stochastic",
    "TikiTaka",
    "TikiTaka2",
    "Update",
    "WriteVerify",
    "drifted",
    "make",
    "remember",
    "trains",
]
