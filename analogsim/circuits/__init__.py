"""Circuits: ``circuit(name).program(network)`` turns a network into a chip."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["wires"],
    submod_attrs={
        "chip": ["Chip", "Population", "load_chip"],
        "base": ["Circuit", "circuit"],
        "crossbar": ["Crossbar"],
        "optoelectronic": ["Optoelectronic"],
    },
)
