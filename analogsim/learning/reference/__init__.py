"""Digital reference trainers, one module for each rule; every rule is ``rule(net, x, y, **options) -> gradients``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "auxiliary": ["auxiliary_coordinates", "predictive_coding"],
        "backprop": ["backprop"],
        "contrastive": ["contrastive_hebbian"],
        "dual": ["adjoint_dual_propagation", "dual_propagation"],
        "dyads": ["relaxed"],
        "feedback": ["FeedbackPath"],
        "fenchel": ["fenchel"],
        "inputs": ["adversarial", "robust_dual_propagation"],
        "hopfield": ["dyadic", "equilibrium_propagation", "skew_symmetric"],
        "implicit": ["implicit"],
        "lagrangian": ["lecun_lagrangian"],
        "layers": ["Workspace"],
        "lifted": ["damped_dual_propagation", "lpom"],
    },
)
