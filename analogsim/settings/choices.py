"""Names to choose from, each with what it means; rules and updates stand in `registered`."""

NUDGES = {
    "plain": "every sample is nudged with +β; one settle",
    "chop": "β changes its sign from sample to sample, so that constant errors of the compartments cancel in a "
    "batch (new here); one settle, and a switch for the sign",
    "auto-zero": "a second read at β = 0 is subtracted from every sample's update; two settles",
}
STATES = {"settle": "at rest, noise held", "relax": "after a while (--relax-time) of the full noisy dynamics"}
FLOWS = {
    "ode": "each compartment with its own τ",
    "sweeps": "layer after layer, once in a τ",
    "neurons": "each neuron on a Poisson clock",
    "layers": "each layer on a Poisson clock",
}
CLOCKED = ("neurons", "layers")
"""Flows that are driven by events."""
HEALTH = {
    "off": "nothing",
    "light": "errors of the gradient, activities and verdicts of each layer",
    "full": "also Lipschitz constants and spectral abscissa",
}
TASKS = {"classification": "targets are classes", "regression": "targets are values"}
OPTIMISERS = {"adam": "", "sgd": ""}
DTYPES = {"float64": "", "float32": ""}
LOSSES = "mse or cross-entropy"
"""Those that the project brings; `analogsim.functions.losses` looks them up."""
