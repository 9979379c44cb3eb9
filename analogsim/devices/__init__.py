"""Device families: one module each, the equation in its docstring. Their numbers are cards in ``devices/``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "base": ["Device", "device", "model", "register", "verify"],
        "cmo": ["CMO"],
        "dynamic": ["Dynamic"],
        "ideal": ["Ideal"],
        "ion_drift": ["IonDrift"],
        "metal_oxide": ["MetalOxide"],
        "pcm": ["PCM", "Hermes"],
        "pulsed": ["Pulsed"],
        "rram": ["RRAM", "CubicRRAM"],
        "sonos": ["SONOS"],
        "stanford": ["StanfordPKU"],
        "steps": ["ConstantStep", "ExpStep", "LinearStep", "PowStep", "SoftBounds"],
        "table": ["Table"],
        "vteam": ["VTEAM"],
        "yakopcic": ["Yakopcic"],
    },
)
