"""Noise: of reads, and held for a settle; that of nodes is in `analogsim.functions.node_noises`."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "reads": ["ReadNoise", "freeze"],
        "pairs": ["PairNoise", "disturb", "disturbed"],
    },
)
