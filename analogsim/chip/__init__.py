"""The chip: what a circuit made of a network, and all that the engine knows."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "whole": ["Chip", "Population", "load_chip"],
        "amplifiers": ["TIA", "Amplifiers"],
    },
)
