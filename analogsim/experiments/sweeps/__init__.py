"""Sweeps: axes and designs make a plan, points are run in parallel, and what they find is kept safe as it comes."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "axes": ["Axis", "axis"],
        "metrics": ["Metric", "metric"],
        "plan": ["Plan"],
        "sweeping": ["sweep"],
    },
)
