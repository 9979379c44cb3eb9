"""Digital reference trainers, one module for each rule; every rule is ``rule(net, x, y, **options) -> gradients``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "backprop": ["backprop"],
        "dual": ["adjoint_dual_propagation", "dual_propagation"],
        "dyads": ["relaxed"],
        "implicit": ["implicit"],
        "layers": ["Workspace"],
    },
)
