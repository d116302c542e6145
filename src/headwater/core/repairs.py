"""Who gives way when the state of a stage is another: what a kind of equipment says of repairs.

Let a stage be operated somehow, and let the state that enters it change by one unit. A row of a
kind that held the old state is off by that unit. Where one of several columns of the row can always
give way, whoever it is, the dearest of them bounds the price of the change: such a row is a `Room`.
How prices are made of rooms says `headwater.lp.state_prices`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from headwater.arrays import Array, Indices
from headwater.core.ids import ABSENT

if TYPE_CHECKING:
    import scipy.sparse as sp


@dataclass(frozen=True)
class Mover:
    """A column that can give way.

    Attributes:
        column: its position.
        step: by how much it changes for one unit of the row.
        carried: what its change costs after the stage, in $ for one unit of the row.
    """

    column: int
    step: float
    carried: float = 0.0


@dataclass(frozen=True)
class Room:
    """A row in which one of several columns can always give way by one unit.

    Attributes:
        row: its position.
        sign: direction in which the activity of the row moves.
        movers: the columns; without any, nothing is sure to give way.
        needs: rows whose rooms must be priced before.
    """

    row: int
    sign: float
    movers: tuple[Mover, ...]
    needs: frozenset[int] = field(default_factory=frozenset)


class RepairedStage:
    """The condensed program of a stage, as kinds of equipment look for rooms in it.

    Args:
        form: the program, a `headwater.lp.StageForm`.
        above, below: ``[component]`` prices of the state that leaves, in $ for one unit.
        share_shortage: whether missing water may be shared by its users: no inflow of the stage is
            negative or depends on the state.
    """

    def __init__(self, form: Any, above: Array, below: Array, *, share_shortage: bool) -> None:
        self.form: Any = form
        self.share_shortage = share_shortage
        self.looks_ahead = False
        """Whether some room costs what the state that leaves costs."""
        self._above, self._below = above, below
        self._discount = float(form.template.discount)

    @cached_property
    def by_row(self) -> sp.csr_array:
        """Coefficients, ``[row, column]`` by row."""
        import scipy.sparse as sp

        return sp.csr_array(self.form.matrix)

    @cached_property
    def places(self) -> Indices:
        """Positions of columns of the template among those that are kept; -1 where one is not."""
        place = np.full(self.form.template.n_columns, ABSENT, np.int64)
        place[self.form.columns] = np.arange(len(self.form.columns))
        return place

    def columns(self, family: str) -> Indices:
        """Positions of the columns of a family; `ABSENT` where there is none."""
        positions = self.form.template.columns[family]
        found: Indices = np.where(positions == ABSENT, ABSENT, self.places[positions])
        return found

    def rows(self, family: str) -> list[int]:
        """Positions of the rows of a family that exist and are kept."""
        positions = self.form.row_positions(np.ravel(self.form.template.rows[family]))
        return [int(row) for row in positions if row >= 0]

    def entries(self, row: int) -> Iterator[tuple[int, float]]:
        """Columns of a row with their coefficients."""
        part = slice(self.by_row.indptr[row], self.by_row.indptr[row + 1])
        return zip(self.by_row.indices[part].tolist(), self.by_row.data[part].tolist(), strict=True)

    @cached_property
    def _components(self) -> dict[int, int]:
        """Position of a column that leaves the stage -> its component of the state."""
        return {int(column): j for j, column in enumerate(self.form.state_column) if column >= 0}

    def moves(self, column: int, step: float) -> Mover:
        """A column that gives way by ``step``, at the price that the next stage puts on it."""
        component = self._components.get(column)
        if component is None:
            return Mover(column, step)
        self.looks_ahead = True
        price = self._above[component] if step > 0.0 else self._below[component]
        return Mover(column, step, abs(step) * self._discount * float(price))

    def is_fixed(self, column: int) -> bool:
        """Whether the limits of a column leave it no choice."""
        return bool(self.form.column_lower[column] == self.form.column_upper[column])

    def room(self, row: int, sign: float, *families: str) -> Room:
        """The room of a row in which columns of some families give way."""
        wanted = np.concatenate([np.ravel(self.columns(family)) for family in families])
        movers = tuple(
            self.moves(column, sign / value)
            for column, value in self.entries(row)
            if column in wanted and not self.is_fixed(column)
        )
        return Room(row, sign, movers)

    def both_ways(self, family: str) -> Iterator[Room]:
        """Rooms, up and down, of rows in which any column that is not fixed may give way."""
        for row in self.rows(family):
            entries = [one for one in self.entries(row) if not self.is_fixed(one[0])]
            for sign in (1.0, -1.0):
                movers = tuple(self.moves(column, sign / value) for column, value in entries)
                yield Room(row, sign, movers)
