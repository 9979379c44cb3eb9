"""Circuits: ``circuit(name).program(network)`` turns a network into a chip."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["wires", "writing"],
    submod_attrs={
        "base": ["Circuit", "circuit"],
        "crossbar": ["Crossbar"],
        "optical": ["Optoelectronic"],
    },
)
