# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.experiments.reproduce import kinds
from analogsim.experiments.reproduce.card import Study, read
from analogsim.experiments.reproduce.labelled import reproduce
from analogsim.experiments.reproduce.result_page import write
from analogsim.experiments.reproduce.study import carry_out

__all__ = ["Study", "carry_out", "kinds", "read", "reproduce", "write"]
