"""Figures of results: each function takes a dataset and ``ax=``, and returns the Axes."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "style": ["FORMATS", "STYLE", "save"],
        "devices": ["device"],
        "relaxation": ["convergence", "transient"],
        "sweeps": ["cloud", "heatmap", "lines", "phase"],
        "traces": ["residual", "trace"],
        "inference": ["layer_errors"],
        "learning_curves": ["accuracy", "alignment", "lipschitz"],
        "layout": ["overview"],
        "choice": ["FIGURES", "choose", "draw", "suitable"],
    },
)
