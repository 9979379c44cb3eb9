"""``python -m analogsim``."""

from analogsim.cli import main

main(prog_name="analogsim")
