"""One store of jobs for sweeps, budgets, tolerances and studies: computed anywhere, kept as they end, done once.

A *job* is what one process can compute by itself: a point of a sweep, a training of a budget, a point of a study. It
has a key of its content and becomes a row, ``done``, ``diverged``, ``failed`` or ``timeout``, with numbers or the
reason why there are none. `points` is what a worker does with one job, `dispatch` shares jobs out and keeps their rows,
`backends` are the processes or the cluster that compute them, `store` is the folder of the rows, `manifest` what rows
of one folder must have in common, `imports` the digest of the code among it, `shared` what the jobs of one process read
once.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["backends", "dispatch", "imports", "manifest", "points", "shared", "store"],
)
