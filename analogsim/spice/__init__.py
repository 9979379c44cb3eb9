"""SPICE: netlists of programmed chips, and the decks that they become."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "netlists": [],
    },
)
