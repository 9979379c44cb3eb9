"""What a lab notebook records: Lipschitz constants, alignment, symmetry defect, saturation, convergence.

A measure is a function of a `Moment` of training, or of a `Probe`, declared by `measured` and registered by name.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "declaration": ["Measure", "Reading", "Row", "measured"],
        "moment": ["Moment"],
        "probe": ["Probe"],
        "robustness": ["lipschitz", "lipschitz_hidden", "lipschitz_output"],
        "gradients": ["Alignment", "Errors", "alignment", "errors"],
        "robust_chip": ["chip_lipschitz"],
        "hardware": ["saturation", "symmetry_defect"],
        "power": ["array_power", "duration", "energy", "settled_states"],
        "convergence": ["settling_time"],
    },
)
