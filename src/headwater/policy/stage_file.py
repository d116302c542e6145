"""One stage's cuts as a FlatBuffers file; the schema is ``policy.fbs`` beside this module."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import flatbuffers
import flatbuffers.number_types as fbn
import flatbuffers.table
import numpy as np
from numpy.typing import DTypeLike, NDArray

from headwater.distributed import aligned_empty
from headwater.errors import PolicyError
from headwater.policy.flat_vectors import LARGEST_FILE, finish, get_vector, reserve_vector
from headwater.sddp import CutPool
from headwater.sddp.cuts.pool import ALL_OPENINGS, FIELDS
from headwater.solver import Basis

IDENTIFIER = b"HWP1"

_SCALARS = ("stage_id", "state_dimension", "stride", "n_rows", "n_active")
_VECTORS: tuple[tuple[str, DTypeLike], ...] = (
    ("coefficients", np.float64),
    ("intercepts", np.float64),
    ("slot", np.uint32),
    ("born_at", np.int32),
    ("forward_pass", np.int32),
    ("times_binding", np.int64),
    ("last_binding", np.int32),
    ("column_status", np.uint8),
    ("row_status", np.uint8),
    ("opening", np.int32),
    ("relaxed", np.uint8),
    ("unproven", np.uint8),
)
_LATER: dict[str, int] = {"opening": ALL_OPENINGS, "relaxed": 0, "unproven": 0}
"""Vectors that older files lack, with what they then mean."""
_BASIS = ("column_status", "row_status")
_LAST_STATUS = 4
"""Largest status code of a basis."""


@dataclass(frozen=True)
class StageCuts:
    """The content of a file; the arrays are views of its bytes.

    Attributes:
        coefficients: ``[row, state]``; the active cuts are the first ``n_active`` rows.
        intercepts, slot, born_at, forward_pass, times_binding, last_binding, opening, relaxed,
            unproven: ``[row]``, see `CutPool`.
        column_status, row_status: basis of the stage (rows of cuts in slot order), empty where
            there is none.
    """

    stage_id: int
    n_active: int
    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    slot: NDArray[np.uint32]
    born_at: NDArray[np.int32]
    forward_pass: NDArray[np.int32]
    times_binding: NDArray[np.int64]
    last_binding: NDArray[np.int32]
    column_status: NDArray[np.uint8]
    row_status: NDArray[np.uint8]
    opening: NDArray[np.int32]
    relaxed: NDArray[np.uint8]
    unproven: NDArray[np.uint8]

    @property
    def basis(self) -> Basis | None:
        """The stored basis."""
        if not len(self.column_status):
            return None
        return Basis(self.column_status.astype(np.int32), self.row_status.astype(np.int32))

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
    size = sum(sizes.get(name, len(order)) * np.dtype(kind).itemsize for name, kind in _VECTORS)
    if size > LARGEST_FILE:
        gigabytes = size / 2**30
        raise PolicyError(
            f"HW809 stage {stage_id}: {len(order)} cuts take {gigabytes:.1f} GiB, more than a "
            "policy file can hold"
        )
    builder = flatbuffers.Builder(size + 4096)
    offsets = []
    for name, kind in _VECTORS:
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
    for place, (field, kind) in enumerate(_VECTORS):
        vector = get_vector(table, content, len(_SCALARS) + place, kind)
        if vector is None and field not in _LATER:
            raise PolicyError(f"HW808 {name}: damaged (no '{field}')")
        vectors[field] = (
            np.full(len(vectors["intercepts"]), _LATER[field], kind) if vector is None else vector
        )
    rows, stride = scalars["n_rows"], scalars["stride"]
    expected = {field: rows for field, _ in _VECTORS if field not in _BASIS} | {
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
    return StageCuts(
        stage_id=scalars["stage_id"],
        n_active=scalars["n_active"],
        coefficients=coefficients,
        **vectors,
    )


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
    for field, kind in FIELDS.items():
        column: NDArray[Any] = np.zeros(n_rows, kind)
        column[slots] = (
            np.arange(n_rows) < cuts.n_active if field == "active" else getattr(cuts, field)
        )
        setattr(pool, field, column)
    return pool
