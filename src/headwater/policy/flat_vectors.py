"""Vectors of numbers in FlatBuffers files.

Aligned, and written and read without copies of copies.
"""

from __future__ import annotations

import flatbuffers
import flatbuffers.table
import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64
LARGEST_FILE = 2**31 - 2**20
"""FlatBuffers offsets are 32 bits wide."""


def reserve_vector(builder: flatbuffers.Builder, size: int, kind: DTypeLike) -> tuple[int, NDArray]:  # type: ignore[type-arg]
    """Make room for a vector that starts on a 64-byte boundary.

    Its offset and a view to be filled are returned.

    The view is dropped when the builder grows, so it is filled before the next call.
    """
    dtype = np.dtype(kind).newbyteorder("<")
    builder.StartVector(dtype.itemsize, size, ALIGNMENT)
    start = builder.Head() - dtype.itemsize * size
    builder.head = start
    view = np.frombuffer(builder.Bytes, dtype, count=size, offset=start)
    return int(builder.EndVector()), view


def put_vector(builder: flatbuffers.Builder, array: NDArray) -> int:  # type: ignore[type-arg]
    """Write a vector that starts on a 64-byte boundary; returns its offset."""
    offset, view = reserve_vector(builder, array.size, array.dtype)
    view[:] = array.ravel()
    return offset


def finish(builder: flatbuffers.Builder, root: int, identifier: bytes) -> memoryview:
    """Complete a file; the result is a view of the builder's memory."""
    builder.Finish(root, file_identifier=identifier)
    return memoryview(builder.Bytes)[builder.Head() :]


def get_vector(
    table: flatbuffers.table.Table, content: bytes | memoryview, field: int, kind: DTypeLike
) -> NDArray | None:  # type: ignore[type-arg]
    """A view of the vector in field ``field``; ``None`` where the file has no such field."""
    offset = table.Offset(4 + 2 * field)
    if not offset:
        return None
    start, length = table.Vector(offset), table.VectorLen(offset)
    return np.frombuffer(content, np.dtype(kind).newbyteorder("<"), count=length, offset=start)
