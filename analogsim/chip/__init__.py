"""The chip: what a circuit made of a network, in parts, and all that the engine knows."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "whole": ["Chip"],
        "connections": ["Connection", "ReadPath"],
        "compartments": ["Neurons"],
        "noise_levels": ["NodeLevels", "ReadClock"],
        "transfer": ["Driver", "Converter", "Light", "Periphery"],
        "state": ["DeviceState"],
        "population": ["Population"],
        "file": ["load_chip"],
        "amplifiers": ["TIA", "Amplifiers"],
    },
)
