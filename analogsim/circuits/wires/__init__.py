"""Exact wires: crossbar arrays with resistive word and bit lines, read in either direction."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "geometry": ["Terminals"],
        "curves": ["AccessTransistor", "Cubic", "Sinh"],
        "tiles": ["Solution"],
        "exact": ["currents", "effective_conductance", "solve", "terminal_conductance"],
        "elmore": ["line_delays"],
    },
)
