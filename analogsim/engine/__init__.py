"""Everything that happens in time: trajectories, equilibria, noise, stability."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "clocks": ["Clock"],
        "packing": ["Stream"],
        "transient": ["relax"],
        "resting": ["settle"],
    },
)
