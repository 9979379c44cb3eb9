"""Learning: the one local rule, updates on the chip, optimisers, and digital references."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["reference"],
    submod_attrs={
        "slow_weights": ["continuous"],
        "local": ["gradient"],
        "optimisers": ["ADAM", "SGD", "Schedule"],
        "reference.rules": ["Rule"],
    },
)
