"""A linear program as arrays: what is handed to a solver, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST_COEFFICIENT = 1e-9
"""Matrix entries of this size or less are dropped on loading; everything here uses the matrix without them."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearProgram:
    """``min cost . x``, ``row_lower <= A x <= row_upper``, ``column_lower <= x <= column_upper``.

    Attributes:
        starts, indices, values: ``A`` compressed by column (int32, int32, float64), indices sorted.
        cost, column_lower, column_upper: ``[column]``.
        row_lower, row_upper: ``[row]``.
    """

    starts: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: Array
    cost: Array
    column_lower: Array
    column_upper: Array
    row_lower: Array
    row_upper: Array

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.row_lower)


class AppendedRows:
    """Rows added below a program after it was built, compressed by row; it only grows.

    Attributes:
        n_rows: rows appended so far.
        starts: ``[row + 1]`` first entry of each row.
        indices, values: entries.
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self._starts = np.zeros(16, np.int32)
        self._indices = np.empty(64, np.int32)
        self._values = np.empty(64, np.float64)

    @property
    def starts(self) -> NDArray[np.int32]:
        """First entry of each row, and one past the last."""
        return self._starts[: self.n_rows + 1]

    @property
    def n_entries(self) -> int:
        """Entries in all rows."""
        return int(self._starts[self.n_rows])

    @property
    def indices(self) -> NDArray[np.int32]:
        """Columns of the entries."""
        return self._indices[: self.n_entries]

    @property
    def values(self) -> Array:
        """Values of the entries."""
        return self._values[: self.n_entries]

    def append(self, columns: NDArray[np.int32], rows: Array) -> None:
        """Append rows given as a dense block over some columns; entries that a solver would drop are left out.

        Args:
            columns: ``[place]`` column of each place of the block.
            rows: ``[row, place]``.
        """
        keep = np.abs(rows) > SMALLEST_COEFFICIENT
        per_row = keep.sum(axis=1)
        n_new, n_entries = len(rows), int(per_row.sum())
        self._starts = _room(self._starts, self.n_rows + n_new + 1)
        used = self.n_entries
        self._indices = _room(self._indices, used + n_entries)
        self._values = _room(self._values, used + n_entries)
        self._indices[used : used + n_entries] = np.broadcast_to(columns, rows.shape)[keep]
        self._values[used : used + n_entries] = rows[keep]
        self._starts[self.n_rows + 1 : self.n_rows + 1 + n_new] = used + np.cumsum(per_row)
        self.n_rows += n_new


@dataclass(frozen=True)
class Basis:
    """A simplex basis by status: ``[column]`` and ``[row]``, HiGHS codes (0 lower, 1 basic, 2 upper, 3 zero, 4 nonbasic)."""

    columns: NDArray[np.int32]
    rows: NDArray[np.int32]

    def extended(self, n_rows: int) -> Basis:
        """The basis after rows were appended: the new ones are slack."""
        missing = n_rows - len(self.rows)
        return self if missing == 0 else Basis(self.columns, np.concatenate([self.rows, np.ones(missing, np.int32)]))


@dataclass(frozen=True)
class OpeningResults:
    """Solutions of one program under several right-hand sides.

    Attributes:
        objective: ``[opening]`` proven dual bound, equal to the optimum within the certificate's tolerance.
        row_dual: ``[opening, row]`` change of the optimum per unit of right-hand side.
        primal: ``[opening, column]``, or ``[0, 0]`` when not asked for.
        basis: final basis of the last opening.
        retries: openings that needed more than the first attempt.
        relaxed: openings accepted with a looser tolerance.
        pivots: simplex iterations of all openings.
    """

    objective: Array
    row_dual: Array
    primal: Array
    basis: Basis
    retries: int
    relaxed: int
    pivots: int


def _room(array: NDArray, needed: int) -> NDArray:  # type: ignore[type-arg]
    if needed <= len(array):
        return array
    wider = np.zeros(max(needed, 2 * len(array)), array.dtype)
    wider[: len(array)] = array
    return wider
