# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.engine.clocks import Clock
from analogsim.engine.packing import Stream
from analogsim.engine.resting import settle
from analogsim.engine.transient import relax

__all__ = ["Clock", "Stream", "relax", "settle"]
