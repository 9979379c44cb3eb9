"""Numba's ``njit`` with an on-disk cache that notices every change.

Numba's own index watches only the file of the outer function: edit a kernel that it calls and the stale machine code
is run. Here the cache folder carries a hash of every compiled module of the package and of the constants that they
take, so any edit starts afresh, and it lies in the user's cache, so that read-only installs work too. Its files carry
checksums: numba's own cache ends in an error of the unpickler, or worse, where one was emptied or cut by a full disk.
``NUMBA_CACHE_DIR``, if set, is respected as the base.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config as _config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

config: Any = _config
njit: Any = numba.njit

TAKEN = ("functions/activations.py", "functions/losses.py", "chip/columns.py")
"""Modules without numba from which compiled code takes functions and constants."""


@lru_cache(maxsize=1)
def _folder() -> str:
    package = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(package.rglob("*.py")):
        text = path.read_bytes()
        is_compiled = b"analogsim.jit import" in text or b"import numba" in text or b"from numba" in text
        if is_compiled or path.relative_to(package).as_posix() in TAKEN:
            digest.update(path.relative_to(package).as_posix().encode() + text)
    base = os.environ.get("NUMBA_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "analogsim"
    )
    return os.path.join(base, f"kernels-{digest.hexdigest()[:16]}")


class _Checked(IndexDataCacheFile):
    """Files that carry a checksum: what was emptied, cut or changed is compiled anew, and never run or unpickled."""

    def _dump(self, obj: object) -> bytes:
        data: bytes = super()._dump(obj)
        return data + hashlib.sha256(data).digest()  # a pickle ends by itself: what follows it is not read

    def _load_index(self) -> dict[object, str]:
        head = pickle.dumps(self._version, protocol=-1)
        try:
            found = Path(self._index_path).read_bytes()
        except OSError:
            return {}
        whole = found.startswith(head) and _is_whole(found[len(head) :])
        return super()._load_index() if whole else {}

    def _load_data(self, name: str) -> object:
        if not _is_whole(Path(self._data_path(name)).read_bytes()):
            raise OSError("damaged")  # as if it were not there
        return super()._load_data(name)


class _Cache(FunctionCache):
    """Numba's cache of one function, with checked files; where none can be written, there is none."""

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__(function)
        plain = self._cache_file
        self._cache_file = _Checked(self._cache_path, self._impl.filename_base, plain._source_stamp)

    def save_overload(self, sig: object, data: object) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


def _is_whole(data: bytes) -> bool:
    return hashlib.sha256(data[:-32]).digest() == data[-32:]


def compiled(function: Callable[..., object] | None = None, **options: object) -> Any:
    """Compile to machine code, cached; used as ``@compiled`` or ``@compiled(fastmath=True)``."""
    if function is None:
        return lambda f: compiled(f, **options)
    previous = config.CACHE_DIR
    config.CACHE_DIR = _folder()
    try:
        made = njit(error_model="numpy", no_cfunc_wrapper=True, **options)(function)
        with suppress(RuntimeError):  # no folder that can be written: compile in every process
            made._cache = _Cache(function)
        return made
    finally:
        config.CACHE_DIR = previous


def called(function: Callable[..., object]) -> Any:
    """Compile to machine code, cached, that other compiled functions call by its address.

    WARNING: no Python wrapper is compiled; calling this from Python crashes.
    """
    return compiled(function, no_cpython_wrapper=True)


class _Fragment(JITCodeLibrary):
    """Code that is handed on to its callers as it was written, and is optimised and assembled with them alone.

    Numba makes machine code of every function by itself, which is thrown away where all callers take the function in.
    """

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            if hasattr(library, "_reload_init"):  # not in Numba 0.62
                self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Any:
        return _NoEnvironment


class _NoEnvironment:
    """Stands for numba's code generator where it would look for machine code that is not there."""

    @staticmethod
    def set_env(name: str, environment: object) -> None:
        pass


class _Inner(Compiler):
    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        super().__init__(typing, target, _Fragment(target.codegen(), "inner"), *rest)


def inner(function: Callable[..., object] | None = None, **options: object) -> Any:
    """A function of other compiled functions only: no machine code of its own, and nothing in the cache.

    WARNING: calling this from Python crashes. It must not raise.
    """
    if function is None:
        return lambda f: inner(f, **options)
    bare = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(pipeline_class=_Inner, **bare, **options)(function)
