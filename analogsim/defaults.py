"""Numbers that rules take where nothing is said; light, so that the command line can tell them."""

ALPHA = 0.5
"""α of DP, DP⊤ and LeCun's Lagrangian: both compartments are nudged alike."""
LAM = 0.5
"""λ of the dyadic family: nothing is fed back at rest."""
