"""Many arrays handed to compiled code as one.

The interpreter takes a quarter of a microsecond to hand an array to a compiled function: with a hundred of them a call takes longer
than a small linear program. So what stays the same from call to call is written once, as compiled code sees it, into a block
of memory; a call hands over the block, and compiled code reads the arrays' places back.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, typeof, types
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numpy.typing import NDArray


class Packing:
    """How tuples of one type are written to blocks of memory.

    Args:
        sample: a tuple of arrays and numbers; all that are packed have its type.

    Attributes:
        unpack: for compiled code: the tuple of a block. It does not own the arrays: who holds the block holds them.
        unpack_at: the same for the place of a block.
        store: for compiled code: write a tuple to a block.
    """

    def __init__(self, sample: tuple[Any, ...]) -> None:
        kind: Any = typeof
        self._numba_type = kind(sample)
        self.unpack, self.unpack_at, self.store = (
            _reader(self._numba_type),
            _reader_at(self._numba_type),
            _writer(self._numba_type),
        )
        self._kinds = list(_kinds_of(sample))

    @cached_property
    def size(self) -> int:
        """Bytes of a block."""
        context = cpu_target.target_context
        return int(context.get_abi_sizeof(context.get_value_type(self._numba_type)))

    def pack(self, value: tuple[Any, ...]) -> Packed:
        """Write a tuple to a block of its own.

        Raises:
            TypeError: it is not of the type of the sample; compiled code would read it wrongly.
        """
        block = np.zeros(self.size, np.uint8)
        self.write(value, block)
        return Packed(value, block)

    def write(self, value: tuple[Any, ...], block: NDArray[np.uint8]) -> None:
        """Write a tuple to a block of `size` bytes; who calls keeps the tuple.

        Raises:
            TypeError: as `pack`.
        """
        if list(_kinds_of(value)) != self._kinds:
            raise TypeError(f"{type(value).__name__} holds other arrays than its packing was made for")
        _write(block, value)


class Packed:
    """A tuple and its block.

    Attributes:
        value: the tuple, which must live as long as the block is used.
        block: bytes, for compiled code.
    """

    __slots__ = ("block", "value")

    def __init__(self, value: tuple[Any, ...], block: NDArray[np.uint8]) -> None:
        self.value = value
        self.block = block


def _kinds_of(value: Any) -> Iterator[tuple[object, ...]]:
    if isinstance(value, tuple):
        for one in value:
            yield from _kinds_of(one)
    elif isinstance(value, np.ndarray):
        yield value.dtype, value.ndim, value.flags.c_contiguous
    else:
        yield (type(value),)


def _typed_place(context, builder, block_type, block, numba_type):
    array = context.make_array(block_type)(context, builder, block)
    return builder.bitcast(array.data, context.get_value_type(numba_type).as_pointer())


def _reader(numba_type: Any) -> Any:
    @intrinsic
    def unpack(_typing_context, block):
        def generate(context, builder, signature, arguments):
            return builder.load(_typed_place(context, builder, signature.args[0], arguments[0], numba_type))

        return numba_type(block), generate

    return unpack


def _reader_at(numba_type: Any) -> Any:
    @intrinsic
    def unpack_at(_typing_context, place):
        def generate(context, builder, _signature, arguments):
            return builder.load(builder.bitcast(arguments[0], context.get_value_type(numba_type).as_pointer()))

        return numba_type(place), generate

    return unpack_at


def _writer(numba_type: Any) -> Any:
    @intrinsic
    def store(_typing_context, block, value):
        if value != numba_type:
            raise TypingError(f"{value} is stored where {numba_type} belongs")

        def generate(context, builder, signature, arguments):
            builder.store(arguments[1], _typed_place(context, builder, signature.args[0], arguments[0], numba_type))
            return context.get_dummy_value()

        return types.void(block, value), generate

    return store


@intrinsic
def _store(_typing_context, block, value):
    def generate(context, builder, signature, arguments):
        builder.store(arguments[1], _typed_place(context, builder, signature.args[0], arguments[0], signature.args[1]))
        return context.get_dummy_value()

    return types.void(block, value), generate


@intrinsic
def place_of(_typing_context, array):
    """Where an array begins."""

    def generate(context, builder, signature, arguments):
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.bitcast(view.data, context.get_value_type(types.voidptr))

    return types.voidptr(array), generate


@intrinsic
def call_at(_typing_context, _address, _first, _second):
    """Call the function of two places that begins at an address."""

    def generate(context, builder, _signature, arguments):
        place = context.get_value_type(types.voidptr)
        function = builder.inttoptr(arguments[0], ir.FunctionType(ir.VoidType(), [place, place]).as_pointer())
        builder.call(function, arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.voidptr, types.voidptr), generate


@njit(cache=True)
def _write(block, value):
    _store(block, value)
