"""How a wanted change of the weights reaches the devices: one module for each way, found by name.

Biases are digital and exact. What an update remembers, such as an accumulator, lies in ``chip.devices``.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "base": ["Driven", "OnCrossbar", "Stepped", "Update", "drifted", "make", "remember"],
        "mixed_precision": ["MixedPrecision"],
        "pulses": ["Pulses", "trains"],
        "rounded": ["Rounded", "Stochastic"],
        "tiki_taka": ["TikiTaka", "TikiTaka2"],
        "write_verify": ["WriteVerify"],
    },
)
