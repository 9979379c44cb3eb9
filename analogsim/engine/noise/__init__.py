"""Noise: of reads, of nodes, and held for a settle."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "reads": ["ReadNoise", "freeze"],
        "nodes": ["processes"],
        "pairs": ["PairNoise", "disturb", "disturbed"],
    },
)
