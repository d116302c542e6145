"""Many arrays handed to compiled code as one.

The interpreter takes a quarter of a microsecond to hand an array to a compiled function: with a
hundred of them a call takes longer than a small linear program. So what stays the same from call to
call is written once, as compiled code sees it, into a block of memory; a call hands over the block,
and compiled code reads the arrays' places back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.solver.compiled import InCode, private


class Packing:
    """How tuples of one type are written to blocks of memory.

    Args:
        sample: a tuple of arrays and numbers; all that are packed have its type.

    Attributes:
        unpack: for compiled code: the tuple of a block. It does not own the arrays: who holds the
            block holds them.
        unpack_at: the same for the place of a block.
        store: for compiled code: write a tuple to a block.
    """

    def __init__(self, sample: tuple[Any, ...]) -> None:
        self._sample = sample
        self._kinds = list(_kinds_of(sample))
        self._layout = struct.Struct("@" + _layout_of(sample))
        self.unpack = InCode(lambda numba: numba.reader(self._numba_type))
        self.unpack_at = InCode(lambda numba: numba.reader_at(self._numba_type))
        self.store = InCode(lambda numba: numba.writer(self._numba_type))

    @property
    def size(self) -> int:
        """Bytes of a block."""
        return self._layout.size

    @cached_property
    def _numba_type(self) -> Any:
        from numba import typeof

        kind: Any = typeof
        found = kind(self._sample)
        if private().size_of(found) != self.size:
            raise RuntimeError(
                private().broken(
                    "lays out tuples in memory as expected", ValueError(f"{self.size} bytes")
                )
            )
        return found

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
            raise TypeError(
                f"{type(value).__name__} holds other arrays than its packing was made for"
            )
        self._layout.pack_into(block.data, 0, *_words_of(value))

    def update(
        self, value: tuple[Any, ...], before: tuple[Any, ...], block: NDArray[np.uint8]
    ) -> None:
        """Write what is not the same object as in the tuple that was written to a block before.

        Raises:
            TypeError: as `pack`.
        """
        for place, kind, now, then in zip(
            self._places, self._kinds, _leaves_of(value), _leaves_of(before), strict=True
        ):
            if now is not then:
                if list(_kinds_of(now)) != [kind]:
                    raise TypeError(f"another array than {type(value).__name__} was packed with")
                layout, at = place
                layout.pack_into(block.data, at, *_words_of(now))

    def renew(self, value: tuple[Any, ...], before: Packed) -> Packed:
        """Write a tuple to a block of its own, which differs little from one that is packed."""
        block = before.block.copy()
        self.update(value, before.value, block)
        return Packed(value, block)

    @cached_property
    def _places(self) -> list[tuple[struct.Struct, int]]:
        """How each array or number is laid out, and where it begins."""
        places, before = [], ""
        for piece in _pieces_of(self._sample):
            before += piece
            if piece != _ALIGNED:
                layout = struct.Struct("@" + piece)
                places.append((layout, struct.calcsize("@" + before) - layout.size))
        return places


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


_ALIGNED = "0q"
"""Stands where a tuple begins and ends, in the layouts of `struct`."""


def _layout_of(value: Any) -> str:
    """A tuple as `struct` writes it: a C structure of its fields, aligned like its widest one."""
    return "".join(_pieces_of(value))


def _pieces_of(value: Any) -> Iterator[str]:
    """The layout of a tuple, array by array and number by number.

    An array is two pointers to owners, the number of elements, the bytes of one, where it begins,
    its shape and its strides.
    """
    if isinstance(value, tuple):
        inner = [piece for one in value for piece in _pieces_of(one)]
        aligned = [_ALIGNED] if "".join(inner).strip("?") else []
        yield from (*aligned, *inner, *aligned)
    elif isinstance(value, np.ndarray):
        yield "qqqqq" + "qq" * value.ndim
    elif isinstance(value, bool | np.bool_):
        yield "?"
    elif isinstance(value, float):
        yield "d"
    else:
        yield "q"


def _leaves_of(value: tuple[Any, ...]) -> Iterator[Any]:
    for one in value:
        if isinstance(one, tuple):
            yield from _leaves_of(one)
        else:
            yield one


def _words_of(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for one in value:
            yield from _words_of(one)
    elif isinstance(value, np.ndarray):
        yield from (0, 0, value.size, value.itemsize, value.__array_interface__["data"][0])
        yield from value.shape
        yield from value.strides
    else:
        yield value


place_of = InCode(lambda numba: numba.place_of())
"""For compiled code: where an array begins."""

call_at = InCode(lambda numba: numba.call_at())
"""For compiled code: call the function of two places that begins at an address."""

weigh_at = InCode(lambda numba: numba.weigh_at())
"""For compiled code: call the risk measure that begins at an address."""
