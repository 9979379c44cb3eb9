"""Experiments: run, sweep, reproduce; their data, results and plots."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["data", "plots", "results", "summary", "sweeps"],
    submod_attrs={
        "data": ["load_data"],
        "running": ["run"],
        "inferring": ["infer"],
        "insitu": ["train_chip", "train_digital"],
        "specification": ["budget", "tolerance"],
        "sweeps": ["sweep"],
    },
)
