# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.experiments.report.document import report

__all__ = ["report"]
