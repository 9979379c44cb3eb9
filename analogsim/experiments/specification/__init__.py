"""What a designer asks: what does each nonideality cost (`budget`), and how bad may it be (`tolerance`)?"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={"budgets": ["budget"], "tolerances": ["tolerance"]},
    submodules=["catalogue", "sequential", "tables", "trial", "trials"],
)
