# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.learning.reference import objectives
from analogsim.learning.reference.auxiliary import auxiliary_coordinates, predictive_coding
from analogsim.learning.reference.backpropagation import backprop
from analogsim.learning.reference.contrastive import contrastive_hebbian
from analogsim.learning.reference.dyads import relaxed
from analogsim.learning.reference.feedback import FeedbackPath
from analogsim.learning.reference.hopfield import dyadic, equilibrium_propagation, skew_symmetric
from analogsim.learning.reference.implicit_gradient import implicit
from analogsim.learning.reference.inputs import adversarial, robust_dual_propagation
from analogsim.learning.reference.lagrangian import lecun_lagrangian
from analogsim.learning.reference.layers import Workspace
from analogsim.learning.reference.lifted import damped_dual_propagation, lpom
from analogsim.learning.reference.propagation import adjoint_dual_propagation, dual_propagation
from analogsim.learning.reference.rules import RULES, rule
from analogsim.learning.reference.targets import fenchel
from analogsim.learning.reference.training import batches, train

__all__ = [
    "RULES",
    "FeedbackPath",
    "Workspace",
    "adjoint_dual_propagation",
    "adversarial",
    "auxiliary_coordinates",
    "backprop",
    "batches",
    "contrastive_hebbian",
    "damped_dual_propagation",
    "dual_propagation",
    "dyadic",
    "equilibrium_propagation",
    "fenchel",
    "implicit",
    "lecun_lagrangian",
    "lpom",
    "objectives",
    "predictive_coding",
    "relaxed",
    "robust_dual_propagation",
    "rule",
    "skew_symmetric",
    "train",
]
