"""The memristor crossbar: cells, lines, periphery, and the weights that a read of an array gives."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "circuit": ["Crossbar"],
    },
)
