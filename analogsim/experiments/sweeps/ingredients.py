"""What a metric of the user's is made of, as a digest: another one as soon as it may compute something else.

A function is its byte code, defaults, the values in its closure and the globals that it names; an object its class and
what pickle would keep of it. Code of the user's is taken apart down to these, libraries are named with their version.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import types
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from analogsim.errors import InputError
from analogsim.experiments.jobs.imports import code

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
NAMES = (
    *("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__"),
    *("__annotations__", "__annotate_func__", "__dataclass_fields__", "__dataclass_params__", "_abc_impl"),
)
"""Attributes of a class that compute nothing themselves."""


def made_of(name: str, thing: object, what: str = "metric") -> str:
    """Digest of a metric, or of `what` else a user gave.

    Raises
    ------
    InputError
        If something in it has no content to take a digest of: a generator, a lock, an open file.
    """
    digest = hashlib.sha256(b"%d.%d" % sys.version_info[:2])  # byte code is that of a version
    seen: dict[int, tuple[int, object]] = {}
    try:
        for part in _parts(thing, seen):
            digest.update(b"%d:%s" % (len(part), part))
    except (TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{what} {name!r} holds something without a digest ({reason}), so its points cannot be kept for another "
            "time. Give it plain values, or leave out the output."
        ) from None
    return digest.hexdigest()[:12]


def _parts(thing: Any, seen: dict[int, tuple[int, object]]) -> Iterator[bytes]:
    kind = type(thing)
    if isinstance(thing, PLAIN) and kind in PLAIN:
        yield f"{kind.__name__} {thing!r}".encode()
        return
    if id(thing) in seen:
        yield b"again %d" % seen[id(thing)][0]
        return
    seen[id(thing)] = len(seen), thing  # kept, so that no other thing gets its id
    yield kind.__qualname__.encode()
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        yield f"{thing.dtype.str} {thing.shape}".encode() + np.ascontiguousarray(thing).tobytes()
    elif isinstance(thing, types.CodeType):
        yield thing.co_code
        yield repr((thing.co_names, thing.co_varnames, thing.co_freevars, thing.co_argcount, thing.co_flags)).encode()
        yield from _each(thing.co_consts, seen)
    elif isinstance(thing, types.ModuleType | type | types.FunctionType) and _library(thing):
        yield _library(thing).encode()
    elif isinstance(thing, types.FunctionType):
        yield from _each(_function(thing), seen)
    elif isinstance(thing, types.ModuleType):
        path = getattr(thing, "__file__", None)
        yield Path(path).read_bytes() if path else thing.__name__.encode()
        inside = (getattr(value, "__module__", None) for value in vars(thing).values())
        others: set[Any] = {sys.modules[word] for word in inside if isinstance(word, str) and word in sys.modules}
        others |= {value for value in vars(thing).values() if isinstance(value, types.ModuleType)}
        named = sorted(others, key=lambda module: str(module.__name__))
        yield from _each(named, seen)
    elif isinstance(thing, type):
        yield from _each((thing.__bases__, {k: v for k, v in vars(thing).items() if k not in NAMES}), seen)
    elif isinstance(thing, types.BuiltinFunctionType | np.ufunc):
        owner = getattr(thing, "__self__", None)
        yield thing.__name__.encode()
        yield from () if isinstance(owner, types.ModuleType) else _parts(owner, seen)
    elif isinstance(thing, dict | types.MappingProxyType):
        yield from _each([part for pair in thing.items() for part in pair], seen)
    elif isinstance(thing, set | frozenset):
        yield from sorted(b"".join(_parts(entry, dict(seen))) for entry in thing)
    elif isinstance(thing, list | tuple) and kind in (list, tuple):
        yield from _each(thing, seen)
    elif isinstance(thing, types.MethodType):
        yield from _each((thing.__func__, thing.__self__), seen)
    elif isinstance(thing, functools.partial):
        yield from _each((thing.func, thing.args, thing.keywords), seen)
    elif hasattr(thing, "py_func"):  # compiled by Numba
        yield from _parts(thing.py_func, seen)
    elif isinstance(thing, property):
        yield from _each((thing.fget, thing.fset, thing.fdel), seen)
    elif isinstance(thing, staticmethod | classmethod):
        yield from _parts(thing.__func__, seen)
    elif isinstance(thing, types.MemberDescriptorType | types.GetSetDescriptorType | types.WrapperDescriptorType):
        yield thing.__name__.encode()
    else:
        reduced = thing.__reduce_ex__(4)
        rest = [reduced] if isinstance(reduced, str) else reduced
        yield from _each([list(part) if isinstance(part, Iterator) else part for part in rest], seen)


def _each(things: Collection[object], seen: dict[int, tuple[int, object]]) -> Iterator[bytes]:
    yield b"%d" % len(things)
    for thing in things:
        yield from _parts(thing, seen)


def _function(function: types.FunctionType) -> tuple[object, ...]:
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not set yet
            cells.append(None)
    names = _names(function.__code__)
    # Of a package of ours that loads what it is asked for, only what the function names counts.
    named = {
        name: code(value.__name__, frozenset(names)) if _is_ours(value) else value
        for name in sorted(names & function.__globals__.keys())
        for value in [function.__globals__[name]]
    }
    return function.__code__, function.__defaults__, function.__kwdefaults__, cells, named


def _names(body: types.CodeType) -> set[str]:
    """Every global or attribute that a function, or one inside it, asks for."""
    inner = (_names(constant) for constant in body.co_consts if isinstance(constant, types.CodeType))
    return set(body.co_names).union(*inner)


def _is_ours(thing: object) -> bool:
    return isinstance(thing, types.ModuleType) and thing.__name__.partition(".")[0] == __name__.partition(".")[0]


def _library(thing: object) -> str:
    """Name and version of what is installed, or of this package with the digest of its code; empty for other code."""
    module = thing.__name__ if isinstance(thing, types.ModuleType) else str(thing.__module__)
    name, top = f"{module}:{getattr(thing, '__qualname__', '')}", module.partition(".")[0]
    if top == __name__.partition(".")[0]:
        return f"{name} {code(module)}"
    if top in sys.stdlib_module_names:
        return name
    package = sys.modules.get(top)
    parts = Path(getattr(package, "__file__", None) or "").parts
    is_installed = "site-packages" in parts or "dist-packages" in parts
    return f"{name} {getattr(package, '__version__', '')}" if is_installed else ""
