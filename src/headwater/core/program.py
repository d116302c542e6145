"""Assembles a linear program from named families of columns and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headwater.arrays import Array, Indices, frozen
from headwater.core.ids import ABSENT

if TYPE_CHECKING:
    import scipy.sparse as sp

Combination = list[tuple[int, float]]
"""Columns with coefficients."""


@dataclass(frozen=True)
class AssembledLp:
    """``min cost . x`` with rows that move with the incoming state.

    ``row_lower <= matrix x - sensitivity x_in <= row_upper``, and column bounds.

    Attributes:
        matrix: ``[row, column]`` compressed by column, indices sorted.
        sensitivity: ``[row, state]`` compressed by row: how the incoming state enters the
            right-hand sides.
        columns, rows: family name -> positions; `ABSENT` where an entity has none.
        known_columns, known_rows: columns that are known before the program is solved, and the rows
            that define them.
    """

    matrix: sp.csc_array
    cost: Array
    column_lower: Array
    column_upper: Array
    row_lower: Array
    row_upper: Array
    sensitivity: sp.csr_array
    columns: Mapping[str, Indices]
    rows: Mapping[str, Indices]
    known_columns: Indices
    known_rows: Indices


class LpBuilder:
    """Collects columns, rows and coefficients in the order in which equipment declares them.

    The incoming state is written as if it were a variable (`put_state`); assembly moves it to the
    right-hand side, so that the way it acts on the program is collected mechanically and no formula
    for it is written by hand.
    """

    def __init__(self, n_state: int) -> None:
        self.n_state = n_state
        self.columns: dict[str, Indices] = {}
        self.rows: dict[str, Indices] = {}
        self.outgoing: dict[str, Indices] = {}
        self._known: list[tuple[int, Indices, Indices]] = []
        self._cost: list[float] = []
        self._column_lower: list[float] = []
        self._column_upper: list[float] = []
        self._row_lower: list[float] = []
        self._row_upper: list[float] = []
        self._entries: tuple[list[int], list[int], list[float]] = ([], [], [])
        self._state_entries: tuple[list[int], list[int], list[float]] = ([], [], [])

    @property
    def n_columns(self) -> int:
        """Columns declared so far."""
        return len(self._cost)

    @property
    def n_rows(self) -> int:
        """Rows declared so far."""
        return len(self._row_lower)

    def column_family(self, name: str, shape: int | Sequence[int]) -> Indices:
        """Announce a family of columns; its positions are filled in as they are declared."""
        self.columns[name] = family = _absent(shape)
        return family

    def row_family(self, name: str, shape: int | Sequence[int]) -> Indices:
        """Announce a family of rows."""
        self.rows[name] = family = _absent(shape)
        return family

    def column(self, lower: float = 0.0, upper: float = np.inf, cost: float = 0.0) -> int:
        """Declare a column and return its position."""
        self._cost.append(float(cost))
        self._column_lower.append(float(lower))
        self._column_upper.append(float(upper))
        return len(self._cost) - 1

    def reach(self, combination: Combination) -> tuple[float, float]:
        """Least and greatest value of a sum of columns that their limits allow."""
        least = greatest = 0.0
        for column, value in combination:
            ends = (value * self._column_lower[column], value * self._column_upper[column])
            least += min(ends)
            greatest += max(ends)
        return least, greatest

    def row(self, lower: float, upper: float) -> int:
        """Declare a row and return its position."""
        self._row_lower.append(float(lower))
        self._row_upper.append(float(upper))
        return len(self._row_lower) - 1

    def equality(self, value: float = 0.0) -> int:
        """Declare an equality row."""
        return self.row(value, value)

    def put(self, row: int, column: int, value: float) -> None:
        """Add a coefficient; zeros are dropped, repeated places add up."""
        if value != 0.0:
            rows, columns, values = self._entries
            rows.append(int(row))
            columns.append(int(column))
            values.append(float(value))

    def put_state(self, row: int, state: int, value: float) -> None:
        """Add ``value * incoming state component`` to the left-hand side of a row."""
        if value != 0.0:
            rows, states, values = self._state_entries
            rows.append(int(row))
            states.append(int(state))
            values.append(float(value))

    def last_row_with_state(self) -> int:
        """The last row that depends on the incoming state; -1 if there is none."""
        return max(self._state_entries[0], default=-1)

    def shift_row(self, row: int, constant: float) -> None:
        """Add a constant to the left-hand side of a row, that is, take it off its bounds."""
        self._row_lower[row] -= constant
        self._row_upper[row] -= constant

    def leave(self, block: str, columns: Indices) -> None:
        """Say which column holds each component of a block of the state that leaves the stage."""
        self.outgoing[block] = np.asarray(columns, np.int64)

    def know(self, columns: Indices, rows: Indices, place: int) -> None:
        """Say that columns follow from the incoming state and the noise alone, by as many rows.

        Such columns may be taken out of the program before it is solved.

        Args:
            columns: positions of any shape; those that are absent are left out.
            rows: the same of the rows.
            place: order among all that is known; sums of floating-point numbers follow it.
        """
        flat = (np.ravel(columns), np.ravel(rows))
        self._known.append((place, *(one[one != ABSENT] for one in flat)))

    def assemble(self) -> AssembledLp:
        """Put everything together; nothing may be declared afterwards."""
        import scipy.sparse as sp  # takes long to import, and validation does without

        shape = (self.n_rows, self.n_columns)
        rows, columns, values = self._entries
        matrix = sp.csc_array(sp.coo_array((values, (rows, columns)), shape=shape))
        matrix.sum_duplicates()
        matrix.sort_indices()
        state_rows, states, state_values = self._state_entries
        negated = [-value for value in state_values]
        sensitivity = sp.csr_array(
            sp.coo_array((negated, (state_rows, states)), shape=(self.n_rows, self.n_state))
        )
        sensitivity.sum_duplicates()
        sensitivity.sort_indices()
        known = sorted(self._known, key=lambda entry: entry[0])
        for family in (*self.columns.values(), *self.rows.values()):
            family.flags.writeable = False
        return AssembledLp(
            matrix=matrix,
            cost=frozen(self._cost, np.float64),
            column_lower=frozen(self._column_lower, np.float64),
            column_upper=frozen(self._column_upper, np.float64),
            row_lower=frozen(self._row_lower, np.float64),
            row_upper=frozen(self._row_upper, np.float64),
            sensitivity=sensitivity,
            columns=self.columns,
            rows=self.rows,
            known_columns=_joined([columns for _, columns, _ in known]),
            known_rows=_joined([rows for _, _, rows in known]),
        )


def _absent(shape: int | Sequence[int]) -> Indices:
    """Positions of a family before any of its members is declared."""
    family: Indices = np.empty(shape, np.int64)
    family.fill(ABSENT)
    return family


def _joined(positions: Sequence[Indices]) -> Indices:
    return frozen(np.concatenate([np.empty(0, np.int64), *positions]))
