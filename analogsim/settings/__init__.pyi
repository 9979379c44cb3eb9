# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.settings.record import Settings

__all__ = ["Settings"]
