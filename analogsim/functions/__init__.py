"""Activations and losses: value, slope, curvature and the compiled code of each."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "activations": ["ACTIVATIONS", "Activation", "activation"],
    },
)
