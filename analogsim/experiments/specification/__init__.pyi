# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.experiments.specification import catalogue, sequential, tables, trial, trials
from analogsim.experiments.specification.budgets import budget
from analogsim.experiments.specification.tolerances import tolerance

__all__ = ["budget", "catalogue", "sequential", "tables", "tolerance", "trial", "trials"]
