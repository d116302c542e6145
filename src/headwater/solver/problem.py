"""A linear program as arrays: what is handed to a solver, and what comes back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

SMALLEST_COEFFICIENT = 1e-12
"""Matrix entries of this size or less are dropped on loading; everything here uses the matrix
without them.
"""

ORDINARY_MONEY = 1000.0
"""Money at stake in a program of which nothing is known."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearProgram:
    """``min cost . x``, ``row_lower <= A x <= row_upper``, ``column_lower <= x <= column_upper``.

    Attributes:
        starts, indices, values: ``A`` compressed by column (int32, int32, float64), indices sorted.
        cost, column_lower, column_upper: ``[column]``.
        row_lower, row_upper: ``[row]``.
        money: what is at stake in the program, in units of its cost: gaps far below it are of no
            interest.
    """

    starts: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: Array
    cost: Array
    column_lower: Array
    column_upper: Array
    row_lower: Array
    row_upper: Array
    money: float = ORDINARY_MONEY

    @cached_property
    def by_row(self) -> tuple[NDArray[np.int32], NDArray[np.int32], Array]:
        """``A`` compressed by row: starts, indices, values."""
        shape = (self.n_rows, self.n_columns)
        matrix = sp.csr_array(sp.csc_array((self.values, self.indices, self.starts), shape=shape))
        matrix.sort_indices()
        return matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data

    @cached_property
    def in_fours(self) -> tuple[NDArray[np.int32], Array]:
        """Rows and values of the first four entries of every column, ``[column, 4]``.

        Zeros fill up.
        """
        rows, values = np.zeros((self.n_columns, 4), np.int32), np.zeros((self.n_columns, 4))
        if len(self.values):
            places = self.starts[:-1, None] + np.arange(4)
            held = places < self.starts[1:, None]
            rows[held], values[held] = self.indices[places[held]], self.values[places[held]]
        return rows, values

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.row_lower)


class AppendedRows:
    """Rows added below a program after it was built.

    All have their entries in the same columns; they are kept dense.

    Attributes:
        columns: ``[place]`` the columns, int32.
        n_rows: rows appended so far.
        generation: how often rows were taken away; an instance that holds rows of an earlier
            generation holds wrong ones.
    """

    def __init__(self, columns: NDArray[np.int32] | None = None) -> None:
        self.columns = np.empty(0, np.int32) if columns is None else np.asarray(columns, np.int32)
        self.n_rows = 0
        self.generation = 0
        self._entries = np.empty((len(self.columns), 0))
        self._places = np.empty(0, np.int32)

    @property
    def entries(self) -> Array:
        """``[place, row]``; room for more rows follows the first ``n_rows`` columns."""
        return self._entries

    def places_of(self, n_columns: int) -> NDArray[np.int32]:
        """Place of every column of a program in the rows, ``[column]``.

        -1 where they have no entry.
        """
        places = self._places
        if len(places) != n_columns:
            places = np.full(n_columns, -1, np.int32)
            places[self.columns] = np.arange(len(self.columns), dtype=np.int32)
            self._places = places
        return places

    def append(self, rows: Array) -> None:
        """Append rows ``[row, place]``; entries that a solver would drop become zero."""
        start, stop = self.n_rows, self.n_rows + len(rows)
        if stop > self._entries.shape[1]:
            self.make_room(max(len(rows), start // 2, 64))
        self._entries[:, start:stop] = np.where(np.abs(rows) > SMALLEST_COEFFICIENT, rows, 0.0).T
        self.n_rows = stop

    def make_room(self, n_new: int) -> None:
        """Make room for more rows.

        Who writes them himself, without entries that a solver would drop, raises ``n_rows``.
        """
        start, stop = self.n_rows, self.n_rows + n_new
        if stop > self._entries.shape[1]:
            wider = np.empty((len(self.columns), stop))
            wider[:, :start] = self._entries[:, :start]
            self._entries = wider

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Take rows away: those where ``kept`` ``[row]`` is false.

        The others move up and keep their order.
        """
        self._entries = np.ascontiguousarray(self._entries[:, : self.n_rows][:, kept])
        self.n_rows = self._entries.shape[1]
        self.generation += 1


BASIC = 1
"""Status of a basic column or row."""


@dataclass(frozen=True)
class Basis:
    """A simplex basis by status.

    ``[column]`` and ``[row]``, HiGHS codes (0 lower, 1 basic, 2 upper, 3 zero, 4 nonbasic).
    """

    columns: NDArray[np.int32]
    rows: NDArray[np.int32]

    def extended(self, n_rows: int) -> Basis:
        """The basis after rows were appended: the new ones are slack."""
        missing = n_rows - len(self.rows)
        return (
            self
            if missing == 0
            else Basis(self.columns, np.concatenate([self.rows, np.ones(missing, np.int32)]))
        )


@dataclass(frozen=True)
class BasisBatch:
    """Bases of several trials, ``[trial, column]`` and ``[trial, row]``."""

    columns: NDArray[np.int32]
    rows: NDArray[np.int32]

    @classmethod
    def repeated(cls, basis: Basis, n_trials: int) -> BasisBatch:
        """The same basis for every trial."""
        return cls(np.tile(basis.columns, (n_trials, 1)), np.tile(basis.rows, (n_trials, 1)))


class TrialSolutions(NamedTuple):
    """Arrays that compiled functions write the solutions of several trials to.

    Leading axes are trials, then openings.

    Attributes:
        objective, outcome, pivots: ``[trial, opening]``; the outcome is a status of the kernel.
        row_dual: ``[trial, opening, row]``.
        primal: ``[trial, opening, column]``, or ``[trial, 1, column]`` of scratch where they are
            not wanted.
        column_statuses, row_statuses: ``[trial, column]`` and ``[trial, row]`` bases after the last
            openings.
    """

    objective: Array
    outcome: NDArray[np.int64]
    pivots: NDArray[np.int64]
    row_dual: Array
    primal: Array
    column_statuses: NDArray[np.int32]
    row_statuses: NDArray[np.int32]

    @classmethod
    def empty(
        cls, n_trials: int, n_openings: int, n_rows: int, n_columns: int, *, want_primal: bool
    ) -> TrialSolutions:
        """Room for solutions."""
        shape = n_trials, n_openings
        return cls(
            objective=np.empty(shape),
            outcome=np.empty(shape, np.int64),
            pivots=np.empty(shape, np.int64),
            row_dual=np.empty((n_trials, n_openings, n_rows)),
            primal=np.empty((n_trials, n_openings if want_primal else 1, n_columns)),
            column_statuses=np.empty((n_trials, n_columns), np.int32),
            row_statuses=np.empty((n_trials, n_rows), np.int32),
        )


class LpGap(NamedTuple):
    """An LP whose best answer has a gap above tolerance.

    Attributes:
        trial, opening: which.
        bound: certified lower bound of its optimum.
        gap: cost of the best feasible point less that bound; infinite where no attempt found one.
        attempts: made, the kernel's counted as one.
    """

    trial: int
    opening: int
    bound: float
    gap: float
    attempts: int


class LpAttempt(NamedTuple):
    """One attempt at an LP.

    Attributes:
        by: ``kernel`` or ``HiGHS``.
        outcome: in words.
        bound: certified lower bound that it gave; minus infinity without one.
        gap: cost of its feasible point less that bound; infinite without such a point.
    """

    by: str
    outcome: str
    bound: float = -math.inf
    gap: float = math.inf


@dataclass(frozen=True)
class TrialResults:
    """Solutions of several trials under several openings; see `OpeningResults`.

    Attributes:
        objective: ``[trial, opening]``.
        gaps: LPs whose gap is above tolerance.
        row_dual: ``[trial, opening, row]``.
        primal: ``[trial, opening, column]``, or empty when not asked for.
        bases: final bases of the last openings.
    """

    objective: Array
    row_dual: Array
    primal: Array
    bases: BasisBatch
    retries: int
    gaps: tuple[LpGap, ...]
    fallbacks: int
    pivots: int

    def n_bounded(self) -> NDArray[np.int64]:
        """``[trial]`` openings whose gap is above tolerance."""
        counts = np.zeros(len(self.objective), np.int64)
        for gap in self.gaps:
            counts[gap.trial] += 1
        return counts


@dataclass(frozen=True)
class OpeningResults:
    """Solutions of one program under several right-hand sides.

    Attributes:
        objective: ``[opening]`` certified dual bound: the optimum within tolerance, but for the LPs
            in ``gaps``.
        row_dual: ``[opening, row]`` change of the optimum per unit of right-hand side.
        primal: ``[opening, column]``, or ``[0, 0]`` when not asked for.
        basis: final basis of the last opening.
        retries: openings that HiGHS did not solve at its first attempt.
        gaps: LPs whose gap is above tolerance.
        fallbacks: openings that the batched kernel left to HiGHS.
        pivots: pivots of the batched kernel over all openings.
    """

    objective: Array
    row_dual: Array
    primal: Array
    basis: Basis
    retries: int
    gaps: tuple[LpGap, ...]
    fallbacks: int
    pivots: int
