"""Named arrays of one stage as a FlatBuffers file.

The schema is ``arrays.fbs`` beside this module.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import flatbuffers
import flatbuffers.number_types as fbn
import flatbuffers.table
import numpy as np
from numpy.typing import NDArray

from headwater.errors import PolicyError
from headwater.policy.flat_vectors import LARGEST_FILE, finish, get_vector, put_vector

IDENTIFIER = b"HWA1"
KINDS = ("<f8", "<i8", "<i4", "<u4", "|u1", "|b1")
"""Types that are stored; others are refused."""


def encode_arrays(stage_id: int, arrays: Mapping[str, NDArray[Any]]) -> memoryview:
    """The file of one stage.

    Raises:
        PolicyError: more than one file can hold, or a type that is not stored.
    """
    little = {
        name: np.asarray(array, array.dtype.newbyteorder("<")) for name, array in arrays.items()
    }
    for name, array in little.items():
        if array.dtype.str not in KINDS:
            raise PolicyError(
                f"HW809 stage {stage_id}: '{name}' has the type {array.dtype}, which is not stored"
            )
    size = sum(array.nbytes for array in little.values())
    if size > LARGEST_FILE:
        raise PolicyError(
            f"HW809 stage {stage_id}: {size / 2**30:.1f} GiB of {', '.join(little)} "
            "are more than a file can hold"
        )
    builder = flatbuffers.Builder(size + 4096)
    entries = []
    for name, array in little.items():
        data = put_vector(builder, np.ascontiguousarray(array).reshape(-1).view(np.uint8))
        shape = put_vector(builder, np.array(array.shape, np.uint32))
        texts = builder.CreateString(name), builder.CreateString(array.dtype.str)
        builder.StartObject(4)
        for field, offset in enumerate((*texts, shape, data)):
            builder.PrependUOffsetTRelativeSlot(field, offset, 0)
        entries.append(builder.EndObject())
    builder.StartVector(4, len(entries), 4)
    for entry in reversed(entries):
        builder.PrependUOffsetTRelative(entry)
    listed = builder.EndVector()
    builder.StartObject(2)
    builder.PrependInt32Slot(0, stage_id, 0)
    builder.PrependUOffsetTRelativeSlot(1, listed, 0)
    return finish(builder, builder.EndObject(), IDENTIFIER)


def decode_arrays(content: bytes | memoryview, name: str) -> tuple[int, dict[str, NDArray[Any]]]:
    """Read a file: stage id and arrays, which are views of ``content``.

    Args:
        content: the whole file.
        name: shown in messages.

    Raises:
        PolicyError: it is not a file of this kind, or its parts contradict each other.
    """
    try:
        return _decode(content, name)
    except (struct.error, IndexError, ValueError, TypeError, OverflowError) as error:
        raise PolicyError(f"HW808 {name}: damaged ({error})") from None


def _decode(content: bytes | memoryview, name: str) -> tuple[int, dict[str, NDArray[Any]]]:
    found = bytes(content[4:8])
    if len(content) < 16 or found != IDENTIFIER:
        raise PolicyError(
            f"HW808 {name}: not a file of arrays (expected the identifier "
            f"{IDENTIFIER!r}, got {found!r})"
        )
    root = flatbuffers.table.Table(content, _root(content))
    place = root.Offset(4)
    stage_id = int(root.Get(fbn.Int32Flags, place + root.Pos)) if place else 0
    listed = root.Offset(6)
    arrays: dict[str, NDArray[Any]] = {}
    for position in range(root.VectorLen(listed) if listed else 0):
        entry = flatbuffers.table.Table(content, root.Indirect(root.Vector(listed) + 4 * position))
        title, kind = (entry.String(entry.Offset(field) + entry.Pos).decode() for field in (4, 6))
        shape, data = (
            get_vector(entry, content, 2, np.uint32),
            get_vector(entry, content, 3, np.uint8),
        )
        if kind not in KINDS or shape is None or data is None:
            raise ValueError(f"'{title}' cannot be read")
        if math.prod(shape.tolist()) * np.dtype(kind).itemsize != len(data):
            raise ValueError(
                f"'{title}' has {len(data)} bytes for the shape {tuple(shape.tolist())} of {kind}"
            )
        arrays[title] = data.view(kind).reshape(shape.tolist())
    return stage_id, arrays


def _root(content: bytes | memoryview) -> int:
    position = int(struct.unpack_from("<I", content, 0)[0])
    if position + 4 > len(content):
        raise ValueError("its root lies outside the file")
    return position
