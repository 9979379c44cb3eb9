"""analogsim: learning on analog hardware, simulated.

Dyadic neurons in continuous time on models of memristor crossbars and opto-electronic circuits, beside digital
references on the same data. The names below load on first use (Scientific Python SPEC 1).
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=[
        "cards",
        "chip",
        "circuits",
        "devices",
        "engine",
        "experiments",
        "functions",
        "learning",
        "measure",
        "settings",
        "spice",
    ],
    submod_attrs={
        "errors": ["InputError"],
        "registry": ["register"],
        "wiring": ["Wiring"],
        "network": ["Network"],
        "weights": ["load_network"],
        "chip": ["Chip", "load_chip"],
        "circuits": ["circuit"],
        "devices": ["device"],
        "engine": ["Clock", "Stream", "relax", "settle"],
        "learning": ["gradient", "reference"],
        "experiments": ["budget", "infer", "load_data", "run", "sweep", "tolerance"],
        "experiments.reproduce": ["reproduce"],
        "settings": ["Settings"],
    },
)
