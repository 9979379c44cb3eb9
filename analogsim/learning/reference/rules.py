"""The rules by the names of the command line, ``analogsim train RULE``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from analogsim.errors import InputError, one_of, unknown


@dataclass(frozen=True)
class Rule:
    """A rule's name, what it is, where it lives, and options that go with the name."""

    name: str
    summary: str
    module: str
    function: str
    fixed: dict[str, Any] = field(default_factory=dict)

    def load(self) -> Callable[..., Any]:
        """Return the function ``rule(net, x, y, **options) -> gradients``."""
        return getattr(import_module(f"analogsim.learning.reference.{self.module}"), self.function)


RULES = {
    item.name: item
    for item in (
        Rule("bp", "back-propagation", "backpropagation", "backprop"),
        Rule("dp", "dual propagation DP(α)", "propagation", "dual_propagation"),
        Rule("dpt", "adjoint dual propagation DP⊤(α)", "propagation", "adjoint_dual_propagation"),
        Rule("dp-damped", "DP(α) by damped sweeps", "lifted", "damped_dual_propagation"),
        Rule("dp-robust", "DP(α) with a nudged input layer", "inputs", "robust_dual_propagation"),
        Rule("lecun", "dyads of LeCun's Lagrangian", "lagrangian", "lecun_lagrangian"),
        Rule("lpom", "lifted proximal operator machine, DP(1)", "lifted", "lpom"),
        Rule("lpom-inverted", "inverted LPOM, DP(0)", "lifted", "lpom", {"inverted": True}),
        Rule("fenchel", "Fenchel back-propagation", "targets", "fenchel"),
        Rule("mac", "method of auxiliary coordinates", "auxiliary", "auxiliary_coordinates"),
        Rule("pcn", "predictive coding", "auxiliary", "predictive_coding"),
        Rule("chl", "contrastive Hebbian learning, discounted by layer", "contrastive", "contrastive_hebbian"),
        Rule("chl-convex", "its convex form", "contrastive", "contrastive_hebbian", {"convex": True}),
        Rule("ep", "equilibrium propagation", "hopfield", "equilibrium_propagation"),
        Rule("sshm", "skew-symmetric Hopfield network, λ = 0", "hopfield", "dyadic", {"lam": 0.0}),
        Rule("dyadic", "the λ family", "hopfield", "dyadic"),
        Rule("adversarial", "back-propagation one step up the input gradient", "inputs", "adversarial"),
    )
}


def rule(name: str, **options: Any) -> Callable[..., Any]:
    """Look a rule up by its name and bind its options.

    Returns
    -------
    callable
        ``rule(net, x, y, **more) -> gradients``.

    Raises
    ------
    InputError
        If there is no such rule, or it does not take an option; the message names the nearest.
    """
    one_of("rule", name, RULES)
    found = RULES[name]
    function = found.load()
    takes = options_of(function)
    free = [key for key in takes if key not in found.fixed]
    for key in options:
        if key in found.fixed:
            raise InputError(f"{name} sets {key} = {found.fixed[key]!r} itself; leave it out.")
        if not free:
            raise InputError(f"{name} takes no options; leave {key} out.")
        if key not in takes:
            raise unknown(f"option of {name}", key, free)

    def bound(net: Any, x: Any, y: Any, **more: Any) -> Any:
        return function(net, x, y, **found.fixed, **options, **more)

    bound.__name__ = bound.__qualname__ = name
    return bound


def options_of(function: Callable[..., Any]) -> list[str]:
    """Names of the keyword options that a user chooses."""
    found = inspect.signature(function).parameters.values()
    names = [p.name for p in found if p.kind is p.KEYWORD_ONLY]
    return [name for name in names if name not in ("workspace", "rng", "feedback", "rule")]
