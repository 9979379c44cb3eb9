"""Device families: one module each, the equation in its docstring. Their numbers are cards in ``devices/``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "aoc_tanh": ["AOCTanh"],
        "base": ["Device", "Part", "device", "model", "register", "verify"],
        "cmo": ["CMO"],
        "dynamic": ["Dynamic"],
        "ideal": ["Ideal"],
        "ion_drift": ["IonDrift"],
        "light_source": ["LightSource"],
        "metal_oxide": ["MetalOxide"],
        "metal_oxide_pulses": ["PulsedMetalOxide"],
        "microring": ["MicroringBank"],
        "mzi_mesh": ["MZIMesh"],
        "optical": ["Curves", "Optical"],
        "pcm": ["PCM", "Hermes"],
        "photodetector": ["Photodetector"],
        "photonic_pcm": ["PhotonicPCM"],
        "pulsed": ["Pulsed"],
        "rram": ["RRAM", "CubicRRAM"],
        "slm": ["SLM"],
        "sonos": ["SONOS"],
        "stanford": ["StanfordPKU"],
        "step_shapes": ["ConstantStep", "ExpStep", "LinearStep", "PowStep", "SoftBounds"],
        "table": ["Table"],
        "vteam": ["VTEAM"],
        "weighting": ["Weighting"],
        "yakopcic": ["Yakopcic"],
    },
)
