"""Memory as compiled code sees it: arrays without strides and reference counts, products and a maximum on them.

An array of numba knows its strides, counts its references and wraps negative indices; each use of one writes dozens of
lines of machine code, and compiling those is what a first run waits for. Here an array is an address and a shape, rows
one after another: ``x[i, j]``, ``x[i]`` (a row), ``x.size``, ``x.shape`` and ``x.dtype`` cost what they compute.
Indices are not checked and must not be negative; nothing is kept alive.

So what Python hands over is looked at once, by `given` and `filled`: one that is not contiguous in rows, of another
type, or read-only where it is written is refused when the call is compiled (layout, type and writability are part of an
argument's type, so known calls pay nothing), one that is too short when it comes.

`np.dot` in compiled code checks its operands at every call site; here the same BLAS routines are called by address.
``max(a, b)`` can lose a NaN and is a serial chain of compares; LLVM's ``maximum`` (IEEE 754-2019) propagates it and
runs several lanes at a time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_getattr
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic as _intrinsic
from numba.extending import lower_builtin, models, register_model, type_callable
from numba.np.arrayobj import make_array
from numba.np.linalg import ensure_blas, get_blas_kind, make_constant_slot

from analogsim.errors import InputError

if TYPE_CHECKING:
    from numba.core.cpu import CPUContext
    from numba.core.typing.context import BaseContext as Typing
    from numba.core.typing.templates import Signature

    Typed = tuple[Signature, Callable[..., ir.Value]]
    """What an intrinsic gives numba: its types, and what writes its code."""


intrinsic: Any = _intrinsic
"""Its hints describe what it wraps, not what compiled code calls."""


class Bare(types.Type):
    """An array of compiled code: where its numbers lie, row after row, and its shape."""

    def __init__(self, dtype: types.Type, ndim: int) -> None:
        self.dtype, self.ndim = dtype, ndim
        super().__init__(f"bare{ndim}{dtype}")


@register_model(Bare)
class _Model(models.StructModel):
    def __init__(self, manager: Any, kind: Bare) -> None:
        shape = types.UniTuple(types.intp, kind.ndim)
        super().__init__(manager, kind, [("data", types.CPointer(kind.dtype)), ("shape", shape)])


def build(
    context: CPUContext, builder: ir.IRBuilder, kind: Bare, data: ir.Value, shape: Sequence[ir.Value]
) -> ir.Value:
    """The value of an array of these numbers."""
    made = cgutils.create_struct_proxy(kind)(context, builder)
    made.data = builder.bitcast(data, context.get_data_type(kind.dtype).as_pointer())
    made.shape = cgutils.pack_array(builder, shape)
    return made._getvalue()


def _parts(context: CPUContext, builder: ir.IRBuilder, kind: Bare, value: ir.Value) -> tuple[ir.Value, list[ir.Value]]:
    found = cgutils.create_struct_proxy(kind)(context, builder, value)
    return found.data, cgutils.unpack_tuple(builder, found.shape, kind.ndim)


def _indices(index: types.Type) -> list[types.Type] | None:
    found: list[types.Type] = list(index.types) if isinstance(index, types.BaseTuple) else [index]  # type: ignore[attr-defined]
    if any(isinstance(one, types.IntegerLiteral) and one.literal_value < 0 for one in found):
        raise InputError("compiled code asks for a negative index, which looks in front of an array.")
    return found if all(isinstance(one, types.Integer) for one in found) else None


@type_callable(operator.getitem)
def _type_getitem(typing: Typing) -> Any:
    def typer(array: types.Type, index: types.Type) -> types.Type | None:
        found = _indices(index) if isinstance(array, Bare) else None
        if not isinstance(array, Bare) or found is None or len(found) > array.ndim:
            return None
        left = array.ndim - len(found)
        return Bare(array.dtype, left) if left else array.dtype

    return typer


@type_callable(operator.setitem)
def _type_setitem(typing: Typing) -> Any:
    def typer(array: types.Type, index: types.Type, value: types.Type) -> types.Type | None:
        found = _indices(index) if isinstance(array, Bare) else None
        fits = isinstance(array, Bare) and found is not None and len(found) == array.ndim
        return types.none if fits else None

    return typer


def _place(
    context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]
) -> tuple[ir.Value, list[ir.Value]]:
    """Address of an entry or of a row, and the shape that is left."""
    array, index = signature.args[:2]
    data, shape = _parts(context, builder, array, args[0])
    given = cgutils.unpack_tuple(builder, args[1]) if isinstance(index, types.BaseTuple) else [args[1]]
    kinds = _indices(index) or []
    numbers = [context.cast(builder, v, kind, types.intp) for v, kind in zip(given, kinds, strict=True)]
    flat = numbers[0]
    for number, width in zip(numbers[1:], shape[1:], strict=False):
        flat = builder.add(builder.mul(flat, width), number)
    left = shape[len(numbers) :]
    return builder.gep(data, [reduce(builder.mul, left, flat)]), left


@lower_builtin(operator.getitem, Bare, types.Any)
def _getitem(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
    at, left = _place(context, builder, signature, args)
    if left:
        return build(context, builder, signature.return_type, at, left)
    return context.unpack_value(builder, signature.args[0].dtype, at)


@lower_builtin(operator.setitem, Bare, types.Any, types.Any)
def _setitem(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
    at, _ = _place(context, builder, signature, args)
    array, _, kind = signature.args
    context.pack_value(builder, array.dtype, context.cast(builder, args[2], kind, array.dtype), at)
    return context.get_dummy_value()


@infer_getattr
class _Attributes(AttributeTemplate):
    key = Bare

    def resolve_size(self, array: Bare) -> types.Type:
        return types.intp

    def resolve_shape(self, array: Bare) -> types.Type:
        return types.UniTuple(types.intp, array.ndim)

    def resolve_dtype(self, array: Bare) -> types.Type:
        return types.DType(array.dtype)


@lower_getattr(Bare, "size")
def _size(context: CPUContext, builder: ir.IRBuilder, kind: Bare, value: ir.Value) -> ir.Value:
    return reduce(builder.mul, _parts(context, builder, kind, value)[1])


@lower_getattr(Bare, "shape")
def _shape(context: CPUContext, builder: ir.IRBuilder, kind: Bare, value: ir.Value) -> ir.Value:
    return cgutils.create_struct_proxy(kind)(context, builder, value).shape


@lower_getattr(Bare, "dtype")
def _dtype(context: CPUContext, builder: ir.IRBuilder, kind: Bare, value: ir.Value) -> ir.Value:
    return context.get_dummy_value()


def _handed(is_written: bool) -> Callable[..., Typed]:
    def typer(typing: Typing, array: types.Type, size: types.Type) -> Typed:
        if not isinstance(array, types.Array) or array.layout != "C" or not array.aligned:
            raise InputError(f"compiled code got {array}: not contiguous in rows; np.ascontiguousarray makes it so.")
        if is_written and not array.mutable:
            raise InputError(f"compiled code would write into {array}; give it a copy.")
        kind = Bare(array.dtype, array.ndim)

        def code(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
            source = make_array(array)(context, builder, args[0])
            with builder.if_then(builder.icmp_signed("<", source.nitems, args[1]), likely=False):
                words = ("compiled code got an array that is too short.",)
                context.call_conv.return_user_exc(builder, InputError, words)
            shape = cgutils.unpack_tuple(builder, source.shape, array.ndim)
            return build(context, builder, kind, source.data, shape)

        return kind(array, types.intp), code

    return typer


@intrinsic
def given(typing: Typing, array: types.Type, size: types.Type) -> Typed:
    """What Python gave to be read: at least `size` numbers."""
    return _handed(False)(typing, array, size)


@intrinsic
def filled(typing: Typing, array: types.Type, size: types.Type) -> Typed:
    """What Python gave to be written: at least `size` numbers."""
    return _handed(True)(typing, array, size)


@intrinsic
def greatest(typing: Typing, x: types.Type, y: types.Type) -> Typed:
    """The larger of two numbers of one type, NaN if either is NaN."""
    if x != y:
        raise InputError(f"compiled code got {x} beside {y}; expected arrays of one type.")

    def code(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        kind = args[0].type
        function = builder.module.declare_intrinsic("llvm.maximum", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, args)

    return x(x, y), code


@intrinsic
def call(typing: Typing, address: types.Type, p: types.Type, a: types.Type, s: types.Type, z: types.Type) -> Typed:
    """Call a compiled function of (p, a, s, z) without a result, which does not raise, by its address."""

    def code(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        kinds = signature.args[1:]
        pointer = context.call_conv.get_function_type(types.none, kinds).as_pointer()
        context.call_conv.call_function(builder, builder.inttoptr(args[0], pointer), types.none, kinds, args[1:])
        return context.get_dummy_value()

    return types.void(types.intp, p, a, s, z), code


@intrinsic
def multiply(
    typing: Typing, x: Bare, x0: types.Type, y: Bare, y0: types.Type, out: Bare, out0: types.Type,
    m: types.Type, k: types.Type, n: types.Type,
) -> Typed:  # fmt: skip
    """out (m, n) = x (m, k) · y (k, n), row-major, each beginning at its offset in a flat array."""
    ensure_blas()
    if not x.dtype == y.dtype == out.dtype or x.dtype not in (types.float32, types.float64):
        raise InputError(f"compiled code got {x}, {y} and {out}; expected float32 or float64, all of one type.")

    def code(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        m, k, n = args[6:]
        scalar = signature.args[0].dtype

        def pointer(value: ir.Value) -> ir.Value:
            return builder.bitcast(value, cgutils.voidptr_t)

        def routine(name: str, kinds: str) -> ir.Function:
            found = [{"c": ir.IntType(8), "n": cgutils.intp_t, "p": cgutils.voidptr_t}[letter] for letter in kinds]
            return cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), found), name)

        flat = [_parts(context, builder, signature.args[i], args[i])[0] for i in (0, 2, 4)]
        a, b, c = (pointer(builder.gep(data, [start])) for data, start in zip(flat, args[1:6:2], strict=True))
        one, zero = (pointer(make_constant_slot(context, builder, scalar, v)) for v in (1.0, 0.0))
        kind, plain = (ir.Constant(ir.IntType(8), ord(letter)) for letter in (get_blas_kind(scalar), "n"))
        # BLAS is column-major: outᵀ = yᵀ xᵀ. For one row its matrix-vector product is much faster.
        with builder.if_else(builder.icmp_signed("==", m, ir.Constant(m.type, 1))) as (single, several):
            with single:
                gemv = routine("numba_xxgemv", "ccnnppnppp")
                builder.call(gemv, [kind, plain, n, k, one, b, n, a, zero, c])
            with several:
                gemm = routine("numba_xxgemm", "cccnnnppnpnppn")
                builder.call(gemm, [kind, plain, plain, n, m, k, one, b, n, a, k, zero, c, n])
        return context.get_dummy_value()

    size = types.intp
    return types.void(x, size, y, size, out, size, size, size, size), code


def _view(dimensions: int) -> Callable[..., Typed]:
    def typer(typing: Typing, flat: Bare, start: types.Type, *shape: types.Type) -> Typed:
        kind = Bare(flat.dtype, dimensions)

        def code(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
            data, _ = _parts(context, builder, flat, args[0])
            return build(context, builder, kind, builder.gep(data, [args[1]]), args[2:])

        return kind(flat, types.intp, *[types.intp] * dimensions), code

    return typer


@intrinsic
def span(typing: Typing, flat: Bare, start: types.Type, n: types.Type) -> Typed:
    """View of n entries of an array from `start` on."""
    return _view(1)(typing, flat, start, n)


@intrinsic
def table(typing: Typing, flat: Bare, start: types.Type, i: types.Type, j: types.Type) -> Typed:
    """View of an array from `start` on, (i, j)."""
    return _view(2)(typing, flat, start, i, j)


@intrinsic
def window(typing: Typing, flat: Bare, start: types.Type, i: types.Type, j: types.Type, k: types.Type) -> Typed:
    """View of an array from `start` on, (i, j, k)."""
    return _view(3)(typing, flat, start, i, j, k)
