"""Studies as cards: a card says what to compute, what was published and what is claimed; the rest is done by program.

``card`` reads a card, ``study_points`` lists its points, ``kinds`` holds what a point may compute, ``computing`` runs
points in parallel and keeps them, ``table_lines`` averages over seeds, ``claims`` judges, ``figure`` draws,
``result_page`` writes.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["kinds"],
    submod_attrs={
        "card": ["Study", "read"],
        "study": ["carry_out"],
        "labelled": ["reproduce"],
        "result_page": ["write"],
    },
)
