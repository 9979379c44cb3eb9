# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.functions import machine_code
from analogsim.functions.activations import ACTIVATIONS, Activation, activation
from analogsim.functions.losses import LOSSES, Loss, accuracy, loss
from analogsim.functions.node_noises import NODE_NOISES, NodeNoise

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "NODE_NOISES",
    "Activation",
    "Loss",
    "NodeNoise",
    "accuracy",
    "activation",
    "loss",
    "machine_code",
]
