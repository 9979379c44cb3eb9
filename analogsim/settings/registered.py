"""Rules of chips and updates of devices by name, as they are registered: nothing of them is loaded here."""

from collections.abc import Collection, Iterator

from analogsim.facts import Facts
from analogsim.registry import register, unwrapped

RULES = Facts(register.rule, "words", having="wiring")
"""Rules that a chip can follow, in words."""
TAKES = Facts(register.rule, "takes", having="wiring")
"""Settings that the wiring of each rule takes."""
SOURCES = Facts(register.rule, "source", having="source")
"""What to cite for a rule, digital ones among them."""
UPDATES = Facts(register.update, "words")
"""How devices take a change of the weights, in words."""


class Taking(Collection[str]):
    """The rules whose wiring takes a setting."""

    def __init__(self, setting: str) -> None:
        self.setting = setting

    def __contains__(self, rule: object) -> bool:
        own = unwrapped(rule)
        return self.setting in (TAKES.get(own, ()) if isinstance(own, str) else getattr(own, "takes", ()))

    def __iter__(self) -> Iterator[str]:
        return (rule for rule, taken in TAKES.items() if self.setting in taken)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def is_driven(update: str) -> bool:
    """Whether the signals of the local rule drive an update, plain SGD; loads it, unless it is the circuit's own."""
    return update != "circuit" and bool(getattr(register.update[update], "driven", False))
