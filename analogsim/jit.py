"""Numba's ``njit`` with an on-disk cache that notices every change.

Numba's own index watches only the file of the outer function: edit a kernel that it calls and the stale machine code
is run. Here the cache folder carries a hash of every compiled module of the package and of the constants that they
take, so any edit starts afresh, and it lies in the user's cache, so that read-only installs work too.
``NUMBA_CACHE_DIR``, if set, is respected as the base.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config as _config

config: Any = _config
njit: Any = numba.njit


@lru_cache(maxsize=1)
def _folder() -> str:
    package = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes()
        compiled = b"analogsim.jit import" in text or b"import numba" in text or b"from numba" in text
        if compiled or path.name == "activations.py":
            digest.update(path.relative_to(package).as_posix().encode() + text)
    base = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "analogsim"
    )
    return os.path.join(base, f"kernels-{digest.hexdigest()[:16]}")


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile to machine code, cached; used as ``@jit`` or ``@jit(fastmath=True)``."""
    if function is None:
        return lambda f: jit(f, **options)
    previous = config.CACHE_DIR
    config.CACHE_DIR = _folder()
    try:
        return njit(cache=True, error_model="numpy", no_cfunc_wrapper=True, **options)(function)
    finally:
        config.CACHE_DIR = previous


def inner(function: Callable[..., Any]) -> Any:
    """As `jit`, for what only compiled code calls: without the part that unpacks Python objects, dear to compile.

    A call from Python is not refused: it crashes the interpreter.
    """
    return jit(function, no_cpython_wrapper=True)
