"""One stage's cuts as a FlatBuffers file.

The schema is ``policy.fbs`` beside this module, which `schema_text` writes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flatbuffers
import flatbuffers.number_types as fbn
import flatbuffers.table
import numpy as np
from numpy.typing import DTypeLike, NDArray

from headwater.distributed import aligned_empty
from headwater.errors import PolicyError
from headwater.policy.flat_vectors import (
    ALIGNMENT,
    LARGEST_FILE,
    finish,
    get_vector,
    reserve_vector,
)
from headwater.sddp import CutPool
from headwater.sddp.cuts.fields import CUT_FIELDS
from headwater.solver import Basis

IDENTIFIER = b"HWP1"


@dataclass(frozen=True)
class _Vector:
    """A vector of the file: its name, the type of its numbers and what they mean.

    ``older`` is what they are in files without it; ``None`` where every file has it.
    """

    name: str
    kind: DTypeLike
    meaning: str
    older: float | None = None


def _of_fields(*, later: bool) -> list[_Vector]:
    """The fields of cuts that the first version of the file had, or the others.

    Which cuts are active is said by the order of rows.
    """
    return [
        _Vector(
            field.name,
            np.uint8 if field.kind is np.bool_ else field.kind,
            field.meaning,
            field.older,
        )
        for field in CUT_FIELDS
        if field.name not in ("active", "intercepts") and (field.older is not None) == later
    ]


_SCALARS = ("stage_id", "state_dimension", "stride", "n_rows", "n_active")
_VECTORS = (
    _Vector("coefficients", np.float64, "n_rows x stride, $/hm3 and $/(m3/s)"),
    _Vector("intercepts", np.float64, "$"),
    _Vector("slot", np.uint32, "slot of each row in the pool"),
    *_of_fields(later=False),
    _Vector(
        "column_status",
        np.uint8,
        "basis to start from: 0 lower, 1 basic, 2 upper, 3 zero, 4 nonbasic",
    ),
    _Vector("row_status", np.uint8, "static rows, then cuts in slot order"),
    *_of_fields(later=True),
)
"""All vectors in the order of the file, which new ones are appended to."""
_BASIS = ("column_status", "row_status")
_LAST_STATUS = 4
"""Largest status code of a basis."""


@dataclass(frozen=True)
class StageCuts:
    """The content of a file; the arrays are views of its bytes.

    Attributes:
        stage_id: the stage.
        n_active: the active cuts are so many first rows.
        coefficients: ``[row, state]``.
        vectors: the others by name: ``slot`` and the fields of cuts ``[row]``, and the basis of the
            stage (rows of cuts in slot order), empty where there is none.
    """

    stage_id: int
    n_active: int
    coefficients: NDArray[np.float64]
    vectors: Mapping[str, NDArray[Any]]

    @property
    def slot(self) -> NDArray[np.uint32]:
        """``[row]`` slots of the cuts in their pool."""
        return self.vectors["slot"]

    @property
    def basis(self) -> Basis | None:
        """The stored basis."""
        columns, rows = (self.vectors[name] for name in _BASIS)
        return Basis(columns.astype(np.int32), rows.astype(np.int32)) if len(columns) else None

    @property
    def active_coefficients(self) -> NDArray[np.float64]:
        """Coefficients of all active cuts ``[active, state]``: one view, no copy."""
        return self.coefficients[: self.n_active]


def encode(stage_id: int, pool: CutPool, basis: Basis | None = None) -> memoryview:
    """The file of one stage.

    Raises:
        PolicyError: the pool is too large for one file, or a cut is not a finite number.
    """
    stored = slice(0, pool.n_populated)
    if not (_all_finite(pool.coefficients[stored]) and _all_finite(pool.intercepts[stored])):
        raise PolicyError(
            f"HW809 stage {stage_id}: a cut is not a finite number; the policy is not written"
        )
    used = pool.active[: pool.n_populated]
    order = np.concatenate([np.flatnonzero(used), np.flatnonzero(~used)])
    sizes = {
        "coefficients": len(order) * pool.n_state,
        "column_status": 0 if basis is None else len(basis.columns),
        "row_status": 0 if basis is None else len(basis.rows),
    }
    size = sum(sizes.get(one.name, len(order)) * np.dtype(one.kind).itemsize for one in _VECTORS)
    if size > LARGEST_FILE:
        gigabytes = size / 2**30
        raise PolicyError(
            f"HW809 stage {stage_id}: {len(order)} cuts take {gigabytes:.1f} GiB, more than a "
            "policy file can hold"
        )
    builder = flatbuffers.Builder(size + 4096)
    offsets = []
    for name, kind in ((vector.name, vector.kind) for vector in _VECTORS):
        offset, view = reserve_vector(builder, sizes.get(name, len(order)), kind)
        if name == "coefficients":
            np.take(
                pool.coefficients[stored],
                order,
                axis=0,
                out=view.reshape(len(order), pool.n_state),
                mode="clip",
            )
        elif name == "slot":
            view[:] = order
        elif name in _BASIS:
            if basis is not None:
                view[:] = basis.columns if name == "column_status" else basis.rows
        else:
            view[:] = getattr(pool, name)[stored][order]
        offsets.append(offset)
    scalars = (stage_id, pool.n_state, pool.n_state, len(order), int(used.sum()))
    builder.StartObject(len(_SCALARS) + len(_VECTORS))
    builder.PrependInt32Slot(0, scalars[0], 0)
    for field in range(1, len(_SCALARS)):
        builder.PrependUint32Slot(field, scalars[field], 0)
    for place, offset in enumerate(offsets):
        builder.PrependUOffsetTRelativeSlot(len(_SCALARS) + place, offset, 0)
    return finish(builder, builder.EndObject(), IDENTIFIER)


def decode(content: bytes | memoryview, name: str) -> StageCuts:
    """Read a file; the arrays are views of ``content``.

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


def _decode(content: bytes | memoryview, name: str) -> StageCuts:
    if len(content) < 16 or bytes(content[4:8]) != IDENTIFIER:
        found = bytes(content[4:8])
        raise PolicyError(
            f"HW808 {name}: not a policy file (expected the identifier "
            f"{IDENTIFIER!r}, got {found!r})"
        )
    position = struct.unpack_from("<I", content, 0)[0]
    if position + 4 > len(content):
        raise PolicyError(f"HW808 {name}: damaged (its root lies outside the file)")
    table = flatbuffers.table.Table(content, position)
    scalars = {}
    for place, field in enumerate(_SCALARS):
        offset = table.Offset(4 + 2 * place)
        kind = fbn.Int32Flags if place == 0 else fbn.Uint32Flags
        scalars[field] = table.Get(kind, offset + table.Pos) if offset else 0
    vectors: dict[str, NDArray[Any]] = {}
    for place, wanted in enumerate(_VECTORS):
        vector = get_vector(table, content, len(_SCALARS) + place, wanted.kind)
        if vector is None:
            if wanted.older is None:
                raise PolicyError(f"HW808 {name}: damaged (no '{wanted.name}')")
            vector = np.full(len(vectors["intercepts"]), wanted.older, wanted.kind)
        vectors[wanted.name] = vector
    rows, stride = scalars["n_rows"], scalars["stride"]
    expected = {field: rows for field in vectors if field not in _BASIS} | {
        "coefficients": rows * stride
    }
    for field, length in expected.items():
        if len(vectors[field]) != length:
            raise PolicyError(
                f"HW808 {name}: damaged ('{field}' has "
                f"{len(vectors[field])} values, expected {length})"
            )
    if scalars["n_active"] > rows or scalars["state_dimension"] > stride:
        raise PolicyError(f"HW808 {name}: damaged (its counts contradict each other)")
    if not np.array_equal(np.sort(vectors["slot"]), np.arange(rows)):
        raise PolicyError(f"HW808 {name}: damaged (slots are not 0 to {rows - 1})")
    if any((vectors[field] > _LAST_STATUS).any() for field in _BASIS):
        raise PolicyError(f"HW808 {name}: damaged (a basis status is unknown)")
    coefficients = vectors.pop("coefficients").reshape(rows, stride)[
        :, : scalars["state_dimension"]
    ]
    if not (_all_finite(coefficients) and _all_finite(vectors["intercepts"])):
        raise PolicyError(f"HW808 {name}: damaged (a cut is not a finite number)")
    return StageCuts(scalars["stage_id"], scalars["n_active"], coefficients, vectors)


def _all_finite(array: NDArray[np.float64]) -> bool:
    """Whether all numbers are finite; a finite sum says so without a second array."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


def to_pool(cuts: StageCuts) -> CutPool:
    """A pool with the cuts in their slots.

    Where they are stored in this order, its coefficients are a view of the file.
    """
    n_rows, n_state = cuts.coefficients.shape
    pool = CutPool(n_state, 0)
    pool.capacity = pool.n_populated = n_rows
    in_order = np.array_equal(cuts.slot, np.arange(n_rows))
    pool.coefficients = (
        cuts.coefficients
        if in_order and cuts.coefficients.flags.c_contiguous
        else aligned_empty((n_rows, n_state))
    )
    slots = cuts.slot
    if pool.coefficients is not cuts.coefficients:
        pool.coefficients[slots] = cuts.coefficients
    known = {**cuts.vectors, "active": np.arange(n_rows) < cuts.n_active}
    for field in CUT_FIELDS:
        column: NDArray[Any] = np.empty(n_rows, field.kind)
        column[slots] = known[field.name]
        setattr(pool, field.name, column)
    return pool


_SCHEMA = """\
// The cuts of one stage as stored on disk. Fields are only ever appended.
//
// Rows are stored with the active cuts first, so that the coefficients of all active cuts are one
// contiguous block: coefficients[0 : n_active * stride]. Vectors of numbers start on 64-byte
// boundaries of the file, so that the block can be used as it lies in memory-mapped storage.

namespace headwater.policy;

file_identifier "HWP1";

table StageCuts {
  stage_id: int32;
  state_dimension: uint32;
  stride: uint32;          // numbers from one row of coefficients to the next
  n_rows: uint32;          // stored cuts
  n_active: uint32;        // the first n_active rows count
%s
}

root_type StageCuts;
"""


def schema_text() -> str:
    """The text of ``policy.fbs``, for readers in other languages."""
    lines = []
    for one in _VECTORS:
        kind = np.dtype(one.kind).name.replace("uint8", "ubyte")
        field = f"{one.name}: [{kind}] (force_align: {ALIGNMENT});"
        lines.append(f"  {field:<44} // {one.meaning}")
    return _SCHEMA % "\n".join(lines)
