"""Records that compiled code reads behind one pointer: arrays and whole numbers under names.

A tuple of thirty arrays is taken apart at every call and written out in the code of every function that it passes
through. A record is one address: that of a table with the address and the shape of each array, from which compiled code
loads what it uses. In Python it is an immutable object with the same names.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import NativeValue, models, register_model, unbox

from analogsim.engine.primitives import Bare, build
from analogsim.errors import InputError

if TYPE_CHECKING:
    from numba.core.cpu import CPUContext


class RecordType(types.Type):
    """What compiled code knows of a record: for each name its first place in the table and its type."""

    def __init__(self, name: str, places: tuple[tuple[str, int, types.Type], ...]) -> None:
        self.places = {key: (at, kind) for key, at, kind in places}
        kinds = {str(kind.dtype) for _, _, kind in places if isinstance(kind, Bare)}
        super().__init__(f"{name}{'f' if 'float32' in kinds else 'd'}{hash_of(places):x}")


def hash_of(places: tuple[tuple[str, int, types.Type], ...]) -> int:
    """A short number that stands for the layout, the same in every process: names of functions hold it."""
    from zlib import crc32

    return crc32(repr([(key, at, str(kind)) for key, at, kind in places]).encode())


register_model(RecordType)(models.OpaqueModel)


class Packed:
    """Base of records: a subclass names its fields in ``__annotations__``, in the order of its table."""

    __slots__ = ("__dict__", "_numba_type_", "address", "head")

    head: np.ndarray
    address: int

    def __init__(self, **fields: object) -> None:
        if fields.keys() != self._names().keys():
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._names())}")
        self.__dict__.update(fields)
        cells: list[int] = []
        places = []
        for name in self._names():
            places.append((name, len(cells), _kind(name, fields[name])))
            cells += _cells(fields[name])
        self._place(np.array(cells, np.int64))
        self._numba_type_ = _type(type(self).__name__, tuple(places))

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._names():
            raise AttributeError(f"{type(self).__name__}.{name} cannot be set: compiled code would not see it.")
        object.__setattr__(self, name, value)

    @classmethod
    @lru_cache
    def _names(cls) -> dict[str, object]:
        return cls.__annotations__

    def _place(self, head: np.ndarray) -> None:
        self.head, self.address = head, head.ctypes.data

    def _replace(self, **changes: Any) -> Self:
        """A record with other fields of the same types.

        Raises
        ------
        InputError
            For a field of another type: what was compiled for the record would misread it.
        """
        places = self._numba_type_.places
        for name, value in changes.items():
            if (kind := _kind(name, value)) != places[name][1]:
                raise InputError(f"{type(self).__name__}.{name}: got {kind}; expected {places[name][1]}, as it was.")
        made, head = object.__new__(type(self)), self.head.copy()
        made.__dict__.update(self.__dict__, **changes)
        for name, value in changes.items():
            cells = _cells(value)
            head[places[name][0] : places[name][0] + len(cells)] = cells
        made._place(head)
        made._numba_type_ = self._numba_type_
        return made


def _cells(value: Any) -> list[int]:
    if isinstance(value, np.ndarray):
        return [value.__array_interface__["data"][0], *value.shape]
    return [int(value)]


_SCALARS = {np.dtype(name): getattr(types, name) for name in ("float64", "float32", "int64")}
_SCALARS[np.dtype(bool)] = types.boolean


def _kind(name: str, value: object) -> types.Type:
    if not isinstance(value, np.ndarray):
        return types.boolean if isinstance(value, bool | np.bool_) else types.intp
    flags = value.flags
    if not (flags.c_contiguous and flags.aligned and flags.writeable) or value.dtype not in _SCALARS:
        raise InputError(f"compiled code got {name} of {value.dtype}: not contiguous in rows, or read-only.")
    return _bare(value.dtype, value.ndim)


@lru_cache
def _bare(dtype: np.dtype, ndim: int) -> Bare:
    return Bare(_SCALARS[dtype], ndim)


@lru_cache
def _type(name: str, places: tuple[tuple[str, int, types.Type], ...]) -> RecordType:
    return RecordType(name, places)


@unbox(RecordType)
def _unbox(kind: RecordType, obj: ir.Value, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(obj, "address")
    value = c.pyapi.long_as_longlong(address)
    c.pyapi.decref(address)
    return NativeValue(c.builder.inttoptr(value, ir.IntType(8).as_pointer()))


@infer_getattr
class _Fields(AttributeTemplate):
    key = RecordType

    def generic_resolve(self, record: RecordType, name: str) -> types.Type | None:  # type: ignore[override]
        return record.places[name][1] if name in record.places else None


@lower_getattr_generic(RecordType)
def _load(context: CPUContext, builder: ir.IRBuilder, record: RecordType, value: ir.Value, name: str) -> ir.Value:
    at, kind = record.places[name]
    whole = ir.IntType(64)
    table = builder.bitcast(value, whole.as_pointer())

    def cell(k: int) -> ir.Value:
        found = builder.load(builder.gep(table, [ir.Constant(whole, k)]))
        found.set_metadata("invariant.load", builder.module.add_metadata([]))
        return found

    if isinstance(kind, Bare):
        data = builder.inttoptr(cell(at), context.get_data_type(kind.dtype).as_pointer())
        return build(context, builder, kind, data, [cell(at + 1 + k) for k in range(kind.ndim)])
    if kind is types.boolean:
        return builder.icmp_signed("!=", cell(at), ir.Constant(whole, 0))
    return cell(at)
