"""What numba does not offer well: a maximum that keeps NaN and vectorises, a product in place, cheap views.

`np.dot` in compiled code checks its operands at every call site, which costs more compile time than all else; here the
same BLAS routines are called on flat arrays. ``max(a, b)`` can lose a NaN and is a serial chain of compares; LLVM's
``maximum`` (IEEE 754-2019) propagates it and runs several lanes at a time. Slices and reshapes check and count
references; the views made here do neither, so an argument of the function that makes them must own what they look at.

All three look at memory by its address, so they are the gate of what Python hands over: an array that is not contiguous
in rows, of another type or read-only where it is written is refused when the call is compiled (layout, type and
writability are part of an argument's type, so known calls pay nothing), one that is too short when it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, imputils
from numba.extending import intrinsic as _intrinsic
from numba.np.arrayobj import make_array, populate_array
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


def _fits(*arrays: types.Array, written: types.Array | None = None) -> None:
    """Refuse at compile time what cannot be read as a run of numbers of one type."""
    for kind in arrays:
        if not isinstance(kind, types.Array) or kind.layout != "C" or not kind.aligned:
            raise InputError(f"compiled code got {kind}: not contiguous in rows; np.ascontiguousarray makes it so.")
        if kind.dtype != arrays[0].dtype or kind.dtype not in (types.float32, types.float64):
            raise InputError(f"compiled code got {kind}; expected float32 or float64, all arrays of one type.")
    if written is not None and not written.mutable:
        raise InputError(f"compiled code would write into {written}; give it a copy.")


def _holds(context: CPUContext, builder: ir.IRBuilder, size: ir.Value, end: ir.Value) -> None:
    """Refuse at run time to look beyond the end of an array."""
    with builder.if_then(builder.icmp_signed(">", end, size), likely=False):
        context.call_conv.return_user_exc(builder, InputError, ("compiled code got an array that is too short.",))


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
def multiply(
    typing: Typing, x: types.Array, x0: types.Type, y: types.Array, y0: types.Type, out: types.Array, out0: types.Type,
    m: types.Type, k: types.Type, n: types.Type,
) -> Typed:  # fmt: skip
    """out (m, n) = x (m, k) · y (k, n), row-major, each beginning at its offset in a flat array."""
    ensure_blas()
    _fits(x, y, out, written=out)

    def code(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
        m, k, n = args[6:]
        scalar = signature.args[0].dtype

        def pointer(value: ir.Value) -> ir.Value:
            return builder.bitcast(value, cgutils.voidptr_t)

        def routine(name: str, kinds: str) -> ir.Function:
            found = [{"c": ir.IntType(8), "n": cgutils.intp_t, "p": cgutils.voidptr_t}[letter] for letter in kinds]
            return cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), found), name)

        flat = [make_array(signature.args[i])(context, builder, args[i]) for i in (0, 2, 4)]
        for array, start, (rows, columns) in zip(flat, args[1:6:2], ((m, k), (k, n), (m, n)), strict=True):
            _holds(context, builder, array.nitems, builder.add(start, builder.mul(rows, columns)))
        a, b, c = (pointer(builder.gep(array.data, [start])) for array, start in zip(flat, args[1:6:2], strict=True))
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
    def typer(typing: Typing, flat: types.Array, start: types.Type, *shape: types.Type) -> Typed:
        _fits(flat)
        kind = types.Array(flat.dtype, dimensions, "C", readonly=not flat.mutable)

        def code(context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
            source, view = make_array(flat)(context, builder, args[0]), make_array(kind)(context, builder)
            sizes, width = list(args[2:]), context.get_abi_sizeof(context.get_data_type(flat.dtype))
            strides = [ir.Constant(cgutils.intp_t, width)]
            for size in reversed(sizes[1:]):
                strides.insert(0, builder.mul(strides[0], size))
            _holds(context, builder, source.nitems, builder.add(args[1], reduce(builder.mul, sizes)))
            data = builder.gep(source.data, [args[1]])
            populate_array(view, data, sizes, strides, ir.Constant(cgutils.intp_t, width), None)
            return imputils.impl_ret_borrowed(context, builder, kind, view._getvalue())

        return kind(flat, types.intp, *[types.intp] * dimensions), code

    return typer


@intrinsic
def span(typing: Typing, flat: types.Array, start: types.Type, n: types.Type) -> Typed:
    """View of n entries of a flat array from `start` on."""
    return _view(1)(typing, flat, start, n)


@intrinsic
def window(typing: Typing, flat: types.Array, start: types.Type, i: types.Type, j: types.Type, k: types.Type) -> Typed:
    """View of a flat array from `start` on, (i, j, k)."""
    return _view(3)(typing, flat, start, i, j, k)
