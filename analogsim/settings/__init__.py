"""What a run simulates and how it trains."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "record": ["Settings"],
    },
)
