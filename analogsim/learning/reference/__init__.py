"""Digital reference trainers, one module for each rule; every rule is ``rule(net, x, y, **options) -> gradients``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "backprop": ["backprop"],
        "implicit": ["implicit"],
        "layers": ["Workspace"],
    },
)
