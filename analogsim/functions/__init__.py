"""Activations and losses: value, slope, curvature and the compiled code of each."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["machine_code"],
    submod_attrs={
        "activations": ["ACTIVATIONS", "Activation", "activation"],
        "losses": ["LOSSES", "Loss", "accuracy", "loss"],
    },
)
