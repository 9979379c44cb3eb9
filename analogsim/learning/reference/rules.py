"""A learning rule: one record with its wiring for chips, its function for digital networks, and what suits it.

Each rule registers in the module of its equations, and is found by name, as in ``run --rule NAME`` and ``train NAME``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from analogsim.errors import InputError, listed, one_of, unknown
from analogsim.facts import Facts
from analogsim.registry import register

if TYPE_CHECKING:
    from analogsim.learning.reference.layers import Array, Gradients
    from analogsim.network import Network
    from analogsim.wiring import Wiring

NOT_CHOSEN = ("workspace", "rng", "feedback", "rule", "wiring")
"""Keywords of a rule's function that are no options of its user."""
RULES = Facts(register.rule, "words")


class Teacher(Protocol):
    """What trains a digital network: the gradients of a batch, means over the samples."""

    __name__: str

    def __call__(self, net: Network, x: Array, y: Array, **options: object) -> Gradients:
        """Gradients for x, (sample, feature), and y, (sample, class)."""


@dataclass(frozen=True)
class Rule:
    """A learning rule.

    Attributes
    ----------
    source : str
        What to cite.
    wiring : callable, optional
        Makes the `Wiring` of a chip. Without one the rule is for digital networks only.
    takes : tuple of str
        Settings that `wiring` takes by keyword, of ``("alpha", "lam")``; one that is not chosen is left out.
    digital : callable, optional
        ``digital(net, x, y, **options) -> gradients``. Where there is none, both compartments of every layer are
        relaxed by sweeps with the wiring: `analogsim.learning.reference.dyads.relaxed`.
    fixed : mapping
        Options of `digital` that go with the name.
    recurrent : bool
        Whether its network may feed back while it infers.
    activation, init : str
        Of the hidden layers, and how weights are drawn, where nothing else is asked for.
    """

    source: str = ""
    wiring: Callable[..., Wiring] | None = None
    takes: tuple[str, ...] = ()
    digital: Callable[..., Gradients] | None = None
    fixed: Mapping[str, object] = field(default_factory=dict)
    recurrent: bool = False
    activation: str = "relu"
    init: str = "kaiming"

    def __post_init__(self) -> None:
        for given in listed("takes", self.takes, "names of settings, as in ('alpha',)"):
            one_of("takes", given, ("alpha", "lam"))
        object.__setattr__(self, "takes", tuple(self.takes))

    def options(self) -> list[str]:
        """Names of the options that a user may choose in digital training; those that are fixed are among them."""
        if self.digital is not None:
            return _options(self.digital)
        from analogsim.learning.reference.dyads import relaxed

        return [*self.takes, *_options(relaxed)]

    def made(self, **options: object) -> Callable[..., Gradients]:
        """The function for digital networks with its options bound.

        Raises
        ------
        InputError
            If the rule has neither such a function nor a wiring.
        """
        if self.digital is not None:
            return partial(self.digital, **self.fixed, **options)
        if self.wiring is None:
            raise InputError("this rule has neither a wiring nor a digital function: give its Rule one of them.")
        from analogsim.learning.reference.dyads import relaxed

        function: Callable[..., Gradients] = relaxed
        shares = {key: options.pop(key) for key in self.takes if key in options}
        return partial(function, wiring=self.wiring(**shares), **options)


def rule(name: str, **options: object) -> Teacher:
    """Look a rule up by its name and bind its options.

    Parameters
    ----------
    name : str
        A name of ``analogsim list``, as in "dpt".
    **options
        Keywords of its function, as in ``alpha=0.3``.

    Returns
    -------
    callable
        ``rule(net, x, y, **more) -> gradients``.

    Raises
    ------
    InputError
        If there is no such rule, or it does not take an option; the message names the nearest.
    """
    found: Rule = register.rule[one_of("rule", name, RULES)]
    takes = found.options()
    free = [key for key in takes if key not in found.fixed]
    for key in options:
        if key in found.fixed:
            raise InputError(f"{name} sets {key} = {found.fixed[key]!r} itself; leave it out.")
        if not free:
            raise InputError(f"{name} takes no options; leave {key} out.")
        if key not in takes:
            raise unknown(f"option of {name}", key, free)
    function = found.made(**options)

    def bound(net: Network, x: Array, y: Array, **more: object) -> Gradients:
        return function(net, x, y, **more)

    bound.__name__ = bound.__qualname__ = name
    return bound


def _options(function: Callable[..., Gradients]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in NOT_CHOSEN]
