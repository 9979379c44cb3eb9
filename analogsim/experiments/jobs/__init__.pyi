# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.experiments.jobs import backends, dispatch, imports, manifest, points, shared, store

__all__ = ["backends", "dispatch", "imports", "manifest", "points", "shared", "store"]
