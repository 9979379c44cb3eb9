"""The mathematics of a neuron: activations and losses with their compiled code, and the noise of its nodes."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["machine_code"],
    submod_attrs={
        "activations": ["ACTIVATIONS", "Activation", "activation"],
        "losses": ["LOSSES", "Loss", "accuracy", "loss"],
        "node_noises": ["NODE_NOISES", "NodeNoise"],
    },
)
