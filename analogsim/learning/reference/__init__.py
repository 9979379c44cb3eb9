"""Digital reference trainers, one module for each rule; every rule is ``rule(net, x, y, **options) -> gradients``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["objectives"],
    submod_attrs={
        "auxiliary": ["auxiliary_coordinates", "predictive_coding"],
        "backpropagation": ["backprop"],
        "contrastive": ["contrastive_hebbian"],
        "dyads": ["relaxed"],
        "implicit_gradient": ["implicit"],
        "feedback": ["FeedbackPath"],
        "hopfield": ["dyadic", "equilibrium_propagation", "skew_symmetric"],
        "inputs": ["adversarial", "robust_dual_propagation"],
        "lagrangian": ["lecun_lagrangian"],
        "layers": ["Workspace"],
        "lifted": ["damped_dual_propagation", "lpom"],
        "propagation": ["adjoint_dual_propagation", "dual_propagation"],
        "rules": ["RULES", "rule"],
        "targets": ["fenchel"],
        "training": ["batches", "train"],
    },
)
